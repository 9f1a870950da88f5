"""A network that tells printed digits from handwritten ones, as a plain function: ONNX Runtime only."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.network import OURS, computed, loaded
from mnist_cnn.reading.normalise import SIDE

PrintDetector = Callable[[np.ndarray], np.ndarray]
"""(n, 28, 28) uint8 digits, as a classifier is shown them → (n,) logits of being printed."""

BATCH = 256
SECONDS, SECONDS_PER_IMAGE = 10, 0.01  # an image takes 0.1 ms on one core, so this is a hundred times what is needed
INSTEAD = "the bundled one"


def onnx_print_detector(path: Path, threads: int = 0) -> PrintDetector:
    """Load an ONNX file as such a network that uses `threads` threads, 0 for one per core.

    Raises ArtifactError if the file cannot be read, is not ONNX, has weights in other files, or does not map 28×28
    images to one logit, which is tried on one; and so does the function if for other images it gives something else,
    or takes longer than any of ours would.
    """
    session, images, outputs, _ = loaded(path, threads, OURS)
    if len(images) != 1 or len(outputs) != 1 or images[0].shape[1:] != [SIDE, SIDE, 1]:
        raise ArtifactError(f"{path} does not take n×28×28×1 uint8 images: use {INSTEAD}.")
    taken, given = images[0].name, [outputs[0].name]

    def logits(batch: np.ndarray) -> np.ndarray:
        limit = SECONDS + SECONDS_PER_IMAGE * len(batch)
        [found] = computed(session, given, {taken: batch[..., None]}, limit, path, f"{len(batch)} images", INSTEAD)
        if found.shape != (len(batch), 1) or not np.isfinite(found).all():
            raise ArtifactError(f"{path} does not return one logit for each image: use {INSTEAD}.")
        return np.asarray(found[:, 0])

    def detect(images: np.ndarray) -> np.ndarray:
        parts = [logits(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        return np.concatenate([np.zeros(0, np.float32), *parts])

    detect(np.zeros((1, SIDE, SIDE), np.uint8))
    return detect
