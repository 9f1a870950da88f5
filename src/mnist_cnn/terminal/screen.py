"""How things look on a terminal: results on stdout, progress and notes on stderr. Computes nothing."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_cnn.callbacks.progress import ProgressCallback
from mnist_cnn.card import DISPUTES, REPORT, Card
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.evaluation.confident_learning import LabelErrors
from mnist_cnn.evaluation.disputed import RELABELLED, UNDECIDED
from mnist_cnn.evaluation.metrics import DIGITS, MEASURES, Accuracy, Evaluation
from mnist_cnn.training.recipe import ABOUT, RECIPES, values_of

if TYPE_CHECKING:
    from mnist_cnn.evaluation.robustness import Robustness
    from mnist_cnn.workflows.doctor import Checkup


class Results(Console):
    """Stdout. Goes on silently if whoever read it has gone (as `| head` does): no work is lost for want of a reader."""

    def on_broken_pipe(self) -> None:
        """Rich calls this instead of raising; its own way ends the program."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


stdout = Results(highlight=False, soft_wrap=True)


class TerminalCallback(ProgressCallback):
    """Progress on stderr, and results on stdout the moment they are known."""

    def on_accuracy(self, accuracy: Accuracy, corrected: Accuracy | None, dataset: Dataset) -> None:
        """The accuracy."""
        self.on_run_end()
        show_accuracy(accuracy, corrected, dataset)

    def on_evaluate_end(self, evaluation: Evaluation, dataset: Dataset) -> None:  # noqa: ARG002  it was named already
        """The confusion matrix."""
        show_confusion_matrix(evaluation)


def show(*lines: Any) -> None:
    """Print results."""
    for line in lines:
        stdout.print(line, markup=False)


def show_accuracy(accuracy: Accuracy, corrected: Accuracy | None, dataset: Dataset, of: str = "") -> None:
    """The sentence that matters, about the network `of` if there are several; and one on corrected labels."""
    mark = "" if dataset.is_mnist else f" on {dataset.name} (not MNIST)"
    show(f"Test accuracy{mark}{of and f' of {of}'}: {in_numbers(accuracy)}")
    if corrected:
        disputed = f"{RELABELLED} disputed labels corrected, {UNDECIDED} left out"
        show(f"Corrected accuracy: {in_numbers(corrected)}, {disputed}")


def in_numbers(accuracy: Accuracy) -> str:
    """The accuracy, and in brackets what it is made of."""
    low, high = accuracy.confidence_interval
    return (
        f"{accuracy.value:.2%} ({accuracy.correct:,} of {accuracy.count:,} right; "
        f"95 % interval {low:.2%} to {high:.2%})"
    )


def show_confusion_matrix(evaluation: Evaluation) -> None:
    """Rows are true digits, columns what was read; mistakes stand out, zeros do not."""
    matrix = evaluation.confusion_matrix
    width = max(5, len(str(matrix.max())) + 2)
    lines = [Text("     " + "".join(f"{digit:>{width}}" for digit in DIGITS) + "   read as", style="bold")]
    for true in DIGITS:
        line = Text(f"{true:>4} ", style="")
        for read in DIGITS:
            count = int(matrix[true, read])
            style = "dim" if true == read or not count else "bold red"
            line.append(f"{count or '·':>{width}}", style=style)
        lines.append(line)
    show("Confusion matrix, a row for each true digit:", *lines)


def show_digits(evaluation: Evaluation) -> None:
    """Precision, recall and F1 of each digit."""
    lines = [f"{'digit':>5} {'images':>8} {'precision':>11} {'recall':>9} {'F1':>9}"]
    for digit in DIGITS:
        images = int(evaluation.confusion_matrix[digit].sum())
        numbers = f"{evaluation.precision[digit]:>11.2%} {evaluation.recall[digit]:>9.2%} {evaluation.f1[digit]:>9.2%}"
        lines.append(f"{digit:>5} {images:>8,} {numbers}")
    show(*lines)


def show_calibration(evaluation: Evaluation) -> None:
    """What the probabilities are worth, and what refusing the least sure readings would be."""
    for name in MEASURES:
        low, high = evaluation.confidence_intervals.get(name, (None, None))
        ends = "" if low is None else f"   95 % interval {low:.4f} to {high:.4f}"
        show(f"{name.replace('_', ' ').replace('log ', 'log-'):<27} {getattr(evaluation, name):.4f}{ends}")
    if evaluation.risk_coverage:
        shares = evaluation.risk_coverage.selective_accuracy.items()
        show(f"right among the surest      {'   '.join(f'{share:.0%}: {right:.2%}' for share, right in shares)}")
        show(f"area under risk-coverage    {evaluation.risk_coverage.aurc:.6f}")


