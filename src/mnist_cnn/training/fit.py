"""Train a recipe's model on a dataset, epoch by epoch. Knows nothing about test images."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from mnist_cnn.callbacks.callback import Callback
from mnist_cnn.card import DIGITS, READING, Task
from mnist_cnn.data.dataset import Examples
from mnist_cnn.data.ink.training_ink import TrainingInk
from mnist_cnn.data.restyle import restyled
from mnist_cnn.errors import RunError
from mnist_cnn.models.architectures import build
from mnist_cnn.models.classifier import task_of
from mnist_cnn.models.subnetworks import (
    DigitAccuracy,
    MeanOfCrossEntropies,
    WeightedCrossEntropy,
    has_subnetworks,
)
from mnist_cnn.training import backend, devices
from mnist_cnn.training.epochs import epochs
from mnist_cnn.training.examples_ahead import examples_ahead
from mnist_cnn.training.history import Epoch
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.training.update_log import UpdateLog

VALIDATION = 2**32 - 1  # in place of the epoch in the seed of the validation images


OPTIMIZERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    "sgd": keras.optimizers.SGD,
    "momentum": partial(keras.optimizers.SGD, momentum=0.9, nesterov=True),
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "nadam": keras.optimizers.Nadam,
    "rmsprop": keras.optimizers.RMSprop,
    "lion": keras.optimizers.Lion,
}
LAST_OF_EXPONENTIAL = 0.01  # of the peak learning rate


@dataclass(frozen=True)
class Built:
    """What a recipe's model is built for and from: its task, and a person's own function in place of the recipe's.

    `weights` (classes,) are those of the classes in the loss, None if all count alike; `begin` is called with the built
    model, to give it other weights or to freeze layers.
    """

    task: Task = READING
    own: Callable[[Task], keras.Model] | None = None
    weights: np.ndarray | None = None
    begin: Callable[[keras.Model], None] | None = None


def compiled(recipe: Recipe, seed: int, updates: int = 1, count: int = 1, built: Built = Built()) -> keras.Model:
    """Build and compile the recipe's model; `seed` determines its initial weights and its dropout.

    `updates` is their total number, for the learning-rate schedule; `count` is the number of devices. Raises RunError
    as `devices.mirrored` does.
    """
    backend.seed(seed)
    backend.set_precision(recipe.precision)
    with devices.mirrored(count):
        return compiled_here(recipe, updates, count, built)


def compiled_here(recipe: Recipe, updates: int, count: int, of: Built) -> keras.Model:
    """Build and compile the recipe's model with the current random state, for the devices of this scope."""
    built = of.own(of.task) if of.own else build(recipe.name, recipe.dropout, of.task)
    if of.begin:
        of.begin(built)
    rate: Any = recipe.learning_rate
    if recipe.schedule != "constant" or recipe.warm_up:
        rate = WarmUpAndDecay(recipe.learning_rate, updates, recipe.warm_up, recipe.schedule)
    loss: Any = "categorical_crossentropy"
    metrics: list[Any] = ["accuracy"]
    if has_subnetworks(built) or recipe.negatives:
        metrics = [DigitAccuracy()]
    if has_subnetworks(built):
        loss = MeanOfCrossEntropies(recipe.label_smoothing, of.weights)
    elif of.weights is not None:
        loss = WeightedCrossEntropy(recipe.label_smoothing, of.weights)
    elif recipe.label_smoothing:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    built.compile(
        optimizer=optimizer_of(recipe, rate),
        loss=loss,
        metrics=metrics,
        # MirroredStrategy fails with more than one.
        steps_per_execution=backend.steps_per_execution(recipe.steps_per_execution) if count == 1 else 1,
    )
    return built


def optimizer_of(recipe: Recipe, rate: Any) -> keras.optimizers.Optimizer:
    """Keras' optimizer of a recipe at this learning rate, which may be a schedule."""
    decay = {"weight_decay": recipe.weight_decay} if recipe.optimizer == "adamw" and recipe.weight_decay else {}
    return OPTIMIZERS[recipe.optimizer](rate, **decay)


def class_weights(recipe: Recipe, labels: np.ndarray, task: Task) -> np.ndarray | None:
    """The weights (classes,) of a recipe for these labels (n,), None if all classes count alike.

    "balanced" is scikit-learn's: n / (classes × images of the class); a class without images has 0.
    """
    if recipe.class_weights == "none":
        return None
    counts = np.bincount(labels, minlength=task.classes)
    present = np.count_nonzero(counts)
    return np.where(counts > 0, len(labels) / (present * np.maximum(counts, 1)), 0.0).astype(np.float32)


