"""Runs the reader for coroutines: images and tensors in, readings and probabilities out. Knows nothing of HTTP.

Small images and tensors that arrive at the same time are batched into one model call. Large ones have a lane of their
own, so that small ones do not wait for them. Each lane does its work in a process of its own, which may be killed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from mnist_cnn.reading.explain import Reasons
from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.reading import Reading
from mnist_cnn.serving.lane import Lane
from mnist_cnn.serving.request_metrics import Metrics
from mnist_cnn.serving.settings import BATCH_SIZE, LARGE_SECONDS, SMALL_SECONDS, WAIT
from mnist_cnn.serving.work import (
    ActivationsTask,
    ExplainTask,
    ImageTask,
    LargeTask,
    Options,
    ReadAsExpected,
    TablesTask,
    Task,
    TooLarge,
    Work,
    WorkProcess,
)

FEW = 8  # images in a tensor that the model classifies in the time it takes to read one image


class Engine:
    """Two lanes with a queue each: one reads small images in batches, the other large images one at a time.

    `model` is as for Reader. A classifier that is an object of this process cannot do its work in another one.
    """

    def __init__(self, model: Path | Classifier | None, queue_size: int, metrics: Metrics) -> None:
        self.metrics = metrics
        self.works: list[Work | WorkProcess] = (
            [Work(Reader(model))] * 2
            if callable(model)
            else [WorkProcess(model, SMALL_SECONDS), WorkProcess(model, LARGE_SECONDS)]
        )
        waiting = metrics.waiting.labels
        self.small: Lane[Task, Any] = Lane("small", self.batch, queue_size, BATCH_SIZE, waiting("small").set, WAIT)
        self.large: Lane[LargeTask, Any] = Lane("large", self.one, 2 * queue_size, 1, waiting("large").set)

    def start(self) -> None:
        """Start processes and threads. Raises as `Reader` does, and DiedError."""
        for work in self.works:
            if isinstance(work, WorkProcess):
                work.begin()
        for work in dict.fromkeys(self.works):
            work.warm_up()
        self.small.start()
        self.large.start()

    def stop(self) -> None:
        """Stop at once: nobody waits for what is still being read."""
        processes = [work for work in self.works if isinstance(work, WorkProcess)]
        for process in processes:
            process.close()
        self.small.stop()
        self.large.stop()
        for process in processes:
            process.stop()

    async def read(self, body: bytes, options: Options) -> Reading | ReadAsExpected:
        """Read one image; with a pattern also as that. Raises ImageError, or BusyError if the queue is full."""
        task = ImageTask(body, options)
        result = await (self.small_if_possible(task) if options.is_plain else self.large.do(task))
        return cast("Reading | ReadAsExpected", result)

    async def read_all(self, bodies: Sequence[bytes], options: Options) -> list[Reading | Exception]:
        """Read several images; one that cannot be read gives its ImageError. Raises BusyError."""
        return await self.large.do_all([ImageTask(body, options) for body in bodies])

    async def tables(self, task: TablesTask) -> list[dict[str, Any]]:
        """Read the tables in one image, as JSON documents. Raises ImageError or BusyError."""
        return cast("list[dict[str, Any]]", await self.large.do(task))

    async def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Classify (n, 28, 28) uint8 images: (n, 10) float32. Raises BusyError."""
        if len(images) > FEW:
            return cast(np.ndarray, await self.large.do(images))
        return cast(np.ndarray, await self.small_if_possible(images))

    async def explain(self, image: np.ndarray) -> Reasons:
        """Classify one (28, 28) uint8 image and explain the prediction. Raises BusyError."""
        return cast(Reasons, await self.large.do(ExplainTask(image)))

    async def activations(self, image: np.ndarray) -> list[dict[str, Any]]:
        """The layers of the model with what they make of one (28, 28) uint8 image, as JSON documents.

        Raises BusyError.
        """
        return cast("list[dict[str, Any]]", await self.large.do(ActivationsTask(image)))

    async def small_if_possible(self, task: Task) -> Any:
        """Do a task in the lane for small ones; if it is too large for that, in the other."""
        result = await self.small.do(task)
        return await self.large.do(task) if isinstance(result, TooLarge) else result

    def batch(self, tasks: Sequence[Task]) -> list[Any]:
        """Do some small tasks together."""
        self.metrics.batch_size.observe(len(tasks))
        return self.works[0].small(tasks)

    def one(self, tasks: Sequence[LargeTask]) -> list[Any]:
        """Do a large task."""
        return [self.works[1].large(task) for task in tasks]
