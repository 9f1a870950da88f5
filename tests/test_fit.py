import dataclasses
from collections.abc import Mapping

import keras
import numpy as np
import pytest

from mnist_cnn.callbacks.callback import Callback, Logs
from mnist_cnn.card import NO_CLASSIFIERS
from mnist_cnn.data.dataset import Dataset, Examples
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.training_ink import TrainingInk
from mnist_cnn.data.negatives import NOT_A_DIGIT
from mnist_cnn.errors import RunError
from mnist_cnn.training.compiled_network import WarmUpAndDecay, compiled
from mnist_cnn.training.epoch_examples import epoch_examples, epoch_order
from mnist_cnn.training.examples_ahead import examples_ahead
from mnist_cnn.training.fit import (
    arrays,
    categorical,
    fit,
    updates,
    validation_examples,
)
from mnist_cnn.training.recipe import RECIPES, Recipe

SMALL = Recipe(epochs=1, repeats=1, batch_size=64)


def few(dataset: Dataset, start: int, stop: int) -> Examples:
    return Examples(dataset.train.images[start:stop], dataset.train.labels[start:stop])


def test_every_pass_of_an_epoch_sees_every_image_once() -> None:
    order = epoch_order(5, 3, np.random.default_rng(0))
    assert [sorted(order[start : start + 5]) for start in (0, 5, 10)] == [[0, 1, 2, 3, 4]] * 3


@pytest.mark.parametrize("changed", ["not at all", "distorted", "robust"])
def test_what_an_epoch_sees_depends_on_seed_and_epoch_and_on_nothing_else(digits: Dataset, changed: str) -> None:
    recipe = dataclasses.replace(SMALL, epochs=3, elastic=0.0 if changed == "not at all" else 1.0)
    if changed == "robust":
        recipe = dataclasses.replace(recipe, restyle=0.5, negatives=0.5)
    training = few(digits, 0, 100)
    first = epoch_examples(recipe, training, seed=1, epoch=1)
    np.random.default_rng().random(3)
    again = epoch_examples(recipe, training, seed=1, epoch=1)
    assert (first.images == again.images).all()
    assert (first.labels == again.labels).all()
    assert (first.labels != epoch_examples(recipe, training, seed=1, epoch=2).labels).any()
    assert (first.labels != epoch_examples(recipe, training, seed=2, epoch=1).labels).any()


def test_what_is_kept_to_validate_is_varied_like_what_is_trained_on_and_always_the_same(digits: Dataset) -> None:
    held_out = few(digits, 0, 100)
    plain = validation_examples(SMALL, held_out, seed=0)
    assert (plain.images == held_out.images).all()
    recipe = dataclasses.replace(SMALL, restyle=0.9)
    varied = validation_examples(recipe, held_out, seed=0)
    assert (varied.labels == plain.labels).all()
    assert (varied.images != plain.images).any(axis=(1, 2)).mean() > 0.8
    assert (varied.images == validation_examples(recipe, held_out, seed=0).images).all()
    assert not len(validation_examples(recipe, few(digits, 0, 0), seed=0))


def test_images_are_distorted_in_all_but_the_plain_epochs(digits: Dataset) -> None:
    recipe = dataclasses.replace(SMALL, epochs=3, rotation=10.0, final_plain_epochs=1)
    training = few(digits, 0, 100)
    known = {image.tobytes() for image in training.images}
    seen = [epoch_examples(recipe, training, seed=0, epoch=epoch).images for epoch in range(3)]
    assert [sum(image.tobytes() in known for image in images) > 50 for images in seen] == [False, False, True]


def test_what_is_no_digit_comes_on_top_of_all_digits_and_mixed_with_them(digits: Dataset) -> None:
    recipe = dataclasses.replace(SMALL, repeats=2, restyle=0.5, negatives=0.25)
    training = few(digits, 0, 100)
    seen = epoch_examples(recipe, training, seed=0, epoch=0)
    assert len(seen) == len(seen.images) == recipe.images_per_epoch(100) == 250
    none = seen.labels == NOT_A_DIGIT
    assert none.sum() == 50
    assert 10 < none[:125].sum() < 40
    assert (np.bincount(seen.labels[~none]) == 2 * np.bincount(training.labels)).all()
    assert updates(recipe, 100) == 4


