"""Train a recipe's model on a dataset, epoch by epoch. Knows nothing about test images."""

import math
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import keras
import numpy as np
from keras import ops

from mnist_cnn.callbacks.callback import Callback
from mnist_cnn.data.dataset import Examples
from mnist_cnn.data.ink.training_ink import TrainingInk
from mnist_cnn.data.negatives import NOT_A_DIGIT
from mnist_cnn.data.restyle import restyled
from mnist_cnn.errors import RunError
from mnist_cnn.models.architectures import build
from mnist_cnn.models.subnetworks import DigitAccuracy, MeanOfCrossEntropies, has_subnetworks
from mnist_cnn.training import backend, devices
from mnist_cnn.training.batches import OnBatch
from mnist_cnn.training.epochs import epochs
from mnist_cnn.training.examples_ahead import examples_ahead
from mnist_cnn.training.history import Epoch
from mnist_cnn.training.recipe import Recipe

VALIDATION = 2**32 - 1  # in place of the epoch in the seed of the validation images


def compiled(recipe: Recipe, seed: int, updates: int = 1, count: int = 1) -> keras.Model:
    """Build and compile the recipe's model; `seed` determines its initial weights and its dropout.

    `updates` is their total number, for the learning-rate schedule; `count` is the number of devices. Raises RunError
    as `devices.mirrored` does.
    """
    backend.seed(seed)
    backend.set_precision(recipe.precision)
    with devices.mirrored(count):
        return compiled_here(recipe, updates, count)


def compiled_here(recipe: Recipe, updates: int, count: int) -> keras.Model:
    """Build and compile the recipe's model with the current random state, for the devices of this scope."""
    built = build(recipe.name, recipe.dropout)
    rate = recipe.learning_rate
    if recipe.schedule != "constant" or recipe.warm_up:
        rate = WarmUpAndDecay(recipe.learning_rate, updates, recipe.warm_up, recipe.schedule)
    optimizer = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[recipe.optimizer]
    loss: Any = "categorical_crossentropy"
    metrics: list[Any] = ["accuracy"]
    if has_subnetworks(built) or recipe.negatives:
        metrics = [DigitAccuracy()]
    if has_subnetworks(built):
        loss = MeanOfCrossEntropies(recipe.label_smoothing)
    elif recipe.label_smoothing:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    built.compile(
        optimizer=optimizer(rate),
        loss=loss,
        metrics=metrics,
        # MirroredStrategy fails with more than one.
        steps_per_execution=backend.steps_per_execution(recipe.steps_per_execution) if count == 1 else 1,
    )
    return built


def updates(recipe: Recipe, images: int) -> int:
    """The number of updates of a recipe on this many training images."""
    return recipe.epochs * math.ceil(recipe.images_per_epoch(images) / recipe.batch_size)


class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras ships no types
    """A learning rate that rises linearly over a fraction of all updates, then falls to 0 or stays constant.

    "linear" is the triangle of Smith, Topin, "Super-convergence" (2018), without its changes of momentum; "cosine"
    falls by half a period (Loshchilov, Hutter, "SGDR", arXiv:1608.03983), without its restarts.
    """

    def __init__(self, highest: float, updates: int, warm_up: float, schedule: str) -> None:
        self.highest = highest
        self.updates = updates
        self.warm_up = warm_up
        self.schedule = schedule

    def __call__(self, step: Any) -> Any:
        """The learning rate of an update, counted from 0; it is never 0."""
        done = (ops.cast(step, "float32") + 0.5) / self.updates
        rising = done / self.warm_up if self.warm_up else 1.0
        left = ops.maximum((1 - done) / (1 - self.warm_up), 0.0)
        falling = {
            "constant": ops.ones_like(left),
            "linear": left,
            "cosine": 0.5 - 0.5 * ops.cos(math.pi * ops.minimum(left, 1.0)),
        }
        return self.highest * ops.minimum(rising, falling[self.schedule])

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "highest": self.highest,
            "updates": self.updates,
            "warm_up": self.warm_up,
            "schedule": self.schedule,
        }


def fit(
    network: keras.Model,
    recipe: Recipe,
    training: Examples,
    validation: Examples,
    seed: int,
    done: int = 0,
    callbacks: Callback | None = None,
    ink: TrainingInk | None = None,
    processes: int = 0,
) -> Iterator[Epoch]:
    """Train from epoch `done` to the recipe's last; yields a row of history after each epoch.

    The callbacks are told of an epoch's end after its row was consumed, so that its checkpoint exists by then; if one
    sets `network.stop_training`, that epoch is the last.

    `ink` is needed where the recipe draws digits or negatives from it.

    The images of an epoch depend on (seed, epoch) only, so a resumed run sees the same ones. They are made during the
    epochs before, in a thread or by so many `processes` (`examples_ahead`). Raises RunError if the loss is no longer
    finite, before that epoch is yielded.
    """
    callbacks = callbacks or Callback()
    callbacks.set_params({"epochs": recipe.epochs, "initial_epoch": done})
    callbacks.set_model(network)
    callbacks.on_train_begin({})
    logs: dict[str, float] = {}
    run = epochs(network, recipe.batch_size, arrays(validation) if len(validation) else None, seed)
    with closing(examples_ahead(recipe, training, seed, done, ink, processes)) as following:
        for epoch in range(done, recipe.epochs):
            start = time.perf_counter()
            callbacks.on_epoch_begin(epoch, {})
            logs = run(epoch, *arrays(next(following)), on_batch(callbacks))
            if not all(map(math.isfinite, logs.values())):
                raise RunError(f"The loss became {logs['loss']} in epoch {epoch + 1}: lower --learning-rate.")
            logs["seconds"] = round(time.perf_counter() - start, 3)
            yield {"epoch": epoch + 1, **logs}
            callbacks.on_epoch_end(epoch, logs)
            if network.stop_training:
                break
    callbacks.on_train_end(logs)


def on_batch(callbacks: Callback) -> OnBatch:
    """What the callbacks are told during an epoch."""

    def batch(_epoch: int, done: int, steps: int, loss: float, accuracy: float) -> None:
        callbacks.on_train_batch_end(done - 1, {"loss": loss, "accuracy": accuracy, "batches": steps})

    return batch


def validation_examples(recipe: Recipe, held_out: Examples, seed: int) -> Examples:
    """The validation examples, restyled where the recipe's training images are."""
    if not recipe.restyle or not len(held_out):
        return held_out
    return Examples(
        restyled(held_out.images, held_out.labels, recipe.restyle, np.random.default_rng((seed, VALIDATION))),
        held_out.labels,
    )


def arrays(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """As a network takes them: images (n, 28, 28, 1) uint8 and probabilities (n, 10) float32, as `categorical` does."""
    return examples.images[..., np.newaxis], categorical(examples.labels)


def categorical(labels: np.ndarray) -> np.ndarray:
    """Labels (n,) as probabilities (n, 10) float32: one-hot for a digit, and 0.1 for every digit for NOT_A_DIGIT.

    The latter is "outlier exposure": Hendrycks, Mazeika, Dietterich, "Deep anomaly detection with outlier exposure",
    2019, arXiv:1812.04606.
    """
    truth: np.ndarray = keras.utils.to_categorical(labels, NOT_A_DIGIT + 1)[:, :NOT_A_DIGIT].astype(np.float32)
    truth[labels == NOT_A_DIGIT] = 0.1
    return truth
