"""An image and boxes on it by quarter turns. Knows nothing of what is in it."""

import numpy as np

QUARTERS = (0, 1, 2, 3)


def turned(grey: np.ndarray, quarters: int) -> np.ndarray:
    """An image (h, w) turned to the left by so many quarters."""
    return np.ascontiguousarray(np.rot90(grey, quarters))


def turned_back(boxes: np.ndarray, quarters: int, shape: tuple[int, ...]) -> np.ndarray:
    """Boxes (n, 4) of a turned image as boxes of the image itself, which has the `shape` (h, w)."""
    height, width = shape
    left, top, right, bottom = boxes.T
    if quarters == 1:
        return np.stack([width - bottom, left, width - top, right], axis=1)
    if quarters == 2:
        return np.stack([width - right, height - bottom, width - left, height - top], axis=1)
    if quarters == 3:
        return np.stack([top, height - right, bottom, height - left], axis=1)
    return boxes
