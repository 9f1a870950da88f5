import numpy as np
import pytest

from mnist_cnn.reading.orientation import QUARTERS, turned, turned_back


@pytest.mark.parametrize("quarters", QUARTERS)
def test_a_box_of_a_turned_image_is_where_it_was(quarters: int) -> None:
    image = np.zeros((50, 80), np.uint8)
    image[10:30, 5:12] = 255
    rows, columns = np.nonzero(turned(image, quarters))
    box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], float)
    assert turned_back(box, quarters, image.shape).tolist() == [[5, 10, 12, 30]]
    assert turned_back(np.zeros((0, 4)), quarters, image.shape).shape == (0, 4)
