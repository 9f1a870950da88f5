"""The crops, batches and updates of a segmenter's training, and what is measured of it, without a whole run."""

from pathlib import Path

import numpy as np
import pytest
from keras import ops
from sklearn.metrics import roc_auc_score

from drawn_ink import SEEN, UNSEEN, ink_of
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.pages import sources as page_sources
from mnist_cnn.data.pages.crop_process import Crops
from mnist_cnn.data.pages.sources import Sources, sources
from mnist_cnn.errors import RecipeError
from mnist_cnn.evaluation.detection import Counts
from mnist_cnn.evaluation.segmenter_evaluation import (
    SegmenterEvaluation,
    evaluate_segmenter,
    measured,
    roc_auc,
)
from mnist_cnn.evaluation.segmenter_sheet import sheet
from mnist_cnn.evaluation.thresholds import THRESHOLDS
from mnist_cnn.evaluation.tiles import FOUND, INVENTED, MISSED
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.segmenter_network import CLASSES, NO_DIGIT, Segmented
from mnist_cnn.reading.weights import FINDER
from mnist_cnn.training.detector_fit import compiled_detector
from mnist_cnn.training.light import noisy
from mnist_cnn.training.made_epochs import TEST, VALIDATION, Step, updates_per_epoch
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.training.segmenter_crops import crop_epochs, held_out_crops, steps
from mnist_cnn.training.segmenter_fit import segmenter_task, validation_loss
from mnist_cnn.training.updates import Updates

TINY = Recipe("segmenter", crops=40, repeats=2, batch_size=16, epochs=3)


@pytest.fixture(scope="module")
def given(digits: Dataset) -> Sources:
    return sources(*digits.train, ink_of(SEEN, UNSEEN).characters)


