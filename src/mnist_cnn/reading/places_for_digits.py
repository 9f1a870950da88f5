"""Rows of places that are drawn for a digit each: boxes, combs, rings, short lines, cells. An image in, grids out."""

from dataclasses import dataclass

import cv2
import numpy as np

from mnist_cnn.reading.grids import Cell, Grid, as_lines, top_of
from mnist_cnn.reading.place_network import PlaceDetector
from mnist_cnn.reading.weights import bundled_place_detector

MIDDLE = 0.6  # of the width and height of a place: the part of it that the network marks
LEAST, MOST, TIMES = 720, 1400, 3  # pixels of the longer side that the network sees; how much it is enlarged at most
PROBABLE = 150  # of 255: a pixel in the middle of a place
LIKELY, CERTAIN = 190, 240  # of 255: the surest pixel of a place in a row, and of one place of each row
STROKE, HALVED = 0.16, 0.34  # of their height: nearer pieces are of one place, if together no wider than most are
WIDER, WIDE = 1.4, 75  # times as wide as a percentile of all pieces: two that a stroke divides are not wider together
MOST_PIECES = 2000  # of an image: of more, the largest are taken
SHORTEST = 4  # pixels of the middle of a place
FULL = 0.55  # of its bounding box, which the middle of a place fills
LEVEL = 0.5  # of their height, by which places of one row are higher or lower at most
ALIKE, SAME = 0.5, 0.2  # of the higher place, by which others of its row differ at most, and if they are of one kind
BESIDE, FAR = 2.0, 4.0  # heights: places of one row are not farther apart, nor if they are the same
EVEN = 0.2  # of the usual width, by which those of a row of equal places differ at most


@dataclass(frozen=True, eq=False)
class Place:
    """The middle of a place: the points (n, 2) around it, its box: left, top, right, bottom, and its surest pixel."""

    points: np.ndarray
    box: tuple[float, float, float, float]
    surest: int

    @property
    def centre(self) -> np.ndarray:
        """The middle of its box (2,)."""
        left, top, right, bottom = self.box
        return np.array([left + right, top + bottom]) / 2

    @property
    def size(self) -> np.ndarray:
        """The width and height (2,) of the whole place."""
        left, top, right, bottom = self.box
        return np.array([right - left, bottom - top]) / MIDDLE


def place_rows(grey: np.ndarray, detect: PlaceDetector | None = None) -> list[Grid]:
    """The rows of places for a digit each in an image (h, w) uint8, from the top; a single place is a row as well.

    `detect` is the network, by default the bundled one.
    """
    factor = float(np.clip(LEAST / max(grey.shape), min(1.0, MOST / max(grey.shape)), TIMES))
    seen = grey
    if factor != 1:
        how = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
        seen = np.asarray(cv2.resize(grey, None, fx=factor, fy=factor, interpolation=how))
    found = (detect or bundled_place_detector())(seen)
    height, width = seen.shape
    probable = np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR))
    rows = [grid_of_row(row) for row in rows_of(places_in(probable)) if max(place.surest for place in row) >= CERTAIN]
    return sorted((row.scaled(1 / factor) for row in rows), key=top_of)


