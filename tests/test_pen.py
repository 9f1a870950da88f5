import numpy as np
import pytest

from drawing import mask
from mnist_cnn.reading.normalise import crop_to_ink
from mnist_cnn.reading.pen import mean_width, pen_width, widen


@pytest.mark.parametrize("pen", [4, 8, 16])
def test_the_pens_width_is_measured(pen: int) -> None:
    assert pen_width(mask("1", height=200, pen=pen)) == pytest.approx(pen, abs=1.5)


def test_the_mean_width_of_a_stroke_that_fills_its_box_is_that_of_the_box() -> None:
    assert mean_width(np.ones((200, 12), np.uint8)) == pytest.approx(12, abs=1.5)
    assert mean_width(np.zeros((5, 5), np.uint8)) == 0


def test_a_thin_pen_is_widened_and_others_are_left_alone() -> None:
    thin, usual = mask("3", height=200, pen=4, margin=0.0), mask("3", height=200, pen=24, margin=0.1)
    wide = crop_to_ink(widen(crop_to_ink(thin)))
    assert 0.08 <= pen_width(wide) / max(wide.shape) <= 0.13
    np.testing.assert_array_equal(widen(usual), usual)
