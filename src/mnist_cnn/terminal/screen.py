"""How results look on a terminal: on stdout; progress and notes go to stderr. Computes nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from mnist_cnn.callbacks.progress import ProgressCallback, SafeConsole
from mnist_cnn.card import FINDER, LABEL_ERRORS, RECOGNISER, REPORT, SEGMENTER, Card
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.evaluation.confident_learning import LabelErrors
from mnist_cnn.evaluation.disputed import RELABELLED, UNDECIDED
from mnist_cnn.evaluation.finder_evaluation import FinderEvaluation
from mnist_cnn.evaluation.metrics import DIGITS, MEASURES, Accuracy, Evaluation
from mnist_cnn.evaluation.recogniser_evaluation import RecogniserEvaluation
from mnist_cnn.evaluation.segmenter_evaluation import SegmenterEvaluation
from mnist_cnn.system import streams
from mnist_cnn.system.visible import visible
from mnist_cnn.training.recipe import ABOUT, RECIPES, Recipe, values_of

if TYPE_CHECKING:
    from mnist_cnn.evaluation.robustness import Robustness
    from mnist_cnn.workflows.doctor import Checkup

LISTED = 10  # label errors


class Results(SafeConsole):
    """Stdout. If it cannot be written (as in `| head`), the program continues silently, so that no work is lost.

    Where printing is all the work (`only_prints`), what the system says is raised instead.
    """

    only_prints = False

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as Rich does."""
        with self.guarded():
            super().print(*objects, **options)

    def write_line(self, text: str) -> None:
        """Print one line past Rich."""
        with self.guarded():
            super().write_line(text)

    def put(self, text: str) -> None:
        """Print text as it is, past Rich: JSON, in which every character is visible."""
        with self.guarded():
            self.file.write(text)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Decide what becomes of a failure."""
        try:
            yield
        except OSError as error:
            if self.only_prints:
                raise
            streams.continue_silently(error)

    def on_broken_pipe(self) -> None:
        """Rich calls this instead of raising, and its own way ends the program."""
        raise


stdout = Results(highlight=False, soft_wrap=True)


class TerminalCallback(ProgressCallback):
    """Progress on stderr, and results on stdout the moment they are known; `verbose` adds metrics of each digit."""

    def __init__(self, *, quiet: bool = False, summary: bool = False, verbose: bool = False) -> None:
        super().__init__(quiet=quiet, summary=summary)
        self.verbose = verbose

    def on_accuracy(self, accuracy: Accuracy, corrected: Accuracy | None, dataset: Dataset) -> None:
        """The accuracy."""
        self.on_run_end()
        show_accuracy(accuracy, corrected, dataset)

    def on_detections(self, evaluation: FinderEvaluation | SegmenterEvaluation | RecogniserEvaluation) -> None:
        """How good a finder, a segmenter or a recogniser is."""
        self.on_run_end()
        show(*evaluation.lines)

    def on_evaluate_end(self, evaluation: Evaluation, dataset: Dataset) -> None:  # noqa: ARG002  it was named already
        """The confusion matrix."""
        show_confusion_matrix(evaluation)
        if self.verbose:
            show_digits(evaluation)
            show_calibration(evaluation)


def show(*lines: Any) -> None:
    """Print results."""
    for line in lines:
        stdout.print(line, markup=False)


def show_accuracy(accuracy: Accuracy, corrected: Accuracy | None, dataset: Dataset, of: str = "") -> None:
    """The accuracy, of the model `of` if there are several, and the accuracy on corrected labels."""
    show(f"Test accuracy{dataset.mark}{of and f' of {of}'}: {accuracy}")
    if corrected:
        show(f"Corrected accuracy: {corrected}, {RELABELLED} disputed labels corrected, {UNDECIDED} left out")


def show_confusion_matrix(evaluation: Evaluation) -> None:
    """Rows are true digits, columns predicted ones; errors stand out, zeros do not."""
    matrix = evaluation.confusion_matrix
    width = max(5, len(str(matrix.max())) + 2)
    lines = [Text("     " + "".join(f"{digit:>{width}}" for digit in DIGITS), style="bold")]
    for true in DIGITS:
        line = Text(f"{true:>4} ", style="")
        for predicted in DIGITS:
            count = int(matrix[true, predicted])
            style = "dim" if true == predicted or not count else "bold red"
            line.append(f"{count or '·':>{width}}", style=style)
        lines.append(line)
    show("Confusion matrix (rows: true digit, columns: predicted)", *lines)


def show_digits(evaluation: Evaluation) -> None:
    """Precision, recall and F1 score of each digit."""
    lines = [f"{'Digit':>5} {'Images':>8} {'Precision':>11} {'Recall':>9} {'F1 score':>10}"]
    for digit in DIGITS:
        images = int(evaluation.confusion_matrix[digit].sum())
        numbers = f"{evaluation.precision[digit]:>11.2%} {evaluation.recall[digit]:>9.2%} {evaluation.f1[digit]:>10.2%}"
        lines.append(f"{digit:>5} {images:>8,} {numbers}")
    show(*lines)


def show_calibration(evaluation: Evaluation) -> None:
    """The quality of the probabilities, and of rejecting the least confident predictions."""
    names = {name: name.replace("_", " ").replace("log ", "log-").capitalize() for name in MEASURES}
    names["brier_score"] = "Brier score"
    for name in MEASURES:
        low, high = evaluation.confidence_intervals.get(name, (None, None))
        ends = "" if low is None else f" (95% CI {low:.4f} to {high:.4f})"
        show(f"{names[name]:<30} {getattr(evaluation, name):.4f}{ends}")
    if evaluation.risk_coverage:
        curve = evaluation.risk_coverage.selective_accuracy
        show(f"{'Coverage':<18}" + "".join(f"{coverage:>9.0%}" for coverage in curve))
        show(f"{'Selective accuracy':<18}" + "".join(f"{value:>9.2%}" for value in curve.values()))
        show(f"{'AURC':<30} {evaluation.risk_coverage.aurc:.6f}")


def show_layers(name: str, model: Any) -> None:
    """The layers of a model that `workflows.evaluate.opened` gave; an .onnx file has none to show."""
    from mnist_cnn.artifact.store import Artifact
    from mnist_cnn.workflows.evaluate import keras_model_of

    if isinstance(model, Artifact):
        show(Text(name, style="bold"))
        keras_model_of(model).summary(print_fn=lambda text, **_: show(*text.rstrip().splitlines()))


def show_label_errors(folder: Path, found: Mapping[str, LabelErrors]) -> None:
    """The labels of lowest probability in each part of the data, and where the others are."""
    for name, errors in found.items():
        show(f"Likely label errors among {errors.count:,} {name} labels: {errors.estimated:,}", "Lowest probabilities:")
        for one in errors.ranked[:LISTED]:
            show(
                f"  #{one.index:<6} label {one.label} ({one.label_probability:.2%}), "
                f"suggested {one.suggested} ({one.suggested_probability:.2%})"
            )
    show(f"Saved to {folder / LABEL_ERRORS}", f"Report: {folder / REPORT}")


def show_robustness(robustness: "Robustness", dataset: Dataset) -> None:
    """Accuracy on each corruption with its 95% confidence interval, by each pipeline."""
    heads = ("model alone", "normalised", "reader")
    show(f"Accuracy on corrupted images{dataset.mark} (95% CI; seed {robustness.seed})")
    show(f"{'':14}" + "".join(f"{head:>25}" for head in heads))
    for name, row in robustness.rows():
        cells = ((one.value, *one.confidence_interval) for one in (row.model, row.normalized, row.reader))
        shown = name.replace("_", " ")
        show(f"{shown:<14}" + "".join(f"{a:>9.2%} ({low:.2%}–{high:.2%})".rjust(25) for a, low, high in cells))
    show(f"{'mean of 15':<14}" + "".join(f"{value:>9.2%}{'':16}" for value in robustness.mean.values()).rstrip())


def show_saved(folder: Path) -> None:
    """Where everything is."""
    show(f"Saved to {folder}", f"Report: {folder / REPORT}")


def show_card(name: str, card: Card) -> None:
    """A model card, readable."""
    data = card.data
    mark = "" if data["name"] == "mnist" else f" on {data['name']} (not MNIST)"
    hyperparameters = "  ".join(
        f"{name.replace('_', '-')} {value}" for name, value in card.recipe.items() if name != "name"
    )
    reproducible = "deterministic" if card.deterministic else "not deterministic"
    rows = {
        **RESULTS.get(card.recipe["name"], results)(card, mark),
        "Parameters": f"{card.parameters:,}",
        "Data": f"{data['name']}: {data['training']:,} training, {data['validation']:,} validation, "
        f"{data['test']:,} test images; SHA-256 {data['sha256'][:16]}…",
        "Recipe": f"{card.recipe['name']}: {hyperparameters}",
        "Seed": f"{card.seed}, {card.threads} thread{'' if card.threads == 1 else 's'}, {reproducible}",
        "Time": "  ".join(f"{name} {value:.1f} s" for name, value in card.seconds.items()),
        "Machine": f"{card.machine['processor']}, {card.machine['cores']} cores, {card.machine['system']}",
        "Versions": "  ".join(f"{name} {version}" for name, version in card.versions.items()),
        "Created": f"{card.created}, commit {card.git_commit or 'unknown'}",
        "Files": "  ".join(f"{name} {digest[:16]}…" for name, digest in card.files.items()),
    }
    if "ink" in data:
        rows["Ink"] = f"{', '.join(data['ink']['sources'])}; SHA-256 {data['ink']['sha256'][:16]}…"
    if data["warning"]:
        rows["WARNING"] = data["warning"]
    show(Text(name, style="bold"))
    stdout.print(table_of([*rows.items(), *(("Note", note) for note in card.notes)]), soft_wrap=False)


def results(card: Card, mark: str) -> dict[str, str]:
    """The evaluation of a classifier, in a model card."""
    evaluation = Evaluation.from_dict(card.evaluation)
    return {
        "Test accuracy": f"{evaluation.uncorrected}{mark}",
        **({"Corrected accuracy": str(evaluation.corrected)} if evaluation.corrected else {}),
        **({"Temperature": f"{evaluation.temperature:.3f}"} if evaluation.temperature else {}),
    }


def finder_results(card: Card, mark: str) -> dict[str, str]:
    """The evaluation of a finder, in a model card."""
    evaluation = FinderEvaluation.from_dict(card.evaluation)
    return {
        "Made pages": f"{evaluation.pages:,} of held-out writers{mark}",
        "Digits": str(evaluation),
        **({"No digit": f"nothing found on {evaluation.nothing_found}"} if evaluation.nothing_found else {}),
    }


def segmenter_results(card: Card, mark: str) -> dict[str, str]:
    """The evaluation of a segmenter, in a model card."""
    evaluation = SegmenterEvaluation.from_dict(card.evaluation)
    names = ("Labels", "By marked ink", "By true ink", "Marks")
    counted = zip(names, evaluation.accuracies.values(), strict=True)
    return {
        "Crops": f"{evaluation.crops:,} of made pages of held-out writers{mark}",
        "Digits": str(evaluation),
        **{name: str(one) for name, one in counted if one},
    }


def recogniser_results(card: Card, mark: str) -> dict[str, str]:
    """The evaluation of a recogniser, in a model card."""
    evaluation = RecogniserEvaluation.from_dict(card.evaluation)
    return {
        "Lines": f"{evaluation.count:,} of made pages of held-out writers{mark}",
        "Found": str(evaluation),
        **{f"{name.capitalize()} in their middle": str(one) for name, one in evaluation.accuracies.items() if one},
    }


RESULTS = {FINDER: finder_results, SEGMENTER: segmenter_results, RECOGNISER: recogniser_results}


def table_of(rows: list[tuple[str, str]]) -> Table:
    """Names in bold, and what belongs to each."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, text in rows:
        table.add_row(Text(visible(name), style="bold"), Text(visible(text)))
    return table


