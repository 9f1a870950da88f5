import dataclasses

import pytest

from mnist_cnn.errors import RecipeError
from mnist_cnn.training.recipe import ABOUT, RECIPES, Recipe, check, recipe_named


def test_classic_is_the_recipe_the_project_started_from() -> None:
    classic = recipe_named("classic")
    assert (classic.epochs, classic.batch_size, classic.learning_rate) == (12, 64, 0.01)
    assert (classic.validation_split, classic.dropout) == (0.1, 0.2)


NUMBERS = [dial for dial in Recipe.dials() if "low" in dial.metadata]
WORDS = [dial for dial in Recipe.dials() if "choices" in dial.metadata]


@pytest.mark.parametrize("dial", WORDS, ids=lambda dial: dial.name)
def test_a_dial_of_words_takes_each_of_them_and_nothing_else(dial: "dataclasses.Field[str]") -> None:
    for word in dial.metadata["choices"]:
        assert getattr(Recipe().with_dials(**{dial.name: word}), dial.name) == word
    for value in ("nonsense", "", 1):
        with pytest.raises(RecipeError, match=f"{dial.name} is .*: it must be one of "):
            Recipe().with_dials(**{dial.name: value})


def test_every_dial_is_of_one_kind_or_the_other() -> None:
    assert len(NUMBERS) + len(WORDS) == len(Recipe.dials())


@pytest.mark.parametrize("dial", NUMBERS, ids=lambda dial: dial.name)
def test_every_dial_takes_both_ends_of_its_range_and_nothing_beyond(dial: "dataclasses.Field[float]") -> None:
    low, high = dial.metadata["low"], dial.metadata["high"]
    for value in (low, high):
        assert getattr(Recipe().with_dials(**{dial.name: value}), dial.name) == value
    for value in (low - 1, high + 1, float("nan"), float("inf"), "3", True):
        with pytest.raises(RecipeError, match=f"{dial.name.replace('_', '-')} is .*: it must be"):
            Recipe().with_dials(**{dial.name: value})  # type: ignore[arg-type]


def test_a_dial_left_at_none_keeps_its_default() -> None:
    assert Recipe().with_dials(epochs=None, dropout=0.5) == dataclasses.replace(Recipe(), dropout=0.5)


def test_a_whole_number_is_asked_for_where_only_that_makes_sense() -> None:
    with pytest.raises(RecipeError, match=r"epochs is 1\.5: it must be a whole number from 1 to 10,000"):
        check("epochs", 1.5, 1, 10_000, whole=True)


def test_an_unknown_recipe_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(RecipeError, match="no recipe 'quick': choose one of classic, fast, best, tiny"):
        recipe_named("quick")


def test_every_recipe_is_described() -> None:
    assert set(RECIPES) == set(ABOUT)


def test_an_epoch_means_as_many_updates_on_few_images_as_on_mnist() -> None:
    assert Recipe().for_images(54_000).passes == 1
    assert Recipe().for_images(1_000).passes == 54
    assert Recipe().for_images(200_000).passes == 1
    assert Recipe(passes=3).for_images(1_000).passes == 3


def test_an_epoch_goes_over_all_passes_and_what_is_no_digit() -> None:
    assert Recipe(passes=2).images_an_epoch(100) == 200
    assert Recipe(passes=2, nondigits=0.25).images_an_epoch(101) == 202 + 50


def test_fewer_images_than_a_batch_are_refused() -> None:
    assert Recipe(batch_size=64).for_images(64).passes == 844
    with pytest.raises(RecipeError, match="batch-size is 64: there are only 63 images to train on"):
        Recipe(batch_size=64).for_images(63)
