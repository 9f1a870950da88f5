"""An image at its own size, halved and doubled. Knows nothing of what is in it."""

import cv2
import numpy as np


class Octaves:
    """An image (h, w) uint8 at octave 0, at half its size at octave 1, at twice its size at octave −1, and so on.

    Each is made when it is wanted first. The place (x, y) of the image is at (x, y) / 2**octave: of an odd number of
    rows or columns, a half leaves the last out.
    """

    def __init__(self, grey: np.ndarray) -> None:
        self.shape: tuple[int, int] = grey.shape
        self.images = {0: grey}

    def at(self, octave: int) -> np.ndarray:
        """The image at an octave."""
        if octave not in self.images:
            self.images[octave] = half(self.at(octave - 1)) if octave > 0 else double(self.at(octave + 1))
        return self.images[octave]


def half(image: np.ndarray) -> np.ndarray:
    """Half the height and width: the mean of each 2×2 pixels. A single row or column is kept."""
    height, width = (max(1, length // 2) for length in image.shape)
    even = image[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))


def double(image: np.ndarray) -> np.ndarray:
    """Twice the height and width, interpolated cubically."""
    return np.asarray(cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
