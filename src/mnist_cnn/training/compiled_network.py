"""A recipe's Keras model, built and compiled: its loss, its optimizer and its learning rate."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from mnist_cnn.card import READING, Task
from mnist_cnn.models.architectures import build
from mnist_cnn.models.subnetworks import (
    DigitAccuracy,
    MeanOfCrossEntropies,
    WeightedCrossEntropy,
    has_subnetworks,
)
from mnist_cnn.training import backend, devices
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.training.schedule import LAST_OF_EXPONENTIAL

OPTIMIZERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    "sgd": keras.optimizers.SGD,
    "momentum": partial(keras.optimizers.SGD, momentum=0.9, nesterov=True),
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "nadam": keras.optimizers.Nadam,
    "rmsprop": keras.optimizers.RMSprop,
    "lion": keras.optimizers.Lion,
}


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
    built = of.own(of.task) if of.own else build(recipe.name, recipe.dropout, of.task, recipe.parameters)
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
    own: dict[str, Any] = {}
    if recipe.optimizer in ("adam", "adamw", "nadam"):
        own["beta_2"] = recipe.beta_2
    if recipe.optimizer == "adamw" and recipe.weight_decay:
        own["weight_decay"] = recipe.weight_decay
    return OPTIMIZERS[recipe.optimizer](rate, **own)


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
