"""The finder: its network, its targets, its loss, and what is counted as found."""

import numpy as np
import pytest
from keras import ops

from mnist_cnn.data.pages.page import IGNORED, Page
from mnist_cnn.evaluation.detection import Counts, counted, detections, summed
from mnist_cnn.models.finder import CHANNELS, CLASSES, STRIDE, finder
from mnist_cnn.training.finder_loss import finder_loss
from mnist_cnn.training.finder_pages import NOTHING, batch
from mnist_cnn.training.finder_targets import Targets, targets

BOXES = np.array([[[10, 12, 30, 52], [60, 20, 66, 60], [40, 40, 56, 60], [0, 0, 0, 0]]], np.float32)
LABELS = np.array([[7, 1, IGNORED, NOTHING]], np.int8)
HEIGHT, WIDTH = 64, 96


def wanted() -> Targets:
    return Targets(*(ops.convert_to_numpy(one) for one in targets(BOXES, LABELS, HEIGHT, WIDTH)))


def perfect(target: Targets) -> np.ndarray:
    """Outputs that could not be better."""
    logits = np.where(target.heat >= 1, 30.0, -30.0)
    return np.concatenate([logits, target.boxes], axis=-1).astype(np.float32)


def loss_of(places: np.ndarray) -> list[float]:
    return [float(one) for one in finder_loss(places, wanted())]


