"""What is in boxes that are drawn for digits: rows of boxes, combs, and the rows of tables."""

from collections.abc import Callable, Sequence

import numpy as np

from mnist_cnn.reading.cell_values import Value, values_of
from mnist_cnn.reading.grids import Grid, grids_in, level_view
from mnist_cnn.reading.reading import Reading

BoxRow = tuple[str | None, ...]

MOST = 2000  # boxes of an image
NEAR = 3  # pixels by which the hole of a digit may reach beyond its box


def box_rows(
    grey: np.ndarray, read: Callable[[np.ndarray], Reading], digits: Sequence[np.ndarray]
) -> tuple[BoxRow, ...]:
    """What is in the boxes of an image (h, w) uint8, in rows from the top; `read` reads an image.

    `digits` are the boxes (4,) of the digits in it: the hole of a zero is no box.

    An entry is what was read, "other" for what is no digit, and None for an empty box.
    """
    rows: list[BoxRow] = []
    for grid in grids_in(grey):
        is_hole = len(grid.cells) == 1 and any(is_in(grid, box) for box in digits)
        if not is_hole and len(grid.cells) <= MOST - sum(map(len, rows)):
            rows += rows_of(grey, grid, read)
    return tuple(rows)


def is_in(grid: Grid, box: np.ndarray) -> bool:
    """Whether a grid is inside the box (4,) of a digit."""
    low, high = grid.corners.min(axis=0), grid.corners.max(axis=0)
    return bool((low >= box[:2] - NEAR).all() and (high <= box[2:] + NEAR).all())


def rows_of(grey: np.ndarray, grid: Grid, read: Callable[[np.ndarray], Reading]) -> list[BoxRow]:
    """What is in the cells of one grid, row by row."""
    level = level_view(grey, grid)
    values = values_of(level, read(level.grey))
    rows: list[list[str | None]] = [[] for _ in range(grid.rows)]
    for cell, value in zip(grid.cells, values, strict=True):
        rows[cell.row].append(entry_of(value))
    return [tuple(row) for row in rows]


def entry_of(value: Value) -> str | None:
    """A value as an entry: text, "other" or None."""
    if value.kind == "number":
        return value.text
    return None if value.kind == "blank" else "other"
