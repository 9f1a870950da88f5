"""What is in boxes that are drawn for digits: boxes, combs, rings, short lines, and the rows of tables."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mnist_cnn.reading.cell_values import Value, values_of
from mnist_cnn.reading.grids import Grid, LevelView, grids_in, level_view
from mnist_cnn.reading.places_for_digits import ring_rows, underline_rows
from mnist_cnn.reading.reading import Reading

BoxRow = tuple[str | None, ...]

MOST = 2000  # boxes of an image
NEAR = 3  # pixels by which the hole of a digit may reach beyond its box
RIM, RIM_SHARE = 2, 0.06  # pixels, and of a ring's radius: what its line may have left inside it


def box_rows(
    grey: np.ndarray, read: Callable[[np.ndarray], Reading], digits: Sequence[np.ndarray]
) -> tuple[BoxRow, ...]:
    """What is in the boxes of an image (h, w) uint8, in rows from the top; `read` reads an image.

    `digits` are the boxes (4,) of the digits in it: the hole of a zero is no box.

    An entry is what was read, "other" for what is no digit, and None for an empty box.
    """
    rows: list[BoxRow] = []
    boxes = np.reshape(digits, (-1, 4))
    grids = [
        grid for grid in grids_in(grey, boxes) if len(grid.cells) > 1 or not any(is_in(grid, box) for box in digits)
    ]
    rings, lines = (
        [one for one in found if not any(overlap(one, grid) for grid in grids)]
        for found in (ring_rows(grey, boxes), underline_rows(grey, boxes))
    )
    for grid in sorted([*grids, *rings, *lines], key=top_of):
        if len(grid.cells) <= MOST - sum(map(len, rows)):
            level = level_view(grey, grid)
            rows += rows_of(grid, without_rings(level) if grid in rings else level, read)
    return tuple(rows)


def top_of(grid: Grid) -> tuple[float, float]:
    """Where a grid begins, from the top and from the left."""
    return float(grid.corners[:, 1].min()), float(grid.corners[:, 0].min())


def overlap(one: Grid, other: Grid) -> bool:
    """Whether what is around two grids has anything in common."""
    (low, high), (lower, higher) = ((grid.corners.min(axis=0), grid.corners.max(axis=0)) for grid in (one, other))
    return bool((np.minimum(high, higher) > np.maximum(low, lower)).all())


def is_in(grid: Grid, box: np.ndarray) -> bool:
    """Whether a grid is inside the box (4,) of a digit."""
    low, high = grid.corners.min(axis=0), grid.corners.max(axis=0)
    return bool((low >= box[:2] - NEAR).all() and (high <= box[2:] + NEAR).all())


def without_rings(level: LevelView) -> LevelView:
    """A view of rings with nothing but what is inside them: a ring might be taken for a zero."""
    inside = np.zeros_like(level.grey)
    for left, top, right, bottom in np.rint(level.insides).astype(int).tolist():
        middle, axes = ((left + right) // 2, (top + bottom) // 2), ((right - left) // 2, (bottom - top) // 2)
        edge = max(RIM, round(RIM_SHARE * min(axes)))
        cv2.ellipse(inside, middle, (max(1, axes[0] - edge), max(1, axes[1] - edge)), 0, 0, 360, 1, -1)
    paper = np.uint8(np.median(level.grey[inside > 0]))
    return level._replace(grey=np.where(inside > 0, level.grey, paper))


def rows_of(grid: Grid, level: LevelView, read: Callable[[np.ndarray], Reading]) -> list[BoxRow]:
    """What is in the cells of one grid, row by row, by its view."""
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
