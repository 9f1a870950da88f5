"""Rows of boxes come in, the line of each at the size that the recogniser knows goes out. Knows no digits."""

from typing import NamedTuple

import cv2
import numpy as np

from mnist_cnn.reading.crops import octave_for
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.recogniser_network import TALL

DIGIT = 24  # pixels: how high a digit is in the image of its line, which is TALL
FLAT = 0.6  # of its width, below which a box's height says less of its size


class TextLine(NamedTuple):
    """Where a line of text is: from `left` to `right`, and how high its digits are, in pixels of an image.

    Its middle is at `middle` + `slope` · x.
    """

    left: float
    right: float
    middle: float
    slope: float
    height: float

    @property
    def scale(self) -> float:
        """Pixels of the line's image for one of the image that it is in."""
        return DIGIT / self.height

    @property
    def width(self) -> int:
        """Pixels across of the line's image."""
        return max(1, round((self.right - self.left) * self.scale))

    def across(self, places: np.ndarray) -> np.ndarray:
        """Where places (n,) along the image are along the line's image (n,)."""
        return np.asarray((places - self.left) * self.scale)

    def places(self, centres: np.ndarray) -> np.ndarray:
        """Where points (n, 2) of the image are in the line's image (n, 2)."""
        across = self.across(centres[:, 0])
        down = (centres[:, 1] - self.middle - self.slope * centres[:, 0]) * self.scale + TALL / 2
        return np.stack([across, down], axis=1)


def line_through(boxes: np.ndarray, sure: np.ndarray, slope: float, beyond: float) -> TextLine:
    """The line of a row of boxes (n, 4), and of what is up to `beyond` heights beside it.

    How high and where it is, the boxes (m, 4) of what is surely written in it say, and by how much it falls, `slope`.
    """
    heights = np.maximum(sure[:, 3] - sure[:, 1], np.maximum(FLAT * (sure[:, 2] - sure[:, 0]), 1))
    height = float(np.median(heights))
    middles = (sure[:, 1] + sure[:, 3]) / 2 - slope * (sure[:, 0] + sure[:, 2]) / 2
    left, right = float(boxes[:, 0].min()), float(boxes[:, 2].max())
    return TextLine(left - beyond * height, right + beyond * height, float(np.median(middles)), slope, height)


def line_image(octaves: Octaves, line: TextLine, width: int | None = None) -> np.ndarray:
    """The image (40, width) uint8 of a line, level."""
    octave, scale = octave_for(line.scale)
    left, middle = line.left / 2**octave, line.middle / 2**octave
    # Pixel i of an image is at i + 1/2 of it.
    across = -scale * left + scale / 2 - 0.5
    down = -scale * middle + TALL / 2 - 0.5 + scale * (1 - line.slope) / 2
    matrix = np.array([[scale, 0, across], [-scale * line.slope, scale, down]])
    size = (line.width if width is None else width, TALL)
    image = octaves.at(octave)
    return np.asarray(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