def show_disputes(folder: Path, found: Mapping[str, LabelErrors]) -> None:
    """The ten least probable labels of each set, and where the others are."""
    for name, disputes in found.items():
        show(f"Of {disputes.count:,} {name} labels {disputes.estimated:,} are probably wrong; the least probable ones:")
        for issue in disputes.ranked[:10]:
            show(
                f"  #{issue.index:<6} labelled {issue.label} ({issue.label_probability:.2%}), "
                f"rather {issue.suggested} ({issue.suggested_probability:.2%})"
            )
    show(f"Kept in {folder / DISPUTES}", f"Report:  {folder / REPORT}")


def show_robustness(robustness: "Robustness", dataset: Dataset) -> None:
    """Accuracy on each kind of damaged images, with its 95 % interval, in every way of reading them."""
    mark = "" if dataset.is_mnist else f", {dataset.name} (not MNIST)"
    heads = ("network alone", "normalised", "through the reader")
    show(f"Accuracy on damaged images{mark}, with 95 % intervals, seed {robustness.seed}:")
    show(f"{'':14}" + "".join(f"{head:>25}" for head in heads))
    for name, row in robustness.rows():
        cells = ((one.value, *one.confidence_interval) for one in (row.model, row.normalized, row.reader))
        show(f"{in_words(name):<14}" + "".join(f"{a:>9.2%} ({low:.2%}–{high:.2%})".rjust(25) for a, low, high in cells))
    show(f"{'mean of 15':<14}" + "".join(f"{share:>9.2%}{'':16}" for share in robustness.mean.values()).rstrip())


def in_words(kind: str) -> str:
    """The name of a kind of damage as people write it."""
    return kind.replace("_", " ")


def show_kept(folder: Path) -> None:
    """Where everything is."""
    show(f"Kept in {folder}", f"Report:  {folder / REPORT}")


def show_card(folder: Path, card: Card) -> None:
    """A card, readable."""
    evaluation = Evaluation.from_dict(card.evaluation)
    low, high = evaluation.confidence_interval
    data = card.data
    mark = "" if data["name"] == "mnist" else " (not MNIST)"
    rows = {
        "accuracy": f"{evaluation.accuracy:.2%} of {evaluation.count:,} test images{mark}, "
        f"95 % interval {low:.2%} to {high:.2%}",
        **({"corrected": in_numbers(evaluation.corrected)} if evaluation.corrected else {}),
        **({"temperature": f"{evaluation.temperature:.3f}"} if evaluation.temperature else {}),
        "data": f"{data['name']}{mark}: {data['training']:,} to train, {data['validation']:,} to validate, "
        f"{data['test']:,} to test; SHA-256 {data['sha256'][:16]}…",
        "recipe": "  ".join(f"{name.replace('_', '-')} {value}" for name, value in card.recipe.items()),
        "parameters": f"{card.parameters:,}",
        "seed": f"{card.seed}, {card.threads} threads, {'bit for bit' if card.deterministic else 'not bit for bit'}",
        "seconds": "  ".join(f"{name} {value:.1f}" for name, value in card.seconds.items()),
        "machine": f"{card.machine['processor']}, {card.machine['cores']} cores, {card.machine['system']}",
        "versions": "  ".join(f"{name} {version}" for name, version in card.versions.items()),
        "made": f"{card.created}, commit {card.git_commit or 'unknown'}",
        "files": "  ".join(f"{name} {digest[:16]}…" for name, digest in card.files.items()),
    }
    if data["warning"]:
        rows["WARNING"] = data["warning"]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, text in rows.items():
        table.add_row(Text(name, style="bold"), Text(text))
    for note in card.notes:
        table.add_row(Text("note", style="bold"), Text(note))
    show(Text(str(folder), style="bold"))
    stdout.print(table, soft_wrap=False)


def show_recipes() -> None:
    """Every recipe with its hyperparameters and their ranges."""
    for name, recipe in RECIPES.items():
        show(Text(name, style="bold"), ABOUT[name])
        rows = [
            (f"--{one.name.replace('_', '-')}", f"{getattr(recipe, one.name)}", values_of(one))
            for one in recipe.hyperparameters()
        ]
        flag_width, value_width, span_width = (max(map(len, column)) for column in zip(*rows, strict=True))
        for one, (flag, value, span) in zip(recipe.hyperparameters(), rows, strict=True):
            show(f"  {flag:<{flag_width}}  {value:<{value_width}}  {span:<{span_width}}  {one.metadata['meaning']}")


def show_checkup(checkup: "Checkup") -> None:
    """A line for each thing that was looked at, with what to do under it."""
    styles = {"ok": "green", "note": "yellow", "broken": "bold red"}
    width = max(len(check.name) for check in checkup.checks)
    for check in checkup.checks:
        show(Text.assemble((f"{check.state:<6}", styles[check.state]), f"  {check.name:<{width}}  {check.found}"))
        if check.advice:
            show(f"{'':{8 + width}}  → {check.advice}")
