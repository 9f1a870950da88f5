"""What the networks say of candidates becomes probabilities, each candidate seen among the others and in its line.

A digit seldom stands alone: others of its size stand beside it or above it. What is far smaller or larger than all that
is surely a digit is seldom one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnist_cnn.reading.recogniser_network import DIGITS, MARK, OTHER
from mnist_cnn.reading.temperature import softmax

LEAST = 1e-4  # the least probability of which a logarithm is taken
FLAT = 0.6  # of its width, below which a box's height says less of its size
ALIKE = 0.25  # of the logarithm of height, by which a neighbour's support falls to a third
ASIDE, BEYOND, FAR = 0.35, 1.5, 3.0  # heights: a neighbour's distance across its row, and along it
FARTHEST = 2.0  # of the logarithm of height, beyond which a size is not stranger still
PRIOR, AS_MANY = 0.5, 1  # the probability of a page's other candidates before any is seen, and as of how many
ALONE, AMONG = 5, 3  # kinds of evidence of a candidate itself, and of it among the others
PROBABLE, MARKED = 0.5, 0.65  # the probabilities of a digit beside a mark, and of what is surely a mark


@dataclass(frozen=True)
class Weights:
    """What each kind of evidence counts for, fitted on made pages of held-out writers (bench/evidence.py).

    `classes` (3,) are the exponents of what finder, segmenter and classifier say of each digit, and `line_classes` (2,)
    those of all these together and of the recogniser. `alone` (5,), `among` (5 + 3,), `in_line` (4,) and `on_page` (2,)
    are of logistic regressions of a candidate being a digit at all: by itself, with its neighbours, in its line, and by
    how doubtful the whole page is; after each there is the bias.
    """

    classes: tuple[float, ...]
    alone: tuple[float, ...]
    among: tuple[float, ...]
    line_classes: tuple[float, ...]
    in_line: tuple[float, ...]
    on_page: tuple[float, ...]

    def of_another_model(self) -> "Weights":
        """The same for any model but the bundled one, for which they were fitted: it alone says which digit it is."""
        return replace(self, classes=(0.0, 0.0, 1.0), line_classes=(1.0, 0.0))


def logit(probability: np.ndarray) -> np.ndarray:
    """The logarithm of the odds."""
    kept = np.clip(probability, LEAST, 1 - LEAST)
    return np.asarray(np.log(kept / (1 - kept)))


def sigmoid(odds: np.ndarray) -> np.ndarray:
    """The probability for a logarithm of odds."""
    return np.asarray(1 / (1 + np.exp(-odds)))


def of_digits(witnesses: tuple[np.ndarray, np.ndarray, np.ndarray], weights: Weights) -> np.ndarray:
    """The probabilities (n, 10) of each digit, if it is one, by finder, segmenter and classifier, (n, 10) each.

    The product of powers, as of witnesses who know different things (a product of experts: Hinton 2002).
    """
    return product(witnesses, weights.classes)


def product(witnesses: Sequence[np.ndarray], exponents: Sequence[float]) -> np.ndarray:
    """The product of powers of probabilities (n, 10) each, which sums to 1 (n, 10)."""
    logarithms = sum(weight * np.log(np.maximum(one, LEAST)) for weight, one in zip(exponents, witnesses, strict=True))
    return softmax(np.asarray(logarithms))


def alone(
    scores: np.ndarray, seconded: np.ndarray, segmented: np.ndarray, marked: np.ndarray, classified: np.ndarray
) -> np.ndarray:
    """The evidence (n, 5) that candidates are digits, each by itself.

    Of the finder its `scores` (n, 10) and the score that seconds them, of the segmenter the probabilities (n, 11) and
    that of being a mark (n,), of the classifier (n, 10), of which what all have in common is that of no digit.
    """
    return np.stack(
        [
            logit(scores.max(axis=1)),
            seconded,
            logit(1 - segmented[:, -1]),
            logit(1 - marked),
            logit(1 - np.minimum(1, classified.shape[1] * classified.min(axis=1))),
        ],
        axis=1,
    )


def among(boxes: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """The evidence (n, 3) that boxes (n, 4) are digits if each is one with the probability `sure` (n,) by itself."""
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    sizes = np.log(np.maximum(np.maximum(heights, FLAT * widths), LEAST))
    return np.stack([support(boxes, sizes, sure), *strangeness(sizes, sure)], axis=1)


def existence(evidence: np.ndarray, boxes: np.ndarray, weights: Weights) -> np.ndarray:
    """The probability (n,) of being a digit, of the evidence (n, 5) of `alone`."""
    sure = sigmoid(evidence @ weights.alone[:-1] + weights.alone[-1])
    whole = np.concatenate([evidence, among(boxes, sure)], axis=1)
    return sigmoid(whole @ weights.among[:-1] + weights.among[-1])


def in_line(
    exists: np.ndarray, digits: np.ndarray, said: np.ndarray, weights: Weights
) -> tuple[np.ndarray, np.ndarray]:
    """The probability (n,) of being digits, and of each digit (n, 10), also by what the recogniser `said` (n, 24).

    Before that they were `exists` (n,) and `digits` (n, 10), all of one line. Beside a digit, what is surely a mark,
    and that sooner than any digit, is none: a slash is drawn like a 1.
    """
    sure = sigmoid(of_line(exists, said) @ weights.in_line[:-1] + weights.in_line[-1])
    ten, marked, probable = said[:, DIGITS:OTHER], said[:, MARK:].sum(axis=1), exists >= PROBABLE
    is_mark = (marked >= MARKED) & (marked > ten.max(axis=1)) & (probable.sum() > probable)
    return np.where(is_mark, sure * (1 - marked), sure), product((digits, ten), weights.line_classes)


def of_line(exists: np.ndarray, said: np.ndarray) -> np.ndarray:
    """The evidence (n, 4) that candidates are digits: what was known before, and what is said of their line (n, 24)."""
    shares = (exists, said[:, DIGITS:OTHER].sum(axis=1), said[:, OTHER], said[:, MARK:].sum(axis=1))
    return np.stack([logit(one) for one in shares], axis=1)


def on_page(exists: np.ndarray, weights: Weights) -> np.ndarray:
    """The probability (n,) of being digits, of the probabilities `exists` (n,) of all on a page that may be some.

    Where most of the others are doubtful, as the letters of a text are, each is more doubtful; where they are plainly
    digits, less.
    """
    slope, share, bias = weights.on_page
    return sigmoid(slope * logit(exists) + share * logit(others_on_page(exists)) + bias)


def others_on_page(exists: np.ndarray) -> np.ndarray:
    """How probably, on average, the others on a page are digits (n,)."""
    return np.asarray((exists.sum() - exists + PRIOR * AS_MANY) / (len(exists) - 1 + AS_MANY))


def support(boxes: np.ndarray, sizes: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """How sure the surest similar neighbour of each box is (n,), 0 to 1: in its row or its column, and of its size."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    height = np.exp(np.minimum(sizes[:, None], sizes[None]))
    across, down = (np.abs(centres[:, None, axis] - centres[None, :, axis]) / height for axis in (0, 1))
    row = np.exp(-down / ASIDE - np.maximum(0, across - BEYOND) / FAR)
    column = np.exp(-across / (2 * ASIDE) - np.maximum(0, down - BEYOND) / FAR)
    alike = np.exp(-np.abs(sizes[:, None] - sizes[None]) / ALIKE)
    given = np.maximum(row, column) * alike * sure[None] * apart(boxes)
    return np.asarray(given.max(axis=1, initial=0))


def apart(boxes: np.ndarray) -> np.ndarray:
    """Whether two boxes (n, 4) do not show the same (n, n): the middle of neither is in the other."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = ((centres[:, None] > boxes[None, :, :2]) & (centres[:, None] < boxes[None, :, 2:])).all(axis=-1)
    return np.asarray(~(inside | inside.T))


def strangeness(sizes: np.ndarray, sure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much each logarithm of height is below, and above, the mean of the other ones that are surely digits."""
    others = np.repeat(sure[None], len(sure), axis=0)
    np.fill_diagonal(others, 0)
    total = others.sum(axis=1)
    mean = (others @ sizes) / np.maximum(total, LEAST)
    away = np.clip(sizes - mean, -FARTHEST, FARTHEST) * np.minimum(total, 1)
    return np.minimum(away, 0), np.maximum(away, 0)


def probabilities(exists: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """The probabilities of the ten digits (n, 10): each is a digit at all with the probability `exists` (n,).

    What is missing to a digit is divided among the ten, as by the model itself.
    """
    return np.asarray(exists[:, None] * digits + (1 - exists[:, None]) / digits.shape[1])
