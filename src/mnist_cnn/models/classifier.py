"""A Keras model of any recipe as a plain function of images. Knows nothing of labels or files."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.card import DIGITS, Task
from mnist_cnn.reading.finder_network import Finder
from mnist_cnn.reading.network import Classifier, checked
from mnist_cnn.reading.segmenter_network import Segmented, Segmenter, segmented_of
from mnist_cnn.reading.temperature import softmax

if TYPE_CHECKING:
    import keras

# Small enough for the activations of a batch to stay in the processor's cache; 1000 takes 1.2 times as long.
BATCH = 250
PAGES = 50  # the same for pages of 128×128 pixels, crops of 64×64 and lines of 40×256


def keras_classifier(network: "keras.Model") -> Classifier:
    """Make the function (n, 28, 28) uint8 → (n, 10) float32 probabilities from a Keras model.

    Of a model for other images it takes (n, side, side) grey or (n, side, side, 3) RGB ones, and gives (n, classes).
    """
    task = task_of(network)
    larger = task.side**2 * task.channels / Task().side ** 2
    predict = predicting(network, max(10, int(BATCH / larger)))

    def classify(images: np.ndarray) -> np.ndarray:
        if not len(checked(images, task)):
            return np.zeros((0, task.classes), dtype=np.float32)
        return np.asarray(predict(task.batch(images))[0], dtype=np.float32)

    return classify


def task_of(network: "keras.Model") -> Task:
    """The task of a classifier, with numbers from 0 for the names of its classes."""
    _, side, _, channels = network.input_shape
    classes = network.output_shape[-1]
    return Task(side, channels, DIGITS if classes == len(DIGITS) else tuple(map(str, range(classes))))


def keras_finder(network: "keras.Model") -> Finder:
    """Make the function (n, h, w) uint8 → (n, h/4, w/4, 14) float32 from a finder that Keras holds."""
    predict = predicting(network, PAGES)
    return lambda images: np.asarray(predict(images[..., np.newaxis])[0], dtype=np.float32)


def keras_segmenter(network: "keras.Model") -> Segmenter:
    """Make the function (n, 64, 64, 2) uint8 → probabilities from a segmenter of Keras."""
    predict = predicting(network, PAGES)

    def segment(crops: np.ndarray) -> Segmented:
        # A last batch of another size would be compiled once more.
        filled = np.concatenate([crops, np.zeros((-len(crops) % PAGES, *crops.shape[1:]), np.uint8)])
        logits, inks = (one[: len(crops)] for one in predict(filled))
        return segmented_of(logits, inks)

    return segment


def keras_recogniser(network: "keras.Model") -> Callable[[np.ndarray], np.ndarray]:
    """Make the function (n, 40, w) uint8 → (n, w/4, 24) probabilities from a recogniser of Keras."""
    predict = predicting(network, PAGES)
    return lambda lines: softmax(np.asarray(predict(lines[..., np.newaxis])[0], dtype=np.float32))


Predict = Callable[[np.ndarray], list[np.ndarray]]
"""(n, h, w, 1) or (n, h, w, 2) uint8 images → each output of a network for them."""


def predicting(network: "keras.Model", batch: int) -> Predict:
    """The network as a function, in batches of this size, by what is fastest on the framework that Keras runs on."""
    import keras  # here, because it brings its framework with it

    return by_jax(network, batch) if keras.backend.backend() == "jax" else by_keras(network, batch)


def by_keras(network: "keras.Model", batch: int) -> Predict:
    """By Keras' own `predict`."""
    # Several steps per execution save time in thousands of updates, but cost 0.4 s of tracing for forty batches.
    network.steps_per_execution = 1

    def predict(images: np.ndarray) -> list[np.ndarray]:
        made = network.predict(images, batch_size=batch, verbose=0)
        return [np.asarray(one) for one in (made if isinstance(made, list) else [made])]

    return predict


def by_jax(network: "keras.Model", batch: int) -> Predict:
    """One compiled program for every batch; Keras also compiles one for the last batch and one to join the results.

    The last batch is padded with blank images.
    """
    import jax

    @jax.jit
    def program(trainable: list[object], others: list[object], images: np.ndarray) -> list[object]:
        made = network.stateless_call(trainable, others, images, training=False)[0]
        return made if isinstance(made, list) else [made]

    def predict(images: np.ndarray) -> list[np.ndarray]:
        values = [
            [variable.value for variable in group]
            for group in (network.trainable_variables, network.non_trainable_variables)
        ]
        filled = np.concatenate([images, np.zeros((-len(images) % batch, *images.shape[1:]), np.uint8)])
        parts = [program(*values, filled[start : start + batch]) for start in range(0, len(filled), batch)]
        return [np.concatenate(column)[: len(images)] for column in zip(*parts, strict=True)]

    return predict
