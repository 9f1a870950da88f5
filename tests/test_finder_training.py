"""The pages, batches and updates of a finder's training, and what is measured of it, without a whole run."""

from pathlib import Path

import numpy as np
import pytest
from keras import ops

from drawn_ink import SEEN, UNSEEN, ink_of
from mnist_cnn.data.dataset import Dataset, Examples
from mnist_cnn.data.pages import sources as page_sources
from mnist_cnn.data.pages.page import IGNORED, Page
from mnist_cnn.data.pages.sources import Sources, sources
from mnist_cnn.errors import DataError, RecipeError
from mnist_cnn.evaluation.detection import CLASSES, Counts, Detections, matched
from mnist_cnn.evaluation.finder_evaluation import (
    THRESHOLDS,
    FinderEvaluation,
    best_threshold,
    evaluate_finder,
    measured,
)
from mnist_cnn.evaluation.finder_sheet import sheet
from mnist_cnn.evaluation.tiles import FOUND, INVENTED, MISSED
from mnist_cnn.training.detector_fit import compiled_detector
from mnist_cnn.training.finder_fit import loss_of
from mnist_cnn.training.finder_pages import MOST, SIDE, Batch, batch, held_out_pages, page_epochs, steps
from mnist_cnn.training.light import in_other_light
from mnist_cnn.training.made_epochs import TEST, VALIDATION, Step, updates_per_epoch
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.training.updates import Updates, four_in_one, kept
from mnist_cnn.workflows.page_preparation import PageData

TINY = Recipe("finder", pages=80, repeats=2, batch_size=16, epochs=3)


@pytest.fixture(scope="module")
def given(digits: Dataset) -> Sources:
    return sources(*digits.train, ink_of(SEEN, UNSEEN).characters)


