"""Rings and short lines that are drawn for a digit each: an image and its digits come in, rows of places go out.

A ring by itself may be a zero, and a line a dash. They are places for digits only if there is a digit in one of them,
or on it, and the others of its row are as large.
"""

import cv2
import numpy as np

from mnist_cnn.reading.boxes import areas, intersections
from mnist_cnn.reading.cells import SHORTEST, SMALLEST
from mnist_cnn.reading.grids import Cell, Grid, Kind, as_lines

GAP = 3  # pixels: the longest gap in a ring
ROUND, EXACT = 1.6, 0.08  # times as long as wide, at most; and the share by which a ring may differ from an ellipse
LARGEST = 0.2  # of the image's longer side
INSIDE = 0.9  # of a digit's box that is in its place
ALIKE = 0.25  # of the size of one place, by which others of its row differ at most
LEVEL = 0.5  # of their height, by which places of one row are higher or lower at most
FAR = 4.0  # widths between places of one row, at most
FEWEST = 2  # places of a row, and lines of one
LONG, FLAT = 12, 3.5  # pixels: the shortest line; and how many times as long as thick it is
ON, BELOW, BESIDE, WIDEST = 0.9, 0.45, 0.3, 2.5  # digits' heights above a line and below, widths beside it; its length
TALL = 1.9  # times as high as the digits on them are the places above lines
EVEN = 0.2  # of the distance between places, by which other distances differ at most
SHORTER = 30  # a percentile of the distances: some are longer, where a place is hidden
DIGIT = 0.3  # of a ring's height: a digit in it is at least so high


def ring_rows(lines: np.ndarray, factor: int, digits: np.ndarray) -> list[Grid]:
    """The rows of rings in an image, in one of which there is one of the `digits`, boxes (n, 4), or ink.

    `lines` (h, w) uint8 is what is drawn, of an image that is enlarged by this factor. What is in a ring may not have
    been found, where the ring was taken for a zero.
    """
    rings = rings_of(lines)
    inked = np.array([has_ink(lines, ring) for ring in rings], bool)
    filled = inked | (share_inside(factor * digits, rings) >= INSIDE).any(axis=0)
    return [grid.scaled(1 / factor) for grid in grids_of_rows(rings, filled, "rings")]


def underline_rows(lines: np.ndarray, factor: int, digits: np.ndarray) -> list[Grid]:
    """The rows of short lines in an image on which digits, boxes (n, 4), are written: the places above.

    `lines` and the factor are those of `ring_rows`.
    """
    if not len(digits):
        return []
    digits = factor * digits
    heights = digits[:, 3] - digits[:, 1]
    height = float(np.median(heights))
    places = short_lines(lines)
    places = places[places[:, 2] - places[:, 0] <= WIDEST * height]
    middles, beside = (digits[:, None, 0] + digits[:, None, 2]) / 2, BESIDE * (places[:, 2] - places[:, 0])
    over = (middles > places[:, 0] - beside) & (middles < places[:, 2] + beside)
    above = places[:, 1] - digits[:, None, 3]
    filled = (over & (above <= ON * heights[:, None]) & (above >= -BELOW * heights[:, None])).any(axis=0)
    places[:, 1] -= TALL * height
    return [grid.scaled(1 / factor) for grid in grids_of_rows(places, filled, "lines") if is_even(grid)]


def grids_of_rows(places: np.ndarray, filled: np.ndarray, kind: Kind) -> list[Grid]:
    """Places (n, 4) as rows, of those that have some with a digit (n,)."""
    rows = [row for row in rows_of(places) if len(row) >= FEWEST and filled[row].any()]
    return [grid_of_row(with_hidden(places[row]), kind) for row in rows]


def with_hidden(row: np.ndarray) -> np.ndarray:
    """Places (n, 4) of a row from the left, and between them those that writing hides, at the same distances."""
    steps = np.diff(row[:, 0])
    usual = float(np.percentile(steps, SHORTER)) if len(steps) >= FEWEST else float(steps.max())
    found = [row[:1]]
    for before, after, step in zip(row[:-1], row[1:], steps.tolist(), strict=True):
        count = round(step / usual)
        shares = np.arange(1, count + 1)[:, None] / count if abs(step / usual - count) <= EVEN else np.ones((1, 1))
        found.append(before + shares * (after - before))
    return np.concatenate(found).astype(np.float32)


def has_ink(lines: np.ndarray, ring: np.ndarray) -> bool:
    """Whether something as large as a digit is inside a ring (4,) of what is drawn, and does not touch it."""
    left, top, right, bottom = np.rint(ring).astype(int).tolist()
    inside = np.zeros((bottom - top, right - left), np.uint8)
    cv2.ellipse(inside, ((right - left) // 2, (bottom - top) // 2), ((right - left) // 2, (bottom - top) // 2),
                0, 0, 360, 255, -1)  # fmt: skip
    part = cv2.bitwise_and(lines[top:bottom, left:right], inside)
    _, _, stats, _ = cv2.connectedComponentsWithStats(part)
    x, y, width, height = stats[1:, :4].T
    free = (x > 0) & (y > 0) & (x + width < right - left) & (y + height < bottom - top)
    return bool((free & (height >= DIGIT * (bottom - top)) & (height <= bottom - top)).any())


def rings_of(lines: np.ndarray) -> np.ndarray:
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


def grid_of_row(places: np.ndarray, kind: Kind) -> Grid:
    """Places (n, 4) of one row, from the left, as a grid of boxes that stand apart."""
    low, high = places[:, :2].min(axis=0), places[:, 2:].max(axis=0)
    width, height = (high - low).tolist()
    corners = np.array([low, (high[0], low[1]), high, (low[0], high[1])], np.float32)
    begins, ends = places[:, 0] - low[0], places[:, 2] - low[0]
    across = np.stack([np.concatenate([begins[:1], ends]), np.concatenate([begins, ends[-1:]])], axis=1)
    cells = tuple(Cell(0, column) for column in range(len(places)))
    return Grid(corners, (width, height), as_lines(np.array([0.0, height])), across, cells, kind)


def is_even(grid: Grid) -> bool:
    """Whether the places of a row are at equal distances; of two, whether they are not farther apart than wide."""
    begins, ends = grid.across[:-1, 1], grid.across[1:, 0]
    steps = np.diff(begins)
    if len(steps) < FEWEST:
        return bool(steps[0] <= 2 * (ends - begins).mean())
    return bool((np.abs(steps - np.median(steps)) <= EVEN * np.median(steps)).all())
