import numpy as np
import pytest

from mnist_cnn.data.augment import Augmentation, augmented, cubic_spline
from mnist_cnn.data.dataset import Dataset


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_no_distortion_gives_the_same_images(digits: Dataset) -> None:
    assert not Augmentation()
    images = digits.train.images[:1030]  # more than one mosaic
    assert (augmented(images, Augmentation(), rng()) == images).all()


@pytest.mark.parametrize("count", [0, 1, 5])
def test_as_many_come_out_as_went_in(count: int, digits: Dataset) -> None:
    changed = augmented(digits.train.images[:count], Augmentation(rotation=10, elastic=1), rng())
    assert (changed.shape, changed.dtype) == ((count, 28, 28), np.uint8)


def test_nothing_of_its_neighbours_is_ever_seen() -> None:
    images = np.zeros((50, 28, 28), np.uint8)
    images[::2] = 255
    changed = augmented(images, Augmentation(rotation=45, zoom=0.5, translation=8, elastic=4), rng())
    assert not changed[1::2].any()


def test_the_same_generator_gives_the_same_and_each_image_its_own_change(digits: Dataset) -> None:
    images = np.repeat(digits.train.images[:1], 20, axis=0)
    changed = augmented(images, Augmentation(rotation=10), rng())
    assert (changed == augmented(images, Augmentation(rotation=10), rng())).all()
    assert len({image.tobytes() for image in changed}) == 20


def test_a_shift_moves_the_centre_of_mass_by_at_most_its_limit() -> None:
    images = np.zeros((200, 28, 28), np.uint8)
    images[:, 12:16, 12:16] = 200
    changed = augmented(images, Augmentation(translation=3), rng()).astype(float)
    mass = changed.sum(axis=(1, 2))
    rows = (changed.sum(axis=2) * np.arange(28)).sum(axis=1) / mass - 13.5
    columns = (changed.sum(axis=1) * np.arange(28)).sum(axis=1) / mass - 13.5
    for moved in (rows, columns):
        assert np.abs(moved).max() <= 3.05
        assert moved.max() > 2.5
        assert moved.min() < -2.5


def test_a_rotation_turns_a_line_by_at_most_its_limit() -> None:
    images = np.zeros((200, 28, 28), np.uint8)
    images[:, 4:24, 13:15] = 255
    changed = augmented(images, Augmentation(rotation=20), rng()).astype(float)
    column, row = np.meshgrid(np.arange(28) - 13.5, np.arange(28) - 13.5)
    mass = changed.sum(axis=(1, 2))
    slope = (changed * column * row).sum(axis=(1, 2)) / mass / ((changed * row**2).sum(axis=(1, 2)) / mass)
    angles = np.rad2deg(np.arctan(slope))
    assert 18 < np.abs(angles).max() < 21
    assert angles.min() < -15 < 15 < angles.max()


def test_scaling_changes_how_much_ink_there_is() -> None:
    images = np.zeros((200, 28, 28), np.uint8)
    images[:, 9:19, 9:19] = 255
    ink = augmented(images, Augmentation(zoom=0.2), rng()).astype(float).sum(axis=(1, 2)) / (255 * 100)
    assert 1.2 < ink.max() < 1 / 0.8**2 + 0.05
    assert 1 / 1.2**2 - 0.05 < ink.min() < 0.85


def test_spline_weights_add_up_to_one_and_reach_the_edges() -> None:
    weights = cubic_spline(28)
    assert weights.sum(axis=1) == pytest.approx(1)
    assert weights.min() >= 0
    assert (weights.max(axis=0) > 0.1).all()


def test_bending_moves_points_by_its_standard_deviation_times_the_splines_share(digits: Dataset) -> None:
    little, much = (
        np.abs(
            augmented(digits.train.images[:200], Augmentation(elastic=bend), rng()).astype(float)
            - digits.train.images[:200]
        )
        for bend in (0.3, 3.0)
    )
    assert 0 < little.mean() < much.mean() / 2
