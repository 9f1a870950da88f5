"""Progress on stderr: a bar where that is a terminal, a line per epoch where it is not. Computes nothing."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.status import Status
from rich.text import Text

from mnist_cnn.callbacks.callback import Callback, CallbackList, Logs
from mnist_cnn.errors import CallbackError
from mnist_cnn.system import streams
from mnist_cnn.system.visible import visible

if TYPE_CHECKING:
    import keras


class SafeConsole(Console):
    """A console on which every character can be seen, whatever is printed; styles are Rich's own.

    A text is one line: a line break in it is shown as well.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """Print texts and whatever else Rich can."""
        super().print(*map(in_one_line, objects), **options)

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """Also where Rich itself prints: tables, boxes and bars."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text, lines=True), segment.style)

    def write_line(self, text: str) -> None:
        """Print one line past Rich, which takes as long for it as reading a small image."""
        self.file.write(visible(text) + "\n")


def in_one_line(one: Any) -> Any:
    """A text without line breaks; anything else as it is."""
    if isinstance(one, str):
        return visible(one)
    if isinstance(one, Text) and visible(one.plain) != one.plain:
        return Text(visible(one.plain), style=one.style)  # without the styles of its parts, whose places have moved
    return one


class Notes(SafeConsole):
    """Stderr. If it cannot be written, the program continues without notes."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as Rich does."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Rich calls this instead of raising, and its own way ends the program."""
        self.quiet = True
        streams.discard(2)


stderr = Notes(stderr=True, highlight=False, soft_wrap=True)


class ProgressCallback(Callback):
    """Shows progress, messages and warnings on stderr; `quiet` leaves only the warnings, `summary` adds the layers."""

    def __init__(self, *, quiet: bool = False, summary: bool = False) -> None:
        self.quiet = quiet
        self.summary = summary
        self.folder: Path | None = None
        self.model: keras.Model | None = None
        self.epochs = self.initial_epoch = self.epoch = 0
        self.started = time.monotonic()
        self.corruption = ""
        self.status = Status("", console=stderr, refresh_per_second=4)
        self.corruptions = Progress(console=stderr, transient=True)
        self.teacher = Progress(console=stderr, transient=True)
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("batch {task.fields[batch]}  loss {task.fields[loss]:.4f}"),
            TextColumn("{task.fields[accuracy]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=stderr,
            refresh_per_second=4,
            transient=True,
        )

    def set_params(self, params: Mapping[str, int]) -> None:
        """Keep the number of epochs."""
        self.epochs, self.initial_epoch = params["epochs"], params["initial_epoch"]

    def set_model(self, model: "keras.Model") -> None:
        """Print the layers, if asked for."""
        if self.summary and not self.quiet:
            model.summary(print_fn=lambda text, **_: note(*text.rstrip().splitlines()))

    def on_run_begin(self, folder: Path) -> None:
        """Say where the run is, and that it can be stopped."""
        self.folder = folder
        self.on_message(f"Training in {folder} (press Ctrl-C to stop; --resume continues)")

    def on_train_begin(self, logs: Logs | None = None) -> None:  # noqa: ARG002  Keras' signature
        """Start the clock."""
        self.started = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002  Keras' signature
        """Keep the epoch."""
        self.epoch = epoch

    def on_teacher(self, done: int, images: int) -> None:
        """A bar of its own, in place of that of the training."""
        if self.quiet or not stderr.is_terminal:
            return
        if not self.teacher.tasks:
            self.teacher.add_task("teacher", total=images)
        if done == 0:
            self.progress.stop()
            self.teacher.start()
        self.teacher.update(self.teacher.tasks[0].id, completed=done)
        if done == images:
            self.teacher.stop()
            if self.progress.tasks:
                self.progress.start()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move the bar."""
        if self.quiet or not stderr.is_terminal or not logs:
            return
        batches = int(logs["batches"])
        done = (self.epoch - self.initial_epoch) * batches + batch + 1
        epoch, position = f"{self.epoch + 1}/{self.epochs}", f"{batch + 1:>4}/{batches}"
        if not self.progress.tasks:
            total = (self.epochs - self.initial_epoch) * batches
            self.progress.add_task("", total=total, epoch=epoch, batch=position, loss=0.0, accuracy="")
            self.progress.start()
        self.progress.update(
            self.progress.tasks[0].id,
            completed=done,
            epoch=epoch,
            batch=position,
            loss=logs["loss"],
            accuracy=f"accuracy {logs['accuracy']:.2%}" if "accuracy" in logs else "",
        )

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """A line for each epoch, with the time left."""
        if self.quiet or not logs:
            return
        number = epoch + 1
        left = (time.monotonic() - self.started) / (number - self.initial_epoch) * (self.epochs - number)
        shown = [f"loss {logs['loss']:.4f}"]
        shown += [f"accuracy {logs['accuracy']:.2%}"] if "accuracy" in logs else []
        shown += [f"val_loss {logs['val_loss']:.4f}"] if "val_loss" in logs else []
        shown += [f"{name} {logs[name]:.2%}" for name in ("val_accuracy", "val_f1") if name in logs]
        shown += [f"val_roc_auc {logs['val_roc_auc']:.4f}"] if "val_roc_auc" in logs else []
        stderr.print(
            f"epoch {number:>3}/{self.epochs}  {'  '.join(shown)}  {logs['seconds']:.1f} s, {clock(left)} left"
        )

    def on_accuracy(self, accuracy: Any, corrected: Any, dataset: Any) -> None:  # noqa: ARG002  the callback's
        """The accuracy, the moment it is known."""
        self.on_run_end()
        self.on_message(f"Test accuracy{dataset.mark}: {accuracy}")

    def on_detections(self, evaluation: Any) -> None:
        """How good a finder, a segmenter or a recogniser is."""
        self.on_run_end()
        for text in evaluation.lines:
            self.on_message(text)

    def on_corruption(self, kind: str, done: int, images: int) -> None:
        """A bar over all corruptions, or a line each."""
        if self.quiet:
            return
        name = kind.replace("_", " ")
        if stderr.is_terminal:
            if done < images and not self.corruptions.tasks:
                self.corruptions.add_task("", total=images)
                self.corruptions.start()
            if self.corruptions.tasks:
                self.corruptions.update(self.corruptions.tasks[0].id, completed=done, description=name)
            if done == images:
                self.corruptions.stop()
        elif kind != self.corruption:
            self.corruption = kind
            self.on_message(f"Evaluating on corrupted images: {name}")

    def on_status(self, text: str) -> None:
        """A line that moves and is replaced by the next one; where nothing can, a line."""
        if self.quiet:
            return
        if not stderr.is_terminal:
            note(text)
            return
        if self.progress.tasks:
            self.progress.stop()
        self.status.update(Text(f"{visible(text)} …"))
        self.status.start()

    def on_message(self, text: str) -> None:
        """A line."""
        if not self.quiet:
            note(text)

    def on_warning(self, text: str) -> None:
        """A box."""
        warn(text)

    def on_run_end(self) -> None:
        """Take the bars and the status off the screen."""
        for bar in (self.progress, self.teacher):
            if bar.tasks:
                bar.stop()
        self.status.stop()


def callbacks_for(verbose: int, callbacks: Iterable[object]) -> CallbackList:
    """The callbacks of a person, after one that shows progress.

    `verbose` is 0 for none; 1 for progress where somebody looks, on a terminal or in a notebook, and elsewhere only
    warnings; 2 for progress anywhere, with the layers of the model. Raises CallbackError.
    """
    if verbose not in (0, 1, 2):
        raise CallbackError(f"verbose is {verbose!r}: it must be 0, 1 or 2.")
    listed = CallbackList(callbacks)
    if verbose:
        is_watched = stderr.is_terminal or stderr.is_jupyter
        listed.callbacks.insert(0, ProgressCallback(quiet=verbose == 1 and not is_watched, summary=verbose == 2))
    return listed


def note(*lines: str) -> None:
    """Print lines on stderr."""
    for line in lines:
        stderr.print(line, markup=False)


def warn(text: str) -> None:
    """Print a box on stderr that is hard to overlook."""
    stderr.print(Panel(Text(visible(text)), title="WARNING", border_style="bold red", style="bold"), soft_wrap=False)


def clock(seconds: float) -> str:
    """Seconds as minutes:seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
