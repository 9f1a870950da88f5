"""The recogniser: its network, its loss, and what its ONNX file must be."""

from pathlib import Path

import keras
import numpy as np
import pytest

from mnist_cnn.artifact import onnx_file
from mnist_cnn.errors import ArtifactError
from mnist_cnn.models.classifier import keras_recogniser
from mnist_cnn.models.recogniser import CLASSES, STRIDE, TALL, recogniser
from mnist_cnn.reading.network import onnx_classifier
from mnist_cnn.reading.recogniser_network import DIGITS, MARK, NOTHING, OTHER, onnx_recogniser
from mnist_cnn.reading.weights import FINDER, SEGMENTER
from mnist_cnn.training.recogniser_loss import recogniser_loss

LINES = np.random.default_rng(0).integers(0, 256, (2, TALL, 64), np.uint8)


@pytest.fixture(scope="module")
def small() -> keras.Model:
    """A network that is quickly made."""
    return recogniser((4, 8, 8), along=8)


@pytest.fixture(scope="module")
def onnx(small: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    onnx_file.write(small, path)
    return path


def test_the_network_gives_classes_of_each_column_and_is_small() -> None:
    network = recogniser()
    assert (network.name, network.output_shape) == ("recogniser", (None, None, CLASSES))
    assert 200_000 < network.count_params() < 300_000


def test_light_and_contrast_change_little(small: keras.Model) -> None:
    recognise = keras_recogniser(small)
    line = np.zeros((1, TALL, 64))
    line[:, 8:32, 28:36] = 1
    bright, dim = (recognise((low + line * span).astype(np.uint8)) for low, span in ((20, 200), (90, 100)))
    assert bright.sum(axis=-1) == pytest.approx(1)
    assert bright == pytest.approx(dim, abs=0.05)


@pytest.mark.parametrize("width", [4, 64, 332])
def test_an_onnx_file_takes_lines_of_any_width_and_gives_what_keras_gives(
    small: keras.Model, onnx: Path, width: int
) -> None:
    line = np.random.default_rng(1).integers(0, 256, (TALL, width), np.uint8)
    said = onnx_recogniser(onnx, 1)(line)
    assert said.shape == (width // STRIDE, CLASSES)
    assert said == pytest.approx(np.asarray(keras.ops.softmax(small(line[None, ..., None])))[0], abs=1e-4)
    assert onnx_file.opset_of(onnx) == 15


def test_other_files_are_refused_in_a_sentence(onnx: Path, tmp_path: Path) -> None:
    for other in (FINDER, SEGMENTER):
        with pytest.raises(ArtifactError, match=r"does not take n×40×w×1 uint8 lines.*use the model\.onnx of a recog"):
            onnx_recogniser(other)
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ArtifactError, match="is damaged or not an ONNX model"):
        onnx_recogniser(tmp_path / "text.onnx")
    onnx_file.write(with_classes(7), tmp_path / "seven.onnx")
    with pytest.raises(ArtifactError, match=r"does not return 24 logits for each 4 pixels: use the model\.onnx of a"):
        onnx_recogniser(tmp_path / "seven.onnx")
    with pytest.raises(ArtifactError, match=r"is a recogniser, which says of a line of text .* and no digit classif"):
        onnx_classifier(onnx)


def with_classes(count: int) -> keras.Model:
    """A network that takes lines, and says something else of them."""
    lines = keras.layers.Input((TALL, None, 1), dtype="uint8", name="lines")
    x = keras.layers.Conv2D(count, (TALL, STRIDE), strides=STRIDE)(keras.layers.Rescaling(1 / 255)(lines))
    return keras.Model(lines, keras.layers.Reshape((-1, count))(x))


def loss(logits: np.ndarray, labels: list[list[int]], smoothing: float = 0.0) -> float:
    return float(recogniser_loss(logits, np.array(labels, np.int8), smoothing))


def test_the_loss_is_the_weighted_cross_entropy_of_the_columns_that_are_known() -> None:
    unsure = np.zeros((1, 4, CLASSES), np.float32)
    assert loss(unsure, [[NOTHING, DIGITS + 3, OTHER, MARK]]) == pytest.approx(np.log(CLASSES))
    assert loss(unsure, [[-1] * 4]) == 0
    sure = unsure.copy()
    sure[0, range(4), [NOTHING, DIGITS + 3, OTHER, MARK]] = 40
    assert loss(sure, [[NOTHING, DIGITS + 3, OTHER, MARK]]) == pytest.approx(0, abs=1e-4)
    assert loss(sure, [[NOTHING, DIGITS + 3, OTHER, MARK]], 0.03) == pytest.approx(40 * 0.03 * 23 / 24, rel=1e-3)
    # One column is wrong, and counts as much as its class.
    assert loss(sure, [[NOTHING, DIGITS + 4, OTHER, MARK]]) == pytest.approx(40 * 1 / (0.6 + 1 + 0.5 + 1.6), rel=1e-3)
    assert loss(sure, [[NOTHING, DIGITS + 3, OTHER, MARK + 1]]) == pytest.approx(40 * 1.6 / 3.7, rel=1e-3)
    assert loss(sure, [[NOTHING, -1, OTHER, MARK]]) == pytest.approx(0, abs=1e-4)


def test_lines_are_told_apart_whatever_is_beside_them_in_a_batch(small: keras.Model) -> None:
    recognise = keras_recogniser(small)
    assert recognise(LINES)[1] == pytest.approx(recognise(LINES[1:])[0], abs=1e-5)
