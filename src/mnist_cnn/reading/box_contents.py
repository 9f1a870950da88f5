"""What is in places for a digit each: what a network sees in them, and what is already known of the digits there."""

from collections.abc import Sequence

import cv2
import numpy as np

from mnist_cnn.reading.box_network import BLANK, OTHER, SEVERAL, box_images
from mnist_cnn.reading.digit import Digit
from mnist_cnn.reading.grids import LevelView
from mnist_cnn.reading.temperature import softmax
from mnist_cnn.reading.weights import bundled_box_classifier

Known = tuple[Digit, np.ndarray]
"""A digit that was read in an image, and its box (4,) there."""

DIGIT = 0  # any, beside `BLANK`, `OTHER` and `SEVERAL`
FILLS = 0.8  # of a place: a digit covers less of it
LEAST = 1e-6  # of a probability, so that none excludes what the others say


def contents_of(level: LevelView, known: Sequence[Known]) -> np.ndarray:
    """How probable it is that each digit, nothing, something else or several are in each box of a view (n, 13).

    Where one digit is `known`, what is known of it counts as much as what is seen in the box.
    """
    found = softmax(bundled_box_classifier()(box_images(level.grey, level.boxes)))
    for probable, box in zip(found, level.boxes, strict=True):
        inside = known_in(level.in_image(box), known)
        if len(inside) == 1:
            both = probable[:BLANK] * (np.array(inside[0].probabilities) + LEAST)
            probable[:BLANK] = probable[:BLANK].sum() * both / both.sum()
    return found


def kind_of(probable: np.ndarray) -> int:
    """The most probable of `DIGIT` for any, `BLANK`, `OTHER` and `SEVERAL`, by the probabilities (13,)."""
    return max(
        (DIGIT, BLANK, OTHER, SEVERAL), key=lambda kind: float(probable[kind] if kind else probable[:BLANK].sum())
    )


def known_in(outline: np.ndarray, known: Sequence[Known]) -> list[Digit]:
    """The digits known in an image that are inside an outline (4, 2), unless they fill it: a ring was taken for one."""
    most = FILLS * cv2.contourArea(outline)
    return [
        digit
        for digit, (a, b, c, d) in known
        if (c - a) * (d - b) <= most and cv2.pointPolygonTest(outline, (float(a + c) / 2, float(b + d) / 2), False) > 0
    ]
