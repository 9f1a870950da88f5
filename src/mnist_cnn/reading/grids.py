"""Cells become grids: which row and which column each is in, and a view in which these are level. Knows no digits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from mnist_cnn.reading.cells import Cells, cells_of, clockwise

APART = 0.4  # of the usual cell: edges that are nearer are of the same line
MARGIN, NEAR = 8, 3  # pixels around a view, and from a line's place to what is drawn of it
COVERED = 0.92  # of a line from one that crosses it to the next
LARGE_ENOUGH, TIMES = 1100, 3  # pixels of the longer side of an image, and times that a smaller one is enlarged
LARGEST = 1600  # pixels of a side of a level view
USUAL, ENLARGED = 56.0, 2.5  # pixels: the height of most rows in it, and how much it is enlarged for that at most
AROUND = 0.5  # rows: its margin
STRAIGHT, FITTING = 0.015, 0.85  # of its outline, by which a side of a grid may bend; and of the quadrilateral


@dataclass(frozen=True)
class Cell:
    """A cell: its first row and column, counted from 0, and over how many of each it goes."""

    row: int
    column: int
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True, eq=False)
class Grid:
    """A table, or a row of boxes.

    `corners` (4, 2) are those of the whole in the image, from the upper left one clockwise, `across` (columns + 1, 2)
    and `down` (rows + 1, 2) where its lines begin and end in a view of `size`, (w, h) pixels, in which the corners of
    the grid are those of the view: boxes that stand apart have two lines and a gap there. Cells are in the order of
    reading.
    """

    corners: np.ndarray
    size: tuple[float, float]
    down: np.ndarray
    across: np.ndarray
    cells: tuple[Cell, ...]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.down) - 1

    @property
    def columns(self) -> int:
        """How many columns it has."""
        return len(self.across) - 1

    @property
    def from_view(self) -> np.ndarray:
        """The matrix (3, 3) that leads from the view to the image."""
        width, height = self.size
        view = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        return np.asarray(cv2.getPerspectiveTransform(view, self.corners.astype(np.float32)))

    def scaled(self, factor: float) -> "Grid":
        """The same grid of an image that is so many times as large."""
        width, height = self.size
        size = width * factor, height * factor
        down, across = self.down * factor, self.across * factor
        return Grid(self.corners * np.float32(factor), size, down, across, self.cells)

    def box(self, cell: Cell) -> np.ndarray:
        """The box (4,) of a cell in the view, to the middles of the lines around it."""
        left, right = self.across[[cell.column, cell.column + cell.columns]].mean(axis=1)
        top, bottom = self.down[[cell.row, cell.row + cell.rows]].mean(axis=1)
        return np.array([left, top, right, bottom])

    def inside(self, cell: Cell) -> np.ndarray:
        """The box (4,) of a cell in the view, without the lines around it."""
        left, right = self.across[cell.column, 1], self.across[cell.column + cell.columns, 0]
        top, bottom = self.down[cell.row, 1], self.down[cell.row + cell.rows, 0]
        return np.array([left, top, right, bottom])


class LevelView(NamedTuple):
    """A grid seen level: `grey` (h, w) uint8 and the matrix (3, 3) `back`.

    `boxes` (n, 4) are those of its cells in it, to the middles of their lines, `insides` (n, 4) without the lines.
    """

    grey: np.ndarray
    boxes: np.ndarray
    insides: np.ndarray
    back: np.ndarray

    def in_image(self, box: np.ndarray) -> np.ndarray:
        """The corners (4, 2) float32 in the image of a box (4,) of the view."""
        return np.asarray(cv2.perspectiveTransform(corners_of_box(box)[None], self.back)[0], np.float32)


def grids_in(grey: np.ndarray) -> list[Grid]:
    """The grids in an image (h, w) uint8, from the top; a small image is enlarged first."""
    larger, factor = enlarged(grey)
    return [grid.scaled(1 / factor) for grid in grids_of(cells_of(larger))]


def enlarged(grey: np.ndarray) -> tuple[np.ndarray, int]:
    """An image (h, w) uint8 in which thin lines can be seen, and how many times it is as large."""
    factor = min(TIMES, max(1, round(LARGE_ENOUGH / max(grey.shape))))
    if factor == 1:
        return grey, 1
    return np.asarray(cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)), factor


def grids_of(cells: Cells) -> list[Grid]:
    """The grids of a page from the top; a single cell is a grid as well, but not of the writing in another."""
    parts = [cells.corners[cells.grids == number] for number in np.unique(cells.grids).tolist()]
    grids = [grid_of(part, cells.walls) for part in parts]
    grids = [grid for grid in grids if len(grid.cells) > 1 or not any(is_within(grid, other) for other in grids)]
    return sorted(grids, key=top_of)


def top_of(grid: Grid) -> tuple[float, float]:
    """Where a grid begins, from the top and from the left."""
    return float(grid.corners[:, 1].min()), float(grid.corners[:, 0].min())


def is_within(single: Grid, grid: Grid) -> bool:
    """Whether a single cell is in another grid: it is part of the writing there."""
    middle = single.corners.mean(axis=0).tolist()
    return grid is not single and cv2.pointPolygonTest(grid.corners, middle, False) > 0


def meeting(lines: Sequence[np.ndarray]) -> np.ndarray:
    """Where each of the lines (3,) around something meets the next, in homogeneous coordinates (n, 3)."""
    return np.array([np.cross(one, other) for one, other in pairwise([*lines, lines[0]])])


def line_along(points: np.ndarray) -> np.ndarray:
    """The line (3,) along points (n, 2), in homogeneous coordinates; few that are far from it count little."""
    x, y, left, top = cv2.fitLine(points.astype(np.float32), cv2.DIST_HUBER, 0, 0.01, 0.01).ravel().tolist()
    return np.array([y, -x, x * top - y * left])


def grid_of(corners: np.ndarray, lines: np.ndarray) -> Grid:
    """The grid of cells with these corners (n, 4, 2), of which each edge is on a line (h, w)."""
    points = corners.reshape(-1, 2).astype(np.float32)
    lengths = np.hypot(*(np.roll(corners, -1, axis=1) - corners).transpose(2, 0, 1))
    outline = outline_of(points, APART * float(np.median(lengths.min(axis=1))))
    sides = np.hypot(*(np.roll(outline, -1, axis=0) - outline).T)
    width, height = float(max(sides[0], sides[2])), float(max(sides[1], sides[3]))
    view = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    level = cv2.perspectiveTransform(points[None], cv2.getPerspectiveTransform(outline, view))[0].reshape(-1, 4, 2)
    # The middles of the four sides of each cell.
    left, top = level[:, [0, 3], 0].mean(axis=1), level[:, [0, 1], 1].mean(axis=1)
    right, bottom = level[:, [1, 2], 0].mean(axis=1), level[:, [2, 3], 1].mean(axis=1)
    boxes = np.stack([left, top, right, bottom], axis=1)
    seen = view_of(lines, outline, (width, height))
    down = drawn(separators(boxes[:, 1], boxes[:, 3]), seen.T, as_lines(np.array([0, width])))
    across = drawn(separators(boxes[:, 0], boxes[:, 2]), seen, down)
    down = drawn(separators(boxes[:, 1], boxes[:, 3]), seen.T, across)
    cells = []
    for box in boxes:
        first, upper, last, lower = (nearest(*one) for one in zip((across, down) * 2, box, strict=True))
        cells.append(Cell(upper, first, max(1, lower - upper), max(1, last - first)))
    whole = with_missing(cells, len(down) - 1, len(across) - 1)
    return Grid(outline, (width, height), down, across, tuple(whole))


def outline_of(points: np.ndarray, near: float) -> np.ndarray:
    """The four corners (4, 2) float32 of what is around points (n, 2): where the four longest sides meet.

    A side may bend by what is `near`, in pixels: less than it is to the next line. The hull has a fifth where a cell
    at a corner was not found.
    """
    hull = cv2.convexHull(points)
    slack = min(STRAIGHT * cv2.arcLength(hull, True), near)
    ends = cv2.approxPolyDP(hull, slack, True)[:, 0].astype(np.float64)
    sides = np.roll(ends, -1, axis=0) - ends
    longest = np.sort(np.argsort(np.hypot(*sides.T))[-4:])
    if len(longest) == 4:
        along = []
        for begin, (x, y) in zip(ends[longest], sides[longest], strict=True):
            away = ((points - begin) @ np.array([-y, x])) / np.hypot(x, y)
            along.append(line_along(points[np.abs(away) <= slack]))
        meet = meeting(along)
        if np.abs(meet[:, 2]).min() > 0:
            corners = clockwise((meet[:, :2] / meet[:, 2:]).astype(np.float32))
            area, covered = cv2.contourArea(corners), cv2.contourArea(hull)
            if cv2.isContourConvex(corners) and FITTING * area <= covered <= area / FITTING:
                return corners
    low, high = points.min(axis=0), points.max(axis=0)
    return np.array([low, (high[0], low[1]), high, (low[0], high[1])], np.float32)


def separators(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Where lines (k, 2) begin and end, of cells that start and end there, in order.

    Edges that are near each other are of one line: it begins where cells end, and ends where others start.
    """
    edges = np.concatenate([starts, ends])
    is_start = np.arange(len(edges)) < len(starts)
    order = np.argsort(edges)
    least = APART * float(np.percentile(ends - starts, 25))
    begins = np.flatnonzero(np.diff(edges[order]) > least) + 1
    found = []
    for group in np.split(order, begins):
        sides = [edges[group[is_start[group] == side]] for side in (False, True)]
        begin, end = (float(np.median(side if len(side) else edges[group])) for side in sides)
        found.append(sorted([begin, end]))
    return np.array(found)


