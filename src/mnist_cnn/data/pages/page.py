"""A made page: an image, and where on it are digits. Plain data."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

IGNORED = -1  # the label of what is neither a digit to find nor evidence against one


class Box(NamedTuple):
    """A bounding box in pixels of the page: its edges, the right and lower ones exclusive; it may reach beyond."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels across."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels down."""
        return self.bottom - self.top


def around(boxes: "list[Box]") -> Box:
    """The smallest box around these, of which there is at least one."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


@dataclass(frozen=True, eq=False)
class Page:
    """A grey image and its digits.

    `grey` is (side, side) uint8, as a camera would see it: of any polarity and contrast. `boxes` are (k, 4) float32:
    left, top, right, bottom in pixels, within the page. `labels` (k,) int8 are the digits 0 to 9, or `IGNORED` for what
    should neither be found nor count as a mistake if it is. `kinds` names everything else that was drawn, in order.
    """

    grey: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    kinds: tuple[str, ...]

    @property
    def digits(self) -> int:
        """How many digits are to be found."""
        return int((self.labels >= 0).sum())
