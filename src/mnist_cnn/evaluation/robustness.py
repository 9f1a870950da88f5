"""Accuracy on corrupted images, with and without preprocessing. Knows nothing about files."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np

from mnist_cnn.data.dataset import Examples
from mnist_cnn.evaluation.corruptions import CORRUPTIONS, SEED, corrupt
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.normalise import to_mnist
from mnist_cnn.reading.reader import Reader

BATCH = 500
CLEAN = "clean"
Step = Callable[[str, int, int], None]
"""Called with the name of a corruption, the number of images done over all corruptions, and their total."""


@dataclass(frozen=True)
class PipelineAccuracies:
    """Accuracy on the same images by three pipelines.

    `model`: the model alone; `normalized`: after `reading.normalise`; `reader`: as `read --single` reads an image,
    which separates foreground and background before it normalises. An image without a recognised digit is an error.
    """

    model: Accuracy
    normalized: Accuracy
    reader: Accuracy


PIPELINES = tuple(field.name for field in fields(PipelineAccuracies))


@dataclass(frozen=True)
class Robustness:
    """Accuracies on clean images and on each of the `CORRUPTIONS`."""

    seed: int
    clean: PipelineAccuracies
    corruptions: Mapping[str, PipelineAccuracies]

    @property
    def mean(self) -> dict[str, float]:
        """For each pipeline the mean accuracy, 0 to 1, over the corruptions; clean images are not included."""
        return {name: statistics.mean(self._accuracies(name)) for name in PIPELINES}

    @property
    def worst(self) -> dict[str, float]:
        """For each pipeline the accuracy, 0 to 1, on the corruption with the lowest."""
        return {name: min(self._accuracies(name)) for name in PIPELINES}

    def to_dict(self) -> dict[str, object]:
        """The values as JSON."""
        rows = {name: {key: one.to_dict() for key, one in vars(row).items()} for name, row in self.rows()}
        return {"seed": self.seed, "mean": self.mean, CLEAN: rows.pop(CLEAN), "corruptions": rows}

    def rows(self) -> list[tuple[str, PipelineAccuracies]]:
        """Clean images first, then every corruption."""
        return [(CLEAN, self.clean), *self.corruptions.items()]

    def _accuracies(self, pipeline: str) -> list[float]:
        return [getattr(row, pipeline).value for row in self.corruptions.values()]


def robustness(classify: Classifier, test: Examples, seed: int = SEED, step: Step | None = None) -> Robustness:
    """Measure the accuracy on the test images, clean and with every corruption, by all three pipelines."""
    reader = Reader(classify, min_confidence=0)
    names = (CLEAN, *CORRUPTIONS)
    counts = {name: np.zeros(len(PIPELINES), np.int64) for name in names}
    for index, name in enumerate(names):
        for start in range(0, len(test), BATCH):
            images, labels = test.images[start : start + BATCH], test.labels[start : start + BATCH]
            seen = images if name == CLEAN else corrupt(images, name, seed, start)
            predicted = (
                classify(seen).argmax(axis=1),
                classify(normalized(seen)).argmax(axis=1),
                read_single(reader, seen),
            )
            counts[name] += [(digits == labels).sum() for digits in predicted]
            if step:
                step(name, index * len(test) + start + len(images), len(names) * len(test))
    rows = {name: PipelineAccuracies(*(Accuracy(int(count), len(test)) for count in counts[name])) for name in names}
    return Robustness(seed, rows.pop(CLEAN), rows)


def normalized(images: np.ndarray) -> np.ndarray:
    """Each of the images (n, 28, 28), normalised like MNIST."""
    return np.stack([to_mnist(image) for image in images])


def read_single(reader: Reader, images: np.ndarray) -> np.ndarray:
    """The digit (n,) that a reader predicts for each image, -1 where it finds none."""
    readings = reader.read_many(images, single=True)
    return np.array([reading.digits[0].digit if reading.digits else -1 for reading in readings])
