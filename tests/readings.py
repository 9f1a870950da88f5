"""Readings made by hand, for tests of what is said of them."""

from collections.abc import Sequence

import numpy as np

from mnist_cnn.reading.digit import Box, Digit
from mnist_cnn.reading.mark import Mark
from mnist_cnn.reading.reading import Reading, Row

HEIGHT, WIDTH, STEP = 40, 24, 30  # pixels of a digit, and from one character to the next


def digit(most_probable: int, left: int, confidence: float = 0.99, rest: dict[int, float] | None = None) -> Digit:
    """A digit with a few other digits' probabilities; what is missing to 1 is that of no digit."""
    shares = np.zeros(10)
    shares[most_probable] = confidence
    for other, share in (rest or {}).items():
        shares[other] = share
    shares += (1 - shares.sum()) / 10
    blank = np.zeros((28, 28), np.uint8)
    rejected = bool(shares.max() < 0.5)
    return Digit(
        most_probable, float(shares.max()), tuple(shares.tolist()), Box(left, 10, WIDTH, HEIGHT), rejected, blank
    )


def row_of(text: str, confidence: float = 0.99) -> Row:
    """A row of digits and marks; each space is a gap as wide as three characters."""
    digits: list[Digit] = []
    marks: list[Mark] = []
    left = 0
    for char in text:
        if char.isdigit():
            digits.append(digit(int(char), left, confidence))
        elif char != " ":
            marks.append(Mark(char, 0.9, Box(left, 10, WIDTH, HEIGHT), len(digits)))
        left += 3 * STEP if char == " " else STEP
    return Row(digits, marks)


def reading_of(*texts: str, candidates: Sequence[Digit] = ()) -> Reading:
    """A reading with such rows."""
    return Reading(tuple(map(row_of, texts)), 1000, 60, candidates=tuple(candidates))
