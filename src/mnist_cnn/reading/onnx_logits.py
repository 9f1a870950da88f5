"""Networks in ONNX form that give logits of images, as plain functions: ONNX Runtime only."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.network import OURS, computed, loaded

Logits = Callable[[np.ndarray], np.ndarray]
"""(n, h, w) uint8 images → (n, k) float32 logits."""

BATCH = 256
SECONDS, SECONDS_PER_PIXEL = 10, 2e-5  # a pixel takes 0.2 µs on one core, so this is a hundred times what is needed
INSTEAD = "the bundled one"


def onnx_logits(path: Path, threads: int, taken: tuple[int, int, int], given: int) -> Logits:
    """Load an ONNX file as a function of images that uses `threads` threads, 0 for one per core.

    It maps images (n, *taken) uint8, any number of them, to logits (n, given). Raises ArtifactError if the file cannot
    be read, is not ONNX, has weights in other files, or does something else, which is tried on one image; and so does
    the function if for other images it gives something else, or takes longer than any of ours would.
    """
    session, images, outputs, _ = loaded(path, threads, OURS)
    if len(images) != 1 or len(outputs) != 1 or images[0].shape[1:] != list(taken):
        raise ArtifactError(f"{path} does not take n×{'×'.join(map(str, taken))} uint8 images: use {INSTEAD}.")
    name, names = images[0].name, [outputs[0].name]

    def of_batch(batch: np.ndarray) -> np.ndarray:
        limit = SECONDS + SECONDS_PER_PIXEL * batch.size
        [found] = computed(session, names, {name: batch[..., None]}, limit, path, f"{len(batch)} images", INSTEAD)
        if found.shape != (len(batch), given) or not np.isfinite(found).all():
            logits = "one logit" if given == 1 else f"{given} logits"
            raise ArtifactError(f"{path} does not return {logits} for each image: use {INSTEAD}.")
        return np.asarray(found)

    def of_all(images: np.ndarray) -> np.ndarray:
        parts = [of_batch(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        return np.concatenate([np.zeros((0, given), np.float32), *parts])

    of_all(np.zeros((1, *taken[:2]), np.uint8))
    return of_all
