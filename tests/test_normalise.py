"""One digit's ink as MNIST would have it."""

import cv2
import numpy as np
import pytest

from mnist_cnn.data import source
from mnist_cnn.reading.normalise import to_mnist


def block(height: int, width: int, canvas: tuple[int, int] = (60, 60), top: int = 5, left: int = 7) -> np.ndarray:
    ink = np.zeros(canvas, np.uint8)
    ink[top : top + height, left : left + width] = 255
    return ink


def box(image: np.ndarray) -> tuple[int, int, int, int]:
    """First row, first column, height and width of the ink."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return int(rows[0]), int(columns[0]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def centre_of_mass(image: np.ndarray) -> tuple[float, float]:
    indices = np.arange(28)
    return image.sum(axis=1) @ indices / image.sum(), image.sum(axis=0) @ indices / image.sum()


def test_a_large_block_becomes_a_20_pixel_box_with_its_centre_at_14() -> None:
    # Twenty rows from 4 to 23 have their centre at 13.5, from 5 to 24 at 14.5: both are as near to 14 as can be.
    image = to_mnist(block(40, 40))
    assert (image.shape, image.dtype) == ((28, 28), np.uint8)
    assert box(image) == (4, 4, 20, 20)
    assert set(image[4:24, 4:24].flat) == {255}


def test_the_aspect_ratio_stays() -> None:
    assert box(to_mnist(block(50, 10)))[2:] == (20, 4)
    assert box(to_mnist(block(10, 50)))[2:] == (4, 20)


def test_a_hair_keeps_a_pixel() -> None:
    assert box(to_mnist(block(300, 2, canvas=(400, 400))))[2:] == (20, 1)


def test_small_ink_is_enlarged_smoothly() -> None:
    steps = to_mnist(np.array([[255, 255], [255, 1]], np.uint8))
    assert box(steps)[2:] == (20, 20)
    assert len(np.unique(steps)) > 20  # a step between two pixels became a slope


def test_where_the_ink_lay_in_the_picture_does_not_matter() -> None:
    here, there = block(30, 12, top=0, left=0), block(30, 12, canvas=(90, 200), top=59, left=180)
    np.testing.assert_array_equal(to_mnist(here), to_mnist(there))


def test_thin_lines_survive_shrinking() -> None:
    rake = np.zeros((200, 200), np.uint8)
    rake[:, ::20] = 255  # every twentieth column: nearest-neighbour sampling would lose most of them
    # Columns 0 to 180 remain, 181 × 200, which become 18 × 20: a tenth in each direction, so 10 × 200 / 100 of ink.
    assert to_mnist(rake).sum() / 255 == pytest.approx(20, rel=0.05)


def test_the_heavy_side_comes_to_the_centre() -> None:
    ink = np.full((20, 20), 50, np.uint8)
    ink[:, :10] = 250
    row, column = centre_of_mass(to_mnist(ink).astype(np.int64))
    assert (row, column) == (pytest.approx(14, abs=0.5), pytest.approx(14, abs=0.5))


def test_ink_never_leaves_the_image() -> None:
    ink = np.full((20, 20), 1, np.uint8)
    ink[19] = 255  # nearly all mass in the last row: with that at row 14, the first rows would lie outside
    image = to_mnist(ink)
    assert box(image) == (0, 4, 20, 20)
    assert image.sum() == ink.sum()


def test_blank_paper_stays_blank() -> None:
    for blank in (np.zeros((50, 30), np.uint8), np.zeros((0, 30), np.uint8), np.zeros((1, 1), np.uint8)):
        assert to_mnist(blank).shape == (28, 28)
        assert not to_mnist(blank).any()


def test_ink_too_faint_to_survive_shrinking_gives_blank_paper() -> None:
    two_specks = np.zeros((400, 400), np.uint8)
    two_specks[0, 0] = two_specks[-1, -1] = 1
    assert not to_mnist(two_specks).any()


@pytest.mark.parametrize("wrong", [np.zeros((28, 28)), np.zeros((28, 28, 1), np.uint8), np.zeros(784, np.uint8)])
def test_anything_but_uint8_of_two_dimensions_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"received \("):
        to_mnist(wrong)


def test_the_input_is_left_alone() -> None:
    ink = block(40, 20)
    before = ink.copy()
    to_mnist(ink)
    np.testing.assert_array_equal(ink, before)


def test_what_is_normalised_already_stays_as_it_is(digits: source.Dataset) -> None:
    changed = sum(not np.array_equal(to_mnist(image), image) for image in digits.test.images)
    assert changed <= 0.02 * len(digits.test)


@pytest.mark.mnist
def test_mnist_itself_stays_as_it_is(mnist_path: source.Path) -> None:
    dataset = source.load(str(mnist_path))
    images = np.concatenate([dataset.train.images, dataset.test.images])
    same = [np.array_equal(to_mnist(image), image) for image in images]
    assert sum(same) == 69_982
    for image in images[~np.array(same)]:
        assert np.hypot(*np.subtract(centre_of_mass(image), centre_of_mass(to_mnist(image)))) <= 1.0


@pytest.mark.mnist
def test_a_mnist_digit_enlarged_five_times_and_moved_comes_back_nearly_the_same(mnist_path: source.Path) -> None:
    images = source.load(str(mnist_path)).test.images[:200]
    for image in images:
        large = cv2.copyMakeBorder(
            cv2.resize(image, None, fx=5, fy=5, interpolation=cv2.INTER_NEAREST), 0, 90, 70, 0, 0
        )
        np.testing.assert_array_equal(to_mnist(np.asarray(large)), to_mnist(image))
