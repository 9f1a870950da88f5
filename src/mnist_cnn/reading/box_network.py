"""A network that sees what is in a box drawn for one digit, lines included, as a plain function: ONNX Runtime only."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.network import OURS, computed, loaded

BoxClassifier = Callable[[np.ndarray], np.ndarray]
"""(n, 48, 48) uint8 images of boxes → (n, 13) logits: the ten digits, `BLANK`, `OTHER`, `SEVERAL`."""

SIDE = 48
BLANK, OTHER, SEVERAL = 10, 11, 12  # nothing; what is no digit; several digits, or a digit and more
CLASSES = 13
AROUND = 1.3  # times the longer side of a box is that of its image: a digit may reach over its lines
BATCH = 256
SECONDS, SECONDS_PER_IMAGE = 10, 0.02  # an image takes 0.2 ms on one core, so this is a hundred times what is needed
INSTEAD = "the bundled one"


def onnx_box_classifier(path: Path, threads: int = 0) -> BoxClassifier:
    """Load an ONNX file as such a network that uses `threads` threads, 0 for one per core.

    Raises ArtifactError if the file cannot be read, is not ONNX, has weights in other files, or does not map 48×48
    images to 13 logits, which is tried on one; and so does the function if for other images it gives something else,
    or takes longer than any of ours would.
    """
    session, images, outputs, _ = loaded(path, threads, OURS)
    if len(images) != 1 or len(outputs) != 1 or images[0].shape[1:] != [SIDE, SIDE, 1]:
        raise ArtifactError(f"{path} does not take n×48×48×1 uint8 images: use {INSTEAD}.")
    taken, given = images[0].name, [outputs[0].name]

    def logits(batch: np.ndarray) -> np.ndarray:
        limit = SECONDS + SECONDS_PER_IMAGE * len(batch)
        [found] = computed(session, given, {taken: batch[..., None]}, limit, path, f"{len(batch)} images", INSTEAD)
        if found.shape != (len(batch), CLASSES) or not np.isfinite(found).all():
            raise ArtifactError(f"{path} does not return {CLASSES} logits for each image: use {INSTEAD}.")
        return np.asarray(found)

    def classify(images: np.ndarray) -> np.ndarray:
        parts = [logits(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        return np.concatenate([np.zeros((0, CLASSES), np.float32), *parts])

    classify(np.zeros((1, SIDE, SIDE), np.uint8))
    return classify


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
