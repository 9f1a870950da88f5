"""A trained model becomes the files of a run, on whatever framework it was trained."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.artifact import checked_files, keras_archive, keras_process, onnx_file
from mnist_cnn.card import KERAS_MODEL, ONNX_MODEL, READING, Task
from mnist_cnn.system import environment
from mnist_cnn.training import backend
from mnist_cnn.training.onnx_network import OnnxNetwork
from mnist_cnn.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

    from mnist_cnn.artifact.checked_files import Kind

SAVING = f"Saving {KERAS_MODEL} and {ONNX_MODEL}, and checking both"


def save(
    network: "OnnxNetwork | keras.Model",
    recipe: Recipe,
    folder: Path,
    images: np.ndarray,
    probabilities: np.ndarray,
    temperature: float = 1.0,
    task: Task = READING,
    *,
    is_own: bool = False,
) -> list[str]:
    """Write `model.keras` and `model.onnx` into a folder; returns what a person must know of them, in sentences.

    `images` (n, *image_shape) uint8 are what they are checked on, `probabilities` (n, classes) what the model gave for
    them, and `temperature` what it was calibrated with; of no classifier they are what `checked_files` documents.
    Keras' export to ONNX goes through TensorFlow, so a model trained on another framework is saved by a process that
    runs on TensorFlow.
    One that `is_own`, made by a person's own function, is saved as Keras has it. Raises ExportError if that process
    fails, and OSError if the folder cannot be written.
    """
    kind = checked_files.kind_of(recipe.name, task)
    if isinstance(network, OnnxNetwork):
        return save_onnx_network(network, folder, images, probabilities, kind)
    if backend.name() == "tensorflow":
        return checked_files.save_both(network, folder, images, probabilities, kind, task)
    if importlib.util.find_spec("tensorflow") and not is_own:
        return keras_process.save(network, recipe, folder, images, probabilities, temperature, task)
    from mnist_cnn.models.layers import plain  # here, because Keras comes with it

    said = checked_files.save_keras(plain(network), folder / KERAS_MODEL, images, probabilities, kind)
    absent = "which your network was not trained on" if is_own else "which is not installed"
    return [*said, f"{ONNX_MODEL} is left out: it is made by TensorFlow, {absent}."]


def save_onnx_network(
    network: OnnxNetwork, folder: Path, images: np.ndarray, probabilities: np.ndarray, kind: "Kind"
) -> list[str]:
    """Write `model.onnx`, and where Keras is installed `model.keras` with the same weights."""
    content = network.to_onnx(onnx_file.names_of(network.task))
    checked_files.write_checked(
        folder / ONNX_MODEL, lambda part: part.write_bytes(content), kind.from_onnx, images, probabilities, kind
    )
    if environment.missing_for_training():
        return []
    if network.temperature == 1:
        keras_archive.write(folder / KERAS_MODEL, network.name, network.places, network.get_weights())
        return []
    return keras_process.save(
        network, network.recipe, folder, images, probabilities, network.temperature, network.task, keras_only=True
    )
