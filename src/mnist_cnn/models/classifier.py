"""A Keras network as a plain function of images. Knows nothing about labels or files."""

from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.reading.network import Classifier, checked

if TYPE_CHECKING:
    import keras

# Large enough to keep two cores busy, small enough that the activations of a batch stay below 100 MB.
BATCH = 1000


def keras_classifier(network: "keras.Model") -> Classifier:
    """Make the function (n, 28, 28) uint8 → (n, 10) float32 probabilities from a Keras network."""

    def classify(images: np.ndarray) -> np.ndarray:
        if not len(checked(images)):
            return np.zeros((0, 10), dtype=np.float32)
        probabilities = network.predict(images[..., np.newaxis], batch_size=BATCH, verbose=0)
        return np.asarray(probabilities, dtype=np.float32)

    return classify
