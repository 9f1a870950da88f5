"""Write a Keras model as a SavedModel for TensorFlow Serving, and load one as a classifier."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.artifact.quiet import quiet
from mnist_cnn.card import READING, Task
from mnist_cnn.reading.network import Classifier, batches_of

if TYPE_CHECKING:
    import keras

SIGNATURE = "serving_default"
IMAGES, PROBABILITIES = "images", "probabilities"


def write(network: "keras.Model", folder: Path) -> None:
    """Write the model with the signature that TensorFlow Serving looks for: `images` in, `probabilities` out."""
    import keras
    import tensorflow as tf

    images = tf.TensorSpec(network.input_shape, network.inputs[0].dtype, name=IMAGES)
    with quiet():
        archive = keras.export.ExportArchive()
        archive.track(network)
        archive.add_endpoint(SIGNATURE, lambda images: {PROBABILITIES: network(images, training=False)}, [images])
        archive.write_out(folder, verbose=False)


def saved_model_classifier(folder: Path, task: Task = READING) -> Classifier:
    """Load a SavedModel as a classifier, through its signature."""
    import tensorflow as tf

    signature = tf.saved_model.load(str(folder)).signatures[SIGNATURE]
    pixels = signature.structured_input_signature[1][IMAGES].dtype

    def classify(images: np.ndarray) -> np.ndarray:
        batches = batches_of(images, task)
        rows = [signature(**{IMAGES: tf.constant(batch, pixels)})[PROBABILITIES].numpy() for batch in batches]
        return np.concatenate([np.zeros((0, task.classes), dtype=np.float32), *rows])

    return classify
