"""Boxes and cells drawn on a page: an image comes in, the quadrilaterals that lines enclose go out. Knows no digits.

A cell is a piece of paper with lines around it. That holds for printed and for drawn tables, for single boxes, however
they were photographed, and it needs no idea of how long, how straight or how parallel lines are.
"""

from dataclasses import dataclass

import cv2
import numpy as np

DARK = 110  # the level of grey of a page on which lines are lighter, at most
AROUND, LEAST_AROUND = 0.01, 5.0  # of the longer side, and pixels: the deviation of the blur that a line is compared to
DARKER, DARKEST = 8, 90  # levels of grey: how much darker than that a line is at least, and the darkest paper
SHARE, INKED = 0.25, 99.0  # of what the darkest ink differs, a percentile
GAP = 3  # pixels: the longest gap in a line
SMALLEST, SHORTEST = 80, 8  # pixels: a cell's area, and its shorter side
LARGEST = 0.6  # of the image: a larger one is the page itself
FILLED = 0.82  # of the quadrilateral around it that a cell fills: a circle fills 0.79
MOST_FILLED = 1.45  # of the quadrilateral between its corners: a circle fills 1.57
SLACK = 0.03  # of its outline, by which corners may be rounded
LONG, FLAT = 25.0, 0.2  # times as long as wide, at most; and the sine of the sharpest corner
FRAMED = 0.35  # of a frame that the cells in it fill
EDGE, SHEET_EDGES = 0.03, 3  # of the longer side: the edges of the sheet are near so many of the image's
MEMBERS, WIDE = 40, 0.06  # of a component, which may be an open grid: pixels of a side, and of the image


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of an image: corners (n, 4, 2) in pixels, from the upper left one clockwise.

    `grids` (n,) says which belong together, as those of one table do: they share lines. `walls` (h, w) uint8, 0 or
    255, is all that is drawn or written, with what is missing of lines.
    """

    corners: np.ndarray
    grids: np.ndarray
    walls: np.ndarray

    def __len__(self) -> int:
        return len(self.grids)


def cells_of(grey: np.ndarray) -> Cells:
    """The cells in an image (h, w) uint8: dark lines on lighter paper, or the other way round."""
    walls = closed(lines_of(grey))
    holes = innermost(quadrilaterals(walls))
    return Cells(holes, sharing_lines(holes, walls), walls)


def lines_of(grey: np.ndarray) -> np.ndarray:
    """What is darker than what is around it, (h, w) uint8 of 0 and 255; of a dark page, what is lighter."""
    grey = dark_on_light(grey)
    around = surroundings(grey)
    darker = cv2.subtract(around, grey)
    share = cv2.divide(darker, np.maximum(around, np.uint8(DARKEST)), scale=255)  # in a shadow, lines differ less
    level = max(DARKER, SHARE * float(np.percentile(share, INKED)))
    return np.where((share >= level) & (darker >= DARKER), np.uint8(255), np.uint8(0))


def dark_on_light(grey: np.ndarray) -> np.ndarray:
    """An image (h, w) uint8, inverted if it is a dark page with lighter lines."""
    usual = float(np.median(grey))
    is_dark = usual < DARK and usual < float(cv2.mean(grey)[0]) - 1
    return np.asarray(cv2.bitwise_not(grey)) if is_dark else grey


def surroundings(grey: np.ndarray) -> np.ndarray:
    """What is around each pixel of an image (h, w) uint8, mostly paper, of the same type."""
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), max(LEAST_AROUND, AROUND * max(grey.shape))))


def closed(lines: np.ndarray) -> np.ndarray:
    """Lines without short gaps, and open grids with what is missing at their edges: the sides of their outline."""
    lines = cv2.morphologyEx(lines, cv2.MORPH_CLOSE, np.ones((GAP, GAP), np.uint8))
    contours, _ = cv2.findContours(lines, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    least = max(MEMBERS, WIDE * max(lines.shape))
    for contour in contours:
        left, top, width, height = cv2.boundingRect(contour)
        edges = np.array([left, top, lines.shape[1] - left - width, lines.shape[0] - top - height])
        is_sheet = (edges <= EDGE * max(lines.shape)).sum() >= SHEET_EDGES
        if min(width, height) < SHORTEST or max(width, height) < least or is_sheet:
            continue
        hull = cv2.convexHull(contour)
        corners = corners_of(hull)
        if corners is not None and fills(hull, corners):
            cv2.polylines(lines, [np.rint(corners).astype(np.int32)], True, 255, 1)
    return lines


def quadrilaterals(lines: np.ndarray) -> np.ndarray:
    """The corners (n, 4, 2) of the pieces of paper, with lines all around them, that have four corners."""
    contours, levels = cv2.findContours(lines, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    found: list[np.ndarray] = []
    for contour, (*_, parent) in zip(contours, levels[0] if levels is not None else (), strict=True):
        if parent < 0 or len(contour) < 4 * SHORTEST:  # the outside of a line, or too small
            continue
        # Writing that touches a line cuts into the cell; its hull is the cell.
        hull = cv2.convexHull(contour)
        if cv2.contourArea(contour) < SMALLEST or cv2.contourArea(hull) > LARGEST * lines.size:
            continue
        corners = corners_of(hull)
        if corners is not None and fills(hull, corners):
            found.append(corners)
    return np.array(found, np.float32).reshape(-1, 4, 2)


def fills(hull: np.ndarray, corners: np.ndarray) -> bool:
    """Whether a convex outline is about the quadrilateral between four corners (4, 2) of it."""
    return FILLED <= cv2.contourArea(hull) / cv2.contourArea(corners) <= MOST_FILLED


def innermost(corners: np.ndarray) -> np.ndarray:
    """The cells without frames around several others, and without what is in a cell, such as the hole of a zero."""
    areas = np.array([cv2.contourArea(four) for four in corners])
    middles = corners.mean(axis=1)
    kept = np.ones(len(corners), bool)
    for index in np.argsort(-areas).tolist():
        if not kept[index]:
            continue
        inside = [
            other
            for other in np.flatnonzero(kept & (areas < areas[index])).tolist()
            if cv2.pointPolygonTest(corners[index], middles[other].tolist(), False) > 0
        ]
        if len(inside) > 1 and areas[inside].sum() >= FRAMED * areas[index]:
            kept[index] = False
        else:
            kept[inside] = False
    return corners[kept]


def corners_of(hull: np.ndarray) -> np.ndarray | None:
    """The four corners (4, 2) of a convex outline, from the upper left one clockwise; None if it has not four."""
    outline = cv2.arcLength(hull, True)
    for slack in (SLACK, 2 * SLACK):
        approximate = cv2.approxPolyDP(hull, slack * outline, True)[:, 0]
        if len(approximate) == 4:
            break
    else:
        return None
    corners = clockwise(approximate.astype(np.float32))
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    if lengths.min() < SHORTEST or lengths.max() > LONG * lengths.min():
        return None
    before = np.roll(sides, 1, axis=0)
    sines = (before[:, 0] * sides[:, 1] - before[:, 1] * sides[:, 0]) / (lengths * np.roll(lengths, 1))
    return corners if (np.abs(sines) > 1 - FLAT).all() else None


def clockwise(corners: np.ndarray) -> np.ndarray:
    """Four corners (4, 2) from the one that is nearest to the upper left, clockwise."""
    middle = corners.mean(axis=0)
    order = np.argsort(np.arctan2(*(corners - middle).T[::-1]))
    corners = corners[order]
    return np.asarray(np.roll(corners, -int(corners.sum(axis=1).argmin()), axis=0))


def sharing_lines(corners: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Which of the cells (n, 4, 2) share lines: a number for each, (n,)."""
    _, components = cv2.connectedComponents(lines)
    height, width = lines.shape
    found: list[int] = []
    for four in corners:
        middle = four.mean(axis=0)
        outward = four + 3 * (four - middle) / np.maximum(np.hypot(*(four - middle).T)[:, None], 1)
        edges = np.concatenate([outward + share * (np.roll(outward, -1, axis=0) - outward) for share in (0, 0.3, 0.7)])
        x, y = np.clip(np.rint(edges).astype(int), 0, [width - 1, height - 1]).T
        near = components[y, x]
        near = near[near > 0]
        found.append(int(np.bincount(near).argmax()) if len(near) else -1 - len(found))
    return np.unique(np.array(found, np.int64), return_inverse=True)[1]
