"""Lines of text out of images: of the same size, level and in the middle, whatever the image's size."""

import cv2
import numpy as np
import pytest

from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.recogniser_network import TALL
from mnist_cnn.reading.text_lines import DIGIT, line_image, line_through

BOXES = np.array([(left, 60, left + 16, 60 + 30) for left in range(40, 200, 30)], float)


def page(boxes: np.ndarray, scale: float) -> np.ndarray:
    """A white page on which the boxes are black, drawn once and enlarged."""
    drawn = np.full((160, 320), 255, np.uint8)
    for left, top, right, bottom in boxes.round().astype(int).tolist():
        drawn[top:bottom, left:right] = 0
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=method))


def image_of(boxes: np.ndarray, slope: float, scale: float) -> np.ndarray:
    return line_image(Octaves(page(boxes, scale)), line_through(scale * boxes, scale * boxes, slope, 1.0))


@pytest.mark.parametrize("slope", [0.0, 0.2, -0.25])
def test_a_row_becomes_level_with_its_digits_24_pixels_high_in_the_middle(slope: float) -> None:
    climbing = BOXES + np.array([0, 1, 0, 1]) * slope * (BOXES[:, :1] - 120)
    image = image_of(climbing, slope, 1.0)
    line = line_through(climbing, climbing, slope, 1.0)
    for place in line.across((climbing[:, 0] + climbing[:, 2]) / 2).tolist():
        inked = np.flatnonzero(image[:, round(place)] < 128)
        assert (inked[0], inked[-1] + 1) == pytest.approx(((TALL - DIGIT) / 2, (TALL + DIGIT) / 2), abs=1.5)
    assert (image[:, :4] == 255).all()


@pytest.mark.parametrize("scale", [0.5, 2.0, 4.0, 8.0])
def test_the_same_row_on_a_larger_or_smaller_image_is_the_same_line(scale: float) -> None:
    image, usual = image_of(BOXES, 0.0, scale).astype(int), image_of(BOXES, 0.0, 1.0).astype(int)
    assert image.shape == usual.shape
    assert np.abs(image - usual).mean() < 6
    assert np.abs((image < 128).sum() / (usual < 128).sum() - 1) < 0.04


def test_beyond_the_image_its_edge_goes_on() -> None:
    grey = np.full((60, 100), 90, np.uint8)
    box = np.array([[2.0, 20, 18, 44]])
    image = line_image(Octaves(grey), line_through(box, box, 0.0, 4.0))
    assert (image == 90).all()
