"""Rows of places that are drawn for a digit each: boxes, combs, rings, short lines, cells. An image in, grids out."""

from dataclasses import dataclass

import cv2
import numpy as np

from mnist_cnn.reading.grids import Cell, Grid, as_lines, top_of
from mnist_cnn.reading.place_network import PlaceDetector
from mnist_cnn.reading.weights import bundled_place_detector

MIDDLE = 0.6  # of the width and height of a place: the part of it that the network marks
LEAST, MOST, TIMES = 720, 1400, 3  # pixels of the longer side that the network sees; how much it is enlarged at most
PROBABLE, CERTAIN = 128, 190  # of 255: a pixel in the middle of a place; and the surest pixel of one
SHORTEST = 4  # pixels of the middle of a place
FULL = 0.55  # of its bounding box, which the middle of a place fills
LEVEL = 0.5  # of their height, by which places of one row are higher or lower at most
ALIKE, SAME = 0.35, 0.2  # of a place's height, by which others of its row differ at most, and if they are of one kind
BESIDE, FAR = 2.0, 4.0  # heights: places of one row are not farther apart, nor if they are the same
EVEN = 0.2  # of the usual width and distance, by which those of an even row differ at most


@dataclass(frozen=True, eq=False)
class Place:
    """The middle of a place: the points (n, 2) around it, and its box: left, top, right, bottom."""

    points: np.ndarray
    box: tuple[float, float, float, float]

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
    rows = [grid_of_row(row) for row in rows_of(places_in(probable))]
    return sorted((row.scaled(1 / factor) for row in rows), key=top_of)


def places_in(probable: np.ndarray) -> list[Place]:
    """The middles of places, by how probable it is that each pixel (h, w) of 0 to 255 is in one."""
    contours, _ = cv2.findContours((probable >= PROBABLE).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = []
    for contour in contours:
        left, top, width, height = cv2.boundingRect(contour)
        if min(width, height) < SHORTEST or cv2.contourArea(contour) < FULL * (width - 1) * (height - 1):
            continue
        if probable[top : top + height, left : left + width].max() >= CERTAIN:
            found.append(Place(contour[:, 0].astype(np.float64), (left, top, left + width, top + height)))
    return found


def rows_of(places: list[Place]) -> list[list[Place]]:
    """Places in rows, each from the left: those beside each other that are about as high."""
    rows: list[list[Place]] = []
    for place in sorted(places, key=lambda one: one.box[0]):
        near = [row for row in rows if is_beside(row[-1], place)]
        if near:
            min(near, key=lambda row: float(np.abs(row[-1].centre - place.centre).sum())).append(place)
        else:
            rows.append([place])
    return rows


def is_beside(one: Place, other: Place) -> bool:
    """Whether a place is of the same row as one to its left."""
    height = float(one.size[1])
    right, down = other.centre - one.centre
    apart = float(right - (one.size[0] + other.size[0]) / 2)
    differ = np.abs(other.size - one.size) / one.size
    is_same = bool((differ <= SAME).all())
    is_level = abs(float(down)) <= LEVEL * height and float(differ[1]) <= ALIKE
    return is_level and -LEVEL * height <= apart <= (FAR if is_same else BESIDE) * height


def grid_of_row(row: list[Place]) -> Grid:
    """The places of one row, from the left, as a grid of one row."""
    angle = 0.0
    if len(row) > 1:
        x, y = np.array([place.centre for place in row]).T
        angle = float(np.arctan(np.polyfit(x, y, 1)[0]))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = [place.points @ turn.T for place in row]
    low, high = (np.array([fun(points, axis=0) for points in turned]) for fun in (np.min, np.max))
    centres, halves = (low + high) / 2, (high + 1 - low) / 2 / MIDDLE
    if is_even(centres[:, 0], halves[:, 0]):
        halves[:, 0] = np.median(halves[:, 0])
    halves[:, 1] = np.median(halves[:, 1])
    begins, ends = centres[:, 0] - halves[:, 0], centres[:, 0] + halves[:, 0]
    fit = np.polyfit(centres[:, 0], centres[:, 1], 1) if len(row) > 1 else np.array([0.0, centres[0, 1]])
    tall = float(halves[0, 1])
    sides = [(at, float(np.polyval(fit, at)) + way * tall) for way, at in
             ((-1, begins[0]), (-1, ends[-1]), (1, ends[-1]), (1, begins[0]))]  # fmt: skip
    corners = (np.array(sides) @ turn).astype(np.float32)
    across = np.stack([np.concatenate([begins[:1], ends]), np.concatenate([begins, ends[-1:]])], axis=1) - begins[0]
    joined = across[:, 0] > across[:, 1]
    across[joined] = across[joined].mean(axis=1, keepdims=True)
    cells = tuple(Cell(0, column) for column in range(len(row)))
    return Grid(corners, (float(across[-1, 1]), 2 * tall), as_lines(np.array([0.0, 2 * tall])), across, cells)


def is_even(centres: np.ndarray, halves: np.ndarray) -> bool:
    """Whether places of one row are all about as wide."""
    return bool(np.ptp(halves) <= EVEN * 2 * np.median(halves)) and len(centres) > 1
