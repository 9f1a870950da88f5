"""A picture in MNIST's own size comes in, other ways to look at it go out. Knows nothing about networks."""

import cv2
import numpy as np

SMALLEST = np.ones((2, 2), np.uint8)
DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))


def looks(grey: np.ndarray) -> np.ndarray:
    """Eight images (8, 28, 28) of one (28, 28) uint8: four of it as it is, then the same four of its negative.

    As it is; without specks (a median); without hairlines (opened); with outlines filled (closed).
    """
    return np.stack([look for image in (grey, cv2.bitwise_not(grey)) for look in four(image)])


def four(image: np.ndarray) -> tuple[np.ndarray, ...]:
    """The looks at light ink."""
    return (
        image,
        np.asarray(cv2.medianBlur(image, 3)),
        np.asarray(cv2.morphologyEx(image, cv2.MORPH_OPEN, SMALLEST)),
        np.asarray(cv2.morphologyEx(image, cv2.MORPH_CLOSE, DISC)),
    )
