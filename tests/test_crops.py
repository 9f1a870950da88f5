"""Crops of made pages: the digit in the middle, and its own ink alone."""

import numpy as np
import pytest

from drawn_ink import SEEN, UNSEEN, ink_of
from mnist_cnn.data.negatives import NOT_A_DIGIT
from mnist_cnn.data.pages import sources
from mnist_cnn.data.pages.crops import SIDE, Crop, crop, made_crops
from mnist_cnn.data.pages.made import made_page, made_scene
from mnist_cnn.data.pages.sources import Sources
from test_pages import digit_images


@pytest.fixture(scope="module")
def given() -> Sources:
    """What pages are made of."""
    return sources.sources(*digit_images(), ink_of(SEEN, UNSEEN, each=2).characters)


@pytest.fixture(scope="module")
def crops(given: Sources) -> list[Crop]:
    """Those of a hundred pages."""
    return [one for seed in range(100) for one in made_crops(np.random.default_rng(seed), given, 96)]


def test_a_box_lies_in_the_middle_of_its_crop() -> None:
    image = np.zeros((90, 120), np.uint8)
    image[20:60, 30:50] = 255
    around = crop(image, np.array([30.0, 20.0, 50.0, 60.0]))
    rows, columns = np.nonzero(around > 127)
    assert (rows.min(), rows.max()) == (8, 39)
    assert (columns.min(), columns.max()) == (16, 31)


def test_a_large_digit_is_averaged_and_beyond_the_border_it_goes_on() -> None:
    image = np.full((400, 400), 200, np.uint8)
    image[::2] = 0
    assert np.ptp(crop(image, np.array([0.0, 0.0, 400.0, 400.0]))[12:36, 12:36]) < 40
    assert (crop(np.full((9, 9), 77, np.uint8), np.array([-5.0, -5.0, 20.0, 20.0])) == 77).all()


def test_ink_is_of_digits_and_lies_in_the_middle(crops: list[Crop]) -> None:
    assert {one.label for one in crops} == {*range(10), NOT_A_DIGIT}
    for one in crops:
        assert one.grey.shape == one.ink.shape == (SIDE, SIDE)
        if one.label == NOT_A_DIGIT:
            assert not one.ink.any()
            continue
        assert one.ink.any()
        rows, columns = np.nonzero(one.ink > 127)
        if len(rows):
            assert abs((rows.min() + rows.max()) / 2 - 23.5) < 9
            assert abs((columns.min() + columns.max()) / 2 - 23.5) < 9


def test_ink_is_that_of_one_digit_only(given: Sources) -> None:
    for seed in range(40):
        made = made_scene(np.random.default_rng(seed), given, 96, keep_inks=True)
        scene = made.scene
        assert {index for index, label in enumerate(scene.labels) if label >= 0} <= set(scene.inks or {})
        for index, (left, top, patch) in (scene.inks or {}).items():
            box = scene.boxes[index]
            rows, columns = np.nonzero(patch)
            if len(rows):
                assert 2 * box.left - 6 <= left + columns.min() <= left + columns.max() <= 2 * box.right + 6
                assert 2 * box.top - 6 <= top + rows.min() <= top + rows.max() <= 2 * box.bottom + 6


def test_keeping_inks_changes_nothing_else(given: Sources) -> None:
    for seed in range(20):
        page = made_page(np.random.default_rng(seed), given, 96)
        made = made_scene(np.random.default_rng(seed), given, 96, keep_inks=True)
        assert (page.grey == made.grey).all()
        assert (page.boxes == made.marked.boxes).all()
