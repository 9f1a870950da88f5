"""An epoch on ONNX Runtime: the batches of each step are divided among threads, and Adam takes their mean gradient.

Each thread has a session of its own on one core. That is twice as fast on two cores as one session with two threads,
which would divide each of fifty small operations (docs/log.md). As on several devices, a normalization sees the part of
a batch that its thread has.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from mnist_cnn.training.batches import Arrays, OnBatch, RunEpoch
from mnist_cnn.training.onnx_network import OnnxNetwork, session
from mnist_cnn.training.training_graph import (
    FACTORS,
    GRADIENT,
    IMAGES,
    PROBABILITIES,
    TRUTH,
    batch_statistics,
    training_graph,
)

SMALLEST_PART = 50  # images of a batch that a thread gets; with fewer, a normalization has too few to go by
SMALLEST = 1e-7  # probability in a logarithm, as in Keras


def epochs(network: OnnxNetwork, batch_size: int, validation: Arrays | None) -> RunEpoch:
    """A function that trains the network for one epoch over arrays in memory, in their order."""
    at_once, class_weights = network.recipe.steps_per_execution, network.class_weights
    statistics = batch_statistics(network.places)

    @cache
    def step_of(images: int, thread: int) -> Any:  # noqa: ARG001  each thread has its own
        return session(training_graph(network.places, network.task, images), threads=1)

    def run(epoch: int, images: np.ndarray, truth: np.ndarray, on_batch: OnBatch | None) -> dict[str, float]:
        smooth, factors = smoothed(truth, network.recipe.label_smoothing), factors_of(truth, class_weights)
        pixels = images.reshape(len(images), -1)
        given = np.empty((len(images), network.task.classes), np.float32)

        def compute(part: slice, batch: int, thread: int) -> list[np.ndarray]:
            """Gradient and statistics of a part of a batch of so many images."""
            inputs = {IMAGES: pixels[part], TRUTH: smooth[part], FACTORS: factors[part] / np.float32(batch)}
            names = [GRADIENT, PROBABILITIES, *(name for _, *pair in statistics for name in pair)]
            found = step_of(part.stop - part.start, thread).run(names, inputs | network.inputs)
            given[part] = found.pop(1)
            return found  # type: ignore[no-any-return]

        starts = range(0, len(images), batch_size)
        seen = Seen(smooth, truth, factors, given)
        with ThreadPoolExecutor(max(1, network.threads - 1)) as others:
            for done, start in enumerate(starts, 1):
                end = min(start + batch_size, len(images))
                parts = divided(start, end, network.threads)
                waiting = [others.submit(compute, part, end - start, at) for at, part in enumerate(parts[1:], 1)]
                apply(network, [compute(parts[0], end - start, 0), *(one.result() for one in waiting)])
                if on_batch and (done % at_once == 0 or done == len(starts)):
                    on_batch(epoch + 1, done, len(starts), *seen.until(end))
        loss, accuracy = seen.until(len(images))
        return {"loss": loss, "accuracy": accuracy, **validate()}

    def apply(network: OnnxNetwork, found: Sequence[list[np.ndarray]]) -> None:
        gradient = found[0][0]
        for other in found[1:]:
            gradient += other[0]
        network.update(gradient)
        for at, (number, *_) in enumerate(statistics):
            for _, *pairs in found:
                mean, inverse = pairs[2 * at : 2 * at + 2]
                network.observe(number, mean.ravel(), inverse.ravel(), 1 / len(found))

    def validate() -> dict[str, float]:
        if validation is None:
            return {}
        images, truth = validation
        smooth, factors = smoothed(truth, network.recipe.label_smoothing), factors_of(truth, class_weights)
        seen = Seen(smooth, truth, factors, network.predict(images))
        loss, accuracy = seen.until(len(images))
        return {"val_loss": loss, "val_accuracy": accuracy}

    return run


class Seen:
    """Mean loss and accuracy of images so far, each looked at once."""

    def __init__(self, smooth: np.ndarray, truth: np.ndarray, factors: np.ndarray, given: np.ndarray) -> None:
        self.arrays = (smooth, truth, factors, given)
        self.end, self.loss, self.correct, self.digits = 0, 0.0, 0, 0

    def until(self, end: int) -> tuple[float, float]:
        """Mean loss (nats) and accuracy of the first `end` images; those without a class count for the loss only."""
        smooth, truth, factors, given = (one[self.end : end] for one in self.arrays)
        self.loss -= float((smooth * np.log(np.clip(given, SMALLEST, 1 - SMALLEST)) * factors).sum(dtype=np.float64))
        is_digit = truth.max(axis=1, initial=0) > 0.5
        self.correct += int((given.argmax(axis=1) == truth.argmax(axis=1))[is_digit].sum())
        self.digits += int(is_digit.sum())
        self.end = end
        return self.loss / max(1, end), self.correct / max(1, self.digits)


def smoothed(truth: np.ndarray, label_smoothing: float) -> np.ndarray:
    """True probabilities (n, classes) of which a share is spread over all classes, as Keras does it."""
    return truth * np.float32(1 - label_smoothing) + np.float32(label_smoothing / truth.shape[1])


def factors_of(truth: np.ndarray, class_weights: np.ndarray | None) -> np.ndarray:
    """The factor of each image in the loss, (n, 1)."""
    if class_weights is None:
        return np.ones((len(truth), 1), np.float32)
    return (truth @ class_weights.astype(np.float32))[:, np.newaxis]


def divided(start: int, end: int, threads: int) -> list[slice]:
    """The images of a batch, from `start` to before `end`, in parts for threads that differ by at most one image."""
    count = max(1, min(threads, (end - start) // SMALLEST_PART))
    ends = [start + (end - start) * part // count for part in range(count + 1)]
    return [slice(*pair) for pair in pairwise(ends)]
