"""A drawing of one stroke or a few that touch, on plain paper, comes in; its 28×28 goes out. Knows no networks.

Images made for a network and drawings on a canvas need no finder: where their only ink is, is plain.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mnist_cnn.reading.normalise import SIDE, to_mnist
from mnist_cnn.reading.pen import USUAL, mean_width, widen
from mnist_cnn.reading.scale import shrink

PLAIN = 0.5  # of the pixels: so many are alike only in drawings
LEAST = 40  # levels of grey between paper and ink
INK, EDGE = 0.5, 0.1  # of the strongest ink: what is surely ink, and the faintest edge of a stroke
SPECK = 0.01  # of all ink: smaller pieces are dust
AROUND = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class Drawing:
    """What is drawn: its box (4,), left, top, right and bottom in pixels of the image, and its 28×28."""

    box: np.ndarray
    glyph: np.ndarray


def drawing_of(grey: np.ndarray) -> Drawing | None:
    """The only connected ink of an image (h, w) uint8 on paper of one colour; None for all other images."""
    counts = np.asarray(cv2.calcHist([grey], [0], None, [256], [0, 256])).ravel()
    paper = int(counts.argmax())
    if counts[paper] < PLAIN * grey.size:
        return None
    darkest, lightest, _, _ = cv2.minMaxLoc(grey)
    lighter, darker = int(lightest) - paper, paper - int(darkest)
    strongest = max(lighter, darker)
    if strongest < LEAST or min(lighter, darker) >= EDGE * strongest:
        return None
    blank = np.full(grey.shape, paper, np.uint8)
    ink = cv2.subtract(grey, blank) if lighter > darker else cv2.subtract(blank, grey)
    own = only_part(at_least(ink, EDGE * strongest))
    if own is None:
        return None
    levels = cv2.multiply(ink, cv2.dilate(own, AROUND), scale=255 / strongest)  # with its edge
    left, top, width, height = cv2.boundingRect(levels)
    levels = levels[top : top + height, left : left + width]
    long = max(width, height)
    times = int(mean_width(at_least(levels, 255 * INK)) / USUAL) if long > SIDE else 1
    small = shrink(levels, long // times) if times > 1 else levels
    return Drawing(np.array([left, top, left + width, top + height], float), to_mnist(widen(small)))


def at_least(image: np.ndarray, level: float) -> np.ndarray:
    """Where an image (h, w) uint8 has at least this level: 1, elsewhere 0."""
    return np.asarray(cv2.threshold(image, math.ceil(level) - 1, 1, cv2.THRESH_BINARY)[1])


def only_part(mask: np.ndarray) -> np.ndarray | None:
    """The one connected part of a mask (h, w) uint8 that is no dust; None if there are more."""
    if cv2.connectedComponents(mask)[0] == 2:  # the paper and the ink: there is no dust
        return mask
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if (areas >= SPECK * areas.sum()).sum() != 1:
        return None
    return np.asarray(labels == int(areas.argmax()) + 1, np.uint8)
