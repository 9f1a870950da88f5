"""The bundled networks, or any other model for reading, as functions."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mnist_cnn import card
from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.box_network import BoxClassifier, onnx_box_classifier
from mnist_cnn.reading.evidence import Weights
from mnist_cnn.reading.finder_network import Finder, onnx_finder
from mnist_cnn.reading.model_names import foreign, path_of
from mnist_cnn.reading.network import Classifier, not_for_reading, onnx_classifier
from mnist_cnn.reading.place_network import PlaceDetector, onnx_place_detector
from mnist_cnn.reading.print_network import PrintDetector, onnx_print_detector
from mnist_cnn.reading.recogniser_network import Recogniser, onnx_recogniser
from mnist_cnn.reading.segmenter_network import Segmenter, onnx_segmenter
from mnist_cnn.reading.temperature import at

THREADS = 1  # the few digits of an image are read in less time than it takes to wake a second thread
FOLDER = Path(__file__).parent
FINDER, SEGMENTER, RECOGNISER = (FOLDER / f"{name}.onnx" for name in ("finder", "segmenter", "recogniser"))
PRINT, BOX, PLACE = (FOLDER / f"{name}.onnx" for name in ("print", "box", "place"))
EVIDENCE = FOLDER / "evidence.json"


@dataclass(frozen=True)
class Detection:
    """What finds digits: the finder, the segmenter, the recogniser, and how much they and the classifier count."""

    find: Finder
    segment: Segmenter
    recognise: Recogniser
    weights: Weights


@lru_cache(maxsize=1)
def bundled_detection() -> Detection:
    """The bundled networks but for the classifier, loaded when an image needs them, and the recogniser with a line."""
    return Detection(
        onnx_finder(FINDER, THREADS),
        onnx_segmenter(SEGMENTER, THREADS),
        lambda line: bundled_recogniser()(line),
        bundled_weights(),
    )


@lru_cache(maxsize=1)
def bundled_recogniser() -> Recogniser:
    """The bundled recogniser, which an image without a row of digits, or of a single one, does not need."""
    return onnx_recogniser(RECOGNISER, THREADS)


@lru_cache(maxsize=1)
def bundled_print_detector() -> PrintDetector:
    """The bundled network that tells printed digits from handwritten ones (bench/print_or_hand.py)."""
    return onnx_print_detector(PRINT, THREADS)


@lru_cache(maxsize=1)
def bundled_box_classifier() -> BoxClassifier:
    """The bundled network that sees what is in a box drawn for a digit (bench/box_network.py)."""
    return onnx_box_classifier(BOX, THREADS)


@lru_cache(maxsize=1)
def bundled_place_detector() -> PlaceDetector:
    """The bundled network that sees where places for a digit each are drawn (bench/place_network.py)."""
    return onnx_place_detector(PLACE, THREADS)


def bundled_weights() -> Weights:
    """What the evidence counts for with the bundled model."""
    return Weights(**{name: tuple(values) for name, values in json.loads(EVIDENCE.read_bytes()).items()})


def calibrated_classifier(model: str | Path | None = None) -> Classifier:
    """Load a saved model or an .onnx file, by its path or name (`path_of`); by default the bundled model.

    The probabilities of a saved model are calibrated. A bare .onnx file is used as it is, and is calibrated as well if
    it was saved in format 2 or later.

    Raises ArtifactError if it is missing, damaged, or does not map 28×28 images to ten probabilities.
    """
    path = path_of(model)
    if sentence := foreign(path):
        raise ArtifactError(sentence)
    if path.is_dir():
        kept = card.read(path)
        card.require_classifier(path, kept)
        if not kept.task.is_digits:
            raise ArtifactError(not_for_reading(str(path), kept.task))
        if card.ONNX_MODEL not in kept.files:
            raise ArtifactError(f"{path} has no {card.ONNX_MODEL}, which reading needs: train the model again.")
        card.verify_file(path, kept, card.ONNX_MODEL)
        classify = onnx_classifier(path / card.ONNX_MODEL, THREADS)
        return with_temperature(classify, kept.outside_temperature)
    return onnx_classifier(path, THREADS)


def with_temperature(classify: Classifier, temperature: float) -> Classifier:
    """The same classifier at a temperature."""
    return classify if temperature == 1 else lambda images: at(classify(images), temperature)
