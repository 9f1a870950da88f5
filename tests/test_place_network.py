"""The network that sees the middles of places for a digit each."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.place_network import flattened, onnx_place_detector
from mnist_cnn.reading.weights import FINDER, PLACE, bundled_place_detector


def row_of_boxes(grey: int = 235, dark: int = 60) -> np.ndarray:
    """Five boxes of 50 × 60 pixels with digits in them that touch their lines; the first begins at (30, 70)."""
    image = np.full((200, 330), grey, np.uint8)
    for left in range(30, 280, 50):
        cv2.rectangle(image, (left, 70), (left + 50, 130), dark, 2)
    cv2.putText(image, "4719", (50, 132), cv2.FONT_HERSHEY_SIMPLEX, 1.9, dark, 3, cv2.LINE_AA)
    return image


@pytest.mark.parametrize(("grey", "dark"), [(235, 60), (30, 200), (120, 90)])
def test_the_middles_of_boxes_are_marked_and_do_not_touch(grey: int, dark: int) -> None:
    found = bundled_place_detector()(row_of_boxes(grey, dark))
    assert found.shape == (100, 165)
    for left in range(30, 280, 50):
        assert (found[46:54, (left + 20) // 2 : (left + 30) // 2] > 127).mean() > 0.9
        assert (found[40:60, left // 2 - 1 : left // 2 + 2] > 127).sum() == 0
    assert (found[:30] > 127).sum() == (found[70:] > 127).sum() == 0


def test_an_image_is_flattened_whatever_its_light() -> None:
    image = row_of_boxes()
    light = np.linspace(0.4, 1.0, image.shape[1])
    flat = flattened((image * light).astype(np.uint8))
    assert flat[70, 32:278].min() > 100  # the line along the tops
    assert np.median(flat) == pytest.approx(40, abs=4)
    blank = np.full((50, 60), 200, np.uint8)
    assert (flattened(blank) == 40).all()


@pytest.mark.parametrize("shape", [(1, 1), (17, 40), (16, 16), (300, 33)])
def test_images_of_any_size_are_taken(shape: tuple[int, int]) -> None:
    height, width = shape
    found = bundled_place_detector()(np.full(shape, 200, np.uint8))
    assert found.shape == ((height + 1) // 2, (width + 1) // 2)


def test_no_other_file_is_taken(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="does not return 8×8×1 logits for each image"):
        onnx_place_detector(FINDER)
    broken = tmp_path / "place.onnx"
    broken.write_bytes(PLACE.read_bytes()[:1000])
    with pytest.raises(ArtifactError, match="is damaged or not an ONNX model"):
        onnx_place_detector(broken)
