"""The digits read from an image: rows, confidences and boxes. Plain data; knows nothing about how they were read."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import prod
from typing import Any, Self

import numpy as np

from mnist_cnn.reading import layout
from mnist_cnn.reading.digit import Digit, as_json
from mnist_cnn.reading.expectation import Expectation, expected
from mnist_cnn.reading.mark import Mark, mark_as_json
from mnist_cnn.reading.number import Item, Number, in_order, numbers_of
from mnist_cnn.reading.patterns import Pattern


class Row(tuple[Digit, ...]):
    """The digits of one row, left to right, and `marks`, what stands between and beside them, left to right.

    `possible_marks` are those that are not probable enough to be read.
    """

    marks: tuple[Mark, ...]
    possible_marks: tuple[Mark, ...]

    def __new__(cls, digits: Iterable[Digit], marks: Iterable[Mark] = (), possible_marks: Iterable[Mark] = ()) -> Self:
        """Make a row of digits and marks."""
        row = super().__new__(cls, digits)
        row.marks, row.possible_marks = tuple(marks), tuple(possible_marks)
        return row

    @property
    def text(self) -> str:
        """Digits and marks, "?" for rejected digits, with a space in each wide gap."""
        return " ".join("".join(item.text for item in group) for group in self.groups)

    @property
    def digits_text(self) -> str:
        """The digits alone, "?" for rejected ones."""
        return "".join(digit.text for digit in self)

    @property
    def numbers(self) -> tuple[Number, ...]:
        """The numbers: a gap that is far wider than the others, or than a digit, parts two, and so do some marks."""
        found, begin = [], 0
        for number in (number for group in self.groups for number in numbers_of(group)):
            end = begin + len(number.digits)
            other = [1 - mark.confidence for mark in self.possible_marks if begin < mark.after < end]
            found.append(replace(number, no_other_marks=prod(other)))
            begin = end
        return tuple(found)

    @property
    def items(self) -> tuple[Item, ...]:
        """Digits and marks, left to right."""
        return in_order(self, self.marks)

    @property
    def with_possible_marks(self) -> "Row":
        """The same row, also with the marks that are not probable enough to be read."""
        marks = sorted([*self.marks, *self.possible_marks], key=lambda mark: mark.after)
        return Row(self, marks)

    @property
    def groups(self) -> list[tuple[Item, ...]]:
        """Digits and marks between wide gaps, left to right."""
        items = self.items
        edges = np.array([edges_of(item) for item in items], float).reshape(-1, 4)
        usual = float(np.median([max(digit.box.width, digit.box.height) for digit in self])) if self else 0.0
        return [items[a:b] for a, b in pairwise([0, *layout.wide_gaps(edges, usual), len(items)]) if a < b]


def edges_of(item: Item) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a digit or mark."""
    box = item.box
    return box.left, box.top, box.left + box.width, box.top + box.height


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
    boxes: tuple[tuple[str | None, ...], ...] | None = None
    """What is in boxes that are drawn for digits, if that was asked for: one entry each, in rows from the top.

    That is what was read, "?" for a rejected digit, "other" for writing that is none, or None for an empty box.
    """

    def __post_init__(self) -> None:
        rows = tuple(row if isinstance(row, Row) else Row(row) for row in self.rows)
        object.__setattr__(self, "rows", rows)

    @property
    def text(self) -> str:
        """Digits and the marks between them, "?" for rejected digits; empty if no digit was found.

        Rows are separated by newlines, numbers in a row by spaces.
        """
        return "\n".join(row.text for row in self.rows)

    @property
    def digits_text(self) -> str:
        """The digits alone, "?" for rejected ones, rows separated by newlines."""
        return "\n".join(row.digits_text for row in self.rows)

    def expected(self, pattern: str | Pattern) -> tuple[Expectation, ...]:
        r"""What each row says if it must be a `date`, a `phone` number, `0-20`, `\d{10}` …: text and probability.

        "?" where nothing that is probable enough fits. Raises ReaderError for a pattern that is none (docs/reading.md).
        """
        return expected([row.with_possible_marks.items for row in self.rows], self.candidates, pattern)

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
            "numbers": [[number.to_dict() for number in row.numbers] for row in self.rows],
            "rows": [[as_json(digit) for digit in row] for row in self.rows],
            "marks": [[mark_as_json(mark) for mark in row.marks] for row in self.rows],
            "candidates": [as_json(digit) for digit in self.candidates],
            **({} if self.boxes is None else {"boxes": [list(row) for row in self.boxes]}),
        }
