import numpy as np
import pytest

from mnist_cnn.reading.crops import INNER, SIDE, crop, crops, ink_boxes
from mnist_cnn.reading.octaves import Octaves


def with_square(side: int, left: int, top: int, size: int) -> np.ndarray:
    image = np.zeros((side, side), np.uint8)
    image[top : top + size, left : left + size] = 255
    return image


def centre(image: np.ndarray) -> tuple[float, float]:
    """The centre of mass, in pixels whose middles are at a half."""
    rows, columns = np.nonzero(image > 127)
    return float(columns.mean()) + 0.5, float(rows.mean()) + 0.5


@pytest.mark.parametrize("octave", [-2, -1, 0, 1, 2, 3])
def test_a_place_is_at_the_same_place_in_each_octave(octave: int) -> None:
    octaves = Octaves(with_square(256, 64, 160, 32))
    image = octaves.at(octave)
    assert image.shape == tuple(int(256 / 2**octave) for _ in range(2))
    assert np.array(centre(image)) * 2.0**octave == pytest.approx([80, 176], abs=0.5 * 2**octave)


def test_odd_and_single_rows_have_a_half() -> None:
    assert Octaves(np.zeros((5, 1), np.uint8)).at(1).shape == (2, 1)
    assert Octaves(np.zeros((1, 1), np.uint8)).at(4).shape == (1, 1)


@pytest.mark.parametrize("size", [6, 20, 32, 57, 130, 500])
def test_a_box_is_in_the_middle_of_its_crop_and_has_always_the_same_size(size: int) -> None:
    image = with_square(1200, 300, 200, size)
    found = crop(Octaves(image), np.array([300, 200, 300 + size, 200 + size], float))
    assert found.shape == (SIDE, SIDE)
    assert centre(found) == pytest.approx([SIDE / 2] * 2, abs=0.6)
    assert (found > 127).sum() == pytest.approx(INNER**2, rel=0.1)


def test_beyond_the_image_is_its_border() -> None:
    image = with_square(40, 0, 0, 20)
    found = crop(Octaves(image), np.array([0, 0, 20, 20], float))
    assert (found[:30, :30] == 255).all()


def test_no_box_gives_no_crop() -> None:
    assert crops(Octaves(np.zeros((40, 40), np.uint8)), np.zeros((0, 4))).shape == (0, SIDE, SIDE, 2)


@pytest.mark.parametrize("size", [20, 64, 300])
def test_the_box_of_the_ink_is_in_pixels_of_the_image(size: int) -> None:
    scale = INNER / size
    ink = np.zeros((1, 48, 48))
    ink[0, 10:40, 16:30] = 0.9  # the middle of the crop, at 24, is that of the box
    box = np.array([[100, 200, 100 + size, 200 + size]], float)
    middle = np.array([100 + size / 2, 200 + size / 2])
    wanted = [*(middle + np.array([16 - 24, 10 - 24]) / scale), *(middle + np.array([30 - 24, 40 - 24]) / scale)]
    assert ink_boxes(box, ink)[0] == pytest.approx(wanted)
    assert ink_boxes(box, 0 * ink).tolist() == box.tolist()
