"""An image that its ink fills comes in; its ink, found with a margin of paper around it, goes out. Knows no digits."""

from dataclasses import dataclass

import cv2
import numpy as np

from mnist_cnn.reading.ink import Ink, border_of, dark_ink, histogram
from mnist_cnn.reading.pen import mean_width
from mnist_cnn.reading.scale import shrink

LONGEST = 160  # pixels: enough for the few digits that fill an image
NEAR = 0.08  # of the longer side: ink that comes this near to all four borders fills the image
WIDE = 0.05  # of the longer side: strokes of a digit that fills an image are wider, grain, frames and ruling thinner
BACKGROUND = 0.6  # of the border: the kind of pixels that has more of it is paper
LIGHTEST = 0.9  # of the pixels of paper are no lighter than the margin: the darker ones are edges of strokes


@dataclass(frozen=True)
class Filled:
    """An image in which ink comes near to all four borders.

    `grey` is (h, w) uint8, at most 160 pixels long; `ink` that of the same image with `margin` pixels around it.
    """

    grey: np.ndarray
    ink: Ink
    margin: int

    def is_filled_by(self, left: int, top: int, right: int, bottom: int) -> bool:
        """Whether a box, in pixels of `ink`, comes near to all four borders of the image."""
        return near_all(self.grey, left - self.margin, top - self.margin, right - self.margin, bottom - self.margin)


def with_margin(grey: np.ndarray) -> list[Filled]:
    """The ink of (h, w) uint8 if it fills the image: none, one, or, if the border is half dark, either polarity.

    Around a digit that is cut out closely there is too little paper to know it by: strokes at the border are taken for
    the surroundings, and where more than half is ink, the median is ink. With a margin of the lighter and of the darker
    of two kinds of pixels (Otsu), the digit is one in the middle of an image; which of both it is, a model can tell.
    """
    small = shrink(grey, LONGEST)
    _, light = cv2.threshold(small, 0, 1, cv2.THRESH_OTSU)
    margin = max(small.shape) // 2
    found = []
    for dark, ink in ((small, 1 - light), (np.asarray(cv2.bitwise_not(small)), light)):
        left, top, across, down = cv2.boundingRect(ink)
        is_near = near_all(small, left, top, left + across, top + down)
        if is_near and border_of(ink).mean() <= BACKGROUND and mean_width(ink) >= WIDE * max(small.shape):
            counts = histogram(dark[ink == 0])
            paper = int(np.searchsorted(counts.cumsum(), LIGHTEST * counts.sum()))
            padded = cv2.copyMakeBorder(dark, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=paper)
            found.append(Filled(small, dark_ink(np.asarray(padded), dark is not small), margin))
    return found


def near_all(image: np.ndarray, left: int, top: int, right: int, bottom: int) -> bool:
    """Whether a box comes near to all four borders of an image."""
    height, width = image.shape
    reach = max(1, int(NEAR * max(height, width)))
    return bool(max(left, top, width - right, height - bottom) <= reach)
