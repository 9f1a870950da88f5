"""A recogniser in ONNX form as a plain function of lines: ONNX Runtime only, never TensorFlow."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.network import OURS, computed, loaded
from mnist_cnn.reading.temperature import softmax

Recogniser = Callable[[np.ndarray], np.ndarray]
"""(40, w) uint8, a line, w a multiple of 4 → (w/4, 24) probabilities of what is in the middle of each column."""

TALL, STRIDE = 40, 4
NOTHING, DIGITS, OTHER = 0, 1, 11  # classes: of digit d it is d + 1
MARK = OTHER + 1  # of the first of `MARKS`
CLASSES = MARK + len(MARKS)
SECONDS, SECONDS_PER_COLUMN = 10, 0.01  # a column takes 0.1 ms on one core, so this is a hundred times what is needed


def onnx_recogniser(path: Path, threads: int = 0) -> Recogniser:
    """Load an ONNX file as a recogniser that uses `threads` threads, 0 for one per core.

    Raises ArtifactError if the file cannot be read, is not ONNX, has weights in other files, or does not map lines of
    any width to 24 logits for each 4 pixels, which is tried on one; and so does the recogniser if for other lines it
    gives something else, or takes longer than any of ours would.
    """
    session, images, outputs, _ = loaded(path, threads, OURS)
    if len(images) != 1 or len(outputs) != 1 or not takes_lines(images[0].type, images[0].shape):
        raise ArtifactError(
            f"{path} does not take n×{TALL}×w×1 uint8 lines of any width: use the model.onnx of a recogniser."
        )
    taken, given = images[0].name, [outputs[0].name]

    def recognise(line: np.ndarray) -> np.ndarray:
        columns = line.shape[1] // STRIDE
        limit = SECONDS + SECONDS_PER_COLUMN * columns
        what = f"a line of {line.shape[1]} pixels"
        [logits] = computed(
            session, given, {taken: line[None, ..., None]}, limit, path, what, "the model.onnx of a recogniser"
        )
        if logits.shape != (1, columns, CLASSES) or not np.isfinite(logits).all():
            raise ArtifactError(
                f"{path} does not return {CLASSES} logits for each {STRIDE} pixels: use the model.onnx of a recogniser."
            )
        return softmax(logits[0])

    recognise(np.zeros((TALL, 2 * TALL), np.uint8))
    return recognise


def takes_lines(kind: str, shape: list[object]) -> bool:
    """Whether an input of this type and shape is n×40×w×1 uint8 with free n and w."""
    free = [not isinstance(size, int) for size in shape]
    return kind == "tensor(uint8)" and free == [True, False, True, False] and shape[1::2] == [TALL, 1]
