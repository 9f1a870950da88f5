"""What is on a page before there is paper: layers of ink, and which digits are where.

Layers are drawn at twice the size of the page, without antialiasing, and averaged: lines are then half pixels wide,
and OpenCV is fastest at that. All positions and lengths are in pixels of the page.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from mnist_cnn.data.pages.page import IGNORED, Box
from mnist_cnn.data.pages.sources import Sources

TWICE = 2
SHIFT = 3  # OpenCV takes points in eighths of a pixel
FINE = TWICE << SHIFT
MOST_BOXES = 96  # on a page
CLEAN = 0.3  # of the pages
NARROW = 0.7  # heights: the width of a place for a digit
MOST_MARKS = 60  # characters on a page, which bounds the time


class OwnInk(NamedTuple):
    """The ink of one digit: (h, w) uint8, 0 to 255, of a layer, and where in the layer its upper left corner is."""

    left: int
    top: int
    patch: np.ndarray


class Mark(NamedTuple):
    """A mark of those that are read between digits: which, its box, and the place of a digit that stood there."""

    char: str
    ink: Box
    place: Box


def place_at(centre: float, line: float, height: float) -> Box:
    """The place of a digit of this height on a line, its middle at `centre`."""
    return Box(centre - NARROW * height / 2, line - height, centre + NARROW * height / 2, line)


class Scene:
    """A page being drawn.

    `ink` is what a pen wrote, `form` what is printed or drawn around it, `ruling` the lines of the paper: each
    (2·side, 2·side) uint8, 0 to 255. `boxes` and `labels` are digits, and what is to be ignored, also outside the page;
    `written` are the boxes of all that was written. `kinds` names what was drawn. `clean` pages have even light
    and strong ink, as if drawn on a screen or scanned; `noise` is the deviation of the camera's noise, of the range.
    `inks` is the own ink of each digit, by its place in `boxes`, or None where that is not kept. `marks` are the marks
    beside digits and elsewhere, `gaps` places beside and between digits where usually there is none.
    """

    def __init__(self, rng: np.random.Generator, given: Sources, side: int, *, keep_inks: bool = False) -> None:
        self.rng = rng
        self.given = given
        self.side = side
        self.ink, self.form, self.ruling = np.zeros((3, TWICE * side, TWICE * side), np.uint8)
        self.boxes: list[Box] = []
        self.labels: list[int] = []
        self.written: list[Box] = []
        self.kinds: list[str] = []
        self.clean = self.chance(CLEAN)
        self.noise = 0.0
        self.inks: dict[int, OwnInk] | None = {} if keep_inks else None
        self.marks: list[Mark] = []
        self.gaps: list[Box] = []

    @property
    def full(self) -> bool:
        """Whether there is enough on the page."""
        return len(self.written) >= MOST_MARKS or len(self.boxes) >= MOST_BOXES

    @property
    def has_phrases(self) -> bool:
        """Whether there is handwriting of whole words."""
        return len(self.given.phrases.labels) > 0

    @property
    def digits(self) -> list[Box]:
        """The boxes of the digits to be found, also of those outside the page."""
        return [box for box, label in zip(self.boxes, self.labels, strict=True) if label >= 0]

    def add(self, label: int, box: Box) -> None:
        """Note a digit, or with `IGNORED` something to ignore."""
        self.boxes.append(box)
        self.labels.append(label)

    def ignore(self, box: Box) -> None:
        """Note something that is no evidence, neither for nor against a digit."""
        self.add(IGNORED, box)

    def between(self, low: float, high: float) -> float:
        """A random number, uniform."""
        return low + (high - low) * self.rng.random()

    def growing(self, low: float, high: float) -> float:
        """A random positive number whose logarithm is uniform."""
        return float(low * (high / low) ** self.rng.random())

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return self.rng.random() < share

    def whole(self, low: int, high: int) -> int:
        """A random whole number from `low` to `high`."""
        return low + int(self.rng.random() * (high - low + 1))


def line(layer: np.ndarray, points: Sequence[Sequence[float]] | np.ndarray, width: float, value: int = 255) -> None:
    """Draw connected straight lines through points (n, 2), `width` pixels wide; below half a pixel they are fainter."""
    drawn = np.rint(np.asarray(points, np.float32) * FINE).astype(np.int32)
    polylines(layer, [drawn], width, value)


def polylines(layer: np.ndarray, pieces: list[np.ndarray], width: float, value: int = 255) -> None:
    """Draw lines through points that are already in OpenCV's fixed-point numbers."""
    thickness = TWICE * width
    if thickness < 1:
        value = round(value * max(thickness, 0.3))
    cv2.polylines(layer, pieces, False, value, max(1, round(thickness)), cv2.LINE_8, SHIFT)


def rectangle(layer: np.ndarray, box: Box, width: float, value: int = 255) -> None:
    """Draw the outline of a box, or with a negative width fill it."""
    corners = [round(value_ * FINE) for value_ in box]
    thickness = -1 if width < 0 else max(1, round(TWICE * width))
    cv2.rectangle(layer, (corners[0], corners[1]), (corners[2], corners[3]), value, thickness, cv2.LINE_8, SHIFT)


def ellipse(
    layer: np.ndarray,
    centre: tuple[float, float],
    axes: tuple[float, float],
    width: float,
    turned: float = 0.0,
    arc: tuple[float, float] = (0.0, 360.0),
    value: int = 255,
) -> None:
    """Draw an ellipse or an arc of it, angles in degrees; with a negative width fill it."""
    thickness = -1 if width < 0 else max(1, round(TWICE * width))
    middle, radii = ([max(0, round(one * FINE)) if place else round(one * FINE) for one in pair] for place, pair in
                     enumerate((centre, axes)))  # fmt: skip
    cv2.ellipse(layer, middle, radii, turned, arc[0], arc[1], value, thickness, cv2.LINE_8, SHIFT)
