"""A classifier and clean digits come in, how well damaged ones are read goes out. Knows nothing about files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from statistics import mean

import numpy as np

from mnist_cnn.data.dataset import Examples
from mnist_cnn.evaluation.corruptions import KINDS, SEED, corrupted
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.normalise import to_mnist
from mnist_cnn.reading.reader import Reader

BATCH = 500
CLEAN = "clean"
Step = Callable[[str, int, int], None]
"""Told a kind's name, how many images of all kinds are done, and how many there are."""


@dataclass(frozen=True)
class Ways:
    """The same images read in three ways.

    `network`: as they are; `normalised`: by `reading.normalise` first; `reader`: as `read --single` reads a picture,
    which finds ink and paper before it normalises. No digit found counts as wrong.
    """

    network: Accuracy
    normalised: Accuracy
    reader: Accuracy


@dataclass(frozen=True)
class Robustness:
    """How well digits are read as they are (`clean`), and damaged in each of the kinds of `corruptions.KINDS`."""

    seed: int
    clean: Ways
    kinds: Mapping[str, Ways]

    @property
    def means(self) -> dict[str, float]:
        """For each way the mean accuracy, 0 to 1, over the kinds of damage; clean images do not count."""
        return {way.name: mean(getattr(kind, way.name).share for kind in self.kinds.values()) for way in fields(Ways)}

    @property
    def lowest(self) -> dict[str, float]:
        """For each way the accuracy, 0 to 1, on the kind that is read worst."""
        return {way.name: min(getattr(kind, way.name).share for kind in self.kinds.values()) for way in fields(Ways)}

    def to_dict(self) -> dict[str, object]:
        """The figures as JSON has them."""
        rows = {name: {way: accuracy.to_dict() for way, accuracy in vars(ways).items()} for name, ways in self.rows()}
        return {"seed": self.seed, "mean": self.means, CLEAN: rows.pop(CLEAN), "kinds": rows}

    def rows(self) -> list[tuple[str, Ways]]:
        """Clean images, then every kind."""
        return [(CLEAN, self.clean), *self.kinds.items()]


def robustness(classify: Classifier, test: Examples, seed: int = SEED, step: Step | None = None) -> Robustness:
    """Read all test images as they are and in every kind of damage, in all three ways."""
    reader = Reader(classify, min_confidence=0)
    names = (CLEAN, *KINDS)
    counts = {name: np.zeros(3, np.int64) for name in names}
    for place, name in enumerate(names):
        for start in range(0, len(test), BATCH):
            images, labels = test.images[start : start + BATCH], test.labels[start : start + BATCH]
            seen = images if name == CLEAN else corrupted(images, name, seed, start)
            read = (classify(seen).argmax(axis=1), classify(normalised(seen)).argmax(axis=1), single(reader, seen))
            counts[name] += [(digits == labels).sum() for digits in read]
            if step:
                step(name, place * len(test) + start + len(images), len(names) * len(test))
    ways = {name: Ways(*(Accuracy(int(count), len(test)) for count in counts[name])) for name in names}
    return Robustness(seed, ways.pop(CLEAN), ways)


def normalised(images: np.ndarray) -> np.ndarray:
    """Each of the images (n, 28, 28) in MNIST's manner."""
    return np.stack([to_mnist(image) for image in images])


def single(reader: Reader, images: np.ndarray) -> np.ndarray:
    """The digit (n,) that a reader finds in each image, -1 where it finds none."""
    readings = reader.read_many(images, single=True)
    return np.array([reading.digits[0].digit if reading.digits else -1 for reading in readings])
