"""What a lane does with its tasks, in a process of its own: image files and tensors in, readings and probabilities out.

The process is killed if a task takes too long, and may take 1 GiB of memory. Knows nothing of HTTP and of queues.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np

from mnist_cnn.errors import ImageError
from mnist_cnn.reading.activations import Watcher, onnx_watcher
from mnist_cnn.reading.expectation import Expectation
from mnist_cnn.reading.explain import Reasons, reasons
from mnist_cnn.reading.model_names import onnx_file_of
from mnist_cnn.reading.picture import SENT, Document, Part, check_size, load
from mnist_cnn.reading.reader import MEMORY, Page, Reader, prepare
from mnist_cnn.reading.reading import Reading
from mnist_cnn.reading.region import Region
from mnist_cnn.reading.weights import THREADS
from mnist_cnn.serving.settings import SMALL, SMALL_BYTES
from mnist_cnn.sheets.table import tables_of
from mnist_cnn.workers import child_process
from mnist_cnn.workers.call_process import CallProcess, DiedError, answer_calls, time_limit

COMMAND = child_process.command("mnist_cnn.serving.work")
TRIES = 2  # how often a large task is begun, if the process dies of something else than the time


@dataclass(frozen=True)
class Options:
    """How to read an image: as a single digit or not, with which confidence threshold, and which part of it.

    With `boxes`, the reading says what is in boxes that are drawn for digits; `expect` is a pattern that each row fits,
    or nothing. Either takes longer than reading alone.
    """

    single: bool
    min_confidence: float
    page: int = 1
    region: Region | None = None
    boxes: bool = False
    expect: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether nothing but digits is wanted."""
        return not (self.boxes or self.expect)


class ReadAsExpected(NamedTuple):
    """A reading, and what each of its rows says if it fits the pattern."""

    reading: Reading
    expected: tuple[Expectation, ...]


@dataclass(frozen=True)
class ImageTask:
    """The bytes of an image to read."""

    body: bytes
    options: Options


@dataclass(frozen=True)
class TablesTask:
    """The bytes of an image whose tables are to be read, with so many rows and columns, if these are known."""

    body: bytes
    min_confidence: float
    page: int = 1
    grid: tuple[int, int] | None = None


@dataclass(frozen=True)
class ExplainTask:
    """A (28, 28) uint8 image whose prediction is to be explained."""

    image: np.ndarray


@dataclass(frozen=True)
class ActivationsTask:
    """A (28, 28) uint8 image, to see what each layer of the model makes of it."""

    image: np.ndarray


Task: TypeAlias = ImageTask | np.ndarray
"""An image to read, or (n, 28, 28) uint8 images to classify."""
LargeTask: TypeAlias = Task | ExplainTask | ActivationsTask | TablesTask


class TooLarge:
    """In place of a result: the task is large, so it belongs in the other queue."""


