"""A recipe and data become a trained network and its history. Knows nothing about test images."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from mnist_cnn.data.source import Examples
from mnist_cnn.errors import RunError
from mnist_cnn.models.classic import classic
from mnist_cnn.training.backend import batches
from mnist_cnn.training.history import Epoch
from mnist_cnn.training.recipe import Recipe

OnStep = Callable[[int, int, int, float, float], None]
"""Called with epoch (from 1), steps done, steps in the epoch, and the mean loss and accuracy of the epoch so far."""


def compiled(recipe: Recipe, seed: int) -> keras.Model:
    """Build and compile the recipe's network; `seed` decides its first weights and its dropout."""
    keras.utils.set_random_seed(seed)
    network = classic(recipe.dropout)
    network.compile(
        optimizer=keras.optimizers.SGD(recipe.learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=recipe.steps_per_execution,
    )
    return network


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

    One call of Keras' `fit` an epoch, over arrays in memory that were shuffled by (seed, epoch): so the order of the
    images does not depend on what happened before, and a resumed run sees the same ones. Raises RunError if the loss
    stops being a number, before the epoch in which it did is given.
    """
    truth = keras.utils.to_categorical(training.labels, 10)
    judge = batches(
        validation.images[..., np.newaxis], keras.utils.to_categorical(validation.labels, 10), recipe.batch_size
    )
    for epoch in range(done, recipe.epochs):
        order = epoch_order(len(training), recipe.passes, seed, epoch)
        start = time.perf_counter()
        fitted = network.fit(
            batches(training.images[order][..., np.newaxis], truth[order], recipe.batch_size),
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            validation_data=judge,
            verbose=0,
            callbacks=[Steps(on_step, epoch + 1)] if on_step else [],
        )
        logs = {name: float(values[-1]) for name, values in fitted.history.items()}
        if not all(map(math.isfinite, logs.values())):
            raise RunError(f"The loss became {logs['loss']} in epoch {epoch + 1}: lower --learning-rate.")
        yield {"epoch": epoch + 1, **logs, "seconds": round(time.perf_counter() - start, 3)}


def epoch_order(count: int, passes: int, seed: int, epoch: int) -> np.ndarray:
    """In which order an epoch sees the images: `passes` permutations of 0 … count-1, one after the other."""
    rng = np.random.default_rng((seed, epoch))
    return np.concatenate([rng.permutation(count) for _ in range(passes)])


class Steps(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Tells how far an epoch is."""

    def __init__(self, on_step: OnStep, epoch: int) -> None:
        super().__init__()
        self.on_step = on_step
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Keras calls this with the index of the last step done."""
        logs, steps = logs or {}, self.params["steps"]  # the last execution may be cut short
        self.on_step(self.epoch, min(batch + 1, steps), steps, float(logs["loss"]), float(logs["accuracy"]))
