import dataclasses
import json
import re
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import pytest

from mnist_cnn import card
from mnist_cnn.errors import RecipeError
from mnist_cnn.reading.model_names import BUNDLED
from mnist_cnn.training.recipe import ABOUT, FOREIGN, MEASURED, OF_SOME, RECIPES, Recipe, check

ROOT = Path(__file__).parents[1]


def test_classic_is_the_recipe_the_project_started_from() -> None:
    classic = Recipe("classic")
    assert (classic.epochs, classic.batch_size, classic.learning_rate) == (12, 64, 0.01)
    assert (classic.validation_split, classic.dropout) == (0.1, 0.2)


NUMBERS = [one for one in Recipe.hyperparameters() if "low" in one.metadata]
WORDS = [one for one in Recipe.hyperparameters() if "choices" in one.metadata]


@pytest.mark.parametrize("one", WORDS, ids=lambda one: one.name)
def test_a_hyperparameter_of_words_takes_each_of_them_and_nothing_else(
    one: "dataclasses.Field[str]",
) -> None:
    for word in one.metadata["choices"]:
        assert getattr(Recipe().replace(**{one.name: word}), one.name) == word
    for value in ("nonsense", "", 1):
        with pytest.raises(RecipeError, match=f"{one.name.replace('_', '-')} is .*: it must be one of "):
            Recipe().replace(**{one.name: value})


def test_every_hyperparameter_is_of_one_kind_or_the_other() -> None:
    assert len(NUMBERS) + len(WORDS) == len(Recipe.hyperparameters())


@pytest.mark.parametrize("one", NUMBERS, ids=lambda one: one.name)
def test_every_hyperparameter_takes_both_ends_of_its_range_and_nothing_beyond(
    one: "dataclasses.Field[float]",
) -> None:
    low, high = one.metadata["low"], one.metadata["high"]
    own = [name for name, foreign in FOREIGN.items() if one.name in OF_SOME - foreign]
    recipe = Recipe(own[0] if own else "classic")
    for value in (low, high):
        assert getattr(recipe.replace(**{one.name: value}), one.name) == value
    for value in (low - 1, high + 1, float("nan"), float("inf"), "3", True):
        with pytest.raises(RecipeError, match=f"{one.name.replace('_', '-')} is .*: it must be"):
            recipe.replace(**{one.name: value})  # type: ignore[arg-type]


def test_a_recipe_starts_from_the_values_of_its_name() -> None:
    recipe = Recipe("fast", epochs=2, dropout=0.3)
    assert (recipe.epochs, recipe.dropout) == (2, 0.3)
    assert recipe == RECIPES["fast"].replace(epochs=2, dropout=0.3)
    assert (recipe.optimizer, recipe.learning_rate, recipe.label_smoothing) == ("adam", 0.02, 0.1)
    assert repr(recipe) == "Recipe('fast', epochs=2, dropout=0.3)"


def test_a_misspelt_recipe_or_hyperparameter_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(RecipeError, match=r"There is no recipe 'fsat': did you mean 'fast'\? Choose one of classic, "):
        Recipe("fsat")
    for wrong in (lambda: Recipe("fast", epoch=2), lambda: RECIPES["fast"].replace(epoch=2)):
        with pytest.raises(RecipeError, match=r"There is no hyperparameter 'epoch': did you mean 'epochs'\?"):
            wrong()
    with pytest.raises(RecipeError, match=r"There is no hyperparameter 'zzz': choose one of epochs, batch_size, "):
        Recipe(zzz=1)


def test_numbers_of_numpy_are_numbers() -> None:
    recipe = Recipe(epochs=np.int64(3), dropout=np.float32(0.5))
    assert (recipe, type(recipe.epochs), type(recipe.dropout)) == (Recipe(epochs=3, dropout=0.5), int, float)


def test_a_whole_number_is_asked_for_where_only_that_makes_sense() -> None:
    with pytest.raises(RecipeError, match=r"epochs is 1\.5: it must be a whole number from 1 to 10,000"):
        check("epochs", 1.5, 1, 10_000, whole=True)


