"""Reads the tables on a sheet: an image comes in, tables of values go out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from mnist_cnn.errors import ReaderError
from mnist_cnn.reading.box_contents import seen_too
from mnist_cnn.reading.cell_values import Value, values_of
from mnist_cnn.reading.grids import Cell, Grid, divided, grids_in, level_view, unmerged
from mnist_cnn.reading.picture import Picture, Source, load, part_of
from mnist_cnn.reading.places_for_digits import place_rows
from mnist_cnn.reading.reader import Reader, reader_of
from mnist_cnn.reading.weights import bundled_print_detector
from mnist_cnn.sheets.print_or_hand import Writing, writing_of

LEAST = 2  # rows and columns of a table
MOST_CELLS = 4000
GRID = re.compile(r"([0-9]{1,4})\s*[x×]\s*([0-9]{1,4})", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class TableCell:
    """A cell of a table: where it is in it, what it holds, and its corners (4, 2) in pixels of the upright image.

    `writing` is whether its number is "printed" or "handwritten"; None where that is not plain, or there is no number.
    """

    place: Cell
    value: Value
    corners: np.ndarray
    writing: Writing | None = None

    def to_dict(self) -> dict[str, Any]:
        """As a JSON document, rows and columns counted from 1."""
        place = self.place
        return {
            "row": place.row + 1,
            "column": place.column + 1,
            "rows": place.rows,
            "columns": place.columns,
            **self.value.to_dict(),
            "writing": self.writing,
            "corners": np.round(self.corners, 1).tolist(),
        }


@dataclass(frozen=True, eq=False)
class Table:
    """A table on a sheet: how many rows and columns, and its cells in the order of reading.

    `view` (h, w) uint8 shows the table level, `boxes` (n, 4) where in it the cells are, `insides` (n, 4) without lines.
    """

    rows: int
    columns: int
    cells: tuple[TableCell, ...]
    view: np.ndarray = field(repr=False)
    boxes: np.ndarray = field(repr=False)
    insides: np.ndarray = field(repr=False)
    source: Any = None

    @property
    def texts(self) -> list[list[str]]:
        """What was read, row by row: "" for a blank cell, and for the rest of a merged one."""
        texts = [[""] * self.columns for _ in range(self.rows)]
        for cell in self.cells:
            texts[cell.place.row][cell.place.column] = cell.value.text
        return texts

    def __repr__(self) -> str:
        doubtful = sum(cell.value.is_doubtful for cell in self.cells)
        return f"Table({self.rows} × {self.columns}, {doubtful} of {len(self.cells)} cells doubtful)"

    def to_dict(self) -> dict[str, Any]:
        """As a JSON document."""
        return {"rows": self.rows, "columns": self.columns, "cells": [cell.to_dict() for cell in self.cells]}


def read_tables(
    image: Source,
    *,
    model: Any = None,
    min_confidence: float | None = None,
    grid: tuple[int, int] | None = None,
    page: int | None = None,
) -> list[Table]:
    """Read the tables in an image of a sheet, from the top: also photographed at an angle, on a desk, or drawn by hand.

    With `grid`, (rows, columns), the largest table has so many, also where some of its lines are missing. `model` and
    `min_confidence` are those of `Reader`. Raises ImageError if the image cannot be opened, ReaderError for a grid out
    of range, and what `Reader` raises.
    """
    require_grid(grid)
    picture = load(part_of(image, page, None))
    return tables_of(picture, reader_of(model, min_confidence), grid, image)


def grid_of(text: str) -> tuple[int, int]:
    """Rows and columns of a text such as "9x9". Raises ReaderError if it is none, or they are out of range."""
    match = GRID.fullmatch(text.strip())
    if not match:
        raise ReaderError(f"A grid is given as rows and columns, such as 9x9 (got {text!r}).")
    size = int(match[1]), int(match[2])
    require_grid(size)
    return size


def require_grid(grid: tuple[int, int] | None) -> None:
    """Raise ReaderError for rows and columns that no table has."""
    if grid and not (min(grid) >= 1 and grid[0] * grid[1] <= MOST_CELLS):
        raise ReaderError(f"A grid has 1 to {MOST_CELLS:,} cells (got {grid[0]} × {grid[1]}): give rows × columns.")


def tables_of(picture: Picture, reader: Reader, grid: tuple[int, int] | None, source: Any = None) -> list[Table]:
    """The tables in a decoded image, as `read_tables` gives them; `source` is where it comes from."""
    scale = np.array(picture.scale, np.float32)
    is_row = grid is not None and grid[0] == 1
    grids = [*grids_in(picture.grey), *(place_rows(picture.grey) if is_row else ())]  # its boxes may stand apart
    found = tables_in(grids, grid)
    return [table_of(picture.grey, one, reader, scale, source) for one in found]


def tables_in(grids: Sequence[Grid], wanted: tuple[int, int] | None) -> list[Grid]:
    """The grids that are tables; with `wanted` rows and columns the largest one, divided so if it is not already.

    Then no cells are merged: where a line is missing, it is still the border of two.
    """
    if wanted:
        if not grids:
            return []
        largest = max(grids, key=lambda grid: cv2.contourArea(grid.corners))
        exact = [grid for grid in grids if (grid.rows, grid.columns) == wanted]
        return [unmerged(max(exact, key=lambda grid: len(grid.cells))) if exact else divided(largest, *wanted)]
    return [one for one in grids if min(one.rows, one.columns) >= LEAST and len(one.cells) <= MOST_CELLS]


def table_of(grey: np.ndarray, grid: Grid, reader: Reader, scale: np.ndarray, source: Any) -> Table:
    """Read one table of an image (h, w) uint8."""
    level = level_view(grey, grid)
    reading = reader.read(level.grey)
    values = seen_too(values_of(level, reading), level, reading, reader.min_confidence)
    corners = [level.in_image(box) * scale for box in level.boxes]
    digits = [value.row if value.kind == "number" else () for value in values]
    writings = writing_of(grid.cells, digits, bundled_print_detector)
    cells = map(TableCell, grid.cells, values, corners, writings)
    return Table(grid.rows, grid.columns, tuple(cells), level.grey, level.boxes, level.insides, source)