def updates(recipe: Recipe, images: int) -> int:
    """The number of updates of a recipe on this many training images."""
    return recipe.epochs * math.ceil(recipe.images_per_epoch(images) / recipe.batch_size)


class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras ships no types
    """A learning rate that rises linearly over a fraction of all updates, then falls to 0 or stays constant.

    "linear" is the triangle of Smith, Topin, "Super-convergence" (2018), without its changes of momentum; "cosine"
    falls by half a period (Loshchilov, Hutter, "SGDR", arXiv:1608.03983), without its restarts; "exponential" falls by
    equal factors to a hundredth.
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
            "exponential": ops.power(LAST_OF_EXPONENTIAL, 1 - ops.minimum(left, 1.0)),
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
    sets `network.stop_training`, that epoch is the last. If one does so within an epoch, the epoch ends at once and is
    dropped, unless it is the first: there is nothing yet to end with.

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
    task = task_of(network)
    total = updates(recipe, len(training))
    run = epochs(network, recipe.batch_size, arrays(validation, task) if len(validation) else None, seed)
    with closing(examples_ahead(recipe, training, seed, done, ink, processes)) as following:
        for epoch in range(done, recipe.epochs):
            start = time.perf_counter()
            callbacks.on_epoch_begin(epoch, {})
            log = UpdateLog(total, epoch * total // recipe.epochs)
            heard = OnBatches(network, callbacks, log, is_first=epoch == 0)
            try:
                logs = run(epoch, *arrays(next(following), task), heard)
            except EndedWithinEpoch:
                network.stop_training = True
                break
            if not all(map(math.isfinite, logs.values())):
                raise RunError(f"The loss became {logs['loss']} in epoch {epoch + 1}: lower --learning-rate.")
            logs["seconds"] = round(time.perf_counter() - start, 3)
            yield {"epoch": epoch + 1, **logs, "updates": log.blocks}
            callbacks.on_epoch_end(epoch, logs)
            if network.stop_training or heard.is_ending:
                network.stop_training = True
                break
    callbacks.on_train_end(logs)


class EndedWithinEpoch(Exception):  # noqa: N818  it is no error
    """A callback has set `network.stop_training` within an epoch."""


class OnBatches:
    """What the callbacks and the log hear in an epoch; raises EndedWithinEpoch if one ends the training, and may."""

    def __init__(self, network: keras.Model, callbacks: Callback, log: UpdateLog, *, is_first: bool) -> None:
        self.network = network
        self.callbacks = callbacks
        self.log = log
        self.is_first = is_first
        self.is_ending = False

    def __call__(self, epoch: int, done: int, steps: int, loss: float, accuracy: float) -> None:
        """Tell them."""
        del epoch
        self.log.add(done, steps, loss, accuracy)
        self.callbacks.on_train_batch_end(done - 1, {"loss": loss, "accuracy": accuracy, "batches": steps})
        if self.network.stop_training:
            self.network.stop_training = False  # or Keras ends the epoch, and takes it for a whole one
            self.is_ending = True
            if not self.is_first:
                raise EndedWithinEpoch


def validation_examples(recipe: Recipe, held_out: Examples, seed: int) -> Examples:
    """The validation examples, restyled where the recipe's training images are."""
    if not recipe.restyle or not len(held_out):
        return held_out
    return Examples(
        restyled(held_out.images, held_out.labels, recipe.restyle, np.random.default_rng((seed, VALIDATION))),
        held_out.labels,
    )


def arrays(examples: Examples, task: Task = READING) -> tuple[np.ndarray, np.ndarray]:
    """As a network takes them: images (n, 28, 28, 1) uint8 and probabilities (n, 10) float32, as `categorical` does."""
    return task.batch(examples.images), categorical(examples.labels, task.classes)


def categorical(labels: np.ndarray, classes: int = len(DIGITS)) -> np.ndarray:
    """Labels (n,) as probabilities (n, classes) float32: one-hot for a class, and equal ones for a negative.

    The label of a negative is the number of classes, NOT_A_DIGIT for the ten digits.

    The latter is "outlier exposure": Hendrycks, Mazeika, Dietterich, "Deep anomaly detection with outlier exposure",
    2019, arXiv:1812.04606.
    """
    truth: np.ndarray = keras.utils.to_categorical(labels, classes + 1)[:, :classes].astype(np.float32)
    truth[labels == classes] = 1 / classes
    return truth
