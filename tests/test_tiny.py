from pathlib import Path

import pytest

import mnist_cnn
from mnist_cnn.card import Task
from mnist_cnn.errors import RecipeError
from mnist_cnn.models.architectures import build
from mnist_cnn.models.tiny_widths import FAMILY, parameters_of, widths_for
from mnist_cnn.training.recipe import Recipe

CIFAR = Task(32, 3, tuple("abcdefghijkl"))


@pytest.mark.parametrize("task", [Task(), CIFAR], ids=["digits", "others"])
def test_parameters_are_those_that_keras_counts(task: Task) -> None:
    for widths in (FAMILY[0], FAMILY[-1]):
        counted = parameters_of(widths, task)
        assert build("tiny", 0.0, task, counted).count_params() == counted


def test_the_family_is_ordered_and_has_what_its_page_says() -> None:
    counts = [parameters_of(widths) for widths in FAMILY]
    assert counts == [9426, 6940, 4890, 2881, 1976, 1399, 981, 684]


@pytest.mark.parametrize(
    ("most", "has"), [(0, 9426), (10_000, 9426), (9425, 6940), (5000, 4890), (2000, 1976), (700, 684)]
)
def test_the_largest_that_fits_is_taken(most: int, has: int) -> None:
    assert parameters_of(widths_for(most)) == has
    assert Recipe("tiny", parameters=most).for_images(60_000).parameters == most


def test_too_few_parameters_are_one_sentence_before_the_training() -> None:
    with pytest.raises(RecipeError, match="parameters is 683: the smallest tiny for these images has 684, so raise it"):
        Recipe("tiny", parameters=683).for_images(60_000)
    with pytest.raises(RecipeError, match="the smallest tiny for these images has 738"):
        Recipe("tiny", parameters=700).for_images(60_000, task=CIFAR)


def test_a_network_of_ones_own_has_its_own(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="--parameters and --network contradict each other: leave one out"):
        mnist_cnn.train("tiny", "digits", parameters=700, network="mine.py:build", output=tmp_path / "run")


def test_only_tiny_takes_them() -> None:
    for name in ("classic", "fast", "best", "robust", "finder"):
        with pytest.raises(RecipeError, match=f"parameters is not a hyperparameter of the recipe {name}"):
            Recipe(name, parameters=700)