def show_recipes() -> None:
    """Every recipe in a line, and all hyperparameters in one table."""
    width = max(map(len, RECIPES)) + 1
    show(*(Text.assemble((f"{name:<{width}}", "bold"), ABOUT[name]) for name in RECIPES), "")
    rows = [
        (option_of(one.name), *(f"{getattr(recipe, one.name)}" for recipe in RECIPES.values()), values_of(one))
        for one in Recipe.hyperparameters()
    ]
    show_columns([("Hyperparameter", *RECIPES, "Range"), *rows])
    show("", "`mnist-cnn info RECIPE` says what they mean; `mnist-cnn info robust` shows the bundled model.")


def show_recipe(recipe: Recipe) -> None:
    """A recipe with its hyperparameters, their ranges and what they mean."""
    show(Text.assemble((f"{recipe.name}  ", "bold"), ABOUT[recipe.name]), "")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for head in ("Hyperparameter", "Value", "Range"):
        table.add_column(head, no_wrap=True)
    table.add_column("Meaning")
    for one in recipe.hyperparameters():
        table.add_row(option_of(one.name), f"{getattr(recipe, one.name)}", values_of(one), one.metadata["meaning"])
    stdout.print(table, soft_wrap=False)


def show_columns(rows: list[tuple[str, ...]]) -> None:
    """Rows of words under a bold head, in columns as wide as their longest word."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        line = "  ".join(f"{word:<{width}}" for word, width in zip(row, widths, strict=True)).rstrip()
        show(Text(line, style="" if number else "bold"))


def option_of(name: str) -> str:
    """A hyperparameter as it is written on the command line."""
    return f"--{name.replace('_', '-')}"


def show_checkup(checkup: "Checkup") -> None:
    """A line for each check, with what to do under it."""
    styles = {"ok": "green", "note": "yellow", "broken": "bold red"}
    width = max(len(check.name) for check in checkup.checks)
    for check in checkup.checks:
        show(Text.assemble((f"{check.state:<6}", styles[check.state]), f"  {check.name:<{width}}  {check.found}"))
        if check.advice:
            show(f"{'':{8 + width}}  → {check.advice}")
