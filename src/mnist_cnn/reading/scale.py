"""Shrinks an image or a mask."""

import cv2
import numpy as np


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """Average areas so that the longer side is at most `side` pixels; what is smaller is given back as it is."""
    scale = side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = [max(1, round(length * scale)) for length in pixels.shape[1::-1]]
    return np.asarray(cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA))
