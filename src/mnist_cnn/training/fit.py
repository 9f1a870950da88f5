"""A recipe and data become a trained network and its history. Knows nothing about test images."""

import math
import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from mnist_cnn.data.augment import distort
from mnist_cnn.data.source import Examples
from mnist_cnn.errors import RunError
from mnist_cnn.models import network
from mnist_cnn.models.columns import MeanOfCrossEntropies, accuracy, has_columns
from mnist_cnn.training import backend
from mnist_cnn.training.backend import OnStep
from mnist_cnn.training.history import Epoch
from mnist_cnn.training.recipe import Recipe


def compiled(recipe: Recipe, seed: int, updates: int = 1) -> keras.Model:
    """Build and compile the recipe's network; `seed` decides its first weights and its dropout.

    `updates` is how many there will be in all: a step size that changes on the way is planned by it.
    """
    backend.seed(seed)
    backend.set_precision(recipe.precision)
    built = network.build(recipe.name, recipe.dropout)
    rate = recipe.learning_rate
    if recipe.schedule != "constant" or recipe.warm_up:
        rate = UpAndDown(recipe.learning_rate, updates, recipe.warm_up, down=recipe.schedule == "linear")
    optimizer = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[recipe.optimizer]
    loss: Any = "categorical_crossentropy"
    metrics: list[Any] = ["accuracy"]
    if has_columns(built):
        loss = MeanOfCrossEntropies(recipe.label_smoothing)
        metrics = [keras.metrics.MeanMetricWrapper(accuracy, name="accuracy")]
    elif recipe.label_smoothing:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    built.compile(
        optimizer=optimizer(rate),
        loss=loss,
        metrics=metrics,
        steps_per_execution=backend.updates_at_once(recipe.steps_per_execution),
    )
    return built


def updates(recipe: Recipe, images: int) -> int:
    """How many updates a recipe makes on this many training images."""
    return recipe.epochs * math.ceil(images * recipe.passes / recipe.batch_size)


class UpAndDown(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras ships no types
    """A step size that rises evenly over a share of all updates and then goes down evenly to 0, or stays.

    The triangle of Smith, Topin, "Super-convergence" (2018), without its changes of momentum.
    """

    def __init__(self, highest: float, updates: int, warm_up: float, down: bool) -> None:
        self.highest = highest
        self.updates = updates
        self.warm_up = warm_up
        self.down = down

    def __call__(self, step: Any) -> Any:
        """The step size of an update, counted from 0; none is 0."""
        done = (ops.cast(step, "float32") + 0.5) / self.updates
        rising = done / self.warm_up if self.warm_up else 1.0
        falling = ops.maximum((1 - done) / (1 - self.warm_up), 0.0) if self.down else 1.0
        return self.highest * ops.minimum(rising, falling)

    def get_config(self) -> dict[str, Any]:
        """What makes the same again."""
        return {"highest": self.highest, "updates": self.updates, "warm_up": self.warm_up, "down": self.down}


def fit(
    network: keras.Model,
    recipe: Recipe,
    training: Examples,
    validation: Examples,
    seed: int,
    done: int = 0,
    on_step: OnStep | None = None,
) -> Iterator[Epoch]:
    """Train from epoch `done` to the recipe's last; yields a row of history after each epoch.

    An epoch goes over arrays in memory that were shuffled, and distorted, by (seed, epoch): so what it sees does not
    depend on what happened before, and a resumed run sees the same. Raises RunError if the loss stops being a number,
    before the epoch in which it did is given.
    """
    run = backend.epochs(network, recipe.batch_size, arrays(validation) if len(validation) else None, seed)
    for epoch in range(done, recipe.epochs):
        start = time.perf_counter()
        logs = run(epoch, *arrays(epoch_examples(recipe, training, seed, epoch)), on_step)
        if not all(map(math.isfinite, logs.values())):
            raise RunError(f"The loss became {logs['loss']} in epoch {epoch + 1}: lower --learning-rate.")
        yield {"epoch": epoch + 1, **logs, "seconds": round(time.perf_counter() - start, 3)}


def epoch_examples(recipe: Recipe, training: Examples, seed: int, epoch: int) -> Examples:
    """What an epoch sees, in its order: every image as often as the recipe has passes, each time distorted anew."""
    rng = np.random.default_rng((seed, epoch))
    order = epoch_order(len(training), recipe.passes, rng)
    images, labels = training.images[order], training.labels[order]
    if recipe.distortion and epoch < recipe.epochs - recipe.plain_epochs:
        images = distort(images, recipe.distortion, rng)
    return Examples(images, labels)


def epoch_order(count: int, passes: int, rng: np.random.Generator) -> np.ndarray:
    """In which order an epoch sees the images: `passes` permutations of 0 … count-1, one after the other."""
    return np.concatenate([rng.permutation(count) for _ in range(passes)])


def arrays(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """As a network takes them: images (n, 28, 28, 1) uint8 and one-hot labels (n, 10) float32."""
    return examples.images[..., np.newaxis], np.eye(10, dtype=np.float32)[examples.labels]
