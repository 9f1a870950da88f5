"""Cross-validation: the probabilities of each labelled image by a model that was not trained on it."""

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.callbacks.callback import Callback, CallbackList, Logs
from mnist_cnn.card import READING, Task
from mnist_cnn.data.dataset import NO_EXAMPLES, Examples
from mnist_cnn.errors import RecipeError
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.training import backend
from mnist_cnn.training.recipe import Recipe

if TYPE_CHECKING:
    import keras


def out_of_fold(
    recipe: Recipe,
    examples: Examples,
    unseen: np.ndarray,
    folds: int,
    seed: int,
    callbacks: CallbackList,
    groups: np.ndarray | None = None,
    task: Task = READING,
) -> tuple[np.ndarray, np.ndarray]:
    """Train one model per fold, on all examples outside it; those of one of `groups` (n,) are in the same fold.

    Returns the out-of-fold probabilities (n, classes) of the n examples, and those (m, classes) of the m `unseen`
    images, the mean over all models. No image is held out for validation. Raises RecipeError.
    """
    probabilities = np.zeros((len(examples), task.classes), np.float32)
    of_unseen = np.zeros((len(unseen), task.classes))
    parts = folds_of(len(examples), folds, seed) if groups is None else folds_of_groups(groups, folds, seed)
    for number, part in enumerate(parts):
        rest = np.setdiff1d(np.arange(len(examples)), part)
        callbacks.on_message(
            f"Fold {number + 1}/{folds}: train on {len(rest):,} images, predict the other {len(part):,}"
        )
        training = Examples(examples.images[rest], examples.labels[rest])
        settled = recipe.for_images(len(rest), task=task)
        network = trained(settled, training, seed + number, number, folds, callbacks, task)
        classify = keras_classifier(network)
        probabilities[part] = classify(examples.images[part])
        of_unseen += classify(unseen) / folds
    return probabilities, of_unseen.astype(np.float32)


def folds_of(count: int, folds: int, seed: int) -> list[np.ndarray]:
    """The indices of `count` images, divided into folds at random; raises RecipeError if there are too many folds."""
    if not 2 <= folds <= count:
        raise RecipeError(f"folds is {folds}: it must be a whole number from 2 to {count}, the number of images.")
    return np.array_split(np.random.default_rng(seed).permutation(count), folds)


def folds_of_groups(groups: np.ndarray, folds: int, seed: int) -> list[np.ndarray]:
    """The indices of examples divided into folds at random, each group (n,) in one of them.

    Raises RecipeError if there are fewer groups than folds.
    """
    from sklearn.model_selection import GroupKFold  # here, because it takes a second to import

    if not 2 <= folds <= (count := len(np.unique(groups))):
        raise RecipeError(f"folds is {folds}: it must be a whole number from 2 to {count}, the number of groups.")
    splitter = GroupKFold(folds, shuffle=True, random_state=seed)
    return [part for _, part in splitter.split(groups, groups=groups)]


def trained(
    recipe: Recipe,
    training: Examples,
    seed: int,
    number: int,
    folds: int,
    callbacks: CallbackList,
    task: Task = READING,
) -> "keras.Model":
    """The model of one fold, as it would be saved; the callbacks are told of one long training over all folds."""
    from mnist_cnn.training.compiled_network import Built, compiled  # here, because Keras comes with it
    from mnist_cnn.training.fit import class_weights, fit, updates

    built = Built(task, weights=class_weights(recipe, training.labels, task))
    network = compiled(recipe, seed, updates(recipe, len(training)), built=built)
    deque(fit(network, recipe, training, NO_EXAMPLES, seed, callbacks=Fold(number, folds, recipe.epochs, callbacks)))
    return backend.finished(network, recipe)


class Fold(Callback):
    """Reports the training of one fold to the callbacks as a part of a longer training."""

    def __init__(self, number: int, folds: int, epochs: int, callbacks: CallbackList) -> None:
        self.number, self.folds, self.before = number, folds, number * epochs
        self.epochs, self.callbacks = folds * epochs, callbacks

    def set_model(self, model: "keras.Model") -> None:
        """The first model stands for all."""
        if not self.number:
            self.callbacks.set_params({"epochs": self.epochs, "initial_epoch": 0})
            self.callbacks.set_model(model)
            self.callbacks.on_train_begin({})

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """As one of all epochs."""
        self.callbacks.on_epoch_begin(self.before + epoch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """As it is."""
        self.callbacks.on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """As one of all epochs."""
        self.callbacks.on_epoch_end(self.before + epoch, logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """The last one's end is the end."""
        if self.number == self.folds - 1:
            self.callbacks.on_train_end(logs)
