"""Cells become grids: which row and which column each is in, and a view in which these are level. Knows no digits."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import cv2
import numpy as np

from mnist_cnn.reading.boxes import areas
from mnist_cnn.reading.cells import Cells, cells_of, clockwise

APART = 0.4  # of the usual cell: edges that are nearer are of the same line
ALIKE = 0.5  # of the higher one: boxes of one row have so much of their height in common, and differ by no more
MARGIN, NEAR = 8, 3  # pixels around a view, and from a line's place to what is drawn of it
ASIDE = 0.12  # of a box, from where a line would be if there were no gaps between boxes
COVERED = 0.92  # of a line from one that crosses it to the next
LARGE_ENOUGH, TIMES = 1100, 3  # pixels of the longer side of an image, and times that a smaller one is enlarged
LONG, MEMBER = 25, 0.08  # pixels, and of the image: how long the line of a comb is at least
TALL, BASE = 320.0, 4  # pixels above a line that are looked at, and that its own thickness takes
NARROWEST, SHORTEST = 10, 4  # pixels: a cell of a comb, and a tick
LOWEST, TALLEST, ABOVE = 0.12, 0.9, 1.4  # cells: the height of ticks, and of the writing on the line
TICKS = 1.8  # times the height of ticks: that of the writing, at least
FEWEST, CLOSED = 2, 0.75  # places of a comb; and of the tops of boxes, along which there is a line at least
LOW = 3  # rows of what looks like a grid, because writing closes the cells of a comb
OPEN = 0.85  # of a line along the tops of ticks: what is covered less is writing
UNEVEN, MOST, HALF = 0.35, 0.6, 0.5  # of a tick's height, by which others differ; and of the ticks, that hardly differ
LARGEST = 1600  # pixels of a side of a level view
USUAL, ENLARGED = 56.0, 2.5  # pixels: the height of most rows in it, and how much it is enlarged for that at most
AROUND = 0.5  # rows: its margin
MOST_IN_ROW, SAMPLES = 60, 40  # boxes, and points of a side that are looked at
SIDE_DRAWN, BOX_DRAWN = 0.7, 0.88  # of each side of a box, and of all, along which there is a line
FEWER = 0.5  # of the boxes that were seen, some of which may be parts of others
PAIR_DRAWN = 0.5  # of the line between two boxes that writing joined
HIDDEN_DRAWN = 0.7  # of all sides of a box that is hidden between others
NARROW = 0.4  # of the usual box of a row: what is between two boxes is at most so wide
HOLE = 0.7  # of a digit's box that its hole takes up at most
STRAIGHT, FITTING = 0.015, 0.85  # of its outline, by which a side of a grid may bend; and of the quadrilateral
BESIDE, FAR, SAME = 2.0, 4.0, 0.15  # heights: boxes of one row are not farther apart, nor if they differ by less


Kind = Literal["boxes", "comb", "rings", "lines"]


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
    reading. `kind` is "boxes", also of a table, or for a digit in each cell "comb", "rings" or "lines".
    """

    corners: np.ndarray
    size: tuple[float, float]
    down: np.ndarray
    across: np.ndarray
    cells: tuple[Cell, ...]
    kind: Kind = "boxes"

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
        return Grid(self.corners * np.float32(factor), size, down, across, self.cells, self.kind)

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


def grids_in(grey: np.ndarray, digits: np.ndarray | None = None) -> list[Grid]:
    """The grids in an image (h, w) uint8, from the top; a small image is enlarged first.

    The holes of `digits`, boxes (n, 4), are no cells.
    """
    larger, factor = enlarged(grey)
    cells = cells_of(larger)
    if digits is not None and len(digits):
        cells = cells.without(holes_of(factor * digits, cells.corners))
    return [grid.scaled(1 / factor) for grid in grids_of(cells)]


