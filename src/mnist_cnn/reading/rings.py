"""Rings drawn around places for a digit each are no zeros: a row in which some were, and what is in these places."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from mnist_cnn.reading.box_contents import DIGIT, Known, contents_of, digit_in, kind_of, known_in
from mnist_cnn.reading.boxes import intersections_over_unions
from mnist_cnn.reading.digit import Box, Digit
from mnist_cnn.reading.grids import LevelView, level_view
from mnist_cnn.reading.place_network import PlaceDetector
from mnist_cnn.reading.places_for_digits import MIDDLE, place_rows
from mnist_cnn.reading.recognised_lines import Found

FEWEST = 3  # rings in a row
AROUND = 1.0  # heights: how much around a row is looked at
HIGHER = 1.2  # times as high as its row's other digits: a zero that may be an empty ring
HOLE, INKED = 0.35, 0.4  # of a zero, where a ring has its digit; and of its contrast, what there is in a hole with ink
IS_RING = 0.7  # what a zero and a place cover in common, as a share of what either does
EVEN = 0.2  # of the usual width, by which those of rings differ at most: holes of digits are less alike
SURE = 0.75  # how probable what is seen in a row of rings is, on average


def in_rings(
    grey: np.ndarray,
    row: Sequence[Known],
    marks: Sequence[Found],
    least: float,
    box_of: Callable[[np.ndarray], Box],
    detect: PlaceDetector | None = None,
) -> tuple[list[Digit], list[Found]]:
    """The digits of a row and the marks beside them in an image (h, w) uint8, where no ring is a zero.

    Where some are rings, what is in these is in their place: a digit less probable than `least` is rejected. `box_of`
    gives the box of a digit by that (4,) in the image. Otherwise they are as they were. `detect` is the network that
    sees places for digits, by default the bundled one.
    """
    for level in ring_rows(grey, row, detect):
        contents = contents_of(level, row)
        if contents.max(axis=1).mean() >= SURE:
            return with_contents(row, marks, level, contents, least, box_of)
    return [digit for digit, _ in row], list(marks)


def with_contents(
    row: Sequence[Known],
    marks: Sequence[Found],
    level: LevelView,
    contents: np.ndarray,
    least: float,
    box_of: Callable[[np.ndarray], Box],
) -> tuple[list[Digit], list[Found]]:
    """A row with the contents (n, 13) of its rings, which are seen level, for what was read there."""
    places = outlines_of(level)
    left, right = float(places[:, 0].min()), float(places[:, 2].max())
    digits = [(middle, digit) for digit, box in row if not left <= (middle := across(box)) <= right]
    for place, box, probable in zip(places, level.boxes, contents, strict=True):
        if kind_of(probable) == DIGIT:
            inside = known_in(level.in_image(box), row)
            digit = digit_in(probable, level.grey, box, inside, least)
            digit = digit if len(inside) == 1 else replace(digit, box=box_of(middle_of(place)))
            digits.append((across(place), digit))
    digits.sort(key=lambda one: one[0])
    middles = np.array([middle for middle, _ in digits])
    return [digit for _, digit in digits], still_beside(marks, middles, left, right)


def ring_rows(grey: np.ndarray, row: Sequence[Known], detect: PlaceDetector | None) -> Iterator[LevelView]:
    """Rows of places, seen level, that are alike and of which some have the outline of a zero of this row."""
    boxes, zeros = np.array([box for _, box in row]), np.array([digit.digit == 0 for digit, _ in row])
    if not may_be_rings(grey, boxes, zeros):
        return
    margin = AROUND * float(np.median(boxes[:, 3] - boxes[:, 1]))
    shape = np.array(grey.shape[::-1])
    low = np.clip(np.floor(boxes[:, :2].min(axis=0) - margin), 0, shape - 1).astype(int)
    high = np.clip(np.ceil(boxes[:, 2:].max(axis=0) + margin), low + 1, shape).astype(int)
    for grid in place_rows(grey[low[1] : high[1], low[0] : high[0]], detect):
        level = level_view(grey, replace(grid, corners=grid.corners + low.astype(np.float32)))
        places = outlines_of(level)
        widths = places[:, 2] - places[:, 0]
        are_alike = len(places) >= FEWEST and np.ptp(widths) <= EVEN * np.median(widths)
        if are_alike and (intersections_over_unions(boxes[zeros], places) >= IS_RING).any():
            yield level


def outlines_of(level: LevelView) -> np.ndarray:
    """The boxes (n, 4) in the image around the places of a view."""
    corners = np.array([level.in_image(box) for box in level.boxes])
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def across(box: np.ndarray) -> float:
    """Where the middle of a box (4,) is, from the left."""
    return float(box[0] + box[2]) / 2


def may_be_rings(grey: np.ndarray, boxes: np.ndarray, zeros: np.ndarray) -> bool:
    """Whether a zero of a row with boxes (n, 4) has ink in its hole, or is higher than the other digits."""
    heights = boxes[:, 3] - boxes[:, 1]
    if not zeros.any():
        return False
    if not zeros.all() and heights[zeros].max() >= HIGHER * np.median(heights[~zeros]):
        return True
    return any(has_ink(grey, box) for box in boxes[zeros])


def has_ink(grey: np.ndarray, box: np.ndarray) -> bool:
    """Whether there is ink in the middle of a box (4,)."""
    whole, hole = (part_of(grey, one) for one in (box, middle_of(box, HOLE)))
    return bool(np.ptp(hole) >= INKED * np.ptp(whole)) if hole.size else False


def part_of(grey: np.ndarray, box: np.ndarray) -> np.ndarray:
    """What is in a box (4,) of an image."""
    left, top, right, bottom = np.rint(np.maximum(box, 0)).astype(int).tolist()
    return grey[top:bottom, left:right]


def middle_of(box: np.ndarray, share: float = MIDDLE) -> np.ndarray:
    """The middle part of a box (4,), such a share of its width and height."""
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    return np.concatenate([centre - share * half, centre + share * half])


def still_beside(marks: Sequence[Found], middles: np.ndarray, left: float, right: float) -> list[Found]:
    """The marks that are not between left and right, after as many digits as have their middles (n,) before each."""
    return [
        mark._replace(after=int((middles < across(mark.box)).sum()))
        for mark in marks
        if not left <= across(mark.box) <= right
    ]
