"""Pictures and tensors come in from coroutines; readings and probabilities go out. Knows nothing of HTTP.

Small pictures and small tensors that come at the same time are read together and share the network's calls. Whatever
may take long has a thread of its own, so that the small ones need not wait for it.
"""

import io
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np

from mnist_cnn.reading.explain import Reasons, reasons
from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.picture import check_size, load, opened
from mnist_cnn.reading.reader import Page, Reader, prepare
from mnist_cnn.reading.reading import Reading
from mnist_cnn.serving.lane import Lane
from mnist_cnn.serving.metrics import Metrics
from mnist_cnn.serving.settings import SMALL, TOGETHER, WAIT

FEW = 8  # images of a tensor that the network sees in the time of one picture


@dataclass(frozen=True)
class Question:
    """What is asked of a picture: whether there is one digit in it, and how sure a digit must be."""

    single: bool
    min_confidence: float


@dataclass(frozen=True)
class PictureTask:
    """The bytes of a picture, to be read."""

    body: bytes
    question: Question


Task = PictureTask | np.ndarray
"""A picture to be read, or images (n, 28, 28) uint8 to be classified."""


class TooLong:
    """In place of a result: this picture is large, so it belongs on the other thread."""


class Engine:
    """Reads on two threads: one for what is small, together, and one for what is large, one after another."""

    def __init__(self, classify: Classifier, places: int, metrics: Metrics) -> None:
        self.classify, self.metrics = classify, metrics
        waiting = metrics.waiting.labels
        self.small: Lane[Task, Any] = Lane("small", self.together, places, TOGETHER, waiting("small").set, WAIT)
        self.large: Lane[Callable[[], Any], Any] = Lane("large", one_by_one, 2 * places, 1, waiting("large").set)

    def start(self) -> None:
        """Begin to work; reads a stroke, so that the first picture is as quick as the second."""
        stroke = np.full((64, 64), 255, np.uint8)
        stroke[16:48, 30:34] = 0
        Reader(self.classify).read(stroke)
        self.small.start()
        self.large.start()

    def stop(self) -> None:
        """Finish what waits, and end."""
        self.small.stop()
        self.large.stop()

    async def read(self, body: bytes, question: Question) -> Reading:
        """Read one picture; raises ImageError, or BusyError."""
        result: Reading | TooLong = await self.small.do(PictureTask(body, question))
        if isinstance(result, TooLong):
            result = await self.large.do(partial(self.read_large, body, question))
        return cast(Reading, result)

    async def read_all(self, bodies: Sequence[bytes], question: Question) -> list[Reading | Exception]:
        """Read several pictures; what cannot be read gives its ImageError. Raises BusyError."""
        return await self.large.do_all([partial(self.read_large, body, question) for body in bodies])

    async def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Classify (n, 28, 28) uint8 images: (n, 10) float32. Raises BusyError."""
        few = len(images) <= FEW
        return cast(np.ndarray, await (self.small.do(images) if few else self.large.do(partial(self.classify, images))))

    async def explain(self, image: np.ndarray) -> Reasons:
        """Classify one (28, 28) uint8 image and say why. Raises BusyError."""
        return cast(Reasons, await self.large.do(partial(reasons, self.classify, image)))

    def read_large(self, body: bytes, question: Question) -> Reading:
        """Read one picture of any size by itself."""
        return Reader(self.classify, question.min_confidence).read(body, question.single)

    def together(self, tasks: list[Task]) -> list[Any]:
        """Read small pictures and tensors with one call of the network for each question that was asked."""
        self.metrics.together.observe(len(tasks))
        results: dict[int, Any] = {}
        pages: dict[Question, dict[int, Page]] = defaultdict(dict)
        tensors: dict[int, np.ndarray] = {}
        for index, task in enumerate(tasks):
            if isinstance(task, np.ndarray):
                tensors[index] = task
                continue
            prepared = small_page(task)
            if isinstance(prepared, Page):
                pages[task.question][index] = prepared
            else:
                results[index] = prepared
        if tensors:
            ends = np.cumsum([len(images) for images in tensors.values()])[:-1]
            results |= zip(tensors, np.split(self.classify(np.concatenate(list(tensors.values()))), ends), strict=True)
        for question, of_it in pages.items():
            reader = Reader(self.classify, question.min_confidence)
            results |= zip(of_it, reader.decide(list(of_it.values()), question.single), strict=True)
        return [results[index] for index in range(len(tasks))]


def small_page(task: PictureTask) -> Page | TooLong | Exception:
    """Everything before the network, for a small picture; one that cannot be read must not hurt the others."""
    try:
        image = opened(io.BytesIO(task.body), "the picture")
        check_size(*image.size, "the picture")
        if image.width * image.height > SMALL:
            return TooLong()
        return prepare(load(image), task.question.single)
    except Exception as error:
        return error


def one_by_one(tasks: list[Callable[[], Any]]) -> list[Any]:
    """Do what takes long."""
    return [task() for task in tasks]