def view_of(lines: np.ndarray, corners: np.ndarray, size: tuple[float, float]) -> np.ndarray:
    """What is drawn in a view of `size` with these corners (4, 2), and a margin around it, as (h, w) bool."""
    width, height = size
    view = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) + MARGIN
    matrix = cv2.getPerspectiveTransform(corners, view)
    shape = round(width) + 2 * MARGIN, round(height) + 2 * MARGIN
    return np.greater(cv2.warpPerspective(lines, matrix, shape, flags=cv2.INTER_LINEAR), 127)


def drawn(places: np.ndarray, seen: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Those of the places (k, 2) of lines down a view along which something is drawn between two of the lines across.

    The outermost are lines in any case. `seen` is of `view_of`, for lines across of its transpose; `beside` (n, 2) are
    the places of the lines across.
    """
    kept = [0]
    crossings = beside.mean(axis=1).tolist()
    for index in range(1, len(places) - 1):
        begin, end = np.rint(places[index]).astype(int) + MARGIN
        near = np.asarray(seen[:, max(0, begin - NEAR) : end + NEAR + 1].any(axis=1))
        parts = [near[round(a) + MARGIN : round(b) + MARGIN] for a, b in pairwise(crossings)]
        if max((float(part.mean()) for part in parts if part.size), default=0.0) >= COVERED:
            kept.append(index)
    return places[[*kept, len(places) - 1]]


def as_lines(places: np.ndarray) -> np.ndarray:
    """Places (k,) as lines (k, 2) of no thickness."""
    return np.stack([places, places], axis=1)


def nearest(lines: np.ndarray, place: float) -> int:
    """Which of the lines (k, 2) is nearest to a place."""
    return int(np.abs(lines.mean(axis=1) - place).argmin())


def with_missing(cells: Sequence[Cell], rows: int, columns: int) -> list[Cell]:
    """The cells of a grid without those of the same place, and with those where a gap in a line left none."""
    taken = np.zeros((rows, columns), bool)
    kept: list[Cell] = []
    for cell in sorted(cells, key=lambda one: -one.rows * one.columns):
        place = taken[cell.row : cell.row + cell.rows, cell.column : cell.column + cell.columns]
        if place.size and not place.any():
            place[:] = True
            kept.append(cell)
    kept += [Cell(int(row), int(column)) for row, column in zip(*np.nonzero(~taken), strict=True)]
    return sorted(kept, key=lambda one: (one.row, one.column))


def level_view(grey: np.ndarray, grid: Grid) -> LevelView:
    """A view of a grid of an image (h, w) uint8 in which its rows are level, with a margin, and enlarged if small."""
    width, height = grid.size
    usual = float(np.median(np.diff(grid.down.mean(axis=1))))
    factor = min(max(1.0, USUAL / usual), ENLARGED, LARGEST / max(width, height))
    margin = AROUND * usual * factor
    size = round(width * factor + 2 * margin), round(height * factor + 2 * margin)
    to_view = np.array([[factor, 0, margin], [0, factor, margin], [0, 0, 1]])
    back = grid.from_view @ np.linalg.inv(to_view)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    view = cv2.warpPerspective(grey, back, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    boxes, insides = (np.array([box(cell) for cell in grid.cells]) * factor + margin for box in (grid.box, grid.inside))
    return LevelView(np.asarray(view), boxes, insides, back)


def divided(grid: Grid, rows: int, columns: int) -> Grid:
    """The same outline with so many equal rows and columns."""
    width, height = grid.size
    down, across = (as_lines(np.linspace(0, side, count + 1)) for side, count in ((height, rows), (width, columns)))
    return unmerged(Grid(grid.corners, grid.size, down, across, ()))


def unmerged(grid: Grid) -> Grid:
    """The same grid with a cell in each row and column."""
    return replace(grid, cells=tuple(Cell(row, column) for row in range(grid.rows) for column in range(grid.columns)))


def corners_of_box(box: np.ndarray) -> np.ndarray:
    """The corners (4, 2) of a box (4,), from the upper left one clockwise."""
    left, top, right, bottom = box.tolist()
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
