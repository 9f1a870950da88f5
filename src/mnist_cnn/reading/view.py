"""An image turned, levelled or straightened, and the way back. Knows nothing of what is in it."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, eq=False)
class View:
    """A view of an image: pixels `grey` (h, w) uint8, and the matrix `back` (3, 3) that leads from it to the image."""

    grey: np.ndarray
    back: np.ndarray

    def boxes_back(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (n, 4) of the view as the boxes around them in the image."""
        left, top, right, bottom = boxes.T
        corners = np.stack([left, top, right, top, right, bottom, left, bottom], axis=1).reshape(-1, 4, 2)
        x, y, scale = np.moveaxis(np.concatenate([corners, np.ones_like(corners[..., :1])], axis=2) @ self.back.T, 2, 0)
        moved = np.stack([x / scale, y / scale], axis=2)
        return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)


def as_it_is(grey: np.ndarray) -> View:
    """The image itself as a view."""
    return View(grey, np.eye(3))


def turned(view: View, quarters: int) -> View:
    """A view turned to the left by so many quarters, 0 to 3."""
    height, width = view.grey.shape
    back = {
        0: np.eye(3),
        1: np.array([[0, -1, width], [1, 0, 0], [0, 0, 1]]),
        2: np.array([[-1, 0, width], [0, -1, height], [0, 0, 1]]),
        3: np.array([[0, 1, 0], [-1, 0, height], [0, 0, 1]]),
    }[quarters]
    return View(np.ascontiguousarray(np.rot90(view.grey, quarters)), view.back @ back)


def levelled(view: View, falling: float) -> View:
    """A view turned to the left by so many radians: what falls by them to the right is level then. All is kept."""
    height, width = view.grey.shape
    cosine, sine = np.cos(falling), np.sin(falling)
    larger = round(width * abs(cosine) + height * abs(sine)), round(width * abs(sine) + height * abs(cosine))
    back = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    back[:2, 2] = np.array([width, height]) / 2 - back[:2, :2] @ np.array(larger) / 2
    return warped(view, back, larger)


def warped(view: View, back: np.ndarray, size: tuple[int, int]) -> View:
    """What a view shows at `size`, (w, h) pixels, where the matrix `back` (3, 3) leads from it to the view."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV's pixels have whole numbers in their middle
    between = np.linalg.inv(half) @ back @ half
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    grey = cv2.warpPerspective(view.grey, between, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return View(np.asarray(grey), view.back @ back)
