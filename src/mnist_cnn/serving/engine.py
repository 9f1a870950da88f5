"""Runs the reader for coroutines: images and tensors in, readings and probabilities out. Knows nothing of HTTP.

Small images and tensors that arrive at the same time are batched into one model call. Large ones have a thread of their
own, so that small ones do not wait for them.
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
from mnist_cnn.serving.request_metrics import Metrics
from mnist_cnn.serving.settings import BATCH_SIZE, SMALL, WAIT

FEW = 8  # images in a tensor that the model classifies in the time it takes to read one image


@dataclass(frozen=True)
class Options:
    """How to read an image: as a single digit or not, and with which confidence threshold."""

    single: bool
    min_confidence: float


@dataclass(frozen=True)
class ImageTask:
    """The bytes of an image to read."""

    body: bytes
    options: Options


Task = ImageTask | np.ndarray
"""An image to read, or (n, 28, 28) uint8 images to classify."""


class TooLarge:
    """In place of a result: the image is large, so it belongs in the other queue."""


class Engine:
    """Two threads with a queue each: one reads small images in batches, the other large images one at a time."""

    def __init__(self, classify: Classifier, queue_size: int, metrics: Metrics) -> None:
        self.classify, self.metrics = classify, metrics
        waiting = metrics.waiting.labels
        self.small: Lane[Task, Any] = Lane("small", self.read_batch, queue_size, BATCH_SIZE, waiting("small").set, WAIT)
        self.large: Lane[Callable[[], Any], Any] = Lane("large", one_by_one, 2 * queue_size, 1, waiting("large").set)

    def start(self) -> None:
        """Start the threads, after a warm-up: without one, the first image would take longer than the others."""
        stroke = np.full((64, 64), 255, np.uint8)
        stroke[16:48, 30:34] = 0
        Reader(self.classify).read(stroke)
        self.small.start()
        self.large.start()

    def stop(self) -> None:
        """Finish the queued tasks and stop the threads."""
        self.small.stop()
        self.large.stop()

    async def read(self, body: bytes, options: Options) -> Reading:
        """Read one image. Raises ImageError, or BusyError if the queue is full."""
        result: Reading | TooLarge = await self.small.do(ImageTask(body, options))
        if isinstance(result, TooLarge):
            result = await self.large.do(partial(self.read_large, body, options))
        return cast(Reading, result)

    async def read_all(self, bodies: Sequence[bytes], options: Options) -> list[Reading | Exception]:
        """Read several images; one that cannot be read gives its ImageError. Raises BusyError."""
        return await self.large.do_all([partial(self.read_large, body, options) for body in bodies])

    async def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Classify (n, 28, 28) uint8 images: (n, 10) float32. Raises BusyError."""
        few = len(images) <= FEW
        return cast(np.ndarray, await (self.small.do(images) if few else self.large.do(partial(self.classify, images))))

    async def explain(self, image: np.ndarray) -> Reasons:
        """Classify one (28, 28) uint8 image and explain the prediction. Raises BusyError."""
        return cast(Reasons, await self.large.do(partial(reasons, self.classify, image)))

    def read_large(self, body: bytes, options: Options) -> Reading:
        """Read a single image of any size."""
        return Reader(self.classify, options.min_confidence).read(body, options.single)

    def read_batch(self, tasks: list[Task]) -> list[Any]:
        """Read small images and classify small tensors: one model call for the tensors, one for each set of options."""
        self.metrics.batch_size.observe(len(tasks))
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
            reader = Reader(self.classify, options.min_confidence)
            results |= zip(pages_with, reader.decide(list(pages_with.values()), options.single), strict=True)
        return [results[index] for index in range(len(tasks))]


def small_page(task: ImageTask) -> Page | TooLarge | Exception:
    """All steps before the model, for a small image. An error is returned, so that it does not affect the others."""
    try:
        image = opened(io.BytesIO(task.body), "the file")
        check_size(*image.size, "the file")
        if image.width * image.height > SMALL:
            return TooLarge()
        return prepare(load(image), task.options.single)
    except Exception as error:
        return error


def one_by_one(tasks: list[Callable[[], Any]]) -> list[Any]:
    """Do long tasks one after another."""
    return [task() for task in tasks]