def places_in(probable: np.ndarray) -> list[Place]:
    """The middles of places, by how probable it is that each pixel (h, w) of 0 to 255 is in one."""
    contours, _ = cv2.findContours((probable >= PROBABLE).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    pieces = [one[:, 0] for one in contours if min(cv2.boundingRect(one)[2:]) >= SHORTEST]
    pieces = sorted(pieces, key=cv2.contourArea, reverse=True)[:MOST_PIECES]
    found = []
    for points in joined(pieces):
        left, top, width, height = cv2.boundingRect(points)
        surest = int(probable[top : top + height, left : left + width].max())
        is_full = cv2.contourArea(cv2.convexHull(points)) >= FULL * (width - 1) * (height - 1)
        if is_full and surest >= LIKELY:
            found.append(Place(points.astype(np.float64), (left, top, left + width, top + height), surest))
    return found


def joined(pieces: list[np.ndarray]) -> list[np.ndarray]:
    """The points (n, 2) around pieces, those together that a stroke divided: no two places are so near each other."""
    boxes = np.array([cv2.boundingRect(piece) for piece in pieces], float).reshape(-1, 4)
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    apart = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(axis=2)
    height = np.maximum(boxes[:, None, 3], boxes[None, :, 3])
    together = np.maximum(high[:, None, 0], high[None, :, 0]) - np.minimum(low[:, None, 0], low[None, :, 0])
    usual = float(np.percentile(boxes[:, 2], WIDE)) if len(boxes) else 0.0
    near = apart <= np.where(together <= WIDER * usual, HALVED, STROKE) * height
    free, found = np.ones(len(pieces), bool), []
    for first in range(len(pieces)):
        members: list[int] = []
        added = [first] if free[first] else []
        while added:
            free[added] = False
            members += added
            added = np.flatnonzero(near[added].any(axis=0) & free).tolist()
        if members:
            found.append(np.concatenate([pieces[index] for index in members]))
    return found


def rows_of(places: list[Place]) -> list[list[Place]]:
    """Places in rows, each from the left: those beside each other that are about as high."""
    ordered = sorted(places, key=lambda one: one.box[0])
    centres = np.array([place.centre for place in ordered]).reshape(-1, 2)
    sizes = np.array([place.size for place in ordered]).reshape(-1, 2)
    beside = are_beside(centres, sizes)
    rows: dict[int, list[Place]] = {}  # by their last place
    for index, place in enumerate(ordered):
        lasts = [last for last in np.flatnonzero(beside[:index, index]).tolist() if last in rows]
        nearest = min(lasts, key=lambda last: float(np.abs(centres[last] - centres[index]).sum()), default=index)
        rows[index] = [*rows.pop(nearest, []), place]
    return list(rows.values())


def are_beside(centres: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Whether each of n places, (n, 2) both, may be the last before another one, to its right, in a row: (n, n)."""
    width, height = sizes[:, None, 0], sizes[:, None, 1]
    right, down = (centres[None] - centres[:, None]).transpose(2, 0, 1)
    apart = right - (width + sizes[None, :, 0]) / 2
    wider, higher = (np.abs(sizes[None] - sizes[:, None]) / np.maximum(sizes[None], sizes[:, None])).transpose(2, 0, 1)
    farthest = np.where((wider <= SAME) & (higher <= SAME), FAR, BESIDE) * height
    is_level = (np.abs(down) <= LEVEL * height) & (higher <= ALIKE)
    return np.asarray(is_level & (apart >= -LEVEL * np.minimum(width, width.T)) & (apart <= farthest))


def grid_of_row(row: list[Place]) -> Grid:
    """The places of one row, from the left, as a grid of one row."""
    turn = turn_of(row)
    turned = [place.points @ turn.T for place in row]
    low, high = (np.array([fun(points, axis=0) for points in turned]) for fun in (np.min, np.max))
    (x, y), (half, tall) = ((low + high) / 2).T, ((high + 1 - low) / 2 / MIDDLE).T
    tall = float(np.median(tall))
    if np.ptp(half) <= EVEN * 2 * np.median(half):
        half = np.full_like(half, np.median(half))
    begins, ends = x - half, x + half
    first, last, top, bottom = begins[0], ends[-1], np.median(y) - tall, np.median(y) + tall
    corners = np.array([(first, top), (last, top), (last, bottom), (first, bottom)])
    across = np.stack([np.concatenate([begins[:1], ends]), np.concatenate([begins, ends[-1:]])], axis=1) - begins[0]
    joined = across[:, 0] > across[:, 1]
    across[joined] = across[joined].mean(axis=1, keepdims=True)
    cells = tuple(Cell(0, column) for column in range(len(row)))
    size = float(across[-1, 1]), 2 * tall
    return Grid((corners @ turn).astype(np.float32), size, as_lines(np.array([0.0, size[1]])), across, cells)


def turn_of(row: list[Place]) -> np.ndarray:
    """The rotation (2, 2) that makes a row level, if it is more than one place."""
    x, y = np.array([place.centre for place in row]).T
    angle = float(np.arctan(np.polyfit(x, y, 1)[0])) if len(row) > 1 else 0.0
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
