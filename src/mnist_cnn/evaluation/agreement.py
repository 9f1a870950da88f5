"""Two classifiers on the same images → do they read alike, how well, how fast. Knows nothing about files."""

import time
from dataclasses import asdict, dataclass

import numpy as np

from mnist_cnn.data.dataset import Examples
from mnist_cnn.reading.network import Classifier


@dataclass(frozen=True)
class Figures:
    """An export beside its original, on the same images: counts of images, and images a second.

    `differing` is how many have another most probable digit, `largest_difference` the largest of any probability.
    """

    images: int
    differing: int
    largest_difference: float
    correct: int
    original_correct: int
    images_per_second: float
    original_images_per_second: float

    @property
    def agreement(self) -> float:
        """The share of images that both read alike."""
        return 1 - self.differing / self.images

    @property
    def accuracy(self) -> float:
        """The share that the export reads rightly."""
        return self.correct / self.images

    @property
    def original_accuracy(self) -> float:
        """The share that the original reads rightly."""
        return self.original_correct / self.images

    def to_dict(self) -> dict[str, float]:
        """All of it, as it stands in a card."""
        shares = ("agreement", "accuracy", "original_accuracy")
        return asdict(self) | {name: getattr(self, name) for name in shares}


def compared(classify: Classifier, original: Classifier, test: Examples) -> Figures:
    """Both on the same images: probabilities, digits, and time of a second reading."""
    (mine, mine_seconds), (its, its_seconds) = timed(classify, test.images), timed(original, test.images)
    return Figures(
        images=len(test),
        differing=int((mine.argmax(axis=1) != its.argmax(axis=1)).sum()),
        largest_difference=float(np.abs(mine - its).max()),
        correct=int((mine.argmax(axis=1) == test.labels).sum()),
        original_correct=int((its.argmax(axis=1) == test.labels).sum()),
        images_per_second=round(len(test) / mine_seconds, 1),
        original_images_per_second=round(len(test) / its_seconds, 1),
    )


def timed(classify: Classifier, images: np.ndarray) -> tuple[np.ndarray, float]:
    """A classifier's probabilities of the images, and the seconds it took once it was warm."""
    classify(images[:1000])
    started = time.perf_counter()
    return classify(images), time.perf_counter() - started