@pytest.fixture(scope="module")
def path(given: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "pages.npz"
    page_sources.save(given, path)
    return path


def same(one: Crops, other: Crops) -> bool:
    return all((a == b).all() for a, b in zip(one, other, strict=True))


def test_the_crops_of_an_epoch_depend_on_its_seed_and_number_only(path: Path) -> None:
    first = list(crop_epochs(path, FINDER, TINY, 7, 0, processes=1))
    again = list(crop_epochs(path, FINDER, TINY, 7, 1, processes=2))
    other = next(crop_epochs(path, FINDER, TINY, 8, 0, processes=1))
    assert [crops.images.shape for crops in first] == [(40, 64, 64, 2)] * 3
    assert [crops.inks.shape for crops in first] == [(40, 48, 48)] * 3
    assert all(same(a, b) for a, b in zip(first[1:], again, strict=True))
    assert not same(first[0], first[1])
    assert not same(first[0], other)


def test_each_crop_is_used_as_often_as_the_recipe_says_with_its_own_ink() -> None:
    count = np.arange(40)
    images = np.zeros((40, 64, 64, 2), np.uint8) + (100 + count)[:, None, None, None].astype(np.uint8)
    crops = Crops(images, images[:, :48, :48, 0], count.astype(np.int32))
    made = list(steps(crops, TINY, 3, 1))
    assert updates_per_epoch(TINY) == len(made) == 5
    used = np.concatenate([step.batch[2] for step in made])
    assert np.bincount(used).tolist() == [2] * 40
    for step in made:
        light, inks, labels = step.batch
        assert (light.shape, light.dtype) == ((16, 64, 64, 2), np.uint8)
        assert (inks[:, 0, 0] == 100 + labels).all()
        assert not step.mosaic
    again = list(steps(crops, TINY, 3, 1))
    assert all((a == b).all() for x, y in zip(made, again, strict=True) for a, b in zip(x.batch, y.batch, strict=True))
    assert not (next(steps(crops, TINY, 3, 2)).batch[2] == made[0].batch[2]).all()


def test_some_crops_are_noisy_and_the_others_stay() -> None:
    images = np.full((200, 16, 16, 1), 128, np.uint8)
    changed = noisy(images, np.random.default_rng(0))
    deviations = changed.reshape(200, -1).std(axis=1)
    assert 30 < (deviations > 0).sum() < 90
    assert 2 < deviations.max() < 6
    assert (images == 128).all()


def test_validation_and_test_crops_are_always_the_same_and_differ_from_each_other(given: Sources) -> None:
    validation, test = (held_out_crops(given, FINDER, TINY, part) for part in (VALIDATION, TEST))
    assert (len(validation.labels), len(test.labels)) == (4, 20)
    assert same(held_out_crops(given, FINDER, TINY.replace(batch_size=32), VALIDATION), validation)
    assert not (validation.images == test.images[:4]).all()


def test_updates_learn_and_average_all_but_the_state_of_dropout(given: Sources, path: Path) -> None:
    recipe = TINY.replace(crops=64, epochs=4, repeats=3, learning_rate=0.003, warm_up=0.0)
    crops = held_out_crops(given, FINDER, recipe, TEST)
    network, averaged = compiled_detector(recipe, 0)
    first = [weight.copy() for weight in averaged.get_weights()]
    task = segmenter_task(recipe, path, FINDER, crops, measured)
    updates = Updates(network, averaged, recipe.weight_averaging, task.loss_of)
    step = Step((crops.images[..., None], crops.inks, crops.labels))
    losses = [ops.convert_to_numpy(updates.update(step)) for _ in range(8)]
    updates.finish()
    assert np.isfinite(losses).all()
    assert losses[-1][0] < losses[0][0]
    assert losses[0][0] == pytest.approx(losses[0][1] + 2 * losses[0][2], rel=1e-5)
    for start, now, mean in zip(first, network.get_weights(), averaged.get_weights(), strict=True):
        assert (now != start).any()
        assert (mean != start).any()
    row = task.validation(averaged)()
    assert set(row) == {"val_loss", "val_accuracy", "val_roc_auc"}


def test_only_kernels_decay_and_the_seed_decides_the_first_weights() -> None:
    network, _ = compiled_detector(TINY, 1)
    decays = [network.optimizer._use_weight_decay(one) for one in network.trainable_variables]
    assert decays == [one.name == "kernel" for one in network.trainable_variables]
    again, other = (compiled_detector(TINY, seed)[0].get_weights() for seed in (1, 2))
    assert all((a == b).all() for a, b in zip(network.get_weights(), again, strict=True))
    assert not all((a == b).all() for a, b in zip(again, other, strict=True))


def test_hyperparameters_of_the_other_kinds_are_refused() -> None:
    for name, value in (("rotation", 10), ("pages", 5), ("mosaics", 0.5)):
        with pytest.raises(
            RecipeError, match=f"{name} is not a hyperparameter of the recipe segmenter: leave --{name}"
        ):
            Recipe("segmenter", **{name: value})
    for name in ("finder", "fast"):
        with pytest.raises(RecipeError, match=f"crops is not a hyperparameter of the recipe {name}"):
            Recipe(name, crops=10)
    with pytest.raises(RecipeError, match="an epoch uses only 8 crops, so lower it"):
        Recipe("segmenter", crops=4, repeats=2).for_images(60_000)
    with pytest.raises(RecipeError, match="crops is 0, so there is nothing to train on: give the number of crops"):
        Recipe("segmenter", crops=0).for_images(60_000)
    assert Recipe("segmenter", batch_size=6, repeats=0).for_images(60_000).repeats == 1
    assert Recipe(**Recipe("segmenter", dropout=0.5).to_dict()) == Recipe("segmenter", dropout=0.5)


SLASH = NO_DIGIT + 1 + MARKS.index("/")


def some_crops() -> tuple[Segmented, Crops]:
    """Four crops, a 3, a 5, a slash and none, and what a segmenter says of them: right, no digit, right, a 7."""
    labels = np.array([3, 5, SLASH, NO_DIGIT], np.int32)
    inks = np.zeros((4, 48, 48), np.uint8)
    inks[:2, 8:40, 20:28] = 255
    classes = np.full((4, CLASSES), 0.001, np.float32)
    classes[[0, 1, 2, 3], [3, NO_DIGIT, SLASH, 7]] = 0.9
    classes[1, 5] = 0.04  # likelier than the other digits
    classes /= classes.sum(axis=1, keepdims=True)
    marked = inks / np.float32(255)
    marked[1] = 0
    return Segmented(classes, marked), Crops(np.full((4, 64, 64, 2), 90, np.uint8), inks, labels)


def by_amount(images: np.ndarray) -> np.ndarray:
    """A classifier that takes everything with ink for a 3, and nothing for a 0."""
    return np.eye(10, dtype=np.float32)[np.where(images.any(axis=(1, 2)), 3, 0)]


def test_an_evaluation_counts_labels_digits_by_threshold_and_what_a_classifier_says_of_the_ink() -> None:
    said, crops = some_crops()
    found = evaluate_segmenter(said, crops, by_amount)
    assert found.crops == 4
    assert found.labels is not None
    assert (found.labels.correct, found.labels.count) == (2, 2)
    assert found.by_marked_ink is not None
    assert found.by_true_ink is not None
    assert found.marks is not None
    assert (found.marks.correct, found.marks.count) == (1, 1)
    assert (found.by_marked_ink.correct, found.by_true_ink.correct, found.by_true_ink.count) == (1, 1, 2)
    at_half = next(one for one in found.by_threshold if one.threshold == 0.5)
    assert at_half.counts == Counts(digits=2, detections=2, right=1)
    assert at_half.blank is not None
    assert (at_half.blank.correct, at_half.blank.count) == (1, 2)
    assert [one.threshold for one in found.by_threshold] == list(THRESHOLDS)
    assert SegmenterEvaluation.from_dict(found.to_dict()) == found
    assert measured(said, crops) == {"val_accuracy": 1.0, "val_roc_auc": round(found.roc_auc, 6)}
    assert found.lines[0].startswith(
        "4 crops of made pages of held-out writers: ROC AUC of digits against non-digits 0.6"
    )
    assert len(found.lines) == 5


def test_without_digits_nothing_is_said_of_labels_and_ink() -> None:
    said, crops = some_crops()
    none, of_none = Crops(*(one[3:] for one in crops)), Segmented(said.classes[3:], said.inks[3:])
    found = evaluate_segmenter(of_none, none, by_amount)
    assert (found.labels, found.by_marked_ink, found.by_true_ink, found.marks) == (None, None, None, None)
    assert (found.roc_auc, found.roc_auc_interval) == (0.5, (0.0, 1.0))
    assert SegmenterEvaluation.from_dict(found.to_dict()) == found
    assert measured(of_none, none) == {"val_roc_auc": 0.5}
    assert len(found.lines) == 1


def test_the_roc_auc_is_that_of_scikit_learn_and_its_interval_has_it_inside() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(500) < 0.4
    scores = np.round(rng.normal(positive, 1.0), 1)  # with ties
    area, (low, high) = roc_auc(scores, positive)
    assert area == pytest.approx(roc_auc_score(positive, scores))
    assert low < area < high < low + 0.15
    assert roc_auc(np.array([0.1, 0.9]), np.array([False, True])) == (1.0, (0.0, 1.0))


def test_the_interval_of_the_roc_auc_has_the_true_one_inside_in_most_samples() -> None:
    from math import erf

    rng = np.random.default_rng(1)
    true = 0.5 + 0.5 * erf(0.5)  # of two normal distributions at a distance of one deviation
    positive = np.arange(200) % 2 == 0
    intervals = [roc_auc(rng.normal(positive, 1.0), positive)[1] for _ in range(400)]
    assert 0.92 < np.mean([low <= true <= high for low, high in intervals]) < 0.98


def test_the_validation_loss_is_that_of_the_probabilities() -> None:
    said, crops = some_crops()
    by_hand = -np.log(said.classes[np.arange(4), crops.labels]).mean()
    ink = validation_loss(said, crops, 0.0) - by_hand
    assert ink == pytest.approx(2 * -np.log(1e-5) * (crops.inks[1] > 0).mean() / 2, rel=1e-2)


def test_the_sheet_shows_each_crop_beside_its_ink() -> None:
    said, crops = some_crops()
    drawn = sheet(
        Segmented(np.tile(said.classes, (3, 1)), np.tile(said.inks, (3, 1, 1))),
        Crops(*(np.concatenate([one] * 3) for one in crops)),
    )
    assert drawn.shape == (2 * 128 + 8, 6 * 256 + 5 * 8, 3)
    step = 256 + 8
    assert [tuple(drawn[0, index * step].tolist()) for index in range(4)] == [FOUND, MISSED, FOUND, INVENTED]
    assert (drawn[64, 10] == 90).all()
    assert (drawn[64, 128 + 64] == 0).all(), "ink is black"
    assert (drawn[64, 128 + 20] == 255).all()
