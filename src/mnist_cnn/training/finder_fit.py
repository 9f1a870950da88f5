"""Train a finder on made pages, epoch by epoch. Knows nothing about the pages to test on."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mnist_cnn.callbacks.callback import Callback
from mnist_cnn.data.pages.page import Page
from mnist_cnn.errors import RunError
from mnist_cnn.models.classifier import keras_finder
from mnist_cnn.models.finder import finder
from mnist_cnn.training import backend
from mnist_cnn.training.finder_loss import finder_loss
from mnist_cnn.training.finder_pages import MOST, SIDE, Batch, batch, page_epochs, steps, updates_per_epoch
from mnist_cnn.training.finder_targets import targets
from mnist_cnn.training.finder_updates import Updates
from mnist_cnn.training.fit import WarmUpAndDecay
from mnist_cnn.training.history import Epoch
from mnist_cnn.training.recipe import Recipe

EVERY = 10  # updates: how often the callbacks are told, for which the loss must have been computed

Measure = Callable[[np.ndarray, Sequence[Page]], dict[str, float]]
"""Outputs of a finder (n, h/4, w/4, 14) for pages, and these → numbers for a row of history, by name."""


def compiled_finder(recipe: Recipe, seed: int) -> tuple[keras.Model, keras.Model]:
    """The untrained network with its optimizer, and the one that will have its averaged weights, in float32.

    `seed` decides the initial weights. Adam with decoupled weight decay (Loshchilov, Hutter, arXiv:1711.05101) of the
    kernels only, and a gradient of limited norm (Pascanu, Mikolov, Bengio, arXiv:1211.5063).
    """
    backend.seed(seed)
    backend.set_precision(recipe.precision)
    network = finder()
    updates = recipe.epochs * updates_per_epoch(recipe)
    optimizer = keras.optimizers.Adam(
        WarmUpAndDecay(recipe.learning_rate, updates, recipe.warm_up, recipe.schedule),
        weight_decay=recipe.weight_decay or None,
        global_clipnorm=recipe.gradient_clipping or None,
    )
    if recipe.weight_decay:
        optimizer.exclude_from_weight_decay(var_list=[one for one in network.trainable_variables if len(one.shape) < 4])
    network.compile(optimizer)
    optimizer.build(network.trainable_variables)
    return network, in_float32(network)


def in_float32(network: keras.Model) -> keras.Model:
    """The same finder in float32, without an optimizer."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    same = finder()
    keras.config.set_dtype_policy(policy)
    same.set_weights(network.get_weights())
    return same


def finished_finder(averaged: keras.Model) -> keras.Model:
    """The trained finder as it is evaluated and saved: from now on everything is computed in float32."""
    backend.set_precision("float32")
    return in_float32(averaged)  # a new one, because what TensorFlow has compiled of the other may be rewritten


def fit_finder(
    network: keras.Model,
    averaged: keras.Model,
    recipe: Recipe,
    sources: Path,
    validation: Sequence[Page],
    measure: Measure,
    seed: int,
    processes: int = 1,
    done: int = 0,
    callbacks: Callback | None = None,
) -> Iterator[Epoch]:
    """Train from epoch `done` to the recipe's last; yields a row of history after each epoch.

    A row has the mean `loss` with its parts, `heat_loss` and `box_loss`, and for the averaged weights on the
    validation pages `val_loss` and what `measure` gives. The callbacks are told as by `fit`. The pages are made from
    the file `sources` by so many `processes`. Raises RunError if the loss is no longer finite, or as `page_epochs`.
    """
    callbacks = callbacks or Callback()
    callbacks.set_params({"epochs": recipe.epochs, "initial_epoch": done})
    callbacks.set_model(network)
    callbacks.on_train_begin({})
    logs: dict[str, float] = {}
    epochs = page_epochs(sources, recipe, seed, done, processes)
    updates = Updates(network, averaged, recipe.weight_averaging)
    find = keras_finder(averaged)
    try:
        for epoch in range(done, recipe.epochs):
            start = time.perf_counter()
            callbacks.on_epoch_begin(epoch, {})
            losses = trained_on(next(epochs), updates, recipe, seed, epoch, callbacks)
            logs = dict(zip(("loss", "heat_loss", "box_loss"), losses.tolist(), strict=True))
            if not all(map(math.isfinite, logs.values())):
                raise RunError(f"The loss became {logs['loss']} in epoch {epoch + 1}: lower --learning-rate.")
            places = find(np.stack([page.grey for page in validation]))
            logs |= {"val_loss": validation_loss(places, validation), **measure(places, validation)}
            logs["seconds"] = round(time.perf_counter() - start, 3)
            yield {"epoch": epoch + 1, **logs}
            callbacks.on_epoch_end(epoch, logs)
            if network.stop_training:
                break
    finally:
        epochs.close()
    callbacks.on_train_end(logs)


def trained_on(
    pages: Batch, updates: Updates, recipe: Recipe, seed: int, epoch: int, callbacks: Callback
) -> np.ndarray:
    """Train one epoch; gives the mean loss and its parts (3,)."""
    total = updates_per_epoch(recipe)
    sums, waiting = np.zeros(3), list[Any]()
    for done, step in enumerate(steps(pages, recipe, seed, epoch), 1):
        waiting.append(updates.update(step))
        if done % EVERY == 0 or done == total:
            sums += np.sum([np.asarray(one) for one in waiting], axis=0)
            waiting.clear()
            callbacks.on_train_batch_end(done - 1, {"loss": float(sums[0]) / done, "batches": total})
    updates.finish()
    return np.asarray(sums / total)


def validation_loss(places: np.ndarray, pages: Sequence[Page]) -> float:
    """The mean loss of the outputs for pages, weighted by batches of 100 pages."""
    sums = 0.0
    for start in range(0, len(pages), 100):
        some = batch(pages[start : start + 100], MOST)
        wanted = targets(some.boxes, some.labels, SIDE, SIDE)
        sums += len(some.labels) * float(finder_loss(places[start : start + 100], wanted).total)
    return sums / len(pages)
