"""A recipe and labelled images become probabilities of each image by a network that has not seen it."""

from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.callbacks import Watch
from mnist_cnn.data.source import Examples
from mnist_cnn.errors import RecipeError
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.training import backend
from mnist_cnn.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

NOTHING = Examples(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))


def out_of_fold(
    recipe: Recipe, examples: Examples, unseen: np.ndarray, folds: int, seed: int, watch: Watch
) -> tuple[np.ndarray, np.ndarray]:
    """Train one network for each of `folds` parts of the examples, on all of them but that part.

    Gives the probabilities (n, 10) of the n examples, each by the network that has not seen it, and those (m, 10) of
    the m `unseen` images, the mean of all networks. No image is kept to validate. Raises RecipeError.
    """
    probabilities = np.zeros((len(examples), 10), np.float32)
    of_unseen = np.zeros((len(unseen), 10))
    parts = parts_of(len(examples), folds, seed)
    for number, part in enumerate(parts):
        rest = np.setdiff1d(np.arange(len(examples)), part)
        watch.note(f"Network {number + 1} of {folds}, trained on {len(rest):,} images to judge the other {len(part):,}")
        training = Examples(examples.images[rest], examples.labels[rest])
        network = trained(recipe.for_images(len(rest)), training, seed + number, number, folds, watch)
        classify = keras_classifier(network)
        probabilities[part] = classify(examples.images[part])
        of_unseen += classify(unseen) / folds
    return probabilities, of_unseen.astype(np.float32)


def parts_of(count: int, folds: int, seed: int) -> list[np.ndarray]:
    """The indices of `count` images dealt into parts at random; raises RecipeError where that cannot be."""
    if not 2 <= folds <= count:
        raise RecipeError(f"folds is {folds}: it must be a whole number from 2 to {count}, the number of images.")
    return np.array_split(np.random.default_rng(seed).permutation(count), folds)


def trained(recipe: Recipe, training: Examples, seed: int, number: int, folds: int, watch: Watch) -> "keras.Model":
    """One of the networks, as it would be kept; to the watch all of them are one long training."""
    from mnist_cnn.training.fit import compiled, fit, updates  # here, because Keras comes with it

    network = compiled(recipe, seed, updates(recipe, len(training)))
    before = number * recipe.epochs
    if not number:
        watch.network(network, folds * recipe.epochs, 0)

    def on_step(epoch: int, step: int, steps: int, loss: float, accuracy: float) -> None:
        watch.step(before + epoch, step, steps, loss, accuracy)

    for row in fit(network, recipe, training, NOTHING, seed, on_step=on_step):
        watch.epoch({**row, "epoch": before + row["epoch"]})
    return backend.finished(network, recipe)
