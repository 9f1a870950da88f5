"""A trained model becomes the files of a run, on whatever framework it was trained."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.artifact import checked_files, tensorflow_process
from mnist_cnn.card import KERAS_MODEL, ONNX_MODEL
from mnist_cnn.training import backend
from mnist_cnn.training.recipe import Recipe

if TYPE_CHECKING:
    import keras


def save(
    network: "keras.Model",
    recipe: Recipe,
    folder: Path,
    images: np.ndarray,
    probabilities: np.ndarray,
    temperature: float = 1.0,
) -> list[str]:
    """Write `model.keras` and `model.onnx` into a folder; returns a sentence if the second had to be left out.

    `images` (n, 28, 28) uint8 are what they are checked on, `probabilities` (n, 10) what the model gave for them, and
    `temperature` what it was calibrated with; of no classifier they are what `checked_files` documents. Keras' export
    to ONNX goes through TensorFlow, so a model trained on another framework is saved by a process that runs on
    TensorFlow.
    Raises ExportError if `model.keras` does not give the same, and OSError if the folder cannot be written.
    """
    kind = checked_files.kind_of(recipe.name)
    if backend.name() == "tensorflow":
        return checked_files.save_both(network, folder, images, probabilities, kind)
    if importlib.util.find_spec("tensorflow"):
        return tensorflow_process.save(network, recipe, folder, images, probabilities, temperature)
    from mnist_cnn.models.layers import plain  # here, because Keras comes with it

    checked_files.save_keras(plain(network), folder / KERAS_MODEL, images, probabilities, kind)
    return [f"{ONNX_MODEL} is left out: it is made by TensorFlow, which is not installed."]
