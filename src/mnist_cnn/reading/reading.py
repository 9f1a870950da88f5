"""The digits read from an image: rows, confidences and boxes. Plain data; knows nothing about how they were read."""

import html
from dataclasses import dataclass, field
from typing import Any

import numpy as np

REJECTED = "?"


@dataclass(frozen=True)
class Box:
    """The bounding box of a digit in pixels of the upright image: top-left corner, width and height."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, repr=False)
class Digit:
    """One digit.

    `digit` is the most probable class and `confidence` its probability, 0 to 1; `probabilities` has all ten.
    `rejected` is true where the confidence is below the reader's threshold. `image` is the (28, 28) uint8 input of the
    model, foreground 255.
    """

    digit: int
    confidence: float
    probabilities: tuple[float, ...]
    box: Box
    rejected: bool
    image: np.ndarray

    @property
    def non_digit_probability(self) -> float:
        """The probability, 0 to 1, that this is no digit: ten times the smallest of the ten class probabilities.

        A model trained with negatives spreads that probability evenly over the ten classes.
        """
        return min(1.0, len(self.probabilities) * min(self.probabilities))

    @property
    def text(self) -> str:
        """The digit, or "?" if it is rejected."""
        return REJECTED if self.rejected else str(self.digit)

    def __repr__(self) -> str:
        rejected = ", rejected" if self.rejected else ""
        box = self.box
        return f"Digit({self.digit}, confidence {self.confidence:.2%}{rejected}, at ({box.left}, {box.top}))"


@dataclass(frozen=True, repr=False)
class Reading:
    """The digits read from one image of `width` × `height` pixels: rows top to bottom, digits left to right."""

    rows: tuple[tuple[Digit, ...], ...]
    width: int
    height: int
    source: Any = field(default=None, compare=False)
    """What was read, for showing it in a notebook; None where the reading comes from another process."""

    @property
    def text(self) -> str:
        """The digits, rows separated by newlines, "?" for rejected ones; empty if no digit was found."""
        return "\n".join("".join(digit.text for digit in row) for row in self.rows)

    @property
    def digits(self) -> tuple[Digit, ...]:
        """All digits, row after row."""
        return tuple(digit for row in self.rows for digit in row)

    def __repr__(self) -> str:
        count = len(self.digits)
        lowest = f", lowest confidence {min(one.confidence for one in self.digits):.2%}" if count else ""
        return f"Reading({self.text!r}, {count} digit{'' if count == 1 else 's'}{lowest})"

    def _repr_html_(self) -> str:
        """The image with a box and a confidence for each digit, for a notebook."""
        text = f"<pre>{html.escape(self.text or 'no digits')}</pre>"
        if self.source is None:
            return text
        from mnist_cnn.reading.annotate import annotated_html  # here, because OpenCV comes with it

        return annotated_html(self.source, self, self.text) + text

    def to_dict(self) -> dict[str, Any]:
        """The reading as a JSON document (schema in docs/reading.md)."""
        return {
            "text": self.text,
            "width": self.width,
            "height": self.height,
            "rows": [[as_json(digit) for digit in row] for row in self.rows],
        }


def as_json(digit: Digit) -> dict[str, Any]:
    """One digit as a JSON document."""
    box = digit.box
    return {
        "digit": None if digit.rejected else digit.digit,
        "most_probable": digit.digit,
        "confidence": digit.confidence,
        "probabilities": list(digit.probabilities),
        "non_digit_probability": digit.non_digit_probability,
        "box": {"left": box.left, "top": box.top, "width": box.width, "height": box.height},
    }
