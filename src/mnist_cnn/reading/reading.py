"""The digits read from an image: rows, confidences and boxes. Plain data; knows nothing about how they were read."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from mnist_cnn.reading import layout
from mnist_cnn.reading.digit import Digit, as_json


class Row(tuple[Digit, ...]):
    """The digits of one row, left to right."""

    __slots__ = ()

    @property
    def text(self) -> str:
        """The digits, "?" for rejected ones."""
        return text_of(self)

    @property
    def numbers(self) -> tuple["Row", ...]:
        """The digits in groups: a gap that is far wider than the others, or than a digit, separates two numbers."""
        boxes = [(one.box.left, one.box.top, one.box.width, one.box.height) for one in self]
        edges = np.array([(left, top, left + width, top + height) for left, top, width, height in boxes], float)
        return tuple(Row(self[a:b]) for a, b in pairwise([0, *layout.numbers(edges), len(self)]) if a < b)


def text_of(digits: Iterable[Digit]) -> str:
    """Digits as text, "?" for rejected ones."""
    return "".join(digit.text for digit in digits)


@dataclass(frozen=True, repr=False)
class Reading:
    """The digits read from one image of `width` × `height` pixels: rows top to bottom, digits left to right.

    `page` says which page of the file it was, counted from 1, and `pages` how many there are: pages of a TIFF, or
    frames of an animation. 1,001 means more than a thousand.
    """

    rows: tuple[Row, ...]
    width: int
    height: int
    source: Any = field(default=None, compare=False)
    """What was read, for showing it in a notebook; None where the reading comes from another process."""
    page: int = 1
    pages: int = 1
    candidates: tuple[Digit, ...] = ()
    """What resembles a digit, but not enough, the most probable first; `confidence` says how much."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(Row(row) for row in self.rows))

    @property
    def text(self) -> str:
        """The digits, rows separated by newlines, "?" for rejected ones; empty if no digit was found."""
        return "\n".join(row.text for row in self.rows)

    @property
    def digits(self) -> tuple[Digit, ...]:
        """All digits, row after row."""
        return tuple(digit for row in self.rows for digit in row)

    @property
    def note(self) -> str:
        """Why no digit was found; empty if there is one."""
        if self.digits:
            return ""
        if not self.candidates:
            return "nothing that resembles a digit"
        count, highest = len(self.candidates), f"{self.candidates[0].confidence:.2f}"
        return f"one mark, rejected: {highest}" if count == 1 else f"{count} marks, rejected: {highest} at most"

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
            "note": self.note,
            "numbers": [[number.text for number in row.numbers] for row in self.rows],
            "rows": [[as_json(digit) for digit in row] for row in self.rows],
            "candidates": [as_json(digit) for digit in self.candidates],
        }
