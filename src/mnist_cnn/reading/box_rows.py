"""What is in boxes that are drawn for digits: boxes, combs, rings, short lines, and the rows of tables."""

from collections.abc import Callable, Sequence

import numpy as np

from mnist_cnn.reading.box_contents import Known, contents_of, kind_of
from mnist_cnn.reading.box_network import BLANK, OTHER, SEVERAL
from mnist_cnn.reading.cell_values import Value, values_of
from mnist_cnn.reading.digit import REJECTED, Digit
from mnist_cnn.reading.grids import Grid, LevelView, level_view
from mnist_cnn.reading.places_for_digits import place_rows
from mnist_cnn.reading.reading import Reading

BoxRow = tuple[str | None, ...]

NO_DIGIT = "other"
NEAR = 3  # pixels by which the hole of a digit may reach beyond its box
LEAST = 1e-6  # of a probability: a less probable digit is none


def box_rows(
    grey: np.ndarray,
    read: Callable[[np.ndarray], Reading],
    digits: Sequence[Digit],
    boxes: Sequence[np.ndarray],
    least: float,
) -> tuple[BoxRow, ...]:
    """What is in the boxes of an image (h, w) uint8, in rows from the top; `read` reads an image.

    `digits` are those in it, and `boxes` (4,) where: the hole of a zero is no box, and what the model says of a digit
    counts in its box as well. A digit less probable than `least` is "?".

    An entry is what was read, "other" for what is no digit, and None for an empty box.
    """
    rows: list[BoxRow] = []
    known = list(zip(digits, boxes, strict=True))
    for grid in place_rows(grey):
        is_hole = len(grid.cells) == 1 and any(is_in(grid, box) for box in boxes)
        if not is_hole:
            rows.append(row_of(level_view(grey, grid), read, known, least))
    return tuple(rows)


def is_in(grid: Grid, box: np.ndarray) -> bool:
    """Whether a grid is inside the box (4,) of a digit."""
    low, high = grid.corners.min(axis=0), grid.corners.max(axis=0)
    return bool((low >= box[:2] - NEAR).all() and (high <= box[2:] + NEAR).all())


def row_of(
    level: LevelView,
    read: Callable[[np.ndarray], Reading],
    known: Sequence[Known],
    least: float,
) -> BoxRow:
    """What is in the places of a row, by its view, and by the digits `known` in the image."""
    values: list[Value] = []
    entries: list[str | None] = []
    for index, probable in enumerate(contents_of(level, known)):
        kind, digit = kind_of(probable), int(probable[:BLANK].argmax())
        if kind == SEVERAL:
            values = values or values_of(level, read(level.grey))
            entries.append(entry_of(values[index]))
        elif kind in (BLANK, OTHER):
            entries.append(None if kind == BLANK else NO_DIGIT)
        else:
            is_sure = probable[digit] >= max(LEAST, least * (1 - probable[SEVERAL]))
            entries.append(str(digit) if is_sure else REJECTED)
    return tuple(entries)


def entry_of(value: Value) -> str | None:
    """A value as an entry: text, "other" or None."""
    if value.kind == "number":
        return value.text
    return None if value.kind == "blank" else NO_DIGIT
