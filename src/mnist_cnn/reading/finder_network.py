"""A finder in ONNX form as a plain function of images: ONNX Runtime only, never TensorFlow."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.network import FINDER_CHANNELS, OURS, computed, loaded

Finder = Callable[[np.ndarray], np.ndarray]
"""(n, h, w) uint8 images, h and w multiples of 16 → (n, h/4, w/4, 14) float32: what `models.finder` gives."""

MULTIPLE, STRIDE = 16, 4
PIXELS = 2**20  # of all images of one call of the network
# 128×128 pixels take 3 ms on one core, so this is a hundred times what is needed.
SECONDS, SECONDS_PER_MEGAPIXEL = 10, 20.0


def onnx_finder(path: Path, threads: int = 0) -> Finder:
    """Load an ONNX file as a finder that uses `threads` threads, 0 for one per core.

    Raises ArtifactError if the file cannot be read, is not ONNX, has weights in other files, or does not map images of
    any size to 14 values per 4×4 pixels, which is tried on one image; and so does the finder if on other images it
    gives something else, or takes longer than any of ours would.
    """
    session, images, outputs, _ = loaded(path, threads, OURS)
    if len(images) != 1 or len(outputs) != 1 or not takes_any_size(images[0].type, images[0].shape):
        raise ArtifactError(f"{path} does not take n×h×w×1 uint8 images of any size: use the model.onnx of a finder.")
    taken, given = images[0].name, [outputs[0].name]

    def find(images: np.ndarray) -> np.ndarray:
        count, height, width = images.shape
        at_once = max(1, PIXELS // (height * width))
        parts = [found(images[start : start + at_once, ..., np.newaxis]) for start in range(0, count, at_once)]
        return np.concatenate([np.zeros((0, height // STRIDE, width // STRIDE, FINDER_CHANNELS), np.float32), *parts])

    def found(batch: np.ndarray) -> np.ndarray:
        count, height, width, _ = batch.shape
        limit = SECONDS + SECONDS_PER_MEGAPIXEL * batch.size / 1e6
        what = f"{height}×{width} pixels"
        places = computed(session, given, {taken: batch}, limit, path, what, "the model.onnx of a finder")[0]
        wanted = (count, height // STRIDE, width // STRIDE, FINDER_CHANNELS)
        if not isinstance(places, np.ndarray) or places.shape != wanted or not np.isfinite(places).all():
            raise ArtifactError(
                f"{path} does not return {FINDER_CHANNELS} numbers per 4×4 pixels: use the model.onnx of a finder."
            )
        return places

    find(np.zeros((1, 2 * MULTIPLE, 3 * MULTIPLE), np.uint8))
    return find


def takes_any_size(kind: str, shape: list[object]) -> bool:
    """Whether an input of this type and shape is n×h×w×1 uint8 with free n, h and w."""
    free = [not isinstance(size, int) for size in shape]
    return kind == "tensor(uint8)" and free == [True, True, True, False] and shape[-1] == 1