def test_digits_and_negatives_are_drawn_from_recorded_handwriting(digits: Dataset) -> None:
    recipe = dataclasses.replace(SMALL, ink_digits=0.5, negatives=0.4, ink_negatives=0.5)
    line = (np.array([[0, 0], [0, 1]], np.float32),)
    cross = (*line, np.array([[-0.5, 0.5], [0.5, 0.5]], np.float32))
    ink = TrainingInk([InkCharacter("1", "nobody/1", line)], np.ones(1), [InkCharacter("+", "nobody/1", cross)])
    training = few(digits, 0, 100)
    seen = epoch_examples(recipe, training, 0, 0, ink)
    assert len(seen) == recipe.images_per_epoch(100) == 190
    assert (seen.labels == NOT_A_DIGIT).sum() == 40
    assert (seen.labels == 1).sum() == (training.labels == 1).sum() + 50
    again = epoch_examples(recipe, training, 0, 0, ink)
    assert (seen.images == again.images).all()
    with_fewer = epoch_examples(dataclasses.replace(recipe, ink_negatives=0.0), training, 0, 0, ink)
    assert (with_fewer.labels == NOT_A_DIGIT).sum() == 40
    without = epoch_examples(recipe.for_images(100).replace(repeats=1), training, 0, 0)
    assert len(without) == recipe.for_images(100).replace(repeats=1).images_per_epoch(100) == 140


@pytest.mark.parametrize("processes", [0, 1, 2])
def test_images_made_ahead_are_those_of_their_epochs(processes: int, digits: Dataset) -> None:
    recipe = dataclasses.replace(SMALL, epochs=4, restyle=0.3, ink_digits=0.5, negatives=0.4)
    line = (np.array([[0, 0], [0, 1]], np.float32),)
    ink = TrainingInk([InkCharacter("1", "nobody/1", line)], np.ones(1), [InkCharacter("+", "nobody/1", line)])
    training = few(digits, 0, 50)
    made = list(examples_ahead(recipe, training, 5, 1, ink, processes))
    assert len(made) == 3
    for epoch, one in enumerate(made, 1):
        expected = epoch_examples(recipe, training, 5, epoch, ink)
        assert (one.images == expected.images).all()
        assert (one.labels == expected.labels).all()


def test_a_digit_is_certain_and_what_is_none_is_every_digit_alike() -> None:
    images, truth = arrays(Examples(np.zeros((2, 28, 28), np.uint8), np.array([3, NOT_A_DIGIT], np.uint8)))
    assert images.shape == (2, 28, 28, 1)
    assert truth[0].tolist() == np.eye(10)[3].tolist()
    assert truth[1] == pytest.approx(np.full(10, 0.1))
    assert truth.dtype == np.float32


def test_the_loss_is_least_and_ln_10_where_no_digit_gets_every_probability_alike() -> None:
    recipe = dataclasses.replace(SMALL, name="robust", negatives=0.5)
    loss = keras.losses.get(compiled(recipe, seed=0).loss)
    truth = categorical(np.array([NOT_A_DIGIT]))
    alike, certain = np.full((1, 10), 0.1, np.float32), categorical(np.array([3]))
    assert np.asarray(loss(truth, alike)) == pytest.approx(np.log(10), rel=1e-5)
    assert np.asarray(loss(truth, 0.9 * alike + 0.1 * certain)) > np.log(10)


@pytest.mark.slow
@pytest.mark.extended
def test_a_recipe_with_what_is_no_digit_learns_to_be_unsure_of_it(digits: Dataset) -> None:
    recipe = RECIPES["robust"].replace(epochs=8, repeats=4, batch_size=32).for_images(600)
    training = few(digits, 0, 600)
    network = compiled(recipe, seed=0, updates=updates(recipe, 600))
    rows = list(fit(network, recipe, training, few(digits, 600, 800), seed=0))
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["val_accuracy"] > 0.9
    seen = epoch_examples(recipe, training, seed=1, epoch=0)
    confidence = network.predict(seen.images[..., np.newaxis], verbose=0).max(axis=1)
    none = seen.labels == NOT_A_DIGIT
    assert confidence[~none].mean() > confidence[none].mean() + 0.2


def test_the_step_size_goes_up_and_down_to_nothing() -> None:
    rate = WarmUpAndDecay(0.1, updates=100, warm_up=0.2, schedule="linear")
    steps = [float(rate(step)) for step in range(100)]
    assert max(steps) == pytest.approx(0.1, rel=0.03)
    assert steps.index(max(steps)) in (19, 20)
    assert 0 < steps[0] < 0.003
    assert 0 < steps[-1] < 0.001
    assert np.diff(steps[:20]) == pytest.approx(0.005, rel=1e-3)
    assert np.diff(steps[21:]) == pytest.approx(-0.00125, rel=1e-3)
    staying = WarmUpAndDecay(0.1, updates=100, warm_up=0.2, schedule="constant")
    assert [float(staying(step)) for step in (50, 99)] == pytest.approx([0.1, 0.1])
    waving = WarmUpAndDecay(0.1, updates=100, warm_up=0.2, schedule="cosine")
    assert [float(waving(step)) for step in (9.5, 19.5, 59.5, 98.5)] == pytest.approx([0.05, 0.1, 0.05, 0], abs=1e-4)


