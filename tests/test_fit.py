import keras
import numpy as np
import pytest

from mnist_cnn.data.source import Dataset, Examples
from mnist_cnn.errors import RunError
from mnist_cnn.training.fit import compiled, epoch_order, fit
from mnist_cnn.training.recipe import Recipe

SMALL = Recipe(epochs=1, passes=1, batch_size=64)


def few(dataset: Dataset, start: int, stop: int) -> Examples:
    return Examples(dataset.train.images[start:stop], dataset.train.labels[start:stop])


def test_every_pass_of_an_epoch_sees_every_image_once() -> None:
    order = epoch_order(5, passes=3, seed=0, epoch=0)
    assert [sorted(order[start : start + 5]) for start in (0, 5, 10)] == [[0, 1, 2, 3, 4]] * 3


def test_the_order_depends_on_seed_and_epoch_and_on_nothing_else() -> None:
    first = epoch_order(100, 1, seed=1, epoch=2)
    np.random.default_rng().random(3)
    assert (first == epoch_order(100, 1, seed=1, epoch=2)).all()
    assert (first != epoch_order(100, 1, seed=1, epoch=3)).any()
    assert (first != epoch_order(100, 1, seed=2, epoch=2)).any()


def test_the_seed_decides_the_first_weights() -> None:
    first, same, other = (compiled(SMALL, seed).get_weights()[0] for seed in (1, 1, 2))
    assert (first == same).all()
    assert (first != other).any()


def test_classic_is_compiled_to_the_letter() -> None:
    network = compiled(Recipe(), seed=0)
    assert isinstance(network, keras.Sequential)
    assert isinstance(network.optimizer, keras.optimizers.SGD)
    assert float(network.optimizer.learning_rate) == pytest.approx(0.01)
    assert network.loss == "categorical_crossentropy"


def test_steps_reported_end_at_the_last_one_and_a_row_has_every_number(digits: Dataset) -> None:
    steps: list[tuple[int, int, int]] = []
    training, validation = few(digits, 0, 200), few(digits, 200, 300)
    network = compiled(SMALL, seed=0)
    [row] = fit(
        network,
        SMALL,
        training,
        validation,
        seed=0,
        on_step=lambda epoch, step, of, *_: steps.append((epoch, step, of)),
    )
    assert steps[-1] == (1, 4, 4)
    assert set(row) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"}


def test_steps_per_execution_change_the_speed_and_not_one_bit(digits: Dataset) -> None:
    weights = []
    for steps in (1, 3):
        recipe = Recipe(epochs=1, passes=1, steps_per_execution=steps)
        network = compiled(recipe, seed=0)
        list(fit(network, recipe, few(digits, 0, 320), few(digits, 320, 384), seed=0))
        weights.append(network.get_weights())
    assert all((a == b).all() for a, b in zip(*weights, strict=True))


def test_a_rate_so_high_that_the_loss_is_lost_is_one_sentence(digits: Dataset) -> None:
    recipe = Recipe(epochs=3, passes=20, learning_rate=10)
    network = compiled(recipe, seed=0)
    images = np.where(digits.train.images > 0, 255, 0).astype(np.uint8)
    training = Examples(images[:500], digits.train.labels[:500])
    network.layers[-1].kernel.assign(network.layers[-1].kernel * np.inf)
    with pytest.raises(RunError, match="The loss became nan in epoch 1: lower --learning-rate"):
        list(fit(network, recipe, training, few(digits, 500, 600), seed=0))
