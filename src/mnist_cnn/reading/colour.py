"""Converts an RGB image to the greyscale image in which the ink stands out most from the background."""

import cv2
import numpy as np

from mnist_cnn.reading.scale import shrink

THUMBNAIL = 200  # pixels: enough to see which colours differ
COLOURLESS = 12  # levels that the channels of a grey image may differ by (JPEG's own colours)


def separate(pixels: np.ndarray) -> np.ndarray:
    """Project RGB (h, w, 3) uint8 onto the direction in which neighbouring pixels differ most; grey stays as it is.

    That direction is the first principal component of what is left when the surroundings' mean is taken away: from
    white paper to black ink it is the mean of the channels, from white paper to yellow ink the blue channel, from green
    paper to red ink of the same lightness the difference of two. Gives (h, w) uint8; where lighter and darker have a
    meaning, they keep it.
    """
    if pixels.ndim == 2:
        return pixels
    small = shrink(pixels, THUMBNAIL)
    if np.ptp(small, axis=2).max() <= COLOURLESS:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    weights = direction(small)
    dark = 255 * weights[weights < 0].sum()
    return np.asarray(cv2.transform(pixels, np.append(weights, -dark)[np.newaxis].astype(np.float32)))


def direction(small: np.ndarray) -> np.ndarray:
    """The weights of the three channels, absolute values summing to 1."""
    window = max(small.shape[:2]) // 4 | 1
    values = small.astype(np.float32)
    differences = (values - cv2.blur(values, (window, window))).reshape(-1, 3)
    _, vectors = np.linalg.eigh(differences.T @ differences)
    weights = vectors[:, -1] * (1 if vectors[:, -1].sum() >= 0 else -1)
    return np.asarray(weights / np.abs(weights).sum())
