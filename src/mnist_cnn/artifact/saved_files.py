"""A Keras network as files, each checked against the original before it is kept."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.artifact import onnx_file, tensorflow_process
from mnist_cnn.artifact.store import load_keras
from mnist_cnn.card import KERAS_MODEL, ONNX_MODEL
from mnist_cnn.errors import ArtifactError, ExportError
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.reading.network import Classifier, onnx_classifier
from mnist_cnn.system.files import make_whole
from mnist_cnn.training import backend
from mnist_cnn.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

LARGEST_DIFFERENCE = 1e-5


def keep(
    network: "keras.Model",
    recipe: Recipe,
    folder: Path,
    images: np.ndarray,
    probabilities: np.ndarray,
    temperature: float = 1.0,
) -> list[str]:
    """Write `model.keras` and `model.onnx` into a folder; gives a sentence for the second if it had to be left out.

    `images` (n, 28, 28) uint8 are what they are checked on, `probabilities` (n, 10) what the network gave for them, and
    `temperature` what it was calibrated with. Keras' way to ONNX leads through TensorFlow, so a network trained on
    another framework is written by a process that runs on TensorFlow. Raises ExportError if `model.keras` does not give
    the same, and OSError if the folder cannot be written.
    """
    if backend.name() == "tensorflow":
        keep_keras(network, folder, images, probabilities)
        try:
            export_onnx(network, folder / ONNX_MODEL, images, probabilities)
        except ExportError as error:
            return [str(error)]
        return []
    if importlib.util.find_spec("tensorflow"):
        return tensorflow_process.keep(network, recipe, folder, images, probabilities, temperature)
    from mnist_cnn.models.layers import plain  # here, because Keras comes with it

    keep_keras(plain(network), folder, images, probabilities)
    return [f"{ONNX_MODEL} is left out: TensorFlow makes it, and is not installed."]


def keep_keras(network: "keras.Model", folder: Path, images: np.ndarray, probabilities: np.ndarray) -> None:
    """Write `model.keras`, without how it was trained: else the file would ask its reader for our classes."""
    network.compiled = False
    write_checked(
        folder / KERAS_MODEL,
        lambda part: network.save(part, include_optimizer=False),
        lambda part: keras_classifier(load_keras(part)),
        images,
        probabilities,
    )


def export_onnx(network: "keras.Model", path: Path, images: np.ndarray, probabilities: np.ndarray) -> float:
    """Write the network as ONNX, by Keras' own export, and give the largest difference from its `probabilities`."""

    def write(part: Path) -> None:
        try:
            onnx_file.write(network, part)
        except OSError:
            raise
        except Exception as error:  # the converter raises whatever its layers raise
            raise ExportError(f"{path.name} is left out: the export failed ({error}).") from error

    return write_checked(path, write, onnx_classifier, images, probabilities)


def write_checked(
    path: Path,
    write: Callable[[Path], object],
    load: Callable[[Path], Classifier],
    images: np.ndarray,
    probabilities: np.ndarray,
) -> float:
    """Write a network's file, read it back, and keep it only if no probability differs by more than 1e-5."""
    difference = np.inf

    def write_and_compare(part: Path) -> None:
        nonlocal difference
        write(part)
        try:
            classify = load(part)
        except ArtifactError as error:
            reason = error.__cause__ or error
            raise ExportError(f"{path.name} is left out: it cannot be read back ({reason}).") from error
        difference = float(np.abs(classify(images) - probabilities).max())
        if not difference <= LARGEST_DIFFERENCE:
            raise ExportError(
                f"{path.name} is left out: its probabilities differ from the network's by up to {difference:.1e}, "
                f"and no more than {LARGEST_DIFFERENCE:.0e} is allowed."
            )

    make_whole(path, write_and_compare)
    return difference
