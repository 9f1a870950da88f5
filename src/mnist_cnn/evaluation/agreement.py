"""Compare a converted model with its original on the same images: agreement, accuracy, speed. Knows no files."""

import time
from dataclasses import asdict, dataclass

import numpy as np

from mnist_cnn.data.dataset import Examples
from mnist_cnn.reading.network import Classifier


@dataclass(frozen=True)
class Agreement:
    """A converted model compared with its original on the same images: counts, and images per second.

    `disagreements` is the number of images with another predicted digit, `max_difference` the largest absolute
    difference between two probabilities, 0 to 1.
    """

    images: int
    disagreements: int
    max_difference: float
    correct: int
    original_correct: int
    images_per_second: float
    original_images_per_second: float

    @property
    def agreement_rate(self) -> float:
        """Fraction of images for which both predict the same digit, 0 to 1."""
        return 1 - self.disagreements / self.images

    @property
    def accuracy(self) -> float:
        """Accuracy of the converted model, 0 to 1."""
        return self.correct / self.images

    @property
    def original_accuracy(self) -> float:
        """Accuracy of the original, 0 to 1."""
        return self.original_correct / self.images

    def to_dict(self) -> dict[str, float]:
        """All values as JSON, rates included."""
        rates = ("agreement_rate", "accuracy", "original_accuracy")
        return asdict(self) | {name: getattr(self, name) for name in rates}


def agreement_of(converted: Classifier, original: Classifier, test: Examples) -> Agreement:
    """Run both models on the test images and compare their probabilities, predictions and speed."""
    probabilities, seconds = timed(converted, test.images)
    original_probabilities, original_seconds = timed(original, test.images)
    predicted, original_predicted = probabilities.argmax(axis=1), original_probabilities.argmax(axis=1)
    return Agreement(
        images=len(test),
        disagreements=int((predicted != original_predicted).sum()),
        max_difference=float(np.abs(probabilities - original_probabilities).max()),
        correct=int((predicted == test.labels).sum()),
        original_correct=int((original_predicted == test.labels).sum()),
        images_per_second=round(len(test) / seconds, 1),
        original_images_per_second=round(len(test) / original_seconds, 1),
    )


def timed(classify: Classifier, images: np.ndarray) -> tuple[np.ndarray, float]:
    """Probabilities (n, 10) of the images and the seconds they took, after a warm-up."""
    classify(images[:1000])
    started = time.perf_counter()
    return classify(images), time.perf_counter() - started
