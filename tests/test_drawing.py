import numpy as np
import pytest

from drawing import grain, inked, mask
from mnist_cnn.reading.drawing import drawing_of
from mnist_cnn.reading.normalise import to_mnist


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (0, 255), (230, 40)])
def test_a_drawing_is_recognised_in_either_polarity(paper: int, ink: int) -> None:
    drawn = drawing_of(inked(mask("3", height=150, pen=14), paper, ink))
    assert drawn
    left, top, right, bottom = drawn.box
    assert bottom - top == pytest.approx(150 + 14, abs=5)  # and the width of the pen
    assert right > left
    assert drawn.glyph.shape == (28, 28)
    assert drawn.glyph.max() > 230


def test_what_is_prepared_as_mnist_is_comes_back_as_it_was() -> None:
    prepared = to_mnist(mask("2", height=150, pen=20))
    drawn = drawing_of(prepared)
    assert drawn
    np.testing.assert_allclose(drawn.glyph.astype(int), prepared.astype(int), atol=2)


@pytest.mark.parametrize(
    "image",
    [
        np.full((60, 60), 255, np.uint8),
        inked(mask("47", height=100, pen=8), 255, 0),
        grain(inked(mask("4", height=100, pen=8), 230, 40), 3),
        inked(mask("4", height=100, pen=8), 255, 240),
    ],
    ids=["blank", "two digits", "a photograph", "faint"],
)
def test_anything_else_is_no_plain_drawing(image: np.ndarray) -> None:
    assert drawing_of(image) is None


def test_ink_of_two_polarities_is_no_plain_drawing() -> None:
    image = np.full((90, 60), 128, np.uint8)
    image[20:60, 20:24] = 0
    image[20:60, 40:44] = 255
    assert drawing_of(image) is None


def test_dust_is_left_out() -> None:
    image = inked(mask("3", height=150, pen=14), 255, 0)
    image[2:4, 2:4] = 0
    drawn = drawing_of(image)
    assert drawn
    assert drawn.box[0] > 4


@pytest.mark.parametrize("size", [1, 10])
def test_a_straight_stroke_stays_one(size: int) -> None:
    image = np.zeros((28 * size, 28 * size), np.uint8)
    image[4 * size : 24 * size, 12 * size : 15 * size] = 255
    drawn = drawing_of(image)
    assert drawn
    rows, columns = np.nonzero(drawn.glyph > 127)
    assert (np.ptp(rows), np.ptp(columns)) == (19, 2)
