import cv2
import numpy as np
import pytest

from mnist_cnn.data import negatives
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.negatives import Digits
from mnist_cnn.data.strokes import SIDE


@pytest.fixture(scope="module")
def by_digit(digits: Dataset) -> Digits:
    return [digits.train.images[digits.train.labels == digit] for digit in range(10)]


@pytest.mark.parametrize("kind", [kind for kind, _ in negatives.KINDS], ids=lambda kind: kind.__name__)
def test_every_kind_is_a_canvas_each_time_another_and_repeats_with_its_seed(kind: object, by_digit: Digits) -> None:
    def made(seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        return [kind(by_digit, rng) for _ in range(30)]  # type: ignore[operator]

    first = made(0)
    assert all((ink.shape, ink.dtype) == ((SIDE, SIDE), np.uint8) for ink in first)
    assert all((a == b).all() for a, b in zip(first, made(0), strict=True))
    assert len({ink.tobytes() for ink in first}) > 15


def test_images_are_made_of_every_kind_and_repeat_with_their_seed(digits: Dataset) -> None:
    first, again, other = (
        negatives.negatives(60, digits.train.images, digits.train.labels, np.random.default_rng(seed))
        for seed in (0, 0, 1)
    )
    assert (first.shape, first.dtype) == ((60, 28, 28), np.uint8)
    assert (first == again).all()
    assert (first != other).any()


def test_data_that_lack_a_digit_are_no_error(digits: Dataset) -> None:
    eights = digits.train.labels == 8
    images, labels = digits.train.images[eights], digits.train.labels[eights]
    assert negatives.negatives(50, images, labels, np.random.default_rng(0)).shape == (50, 28, 28)


def test_several_digits_stand_side_by_side_or_above_each_other() -> None:
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 12:16] = 255
    ones = [bar[np.newaxis] if digit == 1 else bar[:0].reshape(0, 28, 28) for digit in range(10)]
    rng = np.random.default_rng(0)
    made = [negatives.several(ones, rng) for _ in range(60)]
    counts = {cv2.connectedComponents((ink > 60).astype(np.uint8))[0] - 1 for ink in made}
    assert {2, 3} <= counts
    shapes = [cv2.boundingRect(ink)[2:] for ink in made]
    assert any(width < 20 and height > 60 for width, height in shapes)


def test_digits_in_a_row_are_as_far_apart_as_asked() -> None:
    part = np.full((60, 12), 255, np.uint8)
    row = negatives.in_a_row([part, part], gap=6)
    assert np.flatnonzero(row[42] > 127).tolist() == [*range(12), *range(18, 30)]


def test_a_row_that_is_too_wide_is_shrunk() -> None:
    part = np.full((60, 60), 255, np.uint8)
    row = negatives.in_a_row([part, part], gap=0)
    assert row.shape == (SIDE, SIDE)
    assert cv2.boundingRect((row > 127).astype(np.uint8))[2:] in ((SIDE, 42), (SIDE, 43))


def test_rotated_digits_are_only_those_that_do_not_become_another_one() -> None:
    assert not {0, 1, 2, 5, 6, 8, 9} & set(negatives.UPSIDE_DOWN)  # 6 becomes 9, the others stay what they are
    assert not {0, 1, 8} & set(negatives.MIRRORED)
    assert not {0, 1} & set(negatives.LYING)


def test_a_half_has_less_ink_than_the_whole(by_digit: Digits) -> None:
    rng = np.random.default_rng(0)
    halves = np.mean([(negatives.half(by_digit, rng) > 127).sum() for _ in range(60)])
    wholes = np.mean([(negatives.some_digit(by_digit, rng) > 127).sum() for _ in range(60)])
    assert 0.3 < halves / wholes < 0.7


def test_textures_may_be_blank(by_digit: Digits) -> None:
    rng = np.random.default_rng(0)
    assert any(not negatives.texture(by_digit, rng).any() for _ in range(60))
