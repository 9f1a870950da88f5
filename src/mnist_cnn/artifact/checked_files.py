"""A Keras model as `model.keras` and `model.onnx`: each is read back and compared.

`images` (n, 28, 28) uint8 are what the files are checked on, `outputs` what the model gave for them: (n, 10)
probabilities. With a finder they are (n, h, w) pages and its outputs (n, h/4, w/4, 14), with a segmenter (n, 64, 64, 2)
crops and its probabilities, of each class and of each pixel being ink, in one row (n, 23 + 48·48), with a recogniser
(n, 40, w) lines and its probabilities (n, w/4, 24). A `model.onnx` that does not give the same is left out;
`model.keras` is what was trained, and is kept with a sentence. Raises OSError if a file cannot be written.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import onnx_file, store
from mnist_cnn.artifact.store import load_keras
from mnist_cnn.card import READING, Task
from mnist_cnn.errors import ArtifactError, ExportError
from mnist_cnn.models.classifier import keras_classifier, keras_finder, keras_recogniser, keras_segmenter
from mnist_cnn.reading.finder_network import onnx_finder
from mnist_cnn.reading.network import onnx_classifier
from mnist_cnn.reading.recogniser_network import Recogniser, onnx_recogniser
from mnist_cnn.reading.segmenter_network import Segmenter, onnx_segmenter
from mnist_cnn.system.files import make_whole

if TYPE_CHECKING:
    import keras

LARGEST_DIFFERENCE = 1e-5
ROUNDING = 1e-3  # what is more is another model; what is less is the rounding of another framework, and is said
Function = Callable[[np.ndarray], np.ndarray]  # a classifier, a finder, a segmenter in one row, or a recogniser


class Kind(NamedTuple):
    """A kind of model: how its files are loaded, what its outputs are called, and how far they may differ."""

    from_keras: Callable[[Path], Function]
    from_onnx: Callable[[Path], Function]
    outputs: str
    largest_difference: float


def classifier_for(task: Task) -> Kind:
    """The kind of model that a classifier for a task is."""
    return Kind(
        lambda path: keras_classifier(load_keras(path, store.shapes_of(task))),
        lambda path: onnx_classifier(path, task=task),
        "probabilities",
        LARGEST_DIFFERENCE,
    )


CLASSIFIER = classifier_for(READING)
# Logits, logarithms of sizes, and offsets; where a logit is -20, its last digits do not matter.
FINDER = Kind(lambda path: keras_finder(load_keras(path, store.FINDER)), onnx_finder, "outputs", 5e-3)
SEGMENTER = Kind(
    lambda path: in_one_row(keras_segmenter(load_keras(path, store.SEGMENTER))),
    lambda path: in_one_row(onnx_segmenter(path)),
    "probabilities",
    1e-3,  # what is hardly trained has large activations, and differs by 1e-4
)
RECOGNISER = Kind(
    lambda path: keras_recogniser(load_keras(path, store.RECOGNISER)),
    lambda path: of_each(onnx_recogniser(path)),
    "probabilities",
    5e-3,  # the same, and on paper without ink the contrast of its grain is stretched; it differs by 1e-3
)


def kind_of(recipe: str, task: Task = READING) -> Kind:
    """The kind of model that a recipe trains, a classifier for this task if it trains one."""
    others = {card.FINDER: FINDER, card.SEGMENTER: SEGMENTER, card.RECOGNISER: RECOGNISER}
    return others.get(recipe) or classifier_for(task)


def in_one_row(segment: Segmenter) -> Function:
    """A segmenter as a function that gives all its probabilities for a crop in one row."""
    return lambda crops: row_of(*segment(crops))


def of_each(recognise: Recogniser) -> Function:
    """A recogniser as a function of several lines of one width."""
    return lambda lines: np.stack([recognise(line) for line in lines])


def row_of(classes: np.ndarray, inks: np.ndarray) -> np.ndarray:
    """The outputs of a segmenter in one row for each crop."""
    return np.concatenate([classes, inks.reshape(len(inks), -1)], axis=1)


def save_both(
    network: "keras.Model",
    folder: Path,
    images: np.ndarray,
    outputs: np.ndarray,
    kind: Kind = CLASSIFIER,
    task: Task = READING,
) -> list[str]:
    """Write `model.keras` and `model.onnx`, on TensorFlow; returns what a person must know of them, in sentences."""
    said = save_keras(network, folder / card.KERAS_MODEL, images, outputs, kind)
    try:
        difference = export_onnx(network, folder / card.ONNX_MODEL, images, outputs, kind, task)
    except ExportError as error:
        return [*said, str(error)]
    return [*said, *about_rounding(card.ONNX_MODEL, kind, difference)]


def save_keras(
    network: "keras.Model", path: Path, images: np.ndarray, outputs: np.ndarray, kind: Kind = CLASSIFIER
) -> list[str]:
    """Write the model as Keras saves it, without its training state: loading that would need our classes.

    It is what was trained, so it is kept whatever a check says; that is returned, in sentences.
    """
    network.compiled = False
    make_whole(path, lambda part: network.save(part, include_optimizer=False))
    try:
        difference = float(np.abs(kind.from_keras(path)(images) - outputs).max())
    except ArtifactError as error:
        return [f"{path.name} is saved, but only Keras itself can load it, not mnist-cnn ({error.__cause__ or error})."]
    if not difference <= max(ROUNDING, kind.largest_difference):
        return [
            f"{path.name} is saved, but its {kind.outputs} differ from those of the trained model by up to "
            f"{difference:.1e}: evaluate it again before you use it."
        ]
    return about_rounding(path.name, kind, difference)


def about_rounding(name: str, kind: Kind, difference: float) -> list[str]:
    """A sentence for a file whose outputs differ by more than usual, and by no more than rounding can explain."""
    if difference <= kind.largest_difference:
        return []
    return [
        f"{name} rounds otherwise than the model that was trained: its {kind.outputs} differ by up to {difference:.1e}."
    ]


def export_onnx(
    network: "keras.Model",
    path: Path,
    images: np.ndarray,
    outputs: np.ndarray,
    kind: Kind = CLASSIFIER,
    task: Task = READING,
) -> float:
    """Write the model as ONNX, by Keras' own export; returns the largest difference from its `outputs`.

    Raises ExportError unless the file can be read back and gives the same outputs.
    """

    def write(part: Path) -> None:
        try:
            onnx_file.write(network, part)
            onnx_file.name_classes(part, task)
        except OSError:
            raise
        except Exception as error:  # the converter raises whatever its layers raise
            raise ExportError(f"{path.name} is left out: the export failed ({error}).") from error

    return write_checked(path, write, kind.from_onnx, images, outputs, kind)


def write_checked(
    path: Path,
    write: Callable[[Path], object],
    load: Callable[[Path], Function],
    images: np.ndarray,
    outputs: np.ndarray,
    kind: Kind = CLASSIFIER,
) -> float:
    """Write a model's file, read it back, and let it stand only if its outputs differ by no more than by rounding."""
    difference = np.inf
    allowed = max(ROUNDING, kind.largest_difference)

    def write_and_compare(part: Path) -> None:
        nonlocal difference
        write(part)
        try:
            loaded = load(part)
        except ArtifactError as error:
            reason = error.__cause__ or error
            raise ExportError(f"{path.name} is left out: it cannot be read back ({reason}).") from error
        difference = float(np.abs(loaded(images) - outputs).max())
        if not difference <= allowed:
            raise ExportError(
                f"{path.name} is left out: its {kind.outputs} differ from the model's by up to {difference:.1e}, "
                f"and no more than {allowed:.0e} is allowed."
            )

    make_whole(path, write_and_compare)
    return difference
