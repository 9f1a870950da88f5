"""Which cells of tables a person should look at, each with its image and what it may be instead. Knows no files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np

from mnist_cnn.reading.cell_values import Value
from mnist_cnn.reading.mark import Mark
from mnist_cnn.reading.number import Item
from mnist_cnn.sheets.spreadsheet import OTHER, Named, numbers_of
from mnist_cnn.sheets.table import Table

AROUND = 0.15  # of a cell's height: what is shown around it
MOST, CLASSES, LEAST = 4, 3, 0.02  # alternatives, classes of a digit that they are made of, and the probability of one
BEFORE = 2  # columns of a CSV file of several tables before the cells: the sheet, and the number of the table on it


@dataclass(frozen=True, eq=False)
class DoubtfulCell:
    """A cell that a person should look at.

    `line` and `column` are its place in the CSV file, `row` and `cell` that in the table, all counted from 0. `image`
    (h, w) uint8 shows it with a little around it, and `inside` is the box in the image, left, top, right and bottom, of
    what is between its lines. `alternatives` are other texts that it may have, the most probable first.
    """

    sheet: str
    table: int
    line: int
    column: int
    row: int
    cell: int
    value: Value
    alternatives: tuple[str, ...]
    image: np.ndarray = field(repr=False)
    inside: tuple[int, int, int, int]

    @property
    def written(self) -> str:
        """What the CSV file says of it."""
        return OTHER if self.value.kind == "other" else self.value.text

    def to_dict(self) -> dict[str, Any]:
        """As a JSON document, without the image."""
        names = ("sheet", "table", "line", "column", "row", "cell", "written")
        return {
            **{name: getattr(self, name) for name in names},
            "kind": self.value.kind,
            "confidence": round(self.value.confidence, 4),
            "alternatives": list(self.alternatives),
            "inside": list(self.inside),
        }


def doubtful_cells(tables: Sequence[Named]) -> Iterator[DoubtfulCell]:
    """The doubtful cells of all tables, in the order of the CSV file that `spreadsheet.values_csv` makes of them."""
    begins = accumulate((table.rows for _, table in tables), initial=0)
    before = BEFORE if len(tables) > 1 else 0
    for (name, table), number, begin in zip(tables, numbers_of(tables), begins, strict=False):
        for index, cell in enumerate(table.cells):
            if cell.value.is_doubtful:
                place = cell.place
                yield DoubtfulCell(
                    name, number, begin + place.row, before + place.column, place.row, place.column,
                    cell.value, alternatives(cell.value), *shown(table, index),
                )  # fmt: skip


def shown(table: Table, index: int) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """The image of a cell of a table, and where in it is what is between its lines."""
    box, inside = table.boxes[index], table.insides[index]
    margin = AROUND * (box[3] - box[1])
    height, width = table.view.shape
    left, top = np.maximum(np.floor(box[:2] - margin), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(box[2:] + margin), (width, height)).astype(int).tolist()
    within = np.rint(inside - (left, top, left, top)).astype(int).tolist()
    return table.view[top:bottom, left:right], (within[0], within[1], within[2], within[3])


def alternatives(value: Value) -> tuple[str, ...]:
    """Other texts that a cell may have: digits and marks that are less probable, the most probable text first.

    A mark that is not probable enough to be read is one that may be there.
    """
    texts = {"": 1.0}
    for item in value.row.with_possible_marks.items:
        ways = ways_of(item)
        longer = {text + way: probable * share for text, probable in texts.items() for way, share in ways.items()}
        texts = dict(sorted(longer.items(), key=lambda one: -one[1])[: 4 * MOST])
    likely = [text for text, probable in texts.items() if probable >= LEAST and text not in ("", value.text)]
    return tuple(likely[:MOST])


def ways_of(item: Item) -> dict[str, float]:
    """What a digit or mark may be, with probabilities; a mark may also be nothing."""
    if isinstance(item, Mark):
        return {item.text: item.confidence, "": 1 - item.confidence}
    best = sorted(range(len(item.probabilities)), key=lambda digit: -item.probabilities[digit])[:CLASSES]
    return {str(digit): item.probabilities[digit] for digit in best}
