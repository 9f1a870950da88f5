"""A network that tells printed digits from handwritten ones, as a plain function: ONNX Runtime only."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnist_cnn.reading.normalise import SIDE
from mnist_cnn.reading.onnx_logits import in_batches, onnx_logits

PrintDetector = Callable[[np.ndarray], np.ndarray]
"""(n, 28, 28) uint8 digits, as a classifier is shown them → (n,) logits of being printed."""


def onnx_print_detector(path: Path, threads: int = 0) -> PrintDetector:
    """Load an ONNX file as such a network that uses `threads` threads, 0 for one per core.

    Raises ArtifactError as `onnx_logits`, and so does the function.
    """
    logits = in_batches(onnx_logits(path, threads, (SIDE, SIDE, 1), (1,)))
    return lambda digits: logits(digits)[:, 0]