def holes_of(digits: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Which cells, corners (k, 4, 2), are inside a digit, box (n, 4), and much smaller (k,)."""
    low, high = (fun(corners, axis=1) for fun in (np.min, np.max))
    inside = (low[:, None] >= digits[None, :, :2] - NEAR) & (high[:, None] <= digits[None, :, 2:] + NEAR)
    smaller = (high - low).prod(axis=1)[:, None] <= HOLE * areas(digits)[None]
    return np.asarray((inside.all(axis=2) & smaller).any(axis=1))


def enlarged(grey: np.ndarray) -> tuple[np.ndarray, int]:
    """An image (h, w) uint8 in which thin lines can be seen, and how many times it is as large."""
    factor = min(TIMES, max(1, round(LARGE_ENOUGH / max(grey.shape))))
    if factor == 1:
        return grey, 1
    return np.asarray(cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)), factor


def grids_of(cells: Cells) -> list[Grid]:
    """The grids of a page from the top: tables, and rows of boxes that stand apart; a single box is a grid as well."""
    parts = [without_gaps(cells.corners[cells.grids == number]) for number in np.unique(cells.grids).tolist()]
    joined = without_pieces([continued(part, cells.walls) for part in in_rows(parts)])
    grids = [as_comb(grid, cells.lines) for grid in (grid_of(corners, cells.walls) for corners in joined)]
    for comb in combs_of(cells.lines):
        same = [grid for grid in grids if touches(comb, grid)]
        boxes = max((grid.columns for grid in same if grid.rows == 1), default=0)
        if boxes <= comb.columns and all(grid.rows <= LOW for grid in same):
            grids = [*(grid for grid in grids if grid not in same), comb]
    grids = [grid for grid in grids if len(grid.cells) > 1 or not any(is_within(grid, other) for other in grids)]
    return sorted(grids, key=top_of)


def top_of(grid: Grid) -> tuple[float, float]:
    """Where a grid begins, from the top and from the left."""
    return float(grid.corners[:, 1].min()), float(grid.corners[:, 0].min())


def as_comb(grid: Grid, lines: np.ndarray) -> Grid:
    """A row of boxes, or if there is no line above them on the page (h, w), a comb, which is higher than its ticks."""
    width, height = grid.size
    if grid.rows != 1 or grid.columns < FEWEST:
        return grid
    above = np.asarray(view_of(lines, grid.corners, grid.size)[MARGIN - NEAR : MARGIN + NEAR + 1, MARGIN:-MARGIN])
    if above.any(axis=0).mean() >= CLOSED:
        return grid
    tall = max(height, ABOVE * width / grid.columns)
    upper = grid.corners[[3, 2]] + (grid.corners[[0, 1]] - grid.corners[[3, 2]]) * (tall / height)
    corners = np.concatenate([upper, grid.corners[2:]]).astype(np.float32)
    return Grid(corners, (width, tall), as_lines(np.array([0.0, tall])), grid.across, grid.cells, "comb")


def is_within(single: Grid, grid: Grid) -> bool:
    """Whether a single cell is in another grid: it is part of the writing there."""
    middle = single.corners.mean(axis=0).tolist()
    return grid is not single and cv2.pointPolygonTest(grid.corners, middle, False) > 0


def touches(comb: Grid, grid: Grid) -> bool:
    """Whether the line of a comb is one of a grid."""
    foot = comb.corners[2:].mean(axis=0)
    return cv2.pointPolygonTest(grid.corners, foot.tolist(), True) > -2 * MARGIN


def in_rows(parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Parts (n, 4, 2) of a page, those joined that are single boxes beside each other."""
    low = [part for part in parts if is_one_row(part)]
    rows: list[list[np.ndarray]] = []
    for part in sorted(low, key=lambda one: float(one[..., 0].mean())):
        for row in rows:
            if is_beside(row[-1], part):
                row.append(part)
                break
        else:
            rows.append([part])
    return [part for part in parts if not is_one_row(part)] + [np.concatenate(row) for row in rows]


def without_gaps(part: np.ndarray) -> np.ndarray:
    """Cells (n, 4, 2), if they are one row of boxes that stand apart, without what writing closed between these."""
    if len(part) < 3:
        return part
    (left, top), (right, bottom) = part.min(axis=1).T, part.max(axis=1).T
    narrow = right - left <= NARROW * np.median((right - left)[bottom - top >= ALIKE * (bottom - top).max()])
    boxes = part[~narrow]
    is_row = len(boxes) >= 2 and is_one_row(boxes)
    is_between = (top >= boxes[..., 1].min() - NEAR) & (bottom <= boxes[..., 1].max() + NEAR) if is_row else ~narrow
    return boxes if is_row and is_between[narrow].all() else part


def is_one_row(part: np.ndarray) -> bool:
    """Whether cells (n, 4, 2) are in one row."""
    tops, bottoms = part[..., 1].min(axis=1), part[..., 1].max(axis=1)
    return bool(bottoms.min() > tops.max())


def is_beside(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether cells (n, 4, 2) and others, farther to the right, are of one row."""
    (_, top), (right, bottom) = one.min(axis=(0, 1)), one.max(axis=(0, 1))
    (its_left, its_top), (_, its_bottom) = other.min(axis=(0, 1)), other.max(axis=(0, 1))
    highest = max(bottom - top, its_bottom - its_top)
    common = min(bottom, its_bottom) - max(top, its_top)
    sizes, its_sizes = (np.ptp(cells, axis=1).mean(axis=0) for cells in (one, other))
    is_same = bool(np.all(np.abs(sizes - its_sizes) <= SAME * sizes))
    return bool(its_left - right <= (FAR if is_same else BESIDE) * highest and common >= ALIKE * highest)


def continued(part: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """One row of boxes (n, 4, 2), with those between and beside them that are drawn as well, on lines (h, w).

    Writing that touches its lines, or a gap in these, can hide a box among others; of other cells nothing is changed.
    """
    if len(part) < 2 or not is_one_row(part):
        return part
    near = cv2.dilate(lines, np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8))
    part = divided_pairs(part[np.argsort(part[..., 0].mean(axis=1))], near)
    middles = part.mean(axis=1)
    steps = np.diff(middles, axis=0)
    step = steps[int(np.argsort(steps[:, 0])[len(steps) // 2])]
    usual = part - middles[:, None]
    shape = np.median(usual, axis=0)
    found = list(part)
    for begin, end in pairwise(middles.tolist()):
        missing = round((end[0] - begin[0]) / step[0])
        boxes = [shape + begin + share * (np.array(end) - begin) for share in np.arange(1, missing) / max(1, missing)]
        found += [box for box in boxes if drawn_shares(box, near).mean() >= HIDDEN_DRAWN]
    for middle, way in ((middles[0], -step), (middles[-1], step)):
        box = shape + middle + way
        while len(found) < MOST_IN_ROW and is_drawn(box, near):
            found.append(box)
            box = box + way
    return np.array(found, np.float32)


def divided_pairs(part: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Boxes (n, 4, 2) of one row from the left; of those twice as wide as most, with a line in the middle, the halves.

    Writing through that line made one of two.
    """
    usual = float(np.median(np.ptp(part[..., 0], axis=1)))
    found: list[np.ndarray] = []
    for box in part:
        upper, lower = box[[0, 1]].mean(axis=0), box[[3, 2]].mean(axis=0)
        halves = [np.array([box[0], upper, lower, box[3]]), np.array([upper, box[1], box[2], lower])]
        is_pair = len(part) > 2 and abs(float(np.ptp(box[:, 0])) / usual - 2) <= ALIKE
        found += halves if is_pair and drawn_shares(halves[0], near)[1] >= PAIR_DRAWN else [box]
    return np.array(found, np.float32)


def is_drawn(box: np.ndarray, near: np.ndarray) -> bool:
    """Whether there is a line along most of each side of a box (4, 2), by what is `near` to a line, (h, w)."""
    covered = drawn_shares(box, near)
    return bool(covered.min() >= SIDE_DRAWN and covered.mean() >= BOX_DRAWN)


def drawn_shares(box: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Of each side of a box (4, 2) the share that is `near` to a line, (h, w); none of one that leaves the page."""
    height, width = near.shape
    if box.min() < 0 or (box.max(axis=0) >= (width, height)).any():
        return np.zeros(4)
    shares = np.linspace(0, 1, SAMPLES)[:, None]
    sides = [a + shares * (b - a) for a, b in zip(box, np.roll(box, -1, axis=0), strict=True)]
    return np.array([(near[tuple(np.rint(side).astype(int).T[::-1])] > 0).mean() for side in sides])


def without_pieces(parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Parts (n, 4, 2) of a page without those inside a row of boxes: pieces of some into which writing divides them."""
    rows = [outline_of_row(part) for part in parts if len(part) >= FEWEST and is_one_row(part)]

    def is_piece(part: np.ndarray) -> bool:
        return not is_one_row(part) and any(
            all(cv2.pointPolygonTest(row, middle.tolist(), False) > 0 for middle in part.mean(axis=1)) for row in rows
        )

    return [part for part in parts if not is_piece(part)]


def outline_of_row(corners: np.ndarray) -> np.ndarray:
    """The four corners (4, 2) float32 of what is around cells (n, 4, 2) of one row: where its sides meet.

    Above and below that is a line along all cells: of a long row, `outline_of` would take a bend for a corner.
    """
    ordered = corners[np.argsort(corners[..., 0].mean(axis=1))]
    above, below = (line_along(ordered[:, sides].reshape(-1, 2)) for sides in ((0, 1), (3, 2)))
    left, right = line_along(ordered[0, [0, 3]]), line_along(ordered[-1, [1, 2]])
    meet = meeting([left, above, right, below])
    return np.asarray(meet[:, :2] / meet[:, 2:], np.float32)


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
    outline = outline_of_row(corners) if len(corners) > 1 and is_one_row(corners) else outline_of(points)
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
    columns = (between if is_one_row(corners) else separators)(boxes[:, 0], boxes[:, 2])
    across = drawn(columns, seen, down)
    down = drawn(separators(boxes[:, 1], boxes[:, 3]), seen.T, across)
    is_whole = len(across) == len(boxes) + 1 and is_even_row(boxes)
    even = evenly(seen, width) if len(down) == 2 and not is_whole else None
    if even is not None and len(even) != len(across) and len(even) - 1 > FEWER * len(boxes):
        across, boxes = snapped(even, columns), boxes[:0]
    cells = []
    for box in boxes:
        first, upper, last, lower = (nearest(*one) for one in zip((across, down) * 2, box, strict=True))
        cells.append(Cell(upper, first, max(1, lower - upper), max(1, last - first)))
    whole = with_missing(cells, len(down) - 1, len(across) - 1)
    return Grid(outline, (width, height), down, across, tuple(whole))


def is_even_row(boxes: np.ndarray) -> bool:
    """Whether three boxes (n, 4) of one row or more are all as wide, at equal distances."""
    if len(boxes) < 3:
        return False
    steps, widths = np.diff(np.sort(boxes[:, 0])), boxes[:, 2] - boxes[:, 0]
    return bool(all(np.ptp(some) <= SAME * np.median(some) for some in (steps, widths)))


def outline_of(points: np.ndarray) -> np.ndarray:
    """The four corners (4, 2) float32 of what is around points (n, 2): where the four longest sides meet.

    The hull has a fifth where a cell at a corner was not found.
    """
    hull = cv2.convexHull(points)
    slack = STRAIGHT * cv2.arcLength(hull, True)
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


def between(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Where lines (k, 2) begin and end, of cells beside each other in one row that start and end there."""
    order = np.argsort(starts + ends)
    begins = np.concatenate([starts[order[:1]], ends[order]])
    return np.sort(np.stack([begins, np.concatenate([starts[order], ends[order[-1:]]])], axis=1), axis=1)


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


def evenly(seen: np.ndarray, width: float) -> np.ndarray | None:
    """Where lines are in a view of one row of boxes that are all as wide; None if they are not."""
    covered = seen[2 * MARGIN : -2 * MARGIN].mean(axis=0) if len(seen) > 5 * MARGIN else np.zeros(seen.shape[1])
    for count in range(int(width // NARROWEST), 1, -1):
        near = max(NEAR, round(ASIDE * width / count))
        places = np.linspace(0, width, count + 1)
        best = [
            covered[max(0, round(at) + MARGIN - near) : round(at) + MARGIN + near + 1].max() for at in places.tolist()
        ]
        if min(best) >= COVERED:
            return places
    return None


def snapped(places: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Places (k,) at equal distances as lines (k, 2): known ones (n, 2) where there is one, others as thick as most."""
    least = ASIDE * float(np.diff(places)[0])
    half = float(np.median(lines[1:-1, 1] - lines[1:-1, 0])) / 2 if len(lines) > 2 else 0.0
    found = []
    for index, place in enumerate(places.tolist()):
        line = lines[nearest(lines, place)]
        thick = half if 0 < index < len(places) - 1 else 0.0
        found.append(line if abs(float(line.mean()) - place) <= least else [place - thick, place + thick])
    return np.array(found)


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
    cells = tuple(Cell(row, column) for row in range(rows) for column in range(columns))
    down, across = (as_lines(np.linspace(0, side, count + 1)) for side, count in ((height, rows), (width, columns)))
    return Grid(grid.corners, grid.size, down, across, cells)


def combs_of(lines: np.ndarray) -> list[Grid]:
    """The combs in what is drawn (h, w): a line with ticks on it at equal distances, one between two digits."""
    longest = cv2.morphologyEx(lines, cv2.MORPH_OPEN, np.ones((1, LONG), np.uint8))
    longest = cv2.morphologyEx(longest, cv2.MORPH_CLOSE, np.ones((1, LONG), np.uint8))  # writing may hide a piece
    _, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(longest, np.ones((3, 3), np.uint8)))
    found = []
    for label in range(1, len(stats)):
        left, top, width, height, _ = stats[label]
        if width < MEMBER * max(lines.shape) or height > width / 4:
            continue
        rows, columns = np.nonzero(labels[top : top + height, left : left + width] == label)
        slope, foot = np.polyfit(columns, rows, 1)
        start = np.array([left, top + foot], np.float32)
        along = np.array([width - 1, slope * (width - 1)], np.float32)
        if grid := comb_on(lines, start, along):
            found.append(grid)
    return found


def comb_on(lines: np.ndarray, start: np.ndarray, along: np.ndarray) -> Grid | None:
    """The comb on a line from a point (2,) on; None if there are no ticks on it at equal distances."""
    length = float(np.hypot(*along))
    up = np.array([along[1], -along[0]]) / length
    height = min(length, TALL)
    corners = np.array([start + height * up, start + along + height * up, start + along, start], np.float32)
    seen = view_of(lines, corners, (length, height))
    foot = round(height) + MARGIN - BASE
    below = seen[round(height) + MARGIN + BASE :].mean(axis=0)
    ticks = tick_heights(seen, foot)
    for count in range(int(length // NARROWEST), 1, -1):
        places = np.linspace(0, length, count + 1)
        tall = ticks[np.rint(places).astype(int) + MARGIN]
        usual = float(np.median(tall))
        even = np.abs(tall - usual) <= UNEVEN * usual
        cell = length / count
        ends = tall[[0, -1]].min() >= (1 - UNEVEN) * usual  # writing may touch them
        is_even = ends and even.mean() >= MOST and even[1:-1].mean() >= HALF
        if max(SHORTEST, LOWEST * cell) <= usual <= TALLEST * cell and is_even and is_open(seen, foot - round(usual)):
            between = ticks[np.rint(places[:-1] + cell / 2).astype(int) + MARGIN]
            if float(np.mean(between >= (1 - UNEVEN) * usual)) < HALF and below.mean() < HALF:
                top = min(max(TICKS * usual, ABOVE * cell), max(usual, height))
                upper = np.array([start + top * up, start + along + top * up, start + along, start], np.float32)
                cells = tuple(Cell(0, column) for column in range(count))
                return Grid(upper, (length, top), as_lines(np.array([0.0, top])), as_lines(places), cells, "comb")
    return None


def is_open(seen: np.ndarray, top: int) -> bool:
    """Whether there is no line along the tops of ticks: otherwise they are the sides of boxes."""
    above = np.asarray(seen[max(0, top - BASE) : top + BASE + 1, MARGIN:-MARGIN].any(axis=0))
    return bool(above.mean() < OPEN)


def tick_heights(seen: np.ndarray, foot: int) -> np.ndarray:
    """How many pixels a tick near each column of a view goes up from the foot of a comb (w,)."""
    near = cv2.dilate(seen[: foot + 1].astype(np.uint8), np.ones((1, 2 * NEAR + 1), np.uint8))[::-1] > 0
    return np.where(near.all(axis=0), len(near), near.argmin(axis=0))


def corners_of_box(box: np.ndarray) -> np.ndarray:
    """The corners (4, 2) of a box (4,), from the upper left one clockwise."""
    left, top, right, bottom = box.tolist()
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
