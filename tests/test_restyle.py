from collections.abc import Callable

import cv2
import numpy as np
import pytest

from mnist_cnn.data import degrade, restyle
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.strokes import SIDE
from mnist_cnn.reading.normalise import to_mnist

Add = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def canvas(*lines: tuple[tuple[int, int], tuple[int, int]]) -> np.ndarray:
    ink = np.zeros((SIDE, SIDE), np.uint8)
    for start, end in lines:
        cv2.line(ink, start, end, 255, 7)
    return ink


ONE = canvas(((42, 12), (42, 72)))
LEANING_ONE = canvas(((58, 12), (26, 72)))
SEVEN = canvas(((26, 14), (58, 14)), ((58, 14), (36, 70)))
ZERO = cv2.ellipse(np.zeros((SIDE, SIDE), np.uint8), (42, 42), (18, 28), 0, 0, 360, 255, 6)


def outcomes(add: Add, ink: np.ndarray, times: int = 60) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [add(ink.copy(), rng) for _ in range(times)]


def extra(ink: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Points (x, y) that are ink and were paper."""
    return np.argwhere((ink > 127) & (before < 128))[:, ::-1]


def test_the_ends_of_a_one_are_found_top_first() -> None:
    for ink, top, foot in ((ONE, (42, 12), (42, 72)), (LEANING_ONE, (58, 12), (26, 72))):
        found = restyle.stem(ink)
        assert found is not None
        assert np.abs(found[0] - top).max() < 5
        assert np.abs(found[1] - foot).max() < 5
    assert restyle.stem(np.zeros((SIDE, SIDE), np.uint8)) is None


@pytest.mark.parametrize("one", [ONE, LEANING_ONE], ids=["upright", "leaning"])
def test_a_flag_goes_from_the_top_of_a_one_to_its_lower_left(one: np.ndarray) -> None:
    flags = [points for ink in outcomes(restyle.with_flag, one) if len(points := extra(ink, one))]
    assert len(flags) > 30
    top = restyle.stem(one)[0]  # type: ignore[index]
    for points in flags:
        upper = points[points[:, 1] < 60]  # below may be a base
        assert (upper[:, 0] < top[0] + 6).mean() > 0.9


def test_a_flag_is_up_to_nearly_as_long_as_the_stem_and_never_level_as_in_a_seven() -> None:
    lengths = []
    for ink in outcomes(restyle.with_flag, ONE, times=200):
        left = extra(ink, ONE)
        left = left[(left[:, 0] < 36) & (left[:, 1] < 62)]
        if len(left):
            middle, tip = left.mean(axis=0), left[left[:, 0].argmin()]
            lengths.append(np.hypot(42 - tip[0], tip[1] - 12))
            steepness = (middle[1] - 12) / (42 - middle[0])
            assert steepness > (0.2 if lengths[-1] > 30 else 0.1)
    assert min(lengths) < 25
    assert max(lengths) > 45


def test_some_ones_get_a_base() -> None:
    at_the_foot = [(extra(ink, ONE)[:, 1] > 66).sum() > 30 for ink in outcomes(restyle.with_flag, ONE)]
    assert 0.1 < np.mean(at_the_foot) < 0.5


def test_a_bar_crosses_the_stem_of_a_seven_at_half_its_height() -> None:
    for ink in outcomes(restyle.with_bar, SEVEN):
        points = extra(ink, SEVEN)
        assert 30 < points[:, 1].mean() < 60
        row = round(float(points[:, 1].mean()))
        stem = np.flatnonzero(SEVEN[row] > 127).mean()
        assert (points[:, 0] < stem).any()
        assert (points[:, 0] > stem).any()


def test_a_slash_goes_through_a_zero_from_lower_left_to_upper_right() -> None:
    for ink in outcomes(restyle.with_slash, ZERO):
        assert ink[42, 42] > 127
        points = extra(ink, ZERO) - 42
        assert (points[:, 0] * points[:, 1] <= 0).mean() > 0.8


@pytest.mark.parametrize("add", [add for add, _ in restyle.ADDITIONS.values()], ids=lambda add: add.__name__)
def test_nothing_is_added_where_there_is_no_ink(add: Add) -> None:
    blank = np.zeros((SIDE, SIDE), np.uint8)
    for ink in outcomes(add, blank, times=10):
        assert ink.shape == (SIDE, SIDE)


def test_a_neighbour_is_a_narrow_piece_beside_the_digit() -> None:
    for ink in outcomes(lambda ink, rng: restyle.with_neighbour(ink, ZERO, rng), ONE):
        points = extra(ink, ONE)
        assert len(points)
        assert np.ptp(points[:, 0]) < 9
        assert points[:, 0].max() < 38 or points[:, 0].min() > 46


@pytest.mark.parametrize("digit", range(10))
def test_every_digit_can_be_drawn_by_code(digit: int) -> None:
    rng = np.random.default_rng(0)
    drawn = [to_mnist(restyle.written(digit, rng)) for _ in range(10)]
    assert len({image.tobytes() for image in drawn}) == 10
    assert all(30 < (image > 60).sum() < 350 for image in drawn)


def test_another_pen_is_at_most_four_pixels_wider() -> None:
    rng, width = np.random.default_rng(0), degrade.pen_width(ONE)
    widths = [restyle.another_width(ONE, rng) for _ in range(200)]
    assert 1 <= min(widths) < 2
    assert width + 3 < max(widths) <= width + 4


def test_a_moved_image_keeps_all_its_ink() -> None:
    rng = np.random.default_rng(0)
    image = np.zeros((28, 28), np.uint8)
    image[0:20, 4:12] = 200
    moved = [restyle.moved(image, rng) for _ in range(50)]
    assert all((one > 0).sum() == 160 for one in moved)
    corners = {cv2.boundingRect(one)[:2] for one in moved}
    assert {y for _, y in corners} == {0, 1, 2}
    assert {x for x, _ in corners} == {2, 3, 4, 5, 6}


def test_varied_digits_are_images_again_and_repeat_with_their_seed(digits: Dataset) -> None:
    images, labels = digits.train.images[:200], digits.train.labels[:200]
    first, again, other = (restyle.restyled(images, labels, 1.0, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert (first.shape, first.dtype) == ((200, 28, 28), np.uint8)
    assert (first == again).all()
    assert (first != other).any(axis=(1, 2)).mean() > 0.95


def test_only_the_share_that_is_asked_for_is_varied(digits: Dataset) -> None:
    images, labels = digits.train.images[:300], digits.train.labels[:300]
    normalised = np.stack([to_mnist(image) for image in images])
    changed = [
        (restyle.restyled(images, labels, share, np.random.default_rng(0)) != normalised).any(axis=(1, 2)).mean()
        for share in (0.0, 0.5, 1.0)
    ]
    assert changed[0] == 0
    assert 0.4 < changed[1] < 0.6
    assert changed[2] > 0.95


def test_no_images_are_no_error() -> None:
    none = np.zeros((0, 28, 28), np.uint8)
    assert restyle.restyled(none, np.zeros(0, np.uint8), 1.0, np.random.default_rng(0)).shape == (0, 28, 28)
