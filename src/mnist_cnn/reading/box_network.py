"""A network that sees what is in a box drawn for one digit, lines included, as a plain function: ONNX Runtime only."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mnist_cnn.reading.onnx_logits import in_batches, onnx_logits

BoxClassifier = Callable[[np.ndarray], np.ndarray]
"""(n, 48, 48) uint8 images of boxes → (n, 13) logits: the ten digits, `BLANK`, `OTHER`, `SEVERAL`."""

SIDE = 48
BLANK, OTHER, SEVERAL = 10, 11, 12  # nothing; what is no digit; several digits, or a digit and more
CLASSES = 13
AROUND = 1.3  # times the longer side of a box is that of its image: a digit may reach over its lines


def onnx_box_classifier(path: Path, threads: int = 0) -> BoxClassifier:
    """Load an ONNX file as such a network that uses `threads` threads, 0 for one per core.

    Raises ArtifactError as `onnx_logits`, and so does the function.
    """
    return in_batches(onnx_logits(path, threads, (SIDE, SIDE, 1), (CLASSES,)))


def box_images(grey: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Images (n, 48, 48) uint8 of boxes (n, 4) of an image (h, w) uint8, with what is around them, each a square."""
    images = np.zeros((len(boxes), SIDE, SIDE), np.uint8)
    sides = np.maximum(2, np.rint(AROUND * (boxes[:, 2:] - boxes[:, :2]).max(axis=1))).astype(int)
    margin = int(sides.max(initial=0))
    padded = cv2.copyMakeBorder(grey, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    corners = np.rint((boxes[:, :2] + boxes[:, 2:] - sides[:, None]) / 2 + margin).astype(int)
    lowest = np.array(padded.shape[::-1]) - sides[:, None]
    for image, (left, top), side in zip(images, np.clip(corners, 0, lowest).tolist(), sides.tolist(), strict=True):
        part = padded[top : top + side, left : left + side]
        image[:] = cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR)
    return images
