"""The segmenter: its network, its loss, and what its ONNX file must be."""

from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.artifact import onnx_file
from mnist_cnn.errors import ArtifactError
from mnist_cnn.models.classifier import keras_segmenter
from mnist_cnn.models.segmenter import CLASSES, INK, SIDE, depth_to_space, segmenter
from mnist_cnn.reading.network import onnx_classifier
from mnist_cnn.reading.segmenter_network import onnx_segmenter
from mnist_cnn.reading.weights import FINDER
from mnist_cnn.training.segmenter_loss import LEAST, segmenter_loss

SMALL = (4, 8, 8)
CROPS = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 2), np.uint8)


def test_the_network_gives_classes_and_ink_and_is_small() -> None:
    network = segmenter()
    logits, inks = network(CROPS)
    assert (network.name, logits.shape, inks.shape) == ("segmenter", (3, CLASSES), (3, INK, INK, 1))
    assert 400_000 < network.count_params() < 600_000
    assert ((np.asarray(inks) >= 0) & (np.asarray(inks) <= 1)).all()


def test_light_and_contrast_change_little() -> None:
    segment = keras_segmenter(segmenter(SMALL))
    image = np.zeros((1, SIDE, SIDE, 2))
    image[:, 16:48, 28:36] = 1
    bright, dim = (segment((low + image * span).astype(np.uint8)) for low, span in ((20, 200), (90, 100)))
    assert bright.classes == pytest.approx(dim.classes, abs=0.05)
    assert bright.inks == pytest.approx(dim.inks, abs=0.05)


def test_each_pixel_of_the_ink_is_where_it_is_on_the_crop() -> None:
    pixels = np.arange(16, dtype=np.float32).reshape(1, 2, 2, 4)
    assert np.asarray(depth_to_space(pixels))[0, ..., 0].tolist() == [
        [0, 1, 4, 5],
        [2, 3, 6, 7],
        [8, 9, 12, 13],
        [10, 11, 14, 15],
    ]


def losses(
    logits: np.ndarray, inks: np.ndarray, wanted: np.ndarray, labels: list[int], smoothing: float
) -> list[float]:
    found = segmenter_loss(logits, inks[..., None], wanted, np.array(labels), smoothing)
    return [float(one) for one in found]


def test_the_loss_is_that_of_the_classes_and_of_the_ink_of_digits() -> None:
    wanted = np.zeros((3, INK, INK), np.uint8)
    wanted[0, :24] = 255
    sure = np.full((3, CLASSES), -40.0, np.float32)
    sure[[0, 1, 2], [7, 2, 10]] = 40.0
    perfect = np.clip(wanted / 255, LEAST, 1 - LEAST).astype(np.float32)
    assert losses(sure, perfect, wanted, [7, 2, 10], 0.0) == pytest.approx([0, 0, 0], abs=1e-4)
    # Where there is no digit, no ink is wrong.
    anything = perfect.copy()
    anything[2] = 0.9
    assert losses(sure, anything, wanted, [7, 2, 10], 0.0) == pytest.approx([0, 0, 0], abs=1e-4)
    half = perfect.copy()
    half[0] = 0.5
    total, classes, ink = losses(sure, half, wanted, [7, 2, 10], 0.0)
    assert (classes, ink) == pytest.approx((0, np.log(2) / 2), abs=1e-4)
    assert total == pytest.approx(classes + 2 * ink)
    unsure = np.zeros((3, CLASSES), np.float32)
    assert losses(unsure, perfect, wanted, [7, 2, 10], 0.1)[1] == pytest.approx(np.log(CLASSES))
    assert losses(sure, perfect, wanted, [7, 2, 10], 0.1)[1] > 5
    assert losses(sure, np.full_like(perfect, 0.5), wanted, [10, 10, 10], 0.0)[2] == 0


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    onnx_file.write(segmenter(SMALL), path)
    return path


def test_an_onnx_file_gives_probabilities_for_any_number_of_crops(onnx: Path) -> None:
    segment = onnx_segmenter(onnx, 1)
    for count in (0, 1, 65):
        said = segment(np.tile(CROPS[:1], (count, 1, 1, 1)))
        assert (said.classes.shape, said.inks.shape) == ((count, CLASSES), (count, INK, INK))
        assert said.classes.sum(axis=1) == pytest.approx(1)
        # Marks are a part of what is no digit.
        assert (said.probabilities.shape, said.marks.shape) == ((count, 11), (count, 12))
        assert said.probabilities.sum(axis=1) == pytest.approx(1)
        assert (said.marks.sum(axis=1) <= said.probabilities[:, -1] + 1e-6).all()
    assert onnx_file.opset_of(onnx) == 15


def test_other_files_are_refused_in_a_sentence(onnx: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"or has not two outputs: use the model\.onnx of a segmenter"):
        onnx_segmenter(FINDER)
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ArtifactError, match="is damaged or not an ONNX model"):
        onnx_segmenter(tmp_path / "text.onnx")
    with pytest.raises(
        ArtifactError, match=r"is a segmenter, which says of a part of an image .* and no digit classif"
    ):
        onnx_classifier(onnx)
