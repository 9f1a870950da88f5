"""Variants of an image in MNIST's own size, for test-time averaging. Knows nothing of models."""

import cv2
import numpy as np

SMALLEST = np.ones((2, 2), np.uint8)
DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))


def looks(image: np.ndarray) -> np.ndarray:
    """Four images (4, 28, 28) of one (28, 28) uint8 with light ink.

    As it is; without specks (a median); without hairlines (opened); with outlines filled (closed).
    """
    return np.stack(
        [
            image,
            cv2.medianBlur(image, 3),
            cv2.morphologyEx(image, cv2.MORPH_OPEN, SMALLEST),
            cv2.morphologyEx(image, cv2.MORPH_CLOSE, DISC),
        ]
    )
