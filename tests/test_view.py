import numpy as np
import pytest

from mnist_cnn.reading.view import View, as_it_is, levelled, turned


def with_bar() -> np.ndarray:
    image = np.zeros((50, 80), np.uint8)
    image[10:30, 5:12] = 255
    return image


def box_of(view: View) -> np.ndarray:
    rows, columns = np.nonzero(view.grey > 127)
    return np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], float)


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("again", range(4))
def test_a_box_of_a_turned_image_is_where_it_was(quarters: int, again: int) -> None:
    view = turned(turned(as_it_is(with_bar()), quarters), again)
    assert view.boxes_back(box_of(view)).tolist() == [[5, 10, 12, 30]]
    assert view.boxes_back(np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("angle", [-0.9, -0.3, 0.0, 0.4, 1.0])
def test_what_falls_by_an_angle_is_level_and_all_of_it_is_there(angle: float) -> None:
    image = np.zeros((300, 300), np.uint8)
    along = np.arange(-100, 101)
    for x, y in zip(150 + along * np.cos(angle), 150 + along * np.sin(angle), strict=True):
        image[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2] = 255
    view = levelled(as_it_is(image), angle)
    left, top, right, bottom = box_of(view)[0]
    assert bottom - top <= 8
    assert right - left == pytest.approx(200, abs=6)
    middle = np.array([[(left + right) / 2, (top + bottom) / 2] * 2])
    assert view.boxes_back(middle)[0] == pytest.approx([150] * 4, abs=2)