class Work:
    """The work itself, wherever it is done, with a reader and, unless its model is an object, the file of the model."""

    def __init__(self, reader: Reader, onnx_file: Path | None = None) -> None:
        self.reader, self.classify, self.onnx_file = reader, reader.classify, onnx_file

    def warm_up(self) -> None:
        """Read two strokes, which all networks look at: otherwise the first image would take longer than the others."""
        strokes = np.full((64, 64), 255, np.uint8)
        strokes[16:48, 20:24] = strokes[16:48, 40:44] = 0
        self.reader.read(strokes)

    def small(self, tasks: Sequence[Task]) -> list[Any]:
        """Read small images and classify small tensors: one model call for the tensors, one for each set of options.

        An error, or TooLarge, is returned in its place, so that it does not affect the others.
        """
        results: dict[int, Any] = {}
        pages: dict[Options, dict[int, Page]] = defaultdict(dict)
        tensors: dict[int, np.ndarray] = {}
        for index, task in enumerate(tasks):
            if isinstance(task, np.ndarray):
                tensors[index] = task
                continue
            prepared = small_page(task)
            if isinstance(prepared, Page):
                pages[task.options][index] = prepared
            else:
                results[index] = prepared
        if tensors:
            ends = np.cumsum([len(images) for images in tensors.values()])[:-1]
            results |= zip(tensors, np.split(self.classify(np.concatenate(list(tensors.values()))), ends), strict=True)
        for options, pages_with in pages.items():
            reader = self.reader.with_min_confidence(options.min_confidence)
            results |= zip(pages_with, reader.decide(list(pages_with.values()), options.single), strict=True)
        return [results[index] for index in range(len(tasks))]

    def large(self, task: LargeTask) -> Reading | ReadAsExpected | np.ndarray | Reasons | list[dict[str, Any]]:
        """Do one task, whatever its size; tables and layers are given as JSON documents. Raises ImageError."""
        if isinstance(task, np.ndarray):
            return self.classify(task)
        if isinstance(task, ExplainTask):
            return reasons(self.classify, task.image)
        if isinstance(task, ActivationsTask):
            return [layer.to_dict() for layer in self.watch(task.image)]
        if isinstance(task, TablesTask):
            return self.tables(task)
        options = task.options
        reader = self.reader.with_min_confidence(options.min_confidence)
        with Document(task.body, SENT) as document:
            if options.boxes:
                part = Part(document, options.page, options.region)
                reading = replace(reader.read_part(part, options.single, boxes=True), source=None)
            else:
                [reading] = reader.decide([prepared(document, options)], options.single)
        return ReadAsExpected(reading, reading.expected(options.expect)) if options.expect else reading

    @cached_property
    def watch(self) -> Watcher:
        """The layers of the model, which is loaded once more when they are wanted; none of one that is an object."""
        return onnx_watcher(self.onnx_file, THREADS) if self.onnx_file else lambda _: []

    def tables(self, task: TablesTask) -> list[dict[str, Any]]:
        """The tables of an image, from the top. Raises ImageError."""
        with Document(task.body, SENT) as document:
            picture = load(Part(document, task.page, None))
        found = tables_of(picture, self.reader.with_min_confidence(task.min_confidence), task.grid)
        return [table.to_dict() for table in found]


def small_page(task: ImageTask) -> Page | TooLarge | Exception:
    """All steps before the model, for a small image; an error is returned."""
    try:
        if len(task.body) > SMALL_BYTES or not task.options.is_plain:
            return TooLarge()
        with Document(task.body, SENT) as document:
            width, height = document.size
            check_size(width, height, "the file")
            if width * height > SMALL or task.options.page > 1:  # all frames of an animation before it are decoded
                return TooLarge()
            return prepared(document, task.options)
    except Exception as error:
        return error


def prepared(document: Document, options: Options) -> Page:
    """All steps before the model."""
    return prepare(load(Part(document, options.page, options.region)))


class WorkProcess(CallProcess):
    """The same work in a process of its own, in which a task may take so many `seconds`; for one thread at a time."""

    def __init__(self, model: Path | None, seconds: float) -> None:
        super().__init__([*COMMAND, json.dumps([str(model) if model else None, seconds])])
        self.seconds = seconds

    def warm_up(self) -> None:
        """Wait until the process is ready, which reads a stroke first. Raises as `Reader` does, and DiedError."""
        self.start()

    def small(self, tasks: Sequence[Task]) -> list[Any]:
        """As of `Work`; if the process dies of one of them, each belongs in the other queue, where it is alone."""
        try:
            results: list[Any] = self.call(list(tasks))
        except DiedError:
            return [TooLarge() for _ in tasks]
        return results

    def large(self, task: LargeTask) -> Any:
        """As of `Work`; raises ImageError if the process dies of it."""
        try:
            return self.call_again(task, TRIES)
        except DiedError as death:
            if death.too_long:
                sentence = f"The image takes longer than {self.seconds:g} s to read: crop it or shrink it."
            else:
                sentence = "The image cannot be read (the process that reads it died): shrink it or save it again."
            raise ImageError(sentence) from death


def answering(model: str | None, seconds: float) -> Any:
    """The function that answers a list of small tasks or one large task, within the time."""
    cv2.setNumThreads(1)  # for a small image a second thread costs more than it saves
    work = Work(Reader(model), onnx_file_of(model))
    work.warm_up()

    def answer(request: list[Task] | LargeTask) -> Any:
        with time_limit(seconds):
            try:
                return work.small(request) if isinstance(request, list) else work.large(request)
            except MemoryError as error:
                raise ImageError(
                    f"The image needs more than {MEMORY >> 20} MiB of memory: crop it or shrink it."
                ) from error

    return answer


def main() -> None:
    """Answer until standard input ends."""
    model, seconds = json.loads(sys.argv[1])
    answer_calls(lambda: answering(model, seconds), MEMORY)
