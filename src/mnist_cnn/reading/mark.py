"""One mark between digits: a decimal point, a slash, a plus. Plain data."""

from dataclasses import asdict, dataclass
from typing import Any

from mnist_cnn.reading.digit import Box

MARKS = ".,-+/:=×÷()%"
"""The marks that are read, in the order of the segmenter's classes for them."""


@dataclass(frozen=True)
class Mark:
    """A mark: which, its probability, and about where it is, in pixels of the upright image.

    `after` is how many digits of its row come before it.
    """

    text: str
    confidence: float
    box: Box
    after: int


def mark_as_json(mark: Mark) -> dict[str, Any]:
    """One mark as a JSON document."""
    return {
        "text": mark.text,
        "confidence": mark.confidence,
        "after": mark.after,
        "box": asdict(mark.box),
    }