@pytest.fixture(scope="module")
def path(given: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "pages.npz"
    page_sources.save(given, path)
    return path


def same(one: Batch, other: Batch) -> bool:
    return all((a == b).all() for a, b in zip(one, other, strict=True))


def test_the_pages_of_an_epoch_depend_on_its_seed_and_number_only(path: Path) -> None:
    first = list(page_epochs(path, TINY, 7, 0, processes=1))
    again = list(page_epochs(path, TINY, 7, 1, processes=3))
    other = next(page_epochs(path, TINY, 8, 0, processes=1))
    assert [pages.images.shape for pages in first] == [(80, SIDE, SIDE, 1)] * 3
    assert [pages.boxes.shape for pages in first] == [(80, MOST, 4)] * 3
    assert all(same(a, b) for a, b in zip(first[1:], again, strict=True))
    assert not same(first[0], first[1])
    assert not same(first[0], other)


def test_each_page_is_used_as_often_as_the_recipe_says_in_other_light_each_time() -> None:
    images = np.zeros((80, 32, 32, 1), np.uint8) + np.arange(80, dtype=np.uint8)[:, None, None, None]
    pages = Batch(images, np.zeros((80, 1, 4), np.float32), np.arange(80, dtype=np.int8)[:, None])
    made = list(steps(pages, TINY, 3, 1))
    used = np.concatenate([Batch(*step.batch).labels[:, 0] for step in made])
    assert updates_per_epoch(TINY) == len(made) == 10
    assert np.bincount(used).tolist() == [2] * 80
    assert all(
        same(Batch(*a.batch), Batch(*b.batch)) and a.mosaic == b.mosaic
        for a, b in zip(made, steps(pages, TINY, 3, 1), strict=True)
    )
    assert not same(Batch(*made[0].batch), Batch(*next(steps(pages, TINY, 3, 2)).batch))
    assert {step.mosaic for step in steps(pages, TINY.replace(mosaics=1.0), 3, 1)} == {True}
    assert {step.mosaic for step in steps(pages, TINY.replace(mosaics=0.0), 3, 1)} == {False}


def test_light_is_changed_for_whole_images_and_some_are_inverted() -> None:
    images = np.tile(np.arange(64, 192, dtype=np.uint8).reshape(1, 8, 16, 1), (200, 1, 1, 1))
    changed = in_other_light(images, np.random.default_rng(0)).reshape(200, -1).astype(int)
    rising = changed[:, -1] > changed[:, 0]
    assert 10 < (~rising).sum() < 60
    assert (np.diff(changed[rising]) >= 0).all()
    assert changed.mean() == pytest.approx(127, abs=5)


def test_validation_and_test_pages_are_always_the_same_and_differ_from_each_other(given: Sources) -> None:
    validation, test = (held_out_pages(given, TINY, part) for part in (VALIDATION, TEST))
    assert (len(validation), len(test)) == (8, 40)
    again = held_out_pages(given, TINY.replace(batch_size=32), VALIDATION)
    assert all((a.grey == b.grey).all() for a, b in zip(validation, again, strict=True))
    assert not (validation[0].grey == test[0].grey).all()


def test_a_mosaic_has_the_first_two_of_four_pages_above_the_others() -> None:
    maps = np.arange(8).reshape(8, 1, 1, 1) * np.ones((8, 2, 3, 1), int)
    joined = ops.convert_to_numpy(four_in_one(ops.convert_to_tensor(maps)))[..., 0]
    assert joined.shape == (2, 4, 6)
    assert joined[1, ::2, ::3].tolist() == [[4, 5], [6, 7]]
    assert ops.convert_to_numpy(four_in_one(ops.convert_to_tensor(maps[..., 0]))).shape == (2, 4, 6)


def test_updates_learn_and_average_weights_and_statistics(given: Sources) -> None:
    recipe = TINY.replace(pages=16, epochs=4, repeats=3, precision="float32", learning_rate=0.003, warm_up=0.0)
    network, averaged = compiled_detector(recipe, 0)
    first = [weight.copy() for weight in averaged.get_weights()]
    assert all((a == b).all() for a, b in zip(first, network.get_weights(), strict=True))
    updates = Updates(network, averaged, recipe.weight_averaging, loss_of)
    pages = held_out_pages(given, recipe.replace(pages=32), TEST)
    losses = [
        float(ops.convert_to_numpy(updates.update(Step(batch(pages, MOST), mosaic)))[0])
        for mosaic in (False, True, False, False, False, False)
    ]
    updates.finish()
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    for start, now, mean in zip(first, network.get_weights(), averaged.get_weights(), strict=True):
        assert (now != start).any()
        assert (mean != start).any()
        assert np.abs(mean - start).max() <= np.abs(now - start).max() * 3 + 1e-3
    assert [float(kept(1, 0.9995)), float(kept(10**6, 0.9995))] == pytest.approx([2 / 11, 0.9995])


def test_only_kernels_decay() -> None:
    network, _ = compiled_detector(TINY, 0)
    decays = [network.optimizer._use_weight_decay(one) for one in network.trainable_variables]
    assert decays == [len(one.shape) == 4 for one in network.trainable_variables]


def test_the_seed_decides_the_first_weights() -> None:
    first, again, other = (compiled_detector(TINY, seed)[0].get_weights() for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not all((a == b).all() for a, b in zip(first, other, strict=True))


def test_hyperparameters_of_the_other_kind_are_refused() -> None:
    with pytest.raises(RecipeError, match="rotation is not a hyperparameter of the recipe finder: leave --rotation"):
        Recipe("finder", rotation=10)
    with pytest.raises(RecipeError, match="gradient-clipping is not a hyperparameter of the recipe fast"):
        Recipe("fast", gradient_clipping=0.1)
    with pytest.raises(RecipeError, match="an epoch uses only 8 pages, so lower it"):
        Recipe("finder", pages=4, repeats=2).for_images(60_000)
    with pytest.raises(RecipeError, match="pages is 0, so there is nothing to train on"):
        Recipe("finder", pages=0).for_images(60_000)
    with pytest.raises(RecipeError, match="with mosaics of four pages it must be a multiple of 4"):
        Recipe("finder", batch_size=6).for_images(60_000)
    assert Recipe("finder", batch_size=6, mosaics=0, repeats=0).for_images(60_000).repeats == 1
    assert Recipe(**Recipe("finder").to_dict()) == Recipe("finder")


def test_pages_can_be_made_without_ink(digits: Dataset) -> None:
    made = PageData(digits.split(0.05), None).sources(validation=True)
    assert sum(page.digits for page in held_out_pages(made, Recipe("finder", pages=100), TEST)) > 20
    few = Examples(digits.train.images[:20], digits.train.labels[:20])
    data = PageData(Dataset("memory", "memory", few, digits.test, "0" * 64), None)
    with pytest.raises(DataError, match=r"There is no \d among the 1 images to validate on"):
        data.sources(validation=True)


def test_what_the_card_says_of_ink_counts_characters_of_seen_and_of_held_out_writers(digits: Dataset) -> None:
    ink = ink_of(SEEN, UNSEEN, origin=("/somewhere/handwriting",))
    data = PageData(digits.split(0.05), ink)
    about = data.about({"pages": {"side": SIDE}})
    assert about["ink"]["training"] == about["ink"]["held_out"] == {"digits": 10, "others": 4, "writers": 1}
    assert (about["ink"]["origin"], about["ink"]["sha256"]) == (["/somewhere/handwriting"], ink.sha256)
    assert (about["test"], about["pages"]) == (0, {"side": SIDE})
    assert "ink" not in PageData(digits.split(0.05), None).about({})
    plain = PageData(digits.split(0.05), None).sources(validation=True)
    assert len(data.sources(validation=True).letters.labels) == len(plain.letters.labels) + 4


def outputs_of(page: Page) -> np.ndarray:
    """What a finder would ideally give for a page."""
    places = np.full((page.grey.shape[0] // 4, page.grey.shape[1] // 4, 14), -9.0, np.float32)
    for (left, top, right, bottom), label in zip(page.boxes, page.labels, strict=True):
        x, y = (left + right) / 8, (top + bottom) / 8
        row, column = int(y), int(x)
        places[row, column, label] = 3.0
        places[row, column, CLASSES:] = (np.log(right - left), np.log(bottom - top), x - column - 0.5, y - row - 0.5)
    return places


def page_with(*boxes: tuple[float, float, float, float, int]) -> Page:
    values = np.array(boxes, np.float32).reshape(-1, 5)
    return Page(np.full((64, 64), 200, np.uint8), values[:, :4], values[:, 4].astype(np.int8), ())


def test_an_evaluation_counts_by_threshold_with_intervals_and_pages_without_digits() -> None:
    two, none = page_with((4, 4, 20, 28, 3), (40, 30, 56, 60, 5)), page_with()
    missed, invented = outputs_of(page_with((4, 4, 20, 28, 3))), outputs_of(page_with((8, 8, 20, 30, 7)))
    places = np.stack([outputs_of(two), missed, outputs_of(none), invented])
    found = evaluate_finder(places, [two, two, none, none], 0.5)
    assert found.chosen.counts == Counts(digits=4, detections=4, right=3)
    assert found.chosen.blank is not None
    assert (found.chosen.blank.correct, found.chosen.blank.count) == (1, 2)
    assert found.nothing_found.startswith("50.00% (1 of 2; 95% CI ")
    for name, (low, high) in found.chosen.intervals.items():
        assert 0 <= low <= getattr(found.chosen.counts, name) <= high <= 1
    assert FinderEvaluation.from_dict(found.to_dict()) == found
    assert [one.threshold for one in found.by_threshold] == list(THRESHOLDS)
    assert measured(places, [two, two, none, none]) == {"val_precision": 0.75, "val_recall": 0.75, "val_f1": 0.75}
    assert best_threshold(places[:1], [two]) == max(THRESHOLDS)
    assert "at the threshold 0.5" in str(found)
    assert evaluate_finder(places[:1], [two], 0.5).nothing_found == ""


def test_what_was_detected_is_right_or_ignored_or_wrong() -> None:
    page = page_with((0, 0, 10, 20, 4), (30, 30, 40, 50, 6), (50, 0, 60, 20, IGNORED))
    boxes = np.array([(0, 0, 10, 20), (30, 30, 40, 50), (50, 1, 60, 19), (0, 0, 9, 20)], np.float32)
    match = matched(Detections(boxes, np.array([4, 5, 1, 4]), np.linspace(0.9, 0.5, 4)), page.boxes, page.labels)
    assert match.right.tolist() == [True, False, False, False]
    assert match.ignored.tolist() == [False, False, True, False]
    assert match.found.tolist() == [True, False]


def test_the_sheet_shows_what_was_found_missed_and_invented() -> None:
    page = page_with((4, 4, 20, 28, 3), (40, 30, 56, 60, 5))
    places = outputs_of(page_with((4, 4, 20, 28, 3), (30, 4, 44, 24, 8)))
    drawn = sheet(np.stack([places] * 7), [page] * 7, 0.5)
    assert drawn.shape == (2 * 128 + 8, 6 * 128 + 5 * 8, 3)
    assert (drawn[20, 8] == FOUND).all()
    assert (drawn[80, 80] == MISSED).all()
    assert (drawn[20, 60] == INVENTED).all()
