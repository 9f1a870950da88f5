"""What is in boxes that are drawn for digits: boxes, combs, rings, short lines, and the rows of tables."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mnist_cnn.reading.cell_values import Value, values_of
from mnist_cnn.reading.cells import lines_of
from mnist_cnn.reading.digit import Digit
from mnist_cnn.reading.grids import Grid, Kind, LevelView, enlarged, grids_in, level_view, top_of
from mnist_cnn.reading.places_for_digits import ring_rows, underline_rows
from mnist_cnn.reading.reading import Reading

BoxRow = tuple[str | None, ...]

OTHER = "other"
MOST = 2000  # boxes of an image
NEAR = 3  # pixels by which the hole of a digit may reach beyond its box
LINE, OTHER_TICKS = 0.06, 1.2  # of a place, half of a line; and times as high as most that a tick is at most
FILLS = 0.8  # of a ring's height: a zero in it is not higher
RIM, RIM_SHARE = 2, 0.12  # pixels, and of a ring's radius: what its line may have left inside it


def box_rows(
    grey: np.ndarray, read: Callable[[np.ndarray], Reading], digits: Sequence[Digit], boxes: Sequence[np.ndarray]
) -> tuple[BoxRow, ...]:
    """What is in the boxes of an image (h, w) uint8, in rows from the top; `read` reads an image.

    `digits` are those in it, and `boxes` (4,) where: the hole of a zero is no box, and what cannot be recognised in the
    view of a row of boxes may have been in the whole image.

    An entry is what was read, "other" for what is no digit, and None for an empty box.
    """
    rows: list[BoxRow] = []
    places = np.reshape(boxes, (-1, 4))
    grids = [
        grid for grid in grids_in(grey, places) if len(grid.cells) > 1 or not any(is_in(grid, box) for box in boxes)
    ]
    larger, factor = enlarged(grey)
    drawn = lines_of(larger)
    rings, lines = (
        [one for one in found if not any(overlap(one, grid) for grid in grids)]
        for found in (ring_rows(drawn, factor, places), underline_rows(drawn, factor, places))
    )
    known = list(zip(digits, boxes, strict=True))
    for grid in sorted([*grids, *rings, *lines], key=top_of):
        if len(grid.cells) <= MOST - sum(map(len, rows)):
            rows += rows_of(grid, view_for(grey, grid), read, known)
    return tuple(rows)


def overlap(one: Grid, other: Grid) -> bool:
    """Whether what is around two grids has anything in common."""
    (low, high), (lower, higher) = ((grid.corners.min(axis=0), grid.corners.max(axis=0)) for grid in (one, other))
    return bool((np.minimum(high, higher) > np.maximum(low, lower)).all())


def is_in(grid: Grid, box: np.ndarray) -> bool:
    """Whether a grid is inside the box (4,) of a digit."""
    low, high = grid.corners.min(axis=0), grid.corners.max(axis=0)
    return bool((low >= box[:2] - NEAR).all() and (high <= box[2:] + NEAR).all())


def view_for(grey: np.ndarray, grid: Grid) -> LevelView:
    """The level view of a grid of an image (h, w) uint8, without what might be taken for digits in it."""
    level = level_view(grey, grid)
    if grid.kind == "rings":
        return without_rings(level)
    return without_comb(level) if grid.kind == "comb" else level


def without_comb(level: LevelView) -> LevelView:
    """A view of a comb without its line and ticks: a tick might be taken for a one, or for a part of a digit."""
    lines = lines_of(level.grey)
    edge = max(RIM, round(LINE * float((level.boxes[:, 2] - level.boxes[:, 0]).mean())))
    foot = round(float(level.boxes[:, 3].max()))
    places = [*level.boxes[:, 0].tolist(), float(level.boxes[-1, 2])]
    columns = [slice(max(0, round(place) - edge), round(place) + edge + 1) for place in places]
    tall = [upward(np.asarray(lines[: foot - edge, some].any(axis=1))) for some in columns]
    most = round(OTHER_TICKS * float(np.median(tall)))
    erased = np.zeros_like(lines)
    erased[foot - edge : foot + edge + 1] = lines[foot - edge : foot + edge + 1]
    for some, height in zip(columns, tall, strict=True):
        part = slice(max(0, foot - edge - min(height, most)), foot)
        erased[part, some] = lines[part, some]
    wider = cv2.dilate(erased, np.ones((3, 3), np.uint8))
    return level._replace(grey=np.asarray(cv2.inpaint(level.grey, wider, RIM + 1, cv2.INPAINT_TELEA)))


def upward(inked: np.ndarray) -> int:
    """How many of the last rows (n,) are inked without a gap."""
    return int(np.argmin(inked[::-1])) if not inked.all() else len(inked)


def without_rings(level: LevelView) -> LevelView:
    """A view of rings with nothing but what is inside them: a ring might be taken for a zero."""
    inside = np.zeros_like(level.grey)
    for left, top, right, bottom in np.rint(level.insides).astype(int).tolist():
        middle, axes = ((left + right) // 2, (top + bottom) // 2), ((right - left) // 2, (bottom - top) // 2)
        edge = max(RIM, round(RIM_SHARE * min(axes)))
        cv2.ellipse(inside, middle, (max(1, axes[0] - edge), max(1, axes[1] - edge)), 0, 0, 360, 1, -1)
    paper = np.uint8(np.median(level.grey[inside > 0]))
    return level._replace(grey=np.where(inside > 0, level.grey, paper))


def rows_of(
    grid: Grid, level: LevelView, read: Callable[[np.ndarray], Reading], known: Sequence[tuple[Digit, np.ndarray]]
) -> list[BoxRow]:
    """What is in the cells of one grid, row by row, by its view, and by the digits `known` in the image."""
    values = values_of(level, read(level.grey))
    rows: list[list[str | None]] = [[] for _ in range(grid.rows)]
    for cell, value, box in zip(grid.cells, values, level.boxes, strict=True):
        entry = entry_of(value, box, grid.kind)
        rows[cell.row].append(known_in(box, level.back, known) or entry if entry == OTHER else entry)
    return [tuple(row) for row in rows]


def known_in(box: np.ndarray, back: np.ndarray, known: Sequence[tuple[Digit, np.ndarray]]) -> str:
    """The text of the digits known in an image that are in a box (4,) of a view; `back` (3, 3) leads to the image."""
    left, top, right, bottom = box.tolist()
    corners = np.array([[(left, top), (right, top), (right, bottom), (left, bottom)]], np.float32)
    outline = cv2.perspectiveTransform(corners, back)[0].astype(np.float32)
    inside = [
        digit
        for digit, (a, b, c, d) in known
        if cv2.pointPolygonTest(outline, (float(a + c) / 2, float(b + d) / 2), False) > 0
    ]
    return "".join(digit.text for digit in inside)


def entry_of(value: Value, place: np.ndarray, kind: Kind) -> str | None:
    """A value as an entry: text, "other" or None; of several in a `place` (4,) for one digit, the surest in its middle.

    A zero that fills a ring is what was left of it.
    """
    if value.kind == "number" and kind != "boxes" and value.row:
        left, top, right, bottom = place.tolist()
        most = FILLS * (bottom - top)
        inside = [one for one in value.row if kind != "rings" or one.digit or one.box.height <= most]

        def goodness(digit: Digit) -> float:
            middle = digit.box.left + digit.box.width / 2
            return float(digit.confidence - abs(2 * middle - left - right) / (right - left))

        return max(inside, key=goodness).text if inside else None
    if value.kind == "number":
        return value.text
    return None if value.kind == "blank" else OTHER
