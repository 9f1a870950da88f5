"""The network that sees what is in a box for one digit, and the image of a box that it is shown."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.box_contents import one_seen_too
from mnist_cnn.reading.box_network import BLANK, CLASSES, OTHER, SEVERAL, SIDE, box_images, onnx_box_classifier
from mnist_cnn.reading.cell_values import Value
from mnist_cnn.reading.digit import Box, Digit
from mnist_cnn.reading.reading import Row
from mnist_cnn.reading.weights import BOX, FINDER, bundled_box_classifier

PLACE = np.array([[60.0, 40.0, 110.0, 100.0]])


def boxed(text: str, thick: int = 3) -> np.ndarray:
    """A box with a text in it, on a sheet."""
    image = np.full((140, 170), 235, np.uint8)
    cv2.rectangle(image, (60, 40), (110, 100), 40, thick)
    size = 1.2 if len(text) < 2 else 0.9
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 3)
    cv2.putText(image, text, (85 - width // 2, 70 + height // 2), cv2.FONT_HERSHEY_SIMPLEX, size, 60, 3, cv2.LINE_AA)
    return image


@pytest.mark.parametrize(
    ("text", "wanted"), [("2", 2), ("4", 4), ("5", 5), ("7", 7), ("", BLANK), ("X", OTHER), ("25", SEVERAL)]
)
@pytest.mark.parametrize("thick", [1, 3])
def test_a_box_is_seen_with_its_lines(text: str, wanted: int, thick: int) -> None:
    image = boxed(text, thick)
    assert bundled_box_classifier()(box_images(image, PLACE)).argmax(axis=1).tolist() == [wanted]


def test_the_image_of_a_box_is_a_square_around_it_also_at_the_edge() -> None:
    image = np.zeros((60, 80), np.uint8)
    image[20:40, 30:50] = 200
    [inner, corner] = box_images(image, np.array([[30.0, 20, 50, 40], [-5, -5, 5, 5]]))
    assert inner.shape == corner.shape == (SIDE, SIDE)
    columns = np.flatnonzero(inner[SIDE // 2] > 100)
    assert columns[0] + columns[-1] == pytest.approx(SIDE - 1, abs=2)  # in the middle
    assert len(columns) == pytest.approx(SIDE / 1.3, abs=2)
    assert not corner.any()
    assert box_images(image, np.zeros((0, 4))).shape == (0, SIDE, SIDE)


def test_the_network_takes_boxes_in_batches_and_no_other_file_is_taken(tmp_path: Path) -> None:
    classify = bundled_box_classifier()
    images = np.random.default_rng(0).integers(0, 256, (300, SIDE, SIDE), np.uint8)
    together = classify(images)
    assert together.shape == (300, CLASSES)
    assert together[256:] == pytest.approx(classify(images[256:]), abs=1e-3)
    assert classify(images[:0]).shape == (0, CLASSES)
    with pytest.raises(ArtifactError, match="does not take n×48×48×1 uint8 images"):
        onnx_box_classifier(FINDER)
    broken = tmp_path / "box.onnx"
    broken.write_bytes(BOX.read_bytes()[:1000])
    with pytest.raises(ArtifactError, match="is damaged or not an ONNX model"):
        onnx_box_classifier(broken)


@pytest.mark.parametrize(("digits", "doubtful"), [(1, True), (2, False)])
def test_one_digit_is_doubtful_where_several_are_seen(digits: int, doubtful: bool) -> None:
    digit = Digit(8, 0.99, (0.1,) * 10, Box(0, 0, 8, 10), False, np.zeros((28, 28), np.uint8))
    value = Value("number", "8" * digits, 0.99, Row([digit] * digits))
    several = np.full(CLASSES, 0.002)
    several[SEVERAL] = 0.976
    assert not value.is_doubtful
    seen = one_seen_too(value, several, np.zeros((40, 40), np.uint8), np.array([0.0, 0.0, 40.0, 40.0]), 0.5)
    assert (seen.text, seen.is_doubtful) == (value.text, doubtful)
