"""What every classifier must do, whatever computes it: small checks, run on each of them."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.artifact.export_format import ExportFormat
from mnist_cnn.artifact.store import load_keras
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ArtifactError
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.reading.ensemble import average
from mnist_cnn.reading.network import Classifier, onnx_classifier
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.temperature import at
from mnist_cnn.reading.weights import calibrated_classifier
from mnist_cnn.workflows.evaluate import classifier_of
from mnist_cnn.workflows.export import Export

FIXTURE = Path(__file__).parent / "fixtures" / "format-1"
CALIBRATED = FIXTURE.with_name("format-2")  # the same network, calibrated
TEMPERATURE = 1.5


MADE: dict[str, Callable[[], Classifier]] = {
    "keras": lambda: keras_classifier(load_keras(FIXTURE / "model.keras")),
    "onnx": lambda: onnx_classifier(FIXTURE / "model.onnx"),
    "reader": lambda: calibrated_classifier(),
    "ensemble": lambda: average([MADE["keras"](), MADE["onnx"]()]),
}


EXPORTS = {
    "onnx export": ExportFormat("onnx"),
    "onnx export of floats": ExportFormat("onnx", input_dtype="float32"),
    "onnx export in int8": ExportFormat("onnx", "int8"),
    "litert export": ExportFormat("litert"),
    "litert export in int8": ExportFormat("litert", "int8"),
    "saved_model export": ExportFormat("saved_model"),
}


@pytest.fixture(params=[*MADE, *EXPORTS, "http"])
def classify(request: pytest.FixtureRequest) -> Classifier:
    if export_format := EXPORTS.get(request.param):
        made: Export = request.getfixturevalue("exported")(export_format)
        return export_format.read(made.path)
    return request.getfixturevalue("over_http") if request.param == "http" else MADE[request.param]()


@pytest.fixture(scope="module")
def over_http() -> Iterator[Classifier]:
    from serving import classifier_over_http, client_of

    with client_of() as client:
        yield classifier_over_http(client)


def test_gives_ten_probabilities_an_image(classify: Classifier, digits: Dataset) -> None:
    probabilities = classify(digits.test.images[:7])
    assert probabilities.shape == (7, 10)
    assert probabilities.dtype == np.float32
    assert (probabilities >= 0).all()
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_takes_no_images(classify: Classifier) -> None:
    assert classify(np.zeros((0, 28, 28), dtype=np.uint8)).shape == (0, 10)


def test_an_image_is_read_alike_alone_and_among_thousands(classify: Classifier, digits: Dataset) -> None:
    many = np.concatenate([digits.train.images, digits.train.images])
    assert len(many) > 2000
    alone = np.concatenate([classify(many[index : index + 1]) for index in (0, 999, 1000, 2500)])
    assert np.allclose(classify(many)[[0, 999, 1000, 2500]], alone, atol=1e-6)


def test_does_not_change_what_it_is_given(classify: Classifier, digits: Dataset) -> None:
    images = digits.test.images[:3].copy()
    classify(images)
    assert (images == digits.test.images[:3]).all()


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 28, 28), dtype=np.float32),
        np.zeros((28, 28), dtype=np.uint8),
        np.zeros((2, 28, 28, 1), dtype=np.uint8),
        np.zeros((2, 32, 32), dtype=np.uint8),
    ],
    ids=["floats", "one image", "with channel", "other size"],
)
def test_refuses_anything_but_28_by_28_bytes(
    classify: Classifier, images: np.ndarray, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["classify"] == "http" and images.shape[1:3] != (32, 32):
        pytest.skip("the server also takes floats and other shapes (tests/test_serving_inference.py)")
    with pytest.raises(ValueError, match=r"takes \(n, 28, 28\) uint8 images"):
        classify(images)


def test_keras_and_onnx_agree(digits: Dataset) -> None:
    keras_reads = keras_classifier(load_keras(FIXTURE / "model.keras"))(digits.test.images)
    onnx_reads = onnx_classifier(FIXTURE / "model.onnx")(digits.test.images)
    assert np.abs(keras_reads - onnx_reads).max() <= 1e-5


# Every way to get probabilities of a kept network, also by somebody who has never heard of its card.
WAYS: dict[str, Callable[[Path], Classifier]] = {
    "bare model.keras": lambda folder: keras_classifier(load_keras(folder / "model.keras")),
    "bare model.onnx": lambda folder: onnx_classifier(folder / "model.onnx"),
    "the folder by Keras": lambda folder: classifier_of(store.load(folder)),
    "a reader of the folder": lambda folder: cast(Classifier, Reader(folder).classify),
    "a reader of model.onnx": lambda folder: cast(Classifier, Reader(folder / "model.onnx").classify),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_get_probabilities_is_calibrated(way: str, digits: Dataset) -> None:
    images = digits.test.images
    expected = at(onnx_classifier(FIXTURE / "model.onnx")(images), TEMPERATURE)
    assert np.abs(WAYS[way](CALIBRATED)(images) - expected).max() <= 1e-5


def test_the_server_is_calibrated_too(digits: Dataset) -> None:
    from serving import classifier_over_http, client_of

    images = digits.test.images[:50]
    expected = at(onnx_classifier(FIXTURE / "model.onnx")(images), TEMPERATURE)
    with client_of(model=CALIBRATED) as client:
        assert np.abs(classifier_over_http(client)(images) - expected).max() <= 1e-5


@pytest.mark.parametrize("way", ["the folder by Keras", "a reader of the folder"])
def test_a_network_of_format_1_is_tempered_once(way: str, digits: Dataset, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FIXTURE, tmp_path / "kept"))
    kept = card.read(folder)
    evaluation = kept.evaluation | {"temperature": TEMPERATURE}
    card.write(folder, replace(kept, evaluation=evaluation).sealed())
    expected = at(onnx_classifier(FIXTURE / "model.onnx")(digits.test.images), TEMPERATURE)
    assert np.abs(WAYS[way](folder)(digits.test.images) - expected).max() <= 1e-5


@pytest.mark.parametrize(
    "content", [b"", b"not a network", (FIXTURE / "card.json").read_bytes()], ids=["empty", "text", "json"]
)
def test_what_is_not_onnx_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match="damaged or not an ONNX model"):
        onnx_classifier(path)


def test_an_onnx_file_that_is_not_there_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot be read"):
        onnx_classifier(tmp_path / "model.onnx")
