"""What was read in a picture: digits in rows, how sure, and where. Plain data; knows nothing about how it was read."""

from dataclasses import dataclass
from typing import Any

import numpy as np

REFUSED = "?"


@dataclass(frozen=True)
class Box:
    """Where a digit is, in pixels of the upright picture: its left upper corner, its width and its height."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Digit:
    """One digit.

    `digit` is the most probable one and `confidence`, 0 to 1, its probability; `probabilities` are all ten.
    `refused` says that the reader is not sure enough. `image` is the (28, 28) uint8 that the network saw, ink 255.
    """

    digit: int
    confidence: float
    probabilities: tuple[float, ...]
    box: Box
    refused: bool
    image: np.ndarray

    @property
    def foreign(self) -> float:
        """How probable it is that this is no digit: a network that knows of such gives all ten an equal share of it."""
        return len(self.probabilities) * min(self.probabilities)

    @property
    def text(self) -> str:
        """The digit, or "?" where it is refused."""
        return REFUSED if self.refused else str(self.digit)


@dataclass(frozen=True)
class Reading:
    """What was read in one picture of `width` × `height` pixels: rows from the top, digits from left to right."""

    rows: tuple[tuple[Digit, ...], ...]
    width: int
    height: int

    @property
    def text(self) -> str:
        """The digits, rows separated by a newline, "?" where one is refused; empty where there are none."""
        return "\n".join("".join(digit.text for digit in row) for row in self.rows)

    @property
    def digits(self) -> tuple[Digit, ...]:
        """All digits, row after row."""
        return tuple(digit for row in self.rows for digit in row)

    def to_dict(self) -> dict[str, Any]:
        """The reading as JSON has it (docs/reading.md has the schema)."""
        return {
            "text": self.text,
            "width": self.width,
            "height": self.height,
            "rows": [[as_json(digit) for digit in row] for row in self.rows],
        }


def as_json(digit: Digit) -> dict[str, Any]:
    """One digit as JSON has it."""
    box = digit.box
    return {
        "digit": None if digit.refused else digit.digit,
        "most_probable": digit.digit,
        "confidence": digit.confidence,
        "probabilities": list(digit.probabilities),
        "box": {"left": box.left, "top": box.top, "width": box.width, "height": box.height},
    }
