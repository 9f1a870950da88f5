"""A drawing of one stroke or a few that touch, on plain paper, comes in; its 28×28 goes out. Knows no networks.

Images made for a network and drawings on a canvas need no finder: where their only ink is, is plain.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from mnist_cnn.reading.normalise import to_mnist
from mnist_cnn.reading.pen import USUAL, mean_width, widen
from mnist_cnn.reading.scale import shrink

PLAIN = 0.5  # of the pixels: so many are alike only in drawings
LEAST = 40  # levels of grey between paper and ink
INK, EDGE = 0.5, 0.1  # of the strongest ink: what is surely ink, and the faintest edge of a stroke
SPECK = 0.01  # of all ink: smaller pieces are dust


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
    blank = np.full_like(grey, paper)
    lighter, darker = cv2.subtract(grey, blank), cv2.subtract(blank, grey)
    ink, other = (lighter, darker) if lighter.max() > darker.max() else (darker, lighter)
    strongest = int(ink.max())
    if strongest < LEAST or int(other.max()) >= EDGE * strongest:
        return None
    _, labels, stats, _ = cv2.connectedComponentsWithStats((ink >= EDGE * strongest).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    if (areas >= SPECK * areas.sum()).sum() != 1:
        return None
    own = cv2.dilate((labels == int(areas.argmax()) + 1).astype(np.uint8), np.ones((3, 3), np.uint8))  # with its edge
    levels = cv2.multiply(ink, own, scale=255 / strongest)
    left, top, width, height = cv2.boundingRect(levels)
    levels = levels[top : top + height, left : left + width]
    times = int(mean_width((levels >= 255 * INK).astype(np.uint8)) / USUAL)
    small = shrink(levels, max(levels.shape) // times) if times > 1 else levels
    return Drawing(np.array([left, top, left + width, top + height], float), to_mnist(widen(small)))
