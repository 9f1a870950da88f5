"""A photograph of a sheet that lies askew comes in; the straightened sheet goes out. Knows nothing of writing."""

import cv2
import numpy as np

from mnist_cnn.reading.scale import shrink
from mnist_cnn.reading.view import View, as_it_is, warped

SIDE = 320  # pixels of the image in which corners are looked for
LEAST, MOST = 0.15, 0.95  # of the image that the sheet takes up
INSIDE, OUTSIDE = 0.8, 0.04  # of the sheet that is light, and of what is light beside it
CONTRAST = 40  # levels of grey between sheet and surroundings
STRAIGHT = 0.07  # the tangent by which no side differs from upright: then nothing is to be done
NARROWEST = 0.4  # of a side, as long as the side across from it is
BORDER = 2  # pixels of the small image: a corner this near to the border may be cut off


def sheet_of(grey: np.ndarray) -> View | None:
    """The sheet in a photograph (h, w) uint8, if its four corners are plain and it does not lie straight already."""
    small = shrink(grey, SIDE)
    corners = corners_of(small)
    if corners is None or is_straight(corners):
        return None
    corners = corners * (grey.shape[1] / small.shape[1])
    above, right, below, left = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    width, height = round(float(max(above, below))), round(float(max(left, right)))
    if min(above, below) < NARROWEST * width or min(left, right) < NARROWEST * height:
        return None
    straight = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    back = cv2.getPerspectiveTransform(straight, corners.astype(np.float32))
    return warped(as_it_is(grey), np.asarray(back), (width, height))


def corners_of(small: np.ndarray) -> np.ndarray | None:
    """The corners (4, 2) of a light sheet on a darker ground, from the upper left one clockwise; None if not plain.

    They are the outermost places of the largest light piece along the two diagonals, which holds for any rectangle that
    is turned by less than 45 degrees. All that is light must be in the quadrilateral between them, which must be light.
    """
    soft = cv2.blur(small, (5, 5))
    _, light = cv2.threshold(soft, 0, 1, cv2.THRESH_OTSU)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(light)
    if count < 2:
        return None
    largest = int(stats[1:, cv2.CC_STAT_AREA].argmax()) + 1
    rows, columns = np.nonzero(labels == largest)
    down, up = columns + rows, columns - rows
    places = [int(down.argmin()), int(up.argmax()), int(down.argmax()), int(up.argmin())]
    corners = np.stack([columns[places], rows[places]], axis=1).astype(np.float32) + 0.5
    height, width = small.shape
    near = (corners < BORDER + 1) | (corners > np.array([width, height]) - BORDER - 1)
    inside = np.zeros_like(small)
    cv2.fillConvexPoly(inside, corners.astype(np.int32), 1)
    area = float(inside.sum())
    if near.any() or not LEAST * small.size <= area <= MOST * small.size:
        return None
    beside = 1 - cv2.dilate(inside, np.ones((5, 5), np.uint8))
    if light[inside > 0].mean() < INSIDE or light[beside > 0].mean() > OUTSIDE:
        return None
    is_plain = float(soft[inside > 0].mean()) - float(soft[beside > 0].mean()) >= CONTRAST
    return corners if is_plain else None


def is_straight(corners: np.ndarray) -> bool:
    """Whether all four sides are nearly upright or level."""
    sides = np.abs(np.roll(corners, -1, axis=0) - corners)
    return bool((sides.min(axis=1) <= STRAIGHT * sides.max(axis=1)).all())
