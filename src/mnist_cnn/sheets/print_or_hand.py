"""Which numbers of a table are printed and which are handwritten: its digits come in, one of the two goes out, or none.

A number is mostly written as the others of its row or its column are, so what is seen of these counts as well.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from mnist_cnn.reading.digit import Digit
from mnist_cnn.reading.evidence import sigmoid
from mnist_cnn.reading.grids import Cell
from mnist_cnn.reading.print_network import PrintDetector

Writing = Literal["printed", "handwritten"]

MOST = 6.0  # the logarithm of odds that one number may count for
WEIGHTS = (0.98, 0.64, 0.83, 3.51)  # of a number itself, the others of its row, of its column, and bias (bench)
SURE = 0.9  # the probability from which it is said


def writing_of(
    places: Sequence[Cell], digits: Sequence[Sequence[Digit]], detector: Callable[[], PrintDetector]
) -> list[Writing | None]:
    """How the number in each cell is written, by its digits; None where that is not plain, or there are no digits.

    The `detector` is asked for only if there are any.
    """
    has_digits = np.array([len(some) > 0 for some in digits])
    if not has_digits.any():
        return [None] * len(digits)
    own = evidence_of(digits, detector())
    features = features_of(places, own, has_digits)
    probable = sigmoid(features @ WEIGHTS[:-1] + WEIGHTS[-1])
    return [said(float(one)) if known else None for one, known in zip(probable, has_digits, strict=True)]


def said(probable: float) -> Writing | None:
    """What is said of a number that is printed with this probability."""
    if max(probable, 1 - probable) < SURE:
        return None
    return "printed" if probable >= SURE else "handwritten"


def evidence_of(digits: Sequence[Sequence[Digit]], detect: PrintDetector) -> np.ndarray:
    """The logarithms of odds (n,) of being printed of n numbers, each by itself; 0 without digits."""
    logits = detect(np.stack([digit.image for some in digits for digit in some]))
    ends = np.cumsum([len(some) for some in digits])[:-1]
    return np.clip([float(part.sum()) for part in np.split(logits, ends)], -MOST, MOST)


def features_of(places: Sequence[Cell], own: np.ndarray, has_digits: np.ndarray) -> np.ndarray:
    """The evidence (n, 3) of each cell: its own (n,), and the means of the others of its row and its column."""
    rows, columns = (np.array([getattr(place, name) for place in places]) for name in ("row", "column"))
    return np.stack([own, *(mean_of_others(line, own, has_digits) for line in (rows, columns))], axis=1)


def mean_of_others(lines: np.ndarray, own: np.ndarray, has_digits: np.ndarray) -> np.ndarray:
    """The mean (n,) of the evidence of the other numbers that are in the same of the lines (n,); 0 without any."""
    same = (lines[:, None] == lines[None]) & has_digits[None] & ~np.eye(len(lines), dtype=bool)
    return np.asarray((same @ own) / np.maximum(same.sum(axis=1), 1))
