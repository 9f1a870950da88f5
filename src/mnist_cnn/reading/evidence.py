"""Candidates of an image and what a classifier says of them become probabilities: each is judged among the others.

A digit seldom stands alone: others of its size stand beside it or above it. What is far smaller or larger than all that
is surely a digit is seldom one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_cnn.reading.detector import Candidate

LEAST = 1e-4  # the least probability of which a logarithm is taken
FLAT = 0.6  # of its width, below which a box's height says less of its size
ALIKE = 0.25  # of the logarithm of height, by which a neighbour's support falls to a third
ASIDE, BEYOND, FAR = 0.35, 1.5, 3.0  # heights: a neighbour's distance across its row, and along it
FARTHEST = 2.0  # of the logarithm of height, beyond which a size is not stranger still


@dataclass(frozen=True)
class Weights:
    """A logistic regression: what each kind of evidence counts for, fitted on made pages of held-out writers.

    `score` and `classifier` are for the logits of what finder and classifier give the digit, `neighbours` for the
    surest similar one beside it, `smaller` and `larger` for the logarithm of its height against the sure ones'.
    """

    score: float
    classifier: float
    neighbours: float
    smaller: float
    larger: float
    bias: float

    def applied(self, features: np.ndarray) -> np.ndarray:
        """Probabilities (n,) for features (n, 5) in that order."""
        values = np.array([self.score, self.classifier, self.neighbours, self.smaller, self.larger])
        return np.asarray(1 / (1 + np.exp(-(features @ values + self.bias))))


def logit(probability: np.ndarray) -> np.ndarray:
    """The logarithm of the odds."""
    kept = np.clip(probability, LEAST, 1 - LEAST)
    return np.asarray(np.log(kept / (1 - kept)))


def features(candidates: Sequence[Candidate], classified: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """The evidence (n, 5) that each candidate is its digit (n,), by what a classifier says of each, (n, 10)."""
    index = np.arange(len(candidates))
    scores = np.stack([one.scores for one in candidates])[index, digits]
    boxes = np.stack([one.box for one in candidates])
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    sizes = np.log(np.maximum(np.maximum(heights, FLAT * widths), LEAST))
    sure = 1 / (1 + np.exp(-2 * logit(scores)))
    smaller, larger = strangeness(sizes, sure)
    return np.stack(
        [logit(scores), logit(classified[index, digits]), support(boxes, sizes, sure), smaller, larger], axis=1
    )


def support(boxes: np.ndarray, sizes: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """How sure the surest similar neighbour of each box is (n,), 0 to 1: in its row or its column, and of its size."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    height = np.exp(np.minimum(sizes[:, None], sizes[None]))
    across, down = (np.abs(centres[:, None, axis] - centres[None, :, axis]) / height for axis in (0, 1))
    row = np.exp(-down / ASIDE - np.maximum(0, across - BEYOND) / FAR)
    column = np.exp(-across / (2 * ASIDE) - np.maximum(0, down - BEYOND) / FAR)
    alike = np.exp(-np.abs(sizes[:, None] - sizes[None]) / ALIKE)
    given = np.maximum(row, column) * alike * sure[None]
    np.fill_diagonal(given, 0)
    return np.asarray(given.max(axis=1, initial=0))


def strangeness(sizes: np.ndarray, sure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much each logarithm of height is below, and above, the mean of the other ones that are surely digits."""
    others = np.repeat(sure[None], len(sure), axis=0)
    np.fill_diagonal(others, 0)
    total = others.sum(axis=1)
    mean = (others @ sizes) / np.maximum(total, LEAST)
    away = np.clip(sizes - mean, -FARTHEST, FARTHEST) * np.minimum(total, 1)
    return np.minimum(away, 0), np.maximum(away, 0)


def probabilities(exists: np.ndarray, scores: np.ndarray, classified: np.ndarray) -> np.ndarray:
    """The probabilities of the ten digits (n, 10), where each is a digit at all with the probability `exists` (n,).

    Of finder and classifier, (n, 10) each, the product, as of two witnesses (a product of experts: Hinton 2002). What
    is missing to a digit is divided among the ten, as by the model itself.
    """
    both = np.maximum(scores, LEAST) * np.maximum(classified, LEAST)
    both /= both.sum(axis=1, keepdims=True)
    return np.asarray(exists[:, None] * both + (1 - exists[:, None]) / both.shape[1])