def test_an_unknown_recipe_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(RecipeError, match="no recipe 'quick': choose one of classic, fast, best, tiny"):
        Recipe("quick")


def test_every_recipe_is_described() -> None:
    assert set(RECIPES) == set(ABOUT) == set(MEASURED)


def results(name: str) -> Any:
    return json.loads((ROOT / "bench" / "results" / f"{name}.json").read_text(encoding="utf-8"))


def test_what_is_said_of_a_recipe_is_what_was_measured() -> None:
    classic, fast = results("classic_time")["mnist_cnn"], results("time_to_99")["fast"]
    for name, runs in (("classic", classic), ("fast", fast)):
        assert MEASURED[name].accuracy == round(mean(run["accuracy"] for run in runs), 2)
        assert MEASURED[name].seconds == round(median(run["seconds"] for run in runs), 1)
    for name in ("best", "tiny"):
        rows = results(f"study_{name}")["rows"]
        assert MEASURED[name].accuracy == round(100 * mean(row["accuracy"] for row in rows), 2)
        assert MEASURED[name].seconds == round(median(row["seconds"] for row in rows))
        assert MEASURED[name].parameters == rows[0]["parameters"]


def test_what_is_said_of_robust_is_what_its_model_card_and_the_benchmarks_say() -> None:
    bundled = card.read(BUNDLED)
    assert MEASURED["robust"].parameters == bundled.parameters
    assert MEASURED["robust"].accuracy == round(100 * bundled.evaluation["accuracy"], 2)
    told = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    shortest, longest = map(int, re.search(r"on two cores an epoch took (\d+) to (\d+) seconds", told).groups())  # type: ignore[union-attr]
    epochs = RECIPES["robust"].epochs
    assert epochs * shortest < MEASURED["robust"].seconds < epochs * longest  # type: ignore[operator]


def test_a_recipe_has_no_hyperparameters_that_mean_nothing_for_it() -> None:
    fast, finder = ({one.name for one in RECIPES[name].own_hyperparameters()} for name in ("fast", "finder"))
    assert "dropout" in fast - finder
    assert "gradient_clipping" in finder - fast


def test_an_epoch_means_as_many_updates_on_few_images_as_on_mnist() -> None:
    assert Recipe().for_images(54_000).repeats == 1
    assert Recipe().for_images(1_000).repeats == 54
    assert Recipe().for_images(200_000).repeats == 1
    assert Recipe(batch_size=1).for_images(1).repeats == 10_000
    assert Recipe(repeats=3).for_images(1_000).repeats == 3


def test_an_epoch_goes_over_all_passes_and_what_is_no_digit() -> None:
    assert Recipe(repeats=2).images_per_epoch(100) == 200
    assert Recipe(repeats=2, negatives=0.25).images_per_epoch(101) == 202 + 50
    assert Recipe(repeats=2, ink_digits=1.5, negatives=0.25).images_per_epoch(100) == 200 + 300 + 50


def test_without_recorded_handwriting_nothing_is_taken_from_it() -> None:
    assert Recipe("robust").for_images(54_000, ink=True).ink_digits == RECIPES["robust"].ink_digits > 0
    alone = Recipe("robust").for_images(54_000)
    assert (alone.ink_digits, alone.ink_negatives) == (0, 0)
    assert alone.negatives == RECIPES["robust"].negatives


def test_fewer_images_than_a_batch_are_refused() -> None:
    assert Recipe(batch_size=64).for_images(64).repeats == 844
    with pytest.raises(RecipeError, match="batch-size is 65: there are only 64 images to train on"):
        Recipe(batch_size=65).for_images(64)


def test_a_batch_that_a_recipe_has_by_itself_is_lowered_for_fewer_images() -> None:
    assert Recipe("fast").for_images(99).batch_size == 16
    assert Recipe("fast").for_images(5).batch_size == 5
