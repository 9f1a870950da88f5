"""The ink of a digit comes in, the 28×28 that a classifier is shown goes out."""

import numpy as np

from mnist_cnn.reading.normalise import SIDE, crop_to_ink, to_mnist
from mnist_cnn.reading.pen import widen

PAPER, INK = 0.15, 0.85  # probabilities of being ink, below and above which a pixel is wholly the one or the other
LEAST = 20  # of 255: what is fainter is paper


def glyph(ink: np.ndarray) -> np.ndarray:
    """Make one digit (28, 28) uint8 in MNIST's format, of the probabilities (h, w) float of pixels being its ink."""
    levels = (255 * np.clip((ink - PAPER) / (INK - PAPER), 0, 1)).astype(np.uint8)
    levels[levels < LEAST] = 0
    return to_mnist(widen(crop_to_ink(levels))) if levels.any() else np.zeros((SIDE, SIDE), np.uint8)
