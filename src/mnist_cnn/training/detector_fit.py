"""Train a finder, a segmenter or a recogniser, epoch by epoch on what is made for it. Tests nothing."""

import math
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from mnist_cnn.callbacks.callback import Callback
from mnist_cnn.errors import RunError
from mnist_cnn.models.architectures import build_detector
from mnist_cnn.training import backend
from mnist_cnn.training.compiled_network import WarmUpAndDecay
from mnist_cnn.training.history import Epoch
from mnist_cnn.training.made_epochs import Step, updates_per_epoch
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.training.updates import LossOf, Updates

EVERY = 10  # updates: how often the callbacks are told, for which the loss must have been computed


@dataclass(frozen=True)
class Task:
    """What one kind of network learns, and from what.

    `loss_of` gives as many numbers as there are names in `losses`. `epochs` (recipe, seed, done, processes) yields what
    is made for each epoch from `done` on, and `steps` (that, recipe, seed, epoch) its updates; both depend on the seed
    and the epoch only. `validation` (network) gives a function without arguments that measures the network as it is
    then: numbers for a row of history, by name.
    """

    losses: tuple[str, ...]
    loss_of: LossOf
    epochs: Callable[[Recipe, int, int, int], Generator[Any]]
    steps: Callable[[Any, Recipe, int, int], Iterator[Step]]
    validation: Callable[[keras.Model], Callable[[], dict[str, float]]]


def compiled_detector(recipe: Recipe, seed: int) -> tuple[keras.Model, keras.Model]:
    """The untrained network with its optimizer, and the one that will have its averaged weights, in float32.

    `seed` decides the initial weights, and dropout. Adam with decoupled weight decay (Loshchilov, Hutter,
    arXiv:1711.05101) of the kernels only, and a gradient of limited norm (Pascanu, Mikolov, Bengio, arXiv:1211.5063).
    """
    backend.seed(seed)
    backend.set_precision(recipe.precision)
    network = build_detector(recipe.name, recipe.dropout)
    updates = recipe.epochs * updates_per_epoch(recipe)
    optimizer = keras.optimizers.Adam(
        WarmUpAndDecay(recipe.learning_rate, updates, recipe.warm_up, recipe.schedule),
        beta_2=recipe.beta_2,
        weight_decay=recipe.weight_decay or None,
        global_clipnorm=recipe.gradient_clipping or None,
    )
    if recipe.weight_decay:
        optimizer.exclude_from_weight_decay(var_list=[one for one in network.trainable_variables if len(one.shape) < 2])
    network.compile(optimizer)
    optimizer.build(network.trainable_variables)
    return network, in_float32(network, recipe)


def in_float32(network: keras.Model, recipe: Recipe) -> keras.Model:
    """The same network in float32, without an optimizer."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    same = build_detector(recipe.name, recipe.dropout)
    keras.config.set_dtype_policy(policy)
    same.set_weights(network.get_weights())
    return same


def finished_detector(averaged: keras.Model, recipe: Recipe) -> keras.Model:
    """The trained network as it is evaluated and saved: from now on everything is computed in float32."""
    backend.set_precision("float32")
    return in_float32(averaged, recipe)  # a new one: what TensorFlow has compiled of the other may be rewritten


def fit_detector(
    network: keras.Model,
    averaged: keras.Model,
    recipe: Recipe,
    task: Task,
    seed: int,
    processes: int = 1,
    done: int = 0,
    callbacks: Callback | None = None,
) -> Iterator[Epoch]:
    """Train from epoch `done` to the recipe's last; yields a row of history after each epoch.

    A row has the mean of each loss, and what the validation of the averaged weights gives. The callbacks are told as by
    `fit`. What is trained on is made by so many `processes`. Raises RunError if the loss is no longer finite, or as
    `made_epochs`.
    """
    callbacks = callbacks or Callback()
    callbacks.set_params({"epochs": recipe.epochs, "initial_epoch": done})
    callbacks.set_model(network)
    callbacks.on_train_begin({})
    logs: dict[str, float] = {}
    updates = Updates(network, averaged, recipe.weight_averaging, task.loss_of)
    validated = task.validation(averaged)
    with closing(task.epochs(recipe, seed, done, processes)) as epochs:
        for epoch in range(done, recipe.epochs):
            start = time.perf_counter()
            callbacks.on_epoch_begin(epoch, {})
            steps = task.steps(next(epochs), recipe, seed, epoch)
            losses = trained_on(steps, updates, updates_per_epoch(recipe), callbacks)
            logs = dict(zip(task.losses, losses.tolist(), strict=True))
            if not all(map(math.isfinite, logs.values())):
                raise RunError(f"The loss became {logs['loss']} in epoch {epoch + 1}: lower --learning-rate.")
            logs |= validated()
            logs["seconds"] = round(time.perf_counter() - start, 3)
            yield {"epoch": epoch + 1, **logs}
            callbacks.on_epoch_end(epoch, logs)
            if network.stop_training:
                break
    callbacks.on_train_end(logs)


def trained_on(steps: Iterator[Step], updates: Updates, total: int, callbacks: Callback) -> np.ndarray:
    """Train one epoch of `total` updates; gives the mean of each loss."""
    sums, waiting = np.zeros(()), list[Any]()
    for done, step in enumerate(steps, 1):
        waiting.append(updates.update(step))
        if done % EVERY == 0 or done == total:
            sums = sums + np.sum([np.asarray(one) for one in waiting], axis=0)
            waiting.clear()
            callbacks.on_train_batch_end(done - 1, {"loss": float(sums[0]) / done, "batches": total})
    updates.finish()
    return np.asarray(sums / total)
