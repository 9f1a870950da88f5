"""A segmenter in ONNX form as a plain function of crops: ONNX Runtime only, never TensorFlow."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.network import OURS, computed, loaded
from mnist_cnn.reading.temperature import softmax

Segmenter = Callable[[np.ndarray], "Segmented"]
"""(n, 64, 64, 2) uint8 crops, close up and wide → what a network of `models.segmenter` says of them."""

SIDE, INK = 64, 48
NO_DIGIT = 10  # the class of what is neither a digit nor a mark
CLASSES = NO_DIGIT + 1 + len(MARKS)  # of digits, of none of these, and of marks
BATCH = 64  # crops: more need more memory and are not quicker
SECONDS, SECONDS_PER_CROP = 10, 0.1  # a crop takes 1 ms on one core, so this is a hundred times what is needed


class Segmented(NamedTuple):
    """Float32 probabilities for n crops: `classes` (n, 23), and `inks` (n, 48, 48) of each pixel being ink."""

    classes: np.ndarray
    inks: np.ndarray

    @property
    def probabilities(self) -> np.ndarray:
        """Those of the ten digits and of no digit (n, 11): of the latter, marks are a part."""
        none = self.classes[:, NO_DIGIT:].sum(axis=1, keepdims=True)
        return np.concatenate([self.classes[:, :NO_DIGIT], none], axis=1)

    @property
    def marks(self) -> np.ndarray:
        """Those of each of `MARKS` (n, 12)."""
        return self.classes[:, NO_DIGIT + 1 :]


def segmented_of(logits: np.ndarray, inks: np.ndarray) -> Segmented:
    """What a network said, logits (n, 23) and inks (n, 48, 48, 1), as probabilities."""
    return Segmented(softmax(logits), inks[..., 0])


def onnx_segmenter(path: Path, threads: int = 0) -> Segmenter:
    """Load an ONNX file as a segmenter that uses `threads` threads, 0 for one per core.

    Raises ArtifactError if the file cannot be read, is not ONNX, has weights in other files, or does not map
    64×64×2 crops to 23 logits and 48×48 probabilities, which is tried on one; and so does the segmenter if on other
    crops it gives something else, or takes longer than any of ours would.
    """
    session, images, outputs, _ = loaded(path, threads, OURS)
    if len(images) != 1 or images[0].shape[1:] != [SIDE, SIDE, 2] or len(outputs) != 2:
        raise ArtifactError(
            f"{path} does not take n×64×64×2 uint8 crops, or has not two outputs: use the model.onnx of a segmenter."
        )
    taken, given = images[0].name, [one.name for one in outputs]

    def segment(crops: np.ndarray) -> Segmented:
        parts = [segmented(crops[start : start + BATCH]) for start in range(0, len(crops), BATCH)]
        empty = segmented_of(np.zeros((0, CLASSES), np.float32), np.zeros((0, INK, INK, 1), np.float32))
        return Segmented(*map(np.concatenate, zip(empty, *parts, strict=True)))

    def segmented(batch: np.ndarray) -> Segmented:
        limit = SECONDS + SECONDS_PER_CROP * len(batch)
        what = f"{len(batch)} crops"
        logits, inks = computed(session, given, {taken: batch}, limit, path, what, "the model.onnx of a segmenter")
        wanted = (len(batch), CLASSES), (len(batch), INK, INK, 1)
        if (logits.shape, inks.shape) != wanted or not (np.isfinite(logits).all() and np.isfinite(inks).all()):
            raise ArtifactError(
                f"{path} does not return {CLASSES} logits and {INK}×{INK} pixels: use the model.onnx of a segmenter."
            )
        return segmented_of(logits, inks)

    segment(np.zeros((1, SIDE, SIDE, 2), np.uint8))
    return segment
