"""Several classifiers as one: the mean of their probabilities. Knows nothing about how each gets its own."""

from collections.abc import Sequence

import numpy as np

from mnist_cnn.reading.network import Classifier


def average(classifiers: Sequence[Classifier]) -> Classifier:
    """Make one classifier of several: its (n, 10) float32 probabilities are the mean of theirs.

    Each takes (n, 28, 28) uint8 images. Raises ValueError if there is none.
    """
    if not classifiers:
        raise ValueError("an ensemble needs at least one classifier; received none")

    def classify(images: np.ndarray) -> np.ndarray:
        return mean([member(images) for member in classifiers])

    return classify


def mean(probabilities: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of the members' probabilities, each (n, 10) float32, as one; of one member exactly its own."""
    # Added up in float64, so that the order of the members does not matter.
    return np.asarray(np.mean(probabilities, axis=0, dtype=np.float64), dtype=np.float32)
