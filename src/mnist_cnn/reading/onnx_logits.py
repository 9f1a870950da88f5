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


def onnx_logits(
    path: Path, threads: int, taken: tuple[int, int, int], given: tuple[int, ...], *, any_size: bool = False
) -> Logits:
    """Load an ONNX file as a function of images that uses `threads` threads, 0 for one per core.

    It maps images (n, *taken) uint8 to logits (n, *given), each (h, w, channels) if images of `any_size`, multiples of
    that, are mapped to as many more logits. Raises ArtifactError if the file cannot be read, is not ONNX, has weights
    in other files, or does something else, which is tried on one image; and so does the function if for other images
    it gives something else, or takes longer than any of ours would.
    """
    session, images, outputs, _ = loaded(path, threads, OURS)
    declared = images[0].shape[1:] if len(images) == len(outputs) == 1 else []
    first_fixed = 2 if any_size else 0
    if len(declared) != len(taken) or declared[first_fixed:] != list(taken)[first_fixed:]:
        sides = ("h", "w", *taken[2:]) if any_size else taken
        raise ArtifactError(f"{path} does not take n×{'×'.join(map(str, sides))} uint8 images: use {INSTEAD}.")
    name, names = images[0].name, [outputs[0].name]

    def logits(batch: np.ndarray) -> np.ndarray:
        limit = SECONDS + SECONDS_PER_PIXEL * batch.size
        [found] = computed(session, names, {name: batch[..., None]}, limit, path, f"{len(batch)} images", INSTEAD)
        times = [side // least for side, least in zip(batch.shape[1:], taken, strict=False)] if any_size else []
        expected = [size * (times[axis] if axis < len(times) else 1) for axis, size in enumerate(given)]
        if list(found.shape) != [len(batch), *expected] or not np.isfinite(found).all():
            which = "one logit" if given == (1,) else f"{'×'.join(map(str, expected))} logits"
            raise ArtifactError(f"{path} does not return {which} for each image: use {INSTEAD}.")
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
