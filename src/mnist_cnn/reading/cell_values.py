"""What a cell holds: a number, a dash, something else, or nothing. Plain data, and how it follows from a reading."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import prod
from typing import Any, Literal

import cv2
import numpy as np

from mnist_cnn.reading.cells import lines_of
from mnist_cnn.reading.digit import REJECTED, Digit
from mnist_cnn.reading.grids import LevelView
from mnist_cnn.reading.mark import Mark
from mnist_cnn.reading.number import value_of
from mnist_cnn.reading.reading import Reading, Row

Kind = Literal["number", "blank", "dash", "other"]

SURE = 0.8  # the confidence below which a person should look at a cell
EDGE, EDGE_SHARE = 2, 0.04  # pixels, and of a cell's shorter side: what its lines may have left beside them
# Of a cell's shorter side: what reaches no farther into it is of a line, or if it comes from a side, of writing there.
CORE, DEEP = 0.22, 0.45
NARROW = 0.25  # of a cell's shorter side: so wide is what may be a line beside it
LEAST_INK, SPECK = 0.006, 6  # of a cell, and pixels: less is a speck, not writing
WIDE = 4.0  # squares of its height: a wider cell is of this size for that
FLAT, LOW = 2.2, 0.3  # times as wide as high, and of a cell's height: a dash is, at least and at most
PERHAPS = 0.3  # the confidence of a candidate that is a digit where something is written


@dataclass(frozen=True, eq=False)
class Value:
    """What is in a cell.

    `kind` is "number", "blank", "dash" (a single stroke, as for absent or nothing) or "other" (writing that is no
    number: a word, a tick). `text` is what was read, "" unless it is a number, and "-" for a dash; `value` its value if
    it has one. `confidence`, 0 to 1, is that of all digits and marks together and of there being no other marks between
    them; of other kinds, that it is no number. `row` is what was read in it.
    """

    kind: Kind
    text: str
    confidence: float
    row: Row = field(default=Row(()), repr=False)

    @property
    def value(self) -> Decimal | None:
        """The number; None if there is none, or it is ambiguous."""
        return value_of(self.text) if self.kind == "number" else None

    @property
    def is_doubtful(self) -> bool:
        """Whether a person should look at it."""
        return self.confidence < SURE or REJECTED in self.text or (self.kind == "number" and self.value is None)

    def to_dict(self) -> dict[str, Any]:
        """As a JSON document."""
        value = self.value
        return {
            "kind": self.kind,
            "text": self.text,
            "value": None if value is None else f"{value:f}",
            "confidence": self.confidence,
            "doubtful": self.is_doubtful,
        }


def values_of(level: LevelView, reading: Reading) -> list[Value]:
    """The values of the cells in a level view, of which this is the reading."""
    lines = lines_of(level.grey)
    return [value_in(lines, *boxes, reading) for boxes in zip(level.boxes, level.insides, strict=True)]


def value_in(lines: np.ndarray, box: np.ndarray, inside: np.ndarray, reading: Reading) -> Value:
    """The value in a box (4,) of an image in which this is drawn, (h, w) uint8, and of which this is the reading.

    `inside` (4,) is the box without its lines.
    """
    row = row_in(box, inside, reading)
    inked = ink_in(lines, inside)
    perhaps = [one for one in reading.candidates if is_in(one, box)]
    if not row and len(inked) and perhaps and perhaps[0].confidence >= PERHAPS and not is_dash(inked, inside):
        row = Row([perhaps[0]])
    if row:
        text, confidence = text_of(row)
        return Value("number", text, confidence, row)
    likeliest = max((1 - one.non_digit_probability for one in perhaps), default=0.0)
    if not len(inked):
        return Value("blank", "", 1 - likeliest)
    if is_dash(inked, inside):
        return Value("dash", "-", 1 - likeliest)
    return Value("other", "", 1 - likeliest)


def row_in(box: np.ndarray, inside: np.ndarray, reading: Reading) -> Row:
    """What a reading has in a box (4,), as one row: digits, marks, and marks that are not probable enough to be read.

    A narrow digit that is not `inside` the lines of the box is one of them.
    """
    digits: list[Digit] = []
    marks: list[list[Mark]] = [[], []]
    for row in (part_of_row(row, box, inside) for row in reading.rows):
        for kept, some in zip(marks, (row.marks, row.possible_marks), strict=True):
            kept += [replace(one, after=len(digits) + one.after) for one in some]
        digits += row
    return Row(digits, *marks)


def part_of_row(row: Row, box: np.ndarray, inside: np.ndarray) -> Row:
    """What of a row is in a box (4,), but for the lines beside its `inside`."""
    mine = [is_in(digit, box) and not is_line(digit, inside) for digit in row]
    marks, possible_marks = (
        [replace(one, after=sum(mine[: one.after])) for one in some if is_in(one, box)]
        for some in (row.marks, row.possible_marks)
    )
    return Row((digit for digit, is_mine in zip(row, mine, strict=True) if is_mine), marks, possible_marks)


def text_of(row: Row) -> tuple[str, float]:
    """The text of a cell and its confidence: its number, or where it has several, all that is written."""
    numbers = row.numbers
    if len(numbers) == 1:
        return numbers[0].text, numbers[0].confidence
    no_other_marks = prod(number.no_other_marks for number in numbers)
    return row.text, prod(item.confidence for item in row.items) * no_other_marks


def is_in(item: Digit | Mark, box: np.ndarray) -> bool:
    """Whether the middle of an item is in a box (4,)."""
    its = item.box
    x, y = its.left + its.width / 2, its.top + its.height / 2
    return bool(box[0] <= x < box[2] and box[1] <= y < box[3])


def is_line(digit: Digit, inside: np.ndarray) -> bool:
    """Whether what was read is a line beside the inside (4,) of a box."""
    return not is_in(digit, inside) and digit.box.width <= NARROW * shorter_side(inside)


def shorter_side(box: np.ndarray) -> float:
    """The shorter side of a box (4,)."""
    return float((box[2:] - box[:2]).min())


def ink_in(lines: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The boxes (n, 4) of strokes inside a box (4,) of what is drawn: left, top, width and height; specks are none."""
    side = shorter_side(inside)
    edge = EDGE + EDGE_SHARE * side
    left, top, right, bottom = np.rint(np.maximum(inside + edge * np.array([1, 1, -1, -1]), 0)).astype(int)
    part = lines[top:bottom, left:right]
    if part.size < SPECK:
        return np.zeros((0, 4), np.int64)
    _, _, stats, _ = cv2.connectedComponentsWithStats(np.where(part, np.uint8(1), np.uint8(0)))
    height, width = part.shape

    def reaches(before: int, extent: int, after: int) -> bool:
        """Whether a stroke with so much free before and after it reaches far enough into the cell from both sides."""
        deep = [(DEEP if free <= 1 else CORE) * side - edge for free in (before, after)]
        return before + extent > deep[0] and after + extent > deep[1]

    found = [
        (x, y, w, h)
        for x, y, w, h, area in stats[1:].tolist()
        if area >= max(SPECK, LEAST_INK * min(part.size, WIDE * height**2))
        and reaches(x, w, width - x - w)
        and reaches(y, h, height - y - h)
    ]
    return np.array(found, np.int64).reshape(-1, 4)


def is_dash(inked: np.ndarray, box: np.ndarray) -> bool:
    """Whether strokes (n, 4) are a single level one."""
    if len(inked) != 1:
        return False
    _, _, width, height = inked[0]
    return bool(width >= FLAT * height and height <= LOW * (box[3] - box[1]))
