"""How a study, and a comparison of two, look on a terminal: results on stdout, progress and notes on stderr."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from mnist_cnn.callbacks.progress import clock, note, stderr, warn
from mnist_cnn.evaluation.comparison import Summary
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.study.compare import ModelComparison, StudyComparison, difference_text
from mnist_cnn.study.folder import CHART, STUDY, TABLE, Row, Study
from mnist_cnn.study.run import StudyCallback
from mnist_cnn.system.visible import visible
from mnist_cnn.terminal.screen import classes_of, show


class StudyProgress(StudyCallback):
    """Shows the progress of a study: a bar where stderr is a terminal, one line per epoch where it is not.

    The line of a seed is a result, so it goes where `show_line` puts it: on stdout, unless that is for JSON alone. With
    `quiet` there are only these lines and warnings.
    """

    def __init__(self, show_line: Callable[[str], None], *, quiet: bool = False) -> None:
        self.show_line = show_line
        self.quiet = quiet
        self.folder: Path | None = None
        self.waiting = self.ended = self.all_epochs = 0
        self.started = time.monotonic()
        self.head_start: float | None = None  # the share that resumed seeds had already done, known at the first look
        self.under_way: dict[int, int] = {}
        self.progress = Progress(
            TextColumn("seeds"),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            console=stderr,
            refresh_per_second=4,
            transient=True,
        )

    def on_message(self, text: str) -> None:
        """A line on stderr."""
        if not self.quiet:
            note(text)

    def on_warning(self, text: str) -> None:
        """A box on stderr."""
        warn(text)

    def on_study_begin(self, folder: Path, study: Study, waiting: int) -> None:
        """The folder, how to stop and resume, and the seeds that have finished already."""
        self.folder, self.waiting = folder, waiting
        self.all_epochs = study.recipe["epochs"]
        self.on_message(f"Study in {folder} (press Ctrl-C to stop; resume with --output {folder})")
        for row in study.finished:
            self.show_line(line_of(row))
        self.started = time.monotonic()
        if stderr.is_terminal and waiting and not self.quiet:
            self.bar = self.progress.add_task("", total=waiting, said="")
            self.progress.start()

    def on_epochs(self, done: dict[int, int]) -> None:
        """Move the bar, or say which seed has finished another epoch."""
        if self.quiet:
            return
        news = {seed: epochs for seed, epochs in done.items() if epochs > self.under_way.get(seed, 0)}
        self.under_way = done
        if self.head_start is None:
            self.head_start = self.share
        if stderr.is_terminal:
            seeds = ", ".join(
                f"seed {seed}, epoch {min(e + 1, self.all_epochs)}/{self.all_epochs}" for seed, e in done.items()
            )
            self.progress.update(self.bar, completed=self.share, said=f"{seeds}  {self.left()}")
            return
        for seed, epochs in news.items():
            note(f"seed {seed:>3}  epoch {epochs:>3}/{self.all_epochs}  {self.left()}")

    def on_row(self, row: Row) -> None:
        """A line for a seed."""
        self.ended += 1
        self.under_way.pop(row.seed, None)
        self.on_study_end()  # while it is shown, whatever is printed lands on stderr
        self.show_line(line_of(row))
        if self.progress.tasks:
            self.progress.start()

    def on_study_end(self) -> None:
        """Take the bar off the screen."""
        if self.progress.tasks:
            self.progress.stop()

    @property
    def share(self) -> float:
        """How many seeds are done; a seed in progress counts by its epochs."""
        return self.ended + sum(epochs / self.all_epochs for epochs in self.under_way.values())

    def left(self) -> str:
        """The time left, at the speed so far."""
        done = self.share - (self.head_start or 0)
        if done <= 0:
            return ""
        return f"{clock((time.monotonic() - self.started) / done * (self.waiting - self.share))} left"


def line_of(row: Row) -> str:
    """One seed in a line."""
    if row.failure is not None:
        return f"seed {row.seed:>3}  failed: {row.failure}"
    corrected = f"  corrected {row.corrected_accuracy:.2%}" if row.corrected_accuracy is not None else ""
    return f"seed {row.seed:>3}  accuracy {row.accuracy:.2%}{corrected}  {row.errors:>4} errors  {row.seconds:.1f} s"


def show_study(folder: Path, study: Study) -> None:
    """The summary, and where everything is."""
    mark = "" if study.data["name"] == "mnist" else f" on {study.data['name']} (not MNIST)"
    if study.summary:
        show(f"Accuracy of {study.recipe['name']}{mark}: {in_numbers(study.summary)}")
    for name, text in classes_of(study.task).items():
        show(f"{name}: {visible(text)}")
    if study.corrected:
        show(f"Corrected accuracy: {in_numbers(study.corrected)}")
    if study.finished:
        parameters = " or ".join(sorted({f"{row.parameters:,}" for row in study.finished}))
        threads = f"{study.threads} thread{'' if study.threads == 1 else 's'}"
        show(f"Training time: {study.median_seconds:.1f} s (median; {threads} per seed). Parameters: {parameters}")
    for one in study.notes:
        show(f"Note: {one}")
    if failed := [row.seed for row in study.rows if row.failure is not None]:
        show(f"Failed seeds: {', '.join(map(str, failed))} (retry with the same command and --output {folder})")
    chart = f", {CHART}" if study.finished else ""
    show(f"Saved to {folder}: {STUDY}, {TABLE}{chart}, and a folder per seed")


def in_numbers(summary: Summary) -> str:
    """A summary in a line."""
    if summary.sd is None:
        return f"{summary.mean:.2%} (1 seed)"
    interval = "no 95% CI of the mean"
    if summary.confidence_interval:
        low, high = summary.confidence_interval
        interval = f"95% CI of the mean {low:.2%} to {high:.2%}"
    return (
        f"{100 * summary.mean:.2f} ± {summary.sd:.2%} (mean ± SD of {summary.count} seeds; {interval}; "
        f"min {summary.min:.2%}, max {summary.max:.2%})"
    )


def show_comparison(comparison: ModelComparison | StudyComparison) -> None:
    """What was compared, how, and last the result in a sentence."""
    mark = "" if comparison.data["name"] == "mnist" else f" of {comparison.data['name']} (not MNIST)"
    lines: list[Any]
    if isinstance(comparison, ModelComparison):
        counts = comparison.counts
        correct_a, correct_b = (
            Accuracy(counts.both_correct + one, counts.count) for one in (counts.only_a_correct, counts.only_b_correct)
        )
        lines = [
            f"A: {comparison.a}: {correct_a}",
            f"B: {comparison.b}: {correct_b}",
            f"Of {counts.count:,} test images{mark}: both correct {counts.both_correct:,}, only A "
            f"{counts.only_a_correct:,}, only B {counts.only_b_correct:,}, neither {counts.neither_correct:,}",
            f"McNemar's exact test: {difference_text(comparison.difference)}",
        ]
    else:
        lines = [
            f"{name}: {path}: {study.recipe['name']}, {in_numbers(study.summary) if study.summary else ''}"
            for name, path, study in zip("AB", (comparison.a, comparison.b), comparison.studies, strict=True)
        ]
        lines.append(f"With other seeds (Welch's t-test): {difference_text(comparison.seeds)}")
        if comparison.images:
            lines.append(
                f"With other images than these {comparison.data['test']:,}{mark} (paired permutation test): "
                f"{difference_text(comparison.images)}"
            )
        else:
            lines.append(f"The models cannot be compared image by image: {comparison.why_no_images}")
    show(*lines, Text(comparison.verdict, style="bold"))
