"""A Keras model, a classifier or a finder, as a plain function of images. Knows nothing about labels or files."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.reading.finder_network import Finder
from mnist_cnn.reading.network import Classifier, checked

if TYPE_CHECKING:
    import keras

# Small enough for the activations of a batch to stay in the processor's cache; 1000 takes 1.2 times as long.
BATCH = 250
PAGES = 50  # the same for pages of 128×128 pixels


def keras_classifier(network: "keras.Model") -> Classifier:
    """Make the function (n, 28, 28) uint8 → (n, 10) float32 probabilities from a Keras model."""
    import keras  # here, because it brings its framework with it

    predict = by_jax(network) if keras.backend.backend() == "jax" else by_keras(network)

    def classify(images: np.ndarray) -> np.ndarray:
        if not len(checked(images)):
            return np.zeros((0, 10), dtype=np.float32)
        return np.asarray(predict(images[..., np.newaxis]), dtype=np.float32)

    return classify


def keras_finder(network: "keras.Model") -> Finder:
    """Make the function (n, h, w) uint8 → (n, h/4, w/4, 14) float32 from a finder that Keras holds."""
    import keras  # here, because it brings its framework with it

    predict = by_jax(network, PAGES) if keras.backend.backend() == "jax" else by_keras(network, PAGES)
    return lambda images: np.asarray(predict(images[..., np.newaxis]), dtype=np.float32)


def by_keras(network: "keras.Model", batch: int = BATCH) -> Callable[[np.ndarray], np.ndarray]:
    """By Keras' own `predict`."""
    # Several steps per execution save time in thousands of updates, but cost 0.4 s of tracing for forty batches.
    network.steps_per_execution = 1

    def predict(images: np.ndarray) -> np.ndarray:
        return np.asarray(network.predict(images, batch_size=batch, verbose=0))

    return predict


def by_jax(network: "keras.Model", batch: int = BATCH) -> Callable[[np.ndarray], np.ndarray]:
    """One compiled program for every batch; Keras also compiles one for the last batch and one to join the results.

    The last batch is padded with blank images.
    """
    import jax

    @jax.jit
    def program(trainable: list[object], others: list[object], images: np.ndarray) -> object:
        return network.stateless_call(trainable, others, images, training=False)[0]

    def predict(images: np.ndarray) -> np.ndarray:
        values = [
            [variable.value for variable in group]
            for group in (network.trainable_variables, network.non_trainable_variables)
        ]
        filled = np.concatenate([images, np.zeros((-len(images) % batch, *images.shape[1:]), np.uint8)])
        parts = [np.asarray(program(*values, filled[start : start + batch])) for start in range(0, len(filled), batch)]
        return np.concatenate(parts)[: len(images)]

    return predict
