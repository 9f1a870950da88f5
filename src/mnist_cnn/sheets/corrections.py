"""What a person says of a cell comes in, the CSV file with it goes out. Text only: knows no files and no images."""

import csv
import io
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from mnist_cnn.errors import ReaderError, RunError
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.sheets.spreadsheet import OTHER, csv_line, harmless

CONFIRMED = "1.000"  # the confidence of what a person said
LONGEST = 40  # characters of a number
NUMBER = re.compile(rf"[{re.escape(MARKS)} ]*(?:\d[{re.escape(MARKS)} ]*)+")
FIXED = {"blank": "", "dash": "-", "other": OTHER}

Kind = Literal["number", "blank", "dash", "other"]


@dataclass(frozen=True)
class Answer:
    """What a person says is in a cell: `text` is what goes into the CSV file. Raises ReaderError if that cannot be."""

    kind: Kind
    text: str

    def __post_init__(self) -> None:
        if self.kind not in ("number", *FIXED):
            raise ReaderError(f"A cell holds a number, blank, dash or other (got {self.kind!r:.40}).")
        if self.kind == "number" and not (len(self.text) <= LONGEST and NUMBER.fullmatch(self.text)):
            raise ReaderError(f"{self.text!r:.50} is not a number: write digits, with marks such as 12.5 or -3.")
        if self.kind in FIXED and self.text != FIXED[self.kind]:
            raise ReaderError(f"A cell that is {self.kind} has the text {FIXED[self.kind]!r} (got {self.text!r:.40}).")

    @classmethod
    def of(cls, kind: Kind, text: str) -> "Answer":
        """An answer of a kind; only a number has a text of its own."""
        return cls(kind, FIXED.get(kind, text.strip()))


def with_cell(content: str, line: int, column: int, text: str, expected: Collection[str] | None = None) -> str:
    """A CSV file's content with another text in one cell, whose place is counted from 0.

    Raises RunError if there is no such cell, or if it has neither this text nor one that is `expected`, if any is:
    somebody changed it.
    """
    rows = list(csv.reader(io.StringIO(content, newline="")))
    if line >= len(rows) or column >= len(rows[line]):
        raise RunError(f"It has no line {line + 1} with {column + 1} cells any more: undo the change, or start again.")
    there = unharmed(rows[line][column])
    if expected is not None and there not in {*expected, text}:
        raise RunError(
            f"Line {line + 1}, cell {column + 1} has {there!r:.60} by now, which is not overwritten: correct it there."
        )
    rows[line][column] = text
    end = "\r\n" if "\r\n" in content else "\n"
    return "".join(csv_line(map(unharmed, row)).removesuffix("\n") + end for row in rows)


def unharmed(cell: str) -> str:
    """A cell without the apostrophe that `csv_line` writes before it."""
    return cell[1:] if cell.startswith("'") and harmless(cell[1:]) == cell else cell
