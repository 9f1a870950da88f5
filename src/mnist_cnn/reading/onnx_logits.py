"""Networks in ONNX form that give logits of images, as plain functions: ONNX Runtime only."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.network import OURS, computed, loaded

Logits = Callable[[np.ndarray], np.ndarray]
"""(n, h, w) uint8 images → (n, …) float32 logits."""

BATCH = 256
SECONDS, SECONDS_PER_PIXEL = 10, 2e-5  # a pixel takes 0.2 µs on one core, so this is a hundred times what is needed
INSTEAD = "the bundled one"


def onnx_logits(path: Path, threads: int, taken: tuple[int, int, int], given: tuple[int, ...]) -> Logits:
    """Load an ONNX file as a function of images that uses `threads` threads, 0 for one per core.

    It maps images (n, *taken) uint8 to logits (n, *given); if these are for each pixel, images may be larger, by
    multiples. Raises ArtifactError if the file cannot be read, is not ONNX, has weights in other files, or does
    something else, which is tried on one image; and so does the function if for other images it gives something else,
    or takes longer than any of ours would.
    """
    session, images, outputs, _ = loaded(path, threads, OURS)
    for_pixels = given == taken
    sides = ["h", "w", 1] if for_pixels else list(taken)
    declared = images[0].shape[1:] if len(images) == len(outputs) == 1 else []
    if (declared[2:] if for_pixels else declared) != sides[2 if for_pixels else 0 :]:
        raise ArtifactError(f"{path} does not take n×{'×'.join(map(str, sides))} uint8 images: use {INSTEAD}.")
    name, names = images[0].name, [outputs[0].name]

    def logits(batch: np.ndarray) -> np.ndarray:
        limit = SECONDS + SECONDS_PER_PIXEL * batch.size
        [found] = computed(session, names, {name: batch[..., None]}, limit, path, f"{len(batch)} images", INSTEAD)
        expected = (*batch.shape, 1) if for_pixels else (len(batch), *given)
        if found.shape != expected or not np.isfinite(found).all():
            which = "a logit for each pixel" if for_pixels else f"{given[0]} logits for each image"
            raise ArtifactError(f"{path} does not return {which}: use {INSTEAD}.")
        return np.asarray(found)

    logits(np.zeros((1, *taken[:2]), np.uint8))
    return logits


def in_batches(logits: Logits) -> Logits:
    """The same function, of any number of images, also of none."""

    def of_all(images: np.ndarray) -> np.ndarray:
        if not len(images):
            return logits(np.zeros((1, *images.shape[1:]), np.uint8))[:0]
        return np.concatenate([logits(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])

    return of_all
