"""How results look on a terminal: on stdout; progress and notes go to stderr. Computes nothing."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table
from rich.text import Text

from mnist_cnn.callbacks.progress import ProgressCallback, SafeConsole
from mnist_cnn.card import FINDER, LABEL_ERRORS, NO_CLASSIFIERS, RECOGNISER, REPORT, SEGMENTER, Card, Task
from mnist_cnn.data.data_checks import Finding
from mnist_cnn.data.dataset import Dataset, Examples
from mnist_cnn.evaluation.confident_learning import LabelErrors
from mnist_cnn.evaluation.disputed import RELABELLED, UNDECIDED
from mnist_cnn.evaluation.finder_evaluation import FinderEvaluation
from mnist_cnn.evaluation.metrics import MEASURES, Accuracy, Evaluation
from mnist_cnn.evaluation.recogniser_evaluation import RecogniserEvaluation
from mnist_cnn.evaluation.segmenter_evaluation import SegmenterEvaluation
from mnist_cnn.system import streams
from mnist_cnn.system.visible import visible
from mnist_cnn.training.recipe import ABOUT, MEASURED, RECIPES, Recipe, values_of

if TYPE_CHECKING:
    from mnist_cnn.evaluation.robustness import Robustness
    from mnist_cnn.workflows.doctor import Checkup
    from mnist_cnn.workflows.predict import Prediction

LISTED = 10  # label errors, and pairs of classes
MOST_ROWS, MOST_OF_NAME = 100, 40  # of the classes of a dataset
MOST_COLUMNS, LONGEST_NAME = 16, 12  # of a confusion matrix: classes, and characters of their names


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
        self.on_run_end()
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
    """Rows are true classes, columns predicted ones; errors stand out, zeros do not. Of many only the worst pairs."""
    matrix, names = evaluation.confusion_matrix, evaluation.class_names
    if len(names) > MOST_COLUMNS:
        show_confusions(evaluation)
        return
    shown = [visible(name)[:LONGEST_NAME] for name in names]
    longest = max(map(len, shown))
    width, first = max(5, len(str(matrix.max())) + 2, longest + 2), max(4, longest + 1)
    lines = [Text(" " * (first + 1) + "".join(f"{name:>{width}}" for name in shown), style="bold")]
    for true, name in enumerate(shown):
        line = Text(f"{name:>{first}} ", style="")
        for predicted in range(len(names)):
            count = int(matrix[true, predicted])
            style = "dim" if true == predicted or not count else "bold red"
            line.append(f"{count or '·':>{width}}", style=style)
        lines.append(line)
    what = "digit" if evaluation.is_of_digits else "class"
    show(f"Confusion matrix (rows: true {what}, columns: predicted)", *lines)


def show_confusions(evaluation: Evaluation) -> None:
    """The pairs of classes that are confused most often."""
    matrix, names = evaluation.confusion_matrix, evaluation.class_names
    errors = matrix - np.diag(np.diag(matrix))
    worst = [(int(errors[pair]), *pair) for pair in zip(*np.nonzero(errors), strict=True)]
    show(f"Most common errors among {len(names)} classes:")
    for count, true, predicted in sorted(worst, key=lambda one: (-one[0], one[1:]))[:LISTED]:
        show(f"  {visible(names[true])} predicted as {visible(names[predicted])}: {count:,}")


def show_digits(evaluation: Evaluation) -> None:
    """Precision, recall and F1 score of each class."""
    head = "Digit" if evaluation.is_of_digits else "Class"
    shown = [visible(name)[:LONGEST_NAME] for name in evaluation.class_names]
    width = max(5, *map(len, shown))
    lines = [f"{head:>{width}} {'Images':>8} {'Precision':>11} {'Recall':>9} {'F1 score':>10}"]
    for digit, name in enumerate(shown):
        images = int(evaluation.confusion_matrix[digit].sum())
        numbers = f"{evaluation.precision[digit]:>11.2%} {evaluation.recall[digit]:>9.2%} {evaluation.f1[digit]:>10.2%}"
        lines.append(f"{name:>{width}} {images:>8,} {numbers}")
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
        names = [visible(name) for name in errors.class_names]
        for one in errors.ranked[:LISTED]:
            show(
                f"  #{one.index:<6} label {names[one.label]} ({one.label_probability:.2%}), "
                f"suggested {names[one.suggested]} ({one.suggested_probability:.2%})"
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


def show_saved(folder: Path, card: Card) -> None:
    """Where everything is, and what a classifier can be used for."""
    show(f"Saved to {folder}", f"Report: {folder / REPORT}")
    if card.recipe["name"] not in NO_CLASSIFIERS:
        command = "read photo.jpg" if card.task.is_digits else "predict image.png"
        show(f"Try it: mnist-cnn {command} --model {shlex.quote(str(folder))}")


def show_dataset(dataset: Dataset, found: Sequence[Finding]) -> None:
    """How many images of each class there are, and what the checks say."""
    parts = parts_of(dataset)
    counts = {name: np.bincount(part.labels, minlength=len(dataset.class_names)) for name, part in parts.items()}
    task = dataset.task
    size = f"{task.side}×{task.side} {'grey' if task.channels == 1 else 'colour'}"
    show(f"{dataset.name}: {len(dataset.class_names)} classes, {size} images, SHA-256 {dataset.sha256[:16]}…")
    shown = [visible(name)[:MOST_OF_NAME] for name in dataset.class_names]
    width = max(5, *map(len, shown))
    lines = [f"{'Class':>{width}}" + "".join(f"{name:>12}" for name in parts)]
    for number, name in enumerate(shown[:MOST_ROWS]):
        lines.append(f"{name:>{width}}" + "".join(f"{count[number]:>12,}" for count in counts.values()))
    if len(shown) > MOST_ROWS:
        lines.append(f"{'…':>{width}}  and {len(shown) - MOST_ROWS} more classes")
    lines.append(f"{'all':>{width}}" + "".join(f"{len(part):>12,}" for part in parts.values()))
    show(*lines, "Checks:" if found else "Checks: nothing found")
    for one in found:
        show(Text(f"  {'!' if one.grave else '·'} {visible(one.text)}", style="bold red" if one.grave else ""))


def dataset_as_json(dataset: Dataset, found: Sequence[Finding]) -> dict[str, Any]:
    """The same as JSON."""
    classes = len(dataset.class_names)
    counts = {name: np.bincount(part.labels, minlength=classes).tolist() for name, part in parts_of(dataset).items()}
    return {
        "name": dataset.name,
        "is_mnist": dataset.is_mnist,
        "sha256": dataset.sha256,
        "image_shape": list(dataset.task.image_shape),
        "class_names": list(dataset.class_names),
        "counts": counts,
        "checks": [one._asdict() for one in found],
    }


def parts_of(dataset: Dataset) -> dict[str, Examples]:
    """The parts of a dataset that have images, by name."""
    parts = {"training": dataset.train, "validation": dataset.validation, "test": dataset.test}
    return {name: part for name, part in parts.items() if len(part)}


def show_predictions(found: Sequence["Prediction"]) -> None:
    """A line for each image: its most probable classes with their probabilities."""
    for one in found:
        top = ", ".join(f"{visible(name)} {p:.2%}" for name, p in zip(one.classes, one.probabilities, strict=True))
        show(f"{one.name}: {one.error or top}")


def classes_of(task: Task) -> dict[str, str]:
    """A row with the classes of a model, if they are not the ten digits on 28×28 grey pixels."""
    if task.is_digits:
        return {}
    size = f"{task.side}×{task.side} {'grey' if task.channels == 1 else 'colour'} images"
    names = ", ".join(task.class_names[:20]) + (", …" if task.classes > 20 else "")
    return {"Classes": f"{task.classes} on {size}: {names}"}


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
        **classes_of(card.task),
        **({"Checks": "  ".join(data["checks"])} if data.get("checks") else {}),
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
    """Every recipe in a line: how large, how accurate and how slow it is."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Recipe", style="bold", no_wrap=True)
    for head in ("Parameters", "Accuracy", "Time"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("")
    for name in RECIPES:
        parameters, accuracy, seconds = MEASURED[name]
        shown = ("–" if accuracy is None else f"{accuracy:.2f}%", "–" if seconds is None else in_words(seconds))
        table.add_row(name, f"{parameters:,}", *shown, ABOUT[name])
    stdout.print(table, soft_wrap=False)
    show(
        "",
        "Accuracy on MNIST's test images and time on two cores, as measured in docs/benchmarks.md.",
        "`mnist-cnn info fast` shows the hyperparameters of a recipe, `mnist-cnn info robust` also the bundled model.",
    )


def in_words(seconds: float) -> str:
    """4.31 → 4.3 s, 84.6 → 85 s, 511 → 9 min."""
    if seconds < 100:
        return f"{seconds:.2g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def show_recipe(recipe: Recipe) -> None:
    """A recipe with the hyperparameters that mean something for it, their ranges and what they mean."""
    show(Text.assemble((f"{recipe.name}  ", "bold"), ABOUT[recipe.name]), "")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for head in ("Hyperparameter", "Value"):
        table.add_column(head, no_wrap=True)
    table.add_column("Meaning and range")
    for one in recipe.own_hyperparameters():
        meaning = Text.assemble(one.metadata["meaning"], (f" ({values_of(one)})", "dim"))
        table.add_row(option_of(one.name), f"{getattr(recipe, one.name)}", meaning)
    stdout.print(table, soft_wrap=False)


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
