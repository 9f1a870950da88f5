"""A Keras model as `model.keras` and `model.onnx`: each is read back and compared before it is put in its place.

`images` (n, 28, 28) uint8 are what the files are checked on, `probabilities` (n, 10) what the model gave for them.
Raises ExportError if a file does not give the same, and OSError if it cannot be written.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.artifact import onnx_file
from mnist_cnn.artifact.store import load_keras
from mnist_cnn.card import KERAS_MODEL, ONNX_MODEL
from mnist_cnn.errors import ArtifactError, ExportError
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.reading.network import Classifier, onnx_classifier
from mnist_cnn.system.files import make_whole

if TYPE_CHECKING:
    import keras

LARGEST_DIFFERENCE = 1e-5


def save_both(network: "keras.Model", folder: Path, images: np.ndarray, probabilities: np.ndarray) -> list[str]:
    """Write `model.keras` and `model.onnx`, on TensorFlow; returns a sentence if the second had to be left out."""
    save_keras(network, folder / KERAS_MODEL, images, probabilities)
    try:
        export_onnx(network, folder / ONNX_MODEL, images, probabilities)
    except ExportError as error:
        return [str(error)]
    return []


def save_keras(network: "keras.Model", path: Path, images: np.ndarray, probabilities: np.ndarray) -> None:
    """Write the model as Keras saves it, without its training state: loading that would need our classes."""
    network.compiled = False
    write_checked(
        path,
        lambda part: network.save(part, include_optimizer=False),
        lambda part: keras_classifier(load_keras(part)),
        images,
        probabilities,
    )


def export_onnx(network: "keras.Model", path: Path, images: np.ndarray, probabilities: np.ndarray) -> float:
    """Write the model as ONNX, by Keras' own export; returns the largest difference from its `probabilities`."""

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
    """Write a model's file, read it back, and let it stand only if no probability differs by more than 1e-5."""
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
                f"{path.name} is left out: its probabilities differ from the model's by up to {difference:.1e}, "
                f"and no more than {LARGEST_DIFFERENCE:.0e} is allowed."
            )

    make_whole(path, write_and_compare)
    return difference
