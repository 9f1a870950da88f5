"""Boxes of an image come in, their surroundings at the size that the segmenter knows go out. Knows no digits."""

import cv2
import numpy as np

from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.segmenter_network import SIDE

INNER, WIDE = 32, 12  # pixels: the longer side of the box in its crop, and in the wide one, which shows its neighbours
INKED, LEAST = 0.5, 12  # a probability, and pixels of the longer side: what is ink, and a digit's
COARSEST = 0.75  # what would be shrunk more than this is taken from the next octave, against aliasing


def crops(octaves: Octaves, boxes: np.ndarray) -> np.ndarray:
    """The surroundings (n, 64, 64, 2) uint8 of boxes (n, 4) in pixels of the image, close up and wide."""
    pairs = [np.dstack([crop(octaves, box), crop(octaves, box, WIDE)]) for box in boxes]
    return np.stack(pairs) if pairs else np.zeros((0, SIDE, SIDE, 2), np.uint8)


def crop(octaves: Octaves, box: np.ndarray, inner: int = INNER, border: int = cv2.BORDER_REPLICATE) -> np.ndarray:
    """The surroundings (64, 64) uint8 of one box (4,), whose longer side is `inner` pixels in them."""
    left, top, right, bottom = map(float, box)
    octave, scale = octave_for(inner / max(right - left, bottom - top, 1.0))
    middle = np.array([(left + right) / 2, (top + bottom) / 2]) / 2**octave - 0.5
    shift = (SIDE - 1) / 2 - scale * middle
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    image = octaves.at(octave)
    return np.asarray(cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=border))


def octave_for(scale: float) -> tuple[int, float]:
    """The octave from which something is taken that is to be `scale` times as large, and times what it is there."""
    octave = 0
    while scale < COARSEST:
        scale, octave = 2 * scale, octave + 1
    return octave, scale


def ink_boxes(boxes: np.ndarray, inks: np.ndarray) -> np.ndarray:
    """The boxes (n, 4) around the ink in the middle of the crops of `boxes`, (n, 48, 48) probabilities.

    Where there is hardly any ink, the box stays as it is.
    """
    found = boxes.copy()
    for index, ink in enumerate(inks):
        left, top, width, height = cv2.boundingRect((ink > INKED).astype(np.uint8))
        if max(width, height) >= LEAST:
            left_edge, top_edge, right_edge, bottom_edge = boxes[index]
            scale = INNER / max(right_edge - left_edge, bottom_edge - top_edge, 1.0)
            middle = np.array([left_edge + right_edge, top_edge + bottom_edge]) / 2
            corners = np.array([left, top, left + width, top + height]) - ink.shape[0] / 2
            found[index] = corners / scale + np.tile(middle, 2)
    return found
