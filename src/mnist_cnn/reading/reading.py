"""The digits read from an image: rows, confidences and boxes. Plain data; knows nothing about how they were read."""

from dataclasses import dataclass, field
from typing import Any

from mnist_cnn.reading.digit import Digit, as_json


@dataclass(frozen=True, repr=False)
class Reading:
    """The digits read from one image of `width` × `height` pixels: rows top to bottom, digits left to right.

    `page` says which page of the file it was, counted from 1, and `pages` how many there are: pages of a TIFF, or
    frames of an animation. 1,001 means more than a thousand.
    """

    rows: tuple[tuple[Digit, ...], ...]
    width: int
    height: int
    source: Any = field(default=None, compare=False)
    """What was read, for showing it in a notebook; None where the reading comes from another process."""
    page: int = 1
    pages: int = 1

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
        page = f", page {self.page} of {self.pages:,}" if self.pages > 1 else ""
        return f"Reading({self.text!r}, {count} digit{'' if count == 1 else 's'}{lowest}{page})"

    def _repr_html_(self) -> str:
        """The image with a box and a confidence for each digit, for a notebook."""
        from mnist_cnn.reading.annotate import annotated_html  # here, because OpenCV comes with it

        return annotated_html(self.source, self.digits, self.text)

    def to_dict(self) -> dict[str, Any]:
        """The reading as a JSON document (schema in docs/reading.md)."""
        return {
            "page": self.page,
            "pages": self.pages,
            "text": self.text,
            "width": self.width,
            "height": self.height,
            "rows": [[as_json(digit) for digit in row] for row in self.rows],
        }
