"""The bundled model, or any other model for reading, as a calibrated classifier."""

from pathlib import Path

from mnist_cnn import card
from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.model_names import path_of
from mnist_cnn.reading.network import Classifier, onnx_classifier
from mnist_cnn.reading.temperature import at

THREADS = 1  # the few digits of an image are read in less time than it takes to wake a second thread


def calibrated_classifier(model: str | Path | None = None) -> Classifier:
    """Load a saved model or an .onnx file, by its path or name (`path_of`); by default the bundled model.

    The probabilities of a saved model are calibrated. A bare .onnx file is used as it is, and is calibrated as well if
    it was saved in format 2 or later.

    Raises ArtifactError if it is missing, damaged, or does not map 28×28 images to ten probabilities.
    """
    path = path_of(model)
    if path.is_dir():
        kept = card.read(path)
        card.require_classifier(path, kept)
        if card.ONNX_MODEL not in kept.files:
            raise ArtifactError(f"{path} has no {card.ONNX_MODEL}, which reading needs: train the model again.")
        card.verify_file(path, kept, card.ONNX_MODEL)
        classify = onnx_classifier(path / card.ONNX_MODEL, THREADS)
        return with_temperature(classify, kept.outside_temperature)
    return onnx_classifier(path, THREADS)


def with_temperature(classify: Classifier, temperature: float) -> Classifier:
    """The same classifier at a temperature."""
    return classify if temperature == 1 else lambda images: at(classify(images), temperature)
