"""A network that sees places for a digit each: boxes, cells, combs, rings, short lines; ONNX Runtime only.

It marks the middle of each place, so that those of two places never touch, whatever the lines between them are like:
broken, faint, or crossed by writing. (Shrunk regions of text that are grown again are from PSENet, arXiv:1903.12473.)
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mnist_cnn.reading.cells import DARKEST, dark_on_light, surroundings
from mnist_cnn.reading.evidence import sigmoid
from mnist_cnn.reading.onnx_logits import onnx_logits

PlaceDetector = Callable[[np.ndarray], np.ndarray]
"""An image (h, w) uint8 → ((h + 1) // 2, (w + 1) // 2) uint8, 0 to 255: how probable it is to be in the middle of a
place."""

STRIDE = 16  # pixels: the network takes multiples of it
HALF = 2  # pixels for each of its answers
INKED, WEAKEST = 99.5, 12.0  # the percentile of what ink differs by, and levels of 255: weaker ink is not stretched
MIDDLE, STEP = 40.0, 140.0  # what paper is, and how much darker ink becomes
LARGEST = 30.0  # a logit, beyond which a probability is the same in floats


def onnx_place_detector(path: Path, threads: int = 0) -> PlaceDetector:
    """Load an ONNX file as such a network that uses `threads` threads, 0 for one per core.

    Raises ArtifactError as `onnx_logits`, and so does the function.
    """
    answers = STRIDE // HALF
    logits = onnx_logits(path, threads, (STRIDE, STRIDE, 1), (answers, answers, 1), any_size=True)

    def detect(grey: np.ndarray) -> np.ndarray:
        height, width = grey.shape
        margins = 0, -height % STRIDE, 0, -width % STRIDE
        padded = cv2.copyMakeBorder(flattened(grey), *margins, cv2.BORDER_CONSTANT, value=MIDDLE)
        found = logits(padded[None])[0, : -(-height // HALF), : -(-width // HALF), 0]
        return np.asarray(np.rint(255 * sigmoid(np.clip(found, -LARGEST, LARGEST))), np.uint8)

    return detect


def flattened(grey: np.ndarray) -> np.ndarray:
    """An image (h, w) uint8 as if in even light: dark paper, and lighter ink, about as strong in each image."""
    grey = dark_on_light(grey)
    light = surroundings(grey).astype(np.float32)
    darker = (light - grey) * (255 / np.maximum(light, DARKEST))
    strength = max(WEAKEST, float(np.percentile(darker, INKED)))
    return np.asarray(np.clip(np.rint(MIDDLE + STEP / strength * darker), 0, 255), np.uint8)
