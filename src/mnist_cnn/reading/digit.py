"""One digit of an image: prediction, confidence and box. Plain data."""

from dataclasses import asdict, dataclass
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
        """The probability, 0 to 1, that this is not a digit: ten times the smallest of the ten class probabilities.

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


def as_json(digit: Digit) -> dict[str, Any]:
    """One digit as a JSON document."""
    return {
        "digit": None if digit.rejected else digit.digit,
        "most_probable": digit.digit,
        "confidence": digit.confidence,
        "probabilities": list(digit.probabilities),
        "non_digit_probability": digit.non_digit_probability,
        "box": asdict(digit.box),
    }
