"""A piece of ink comes in, the 28×28 that a network is shown goes out."""

import cv2
import numpy as np

from mnist_cnn.reading.ink import Ink
from mnist_cnn.reading.normalise import SIDE, crop_to_ink, to_mnist
from mnist_cnn.reading.pen import widen
from mnist_cnn.reading.segment import Piece


def glyph(piece: Piece, ink: Ink) -> np.ndarray:
    """Make one piece (28, 28) uint8 in MNIST's manner: full ink 255, strokes no thinner than MNIST's."""
    cropped = opacity(piece, ink)
    return to_mnist(widen(crop_to_ink(cropped))) if cropped.any() else np.zeros((SIDE, SIDE), np.uint8)


def opacity(piece: Piece, ink: Ink) -> np.ndarray:
    """How much of each pixel is ink, 0 to 255: soft edges in small images, sharp ones in large.

    A pixel of a small image holds part of a stroke's edge, which says where that is; in a large one the soft edge is
    the lens's, and paper's grain lies in it.
    """
    mask = cv2.dilate(
        cv2.copyMakeBorder(piece.mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), np.ones((3, 3), np.uint8)
    )
    top, left = piece.y - 1, piece.x - 1
    height, width = ink.contrast.shape
    rows, columns = (
        slice(max(top, 0), min(top + len(mask), height)),
        slice(max(left, 0), min(left + mask.shape[1], width)),
    )
    mask = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    soft = min(1.0, SIDE / piece.size)
    bottom = max(2.5 * ink.noise, 0.3 * piece.strength * (1 - soft))
    top_level = max(piece.strength * (0.65 + 0.35 * soft), bottom + 1)
    gain = 255 / (top_level - bottom)
    levels = cv2.addWeighted(ink.contrast[rows, columns], gain, mask, 0, -bottom * gain)  # which ends at 0 and at 255
    return np.asarray(cv2.multiply(levels, mask))
