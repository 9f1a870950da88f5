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
INSET = 0.1  # of a cell's side, in which its lines are
LEAST_INK, SPECK = 0.006, 6  # of a cell, and pixels: less is a speck, not writing
THIN = 0.18  # of a cell: what reaches into it at a side and no farther is of its line
FLAT, LOW = 2.2, 0.3  # times as wide as high, and of a cell's height: a dash is, at least and at most
PERHAPS = 0.3  # the confidence of a candidate that is a digit where something is written


@dataclass(frozen=True, eq=False)
class Value:
    """What is in a cell.

    `kind` is "number", "blank", "dash" (a single stroke, as for absent or nothing) or "other" (writing that is no
    number: a word, a tick). `text` is what was read, "" unless it is a number, and "-" for a dash; `value` its value if
    it has one. `confidence`, 0 to 1, is that of all digits and marks together, and that there are no other marks between
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
    return [value_in(lines, box, reading) for box in level.boxes]


def value_in(lines: np.ndarray, box: np.ndarray, reading: Reading) -> Value:
    """The value in a box (4,) of an image in which this is drawn, (h, w) uint8, and of which this is the reading."""
    row = row_in(box, reading)
    inked = ink_in(lines, box)
    perhaps = [one for one in reading.candidates if is_in(one, box)]
    if not row and len(inked) and perhaps and perhaps[0].confidence >= PERHAPS and not is_dash(inked, box):
        row = Row([perhaps[0]])
    if row:
        text, confidence = text_of(row)
        return Value("number", text, confidence, row)
    likeliest = max((1 - one.non_digit_probability for one in perhaps), default=0.0)
    if not len(inked):
        return Value("blank", "", 1 - likeliest)
    if is_dash(inked, box):
        return Value("dash", "-", 1 - likeliest)
    return Value("other", "", 1 - likeliest)


def row_in(box: np.ndarray, reading: Reading) -> Row:
    """What a reading has in a box (4,), as one row: digits, marks, and marks that are not probable enough to be read."""
    digits: list[Digit] = []
    marks: list[list[Mark]] = [[], []]
    for row in reading.rows:
        mine = [is_in(digit, box) for digit in row]
        for kept, some in zip(marks, (row.marks, row.possible_marks), strict=True):
            kept += [replace(one, after=len(digits) + sum(mine[: one.after])) for one in some if is_in(one, box)]
        digits += [digit for digit, is_mine in zip(row, mine, strict=True) if is_mine]
    return Row(digits, *marks)


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


def ink_in(lines: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The boxes (n, 4) of strokes inside a box (4,) of what is drawn: left, top, width and height; specks are none."""
    left, top, right, bottom = box
    across, down = INSET * (right - left), INSET * (bottom - top)
    rows = slice(max(0, round(top + down)), max(0, round(bottom - down)))
    columns = slice(max(0, round(left + across)), max(0, round(right - across)))
    inside = lines[rows, columns]
    if inside.size < SPECK:
        return np.zeros((0, 4), np.int64)
    _, _, stats, _ = cv2.connectedComponentsWithStats(np.where(inside, np.uint8(1), np.uint8(0)))
    height, width = inside.shape
    found = [
        (x, y, w, h)
        for x, y, w, h, area in stats[1:].tolist()
        if area >= max(SPECK, LEAST_INK * inside.size) and not is_of_line(x, y, w, h, width, height)
    ]
    return np.array(found, np.int64).reshape(-1, 4)


def is_of_line(left: int, top: int, wide: int, high: int, width: int, height: int) -> bool:
    """Whether a stroke in a cell of this size only reaches into it at a side: it is of a line, or of another cell."""
    beside = (left == 0 or left + wide == width) and wide <= max(2, THIN * width)
    return beside or ((top == 0 or top + high == height) and high <= max(2, THIN * height))


def is_dash(inked: np.ndarray, box: np.ndarray) -> bool:
    """Whether strokes (n, 4) are a single level one."""
    if len(inked) != 1:
        return False
    _, _, width, height = inked[0]
    return bool(width >= FLAT * height and height <= LOW * (box[3] - box[1]))
