"""Rings and short lines that are drawn for a digit each: an image and its digits come in, rows of places go out.

A ring by itself may be a zero, and a line a dash. They are places for digits only if there is a digit in one of them,
or on it, and the others of its row are as large.
"""

from collections.abc import Callable

import cv2
import numpy as np

from mnist_cnn.reading.boxes import areas, intersections
from mnist_cnn.reading.cells import SHORTEST, SMALLEST, lines_of
from mnist_cnn.reading.grids import Cell, Grid, as_lines, enlarged

GAP = 3  # pixels: the longest gap in a ring
ROUND, EXACT = 1.6, 0.08  # times as long as wide, at most; and the share by which a ring may differ from an ellipse
LARGEST = 0.2  # of the image's longer side
INSIDE = 0.9  # of a digit's box that is in its place
ALIKE = 0.25  # of the size of one place, by which others of its row differ at most
LEVEL = 0.5  # of their height, by which places of one row are higher or lower at most
FAR = 4.0  # widths between places of one row, at most
FEWEST = 2  # places of a row, and lines of one
LONG, FLAT = 12, 6.0  # pixels: the shortest line; and how many times as long as thick it is
ON, BESIDE, WIDEST = 0.45, 0.3, 2.5  # digits' heights from a line, widths beside it, and heights that a line is long
TALL = 1.35  # times as high as the digits on them are the places above lines
EVEN = 0.2  # of the distance between lines, by which other distances differ at most


def ring_rows(grey: np.ndarray, digits: np.ndarray) -> list[Grid]:
    """The rows of rings in an image (h, w) uint8, in one of which each has one of the `digits`, boxes (n, 4)."""
    return rows_in(grey, digits, rings_of, lambda rings, some: share_inside(some, rings) >= INSIDE)


def underline_rows(grey: np.ndarray, digits: np.ndarray) -> list[Grid]:
    """The rows of short lines in an image (h, w) uint8 on which digits, boxes (n, 4), are written: the places above."""
    if not len(digits):
        return []
    height = float(np.median(digits[:, 3] - digits[:, 1]))

    def places(lines: np.ndarray, factor: float) -> np.ndarray:
        found = short_lines(lines)
        lengths = found[:, 2] - found[:, 0]
        found = found[lengths <= WIDEST * height * factor]
        found[:, 1] -= TALL * height * factor
        return np.asarray(found)

    def is_on(above: np.ndarray, some: np.ndarray) -> np.ndarray:
        """Which digits (n, 4) stand on which lines (k, 4), those of the places above: (n, k)."""
        middles = (some[:, None, 0] + some[:, None, 2]) / 2
        beside = BESIDE * (above[:, 2] - above[:, 0])
        over = (middles > above[None, :, 0] - beside) & (middles < above[None, :, 2] + beside)
        tall = some[:, 3:] - some[:, 1:2]
        return np.asarray(over & (np.abs(some[:, 3:] - above[None, :, 3]) <= ON * tall))

    return [grid for grid in rows_in(grey, digits, places, is_on) if is_even(grid)]


def rows_in(
    grey: np.ndarray,
    digits: np.ndarray,
    places_of: Callable[[np.ndarray, float], np.ndarray],
    has: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> list[Grid]:
    """Rows of places, which are found in what is drawn, on an enlarged image if it is small; some have a digit."""
    larger, factor = enlarged(grey)
    places = places_of(lines_of(larger), factor) / factor
    if not len(places) or not len(digits):
        return []
    filled = np.asarray(has(places, digits).any(axis=0))
    return [grid_of_row(places[row]) for row in rows_of(places) if filled[row].any() and len(row) >= FEWEST]


def rings_of(lines: np.ndarray, _factor: float = 1.0) -> np.ndarray:
    """The boxes (n, 4) of what is inside the rings in what is drawn, (h, w) uint8 of 0 and 255."""
    closed = cv2.morphologyEx(lines, cv2.MORPH_CLOSE, np.ones((GAP, GAP), np.uint8))
    contours, levels = cv2.findContours(closed, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    found = []
    for contour, (*_, parent) in zip(contours, levels[0] if levels is not None else (), strict=True):
        hull = cv2.convexHull(contour)
        if parent < 0 or cv2.contourArea(hull) < SMALLEST:
            continue
        (_, (width, height), _), box = cv2.minAreaRect(hull), cv2.boundingRect(hull)
        share = cv2.contourArea(hull) / (np.pi / 4 * max(1.0, width * height))
        is_ring = abs(share - 1) <= EXACT and max(width, height) <= ROUND * min(width, height)
        if is_ring and min(width, height) >= SHORTEST and max(width, height) <= LARGEST * max(lines.shape):
            left, top, across, down = box
            found.append((left, top, left + across, top + down))
    return np.array(found, np.float32).reshape(-1, 4)


def short_lines(lines: np.ndarray) -> np.ndarray:
    """The boxes (n, 4) of level lines that touch nothing, in what is drawn, (h, w) uint8 of 0 and 255."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(lines)
    left, top, width, height = stats[1:, :4].T
    some = (width >= LONG) & (width >= FLAT * height) & (width <= LARGEST * max(lines.shape))
    return np.asarray(np.stack([left, top, left + width, top + height], axis=1)[some], np.float32)


def share_inside(digits: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Of each digit's box (n, 4) the share in each place (k, 4): (n, k)."""
    return np.asarray(intersections(digits, places) / np.maximum(areas(digits)[:, None], 1))


def rows_of(places: np.ndarray) -> list[list[int]]:
    """Places (n, 4) in rows from the top, each from the left: those beside each other that are as large."""
    sizes = places[:, 2:] - places[:, :2]
    rows: list[list[int]] = []
    for index in np.argsort(places[:, 0], kind="stable").tolist():
        for row in rows:
            last = row[-1]
            usual = np.median(sizes[row], axis=0)
            apart = places[index, 0] - places[last, 2]
            is_level = abs(float(places[index, 1] - places[last, 1])) <= LEVEL * usual[1]
            is_alike = bool(np.all(np.abs(sizes[index] - usual) <= ALIKE * usual))
            if is_alike and is_level and -1 <= apart <= FAR * usual[0]:
                row.append(index)
                break
        else:
            rows.append([index])
    return sorted(rows, key=lambda row: float(places[row, 1].min()))


def grid_of_row(places: np.ndarray) -> Grid:
    """Places (n, 4) of one row, from the left, as a grid of boxes that stand apart."""
    low, high = places[:, :2].min(axis=0), places[:, 2:].max(axis=0)
    width, height = (high - low).tolist()
    corners = np.array([low, (high[0], low[1]), high, (low[0], high[1])], np.float32)
    begins, ends = places[:, 0] - low[0], places[:, 2] - low[0]
    across = np.stack([np.concatenate([begins[:1], ends]), np.concatenate([begins, ends[-1:]])], axis=1)
    cells = tuple(Cell(0, column) for column in range(len(places)))
    return Grid(corners, (width, height), as_lines(np.array([0.0, height])), across, cells)


def is_even(grid: Grid) -> bool:
    """Whether the places of a row are at equal distances; of two, whether they are not farther apart than wide."""
    begins, ends = grid.across[:-1, 1], grid.across[1:, 0]
    steps = np.diff(begins)
    if len(steps) < FEWEST:
        return bool(steps[0] <= 2 * (ends - begins).mean())
    return bool((np.abs(steps - np.median(steps)) <= EVEN * np.median(steps)).all())