@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 160), (16, 48)])
def test_the_network_takes_images_of_any_size(height: int, width: int) -> None:
    network = finder((4, 4, 8, 8), 1)
    image = np.random.default_rng(0).integers(0, 256, (2, height, width, 1), np.uint8)
    assert network(image).shape == (2, height // STRIDE, width // STRIDE, CHANNELS)


def test_the_network_is_small_and_expects_nothing_at_first() -> None:
    network = finder()
    assert 300_000 < network.count_params() < 700_000
    places = np.asarray(network(np.full((1, 64, 64, 1), 200, np.uint8)))
    assert (places[..., :CLASSES] < -2).all()


def test_light_and_contrast_change_little() -> None:
    network = finder((4, 4, 8, 8), 1)
    image = np.zeros((1, 64, 64, 1), np.float32)
    image[:, 20:44, 30:34] = 1
    bright, dim = (np.asarray(network((low + image * span).astype(np.uint8))) for low, span in ((20, 200), (90, 100)))
    assert np.abs(bright - dim).mean() < 0.1 * np.abs(bright - bright.mean(axis=(1, 2))).mean() + 0.05


def test_a_peak_is_at_the_centre_of_a_digit_and_is_one_at_one_place_exactly() -> None:
    target = wanted()
    assert target.heat.shape == (1, HEIGHT // STRIDE, WIDTH // STRIDE, CLASSES)
    assert np.argwhere(target.heat >= 1).tolist() == [[0, 8, 5, 7], [0, 10, 15, 1]]
    assert target.heat[..., [0, 2, 3, 4, 5, 6, 8, 9]].max() == 0
    # Narrower across a narrow digit.
    assert target.heat[0, 10, 16, 1] < target.heat[0, 11, 15, 1]


def test_boxes_are_sizes_and_offsets() -> None:
    target = wanted()
    assert target.near[0, 8, 5] == target.near[0, 10, 15] == 1
    assert 2 <= target.near.sum() < 20
    assert np.allclose(target.boxes[0, 8, 5], [np.log(20), np.log(40), -0.5, -0.5])
    assert np.allclose(target.boxes[0, 10, 15], [np.log(6), np.log(40), 0.25, -0.5], atol=1e-5)


def test_what_is_to_be_ignored_does_not_count() -> None:
    target = wanted()
    assert (target.counted[0, 10:15, 10:14] == 0).all()
    assert target.counted[0, 8, 5] == 1
    assert 20 <= (target.counted == 0).sum() <= 48
    places = perfect(target)
    before = loss_of(places)
    places[0, 12, 12, :CLASSES] = 30
    assert loss_of(places) == before
    places[0, 3, 20, 4] = 30
    assert loss_of(places)[1] > 10


def test_a_digit_within_what_is_ignored_counts() -> None:
    boxes = np.array([[[10, 12, 30, 52], [0, 0, 96, 64]]], np.float32)
    target = targets(boxes, np.array([[7, IGNORED]], np.int8), HEIGHT, WIDTH)
    assert ops.convert_to_numpy(target.counted).sum() == 1


def test_the_loss_is_zero_for_perfect_answers_and_grows_with_every_error() -> None:
    places = perfect(wanted())
    assert loss_of(places) == pytest.approx([0, 0, 0], abs=1e-4)
    missed = places.copy()
    missed[0, 8, 5, 7] = 0
    assert loss_of(missed)[1] == pytest.approx(0.25 * np.log(2) / 2, rel=1e-3)
    larger = places.copy()
    larger[0, 8, 5, CLASSES] += 1
    assert loss_of(larger)[2] == pytest.approx(1 / wanted().near.sum(), rel=1e-3)
    assert np.isfinite(loss_of(np.full_like(places, 1e4))).all()


def test_pages_without_digits_have_a_loss_too() -> None:
    target = targets(np.zeros((1, 2, 4), np.float32), np.full((1, 2), NOTHING, np.int8), 32, 32)
    assert float(ops.max(target.heat)) == float(ops.max(target.near)) == 0
    quiet = np.concatenate([np.full((1, 8, 8, 10), -30.0), np.zeros((1, 8, 8, 4))], axis=-1)
    assert float(finder_loss(quiet, target).total) == pytest.approx(0, abs=1e-5)


def test_a_batch_holds_the_boxes_of_its_pages() -> None:
    grey = np.zeros((32, 32), np.uint8)
    one = Page(grey, np.array([[1, 2, 11, 22]], np.float32), np.array([3], np.int8), ())
    none = Page(grey, np.zeros((0, 4), np.float32), np.zeros(0, np.int8), ())
    images, boxes, labels = batch([one, none], 3)
    assert images.shape == (2, 32, 32, 1)
    assert labels.tolist() == [[3, NOTHING, NOTHING], [NOTHING] * 3]
    assert boxes[0, 0].tolist() == [1, 2, 11, 22]


def test_perfect_answers_are_detected_where_the_digits_are() -> None:
    found = detections(perfect(wanted())[0], 0.5)
    assert sorted(found.labels.tolist()) == [1, 7]
    order = np.argsort(found.boxes[:, 0])
    assert np.allclose(found.boxes[order], BOXES[0, :2], atol=1e-3)
    assert counted(found, BOXES[0, :3], LABELS[0, :3]) == Counts(2, 2, 2)


def test_of_two_detections_of_one_digit_the_surer_one_stays() -> None:
    places = perfect(wanted())
    places[0, 8, 7] = places[0, 8, 5]
    places[0, 8, 7, 7] = 2
    places[0, 8, 7, CLASSES + 2] -= 1.5
    found = detections(places[0], 0.5)
    assert sorted(found.labels.tolist()) == [1, 7]
    assert found.scores.min() > 0.99


def test_what_is_counted() -> None:
    found = detections(perfect(wanted())[0], 0.5)
    wrong_label = counted(found, BOXES[0, :2], np.array([8, 1], np.int8))
    assert (wrong_label, wrong_label.precision, wrong_label.recall) == (Counts(2, 2, 1), 0.5, 0.5)
    excused = counted(found, BOXES[0, :2], np.array([IGNORED, 1], np.int8))
    assert excused == Counts(1, 1, 1)
    nothing = counted(detections(np.full((8, 8, CHANNELS), -9.0), 0.5), np.zeros((0, 4)), np.zeros(0, np.int8))
    assert nothing == summed([]) == Counts(0, 0, 0)
    assert (nothing.precision, nothing.recall, nothing.f1) == (1, 1, 1)
    assert summed([wrong_label, excused]).f1 == pytest.approx(2 * 2 / 6)