def test_updates_count_the_last_small_batch_of_every_epoch() -> None:
    assert updates(Recipe(epochs=3, batch_size=64, repeats=2), 100) == 3 * 4


def test_without_a_validation_part_a_row_has_no_numbers_of_one(digits: Dataset) -> None:
    recipe = dataclasses.replace(SMALL, validation_split=0.0)
    [row] = fit(compiled(recipe, seed=0), recipe, few(digits, 0, 128), few(digits, 0, 0), seed=0)
    assert set(row) == {"epoch", "loss", "accuracy", "seconds", "updates"}


@pytest.mark.parametrize(
    "name",
    # `robust` does in a test above, which takes longer.
    [
        pytest.param(name, marks=[pytest.mark.slow, pytest.mark.extended] if name == "best" else ())
        for name in RECIPES
        if name not in ("robust", *NO_CLASSIFIERS)
    ],
)
def test_every_recipe_learns(name: str, digits: Dataset) -> None:
    recipe = dataclasses.replace(RECIPES[name], epochs=3, repeats=4, batch_size=32, validation_split=0.1)
    network = compiled(recipe, seed=0, updates=updates(recipe, 400))
    rows = list(fit(network, recipe, few(digits, 0, 400), few(digits, 400, 600), seed=0))
    assert rows[-1]["loss"] < rows[0]["loss"]
    if name != "classic":  # which needs more than this to begin
        assert rows[-1]["val_accuracy"] > 0.9


def test_the_seed_decides_the_first_weights() -> None:
    first, same, other = (compiled(SMALL, seed).get_weights()[0] for seed in (1, 1, 2))
    assert (first == same).all()
    assert (first != other).any()


def test_classic_is_compiled_to_the_letter() -> None:
    network = compiled(Recipe(), seed=0)
    assert isinstance(network.optimizer, keras.optimizers.SGD)
    assert float(network.optimizer.learning_rate) == pytest.approx(0.01)
    assert network.loss == "categorical_crossentropy"


def test_steps_reported_end_at_the_last_one_and_a_row_has_every_number(digits: Dataset) -> None:
    class Told(Callback):
        def __init__(self) -> None:
            self.names: list[str] = []
            self.params: dict[str, int] = {}

        def set_params(self, params: Mapping[str, int]) -> None:
            self.params = dict(params)

        def on_train_begin(self, logs: Logs | None = None) -> None:  # noqa: ARG002
            self.names.append("train begin")

        def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
            self.names.append(f"epoch {epoch} begin")

        def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
            assert logs is not None
            assert set(logs) == {"loss", "accuracy", "batches"}
            self.names.append(f"batch {batch} of {logs['batches']}")

        def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
            self.names.append(f"epoch {epoch} end: {', '.join(sorted(logs or {}))}")

        def on_train_end(self, logs: Logs | None = None) -> None:
            self.names.append(f"train end: {len(logs or {})}")

    told = Told()
    training, validation = few(digits, 0, 200), few(digits, 200, 300)
    network = compiled(SMALL, seed=0)
    [row] = fit(
        network,
        SMALL,
        training,
        validation,
        seed=0,
        callbacks=told,
    )
    assert told.params == {"epochs": 1, "initial_epoch": 0}
    assert told.names[:2] == ["train begin", "epoch 0 begin"]
    assert told.names[-3:] == [
        "batch 3 of 4",
        "epoch 0 end: accuracy, loss, seconds, val_accuracy, val_loss",
        "train end: 5",
    ]
    assert set(row) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds", "updates"}


def test_steps_per_execution_change_the_speed_and_not_one_bit(digits: Dataset) -> None:
    weights = []
    for steps in (1, 3):
        recipe = Recipe(epochs=1, repeats=1, steps_per_execution=steps)
        network = compiled(recipe, seed=0)
        list(fit(network, recipe, few(digits, 0, 320), few(digits, 320, 384), seed=0))
        weights.append(network.get_weights())
    assert all((a == b).all() for a, b in zip(*weights, strict=True))


def test_a_rate_so_high_that_the_loss_is_lost_is_one_sentence(digits: Dataset) -> None:
    recipe = Recipe(epochs=3, repeats=1, learning_rate=10)
    network = compiled(recipe, seed=0)
    images = np.where(digits.train.images > 0, 255, 0).astype(np.uint8)
    training = Examples(images[:500], digits.train.labels[:500])
    network.layers[-1].kernel.assign(network.layers[-1].kernel * np.inf)
    with pytest.raises(RunError, match="The loss became nan in epoch 1: lower --learning-rate"):
        list(fit(network, recipe, training, few(digits, 500, 600), seed=0))
