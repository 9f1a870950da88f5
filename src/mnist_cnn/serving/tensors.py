"""Arrays as programs send them → the (n, 28, 28) uint8 images that the model takes. Knows no protocol."""

from typing import Any

import numpy as np

from mnist_cnn.serving.problems import ProblemError

SIDE = 28
TYPES: dict[str, np.dtype[Any]] = {
    "UINT8": np.dtype(np.uint8),
    "FP32": np.dtype("<f4"),
}  # as the Open Inference Protocol calls them
SHAPES = "(n, 28, 28), (n, 28, 28, 1) or (28, 28)"
TAKEN = (
    "(n, 28, 28) uint8 images, white digit (255) on black (0); also float32 from 0 to 255 or from 0 to 1, and the "
    "shapes (n, 28, 28, 1) and (28, 28)"
)


def is_taken(shape: Any) -> bool:
    """Whether images may come in an array of this shape; it may be anything that came in a request."""
    if not isinstance(shape, list | tuple) or any(type(side) is not int for side in shape):
        return False
    sides = list(shape)
    return sides == [SIDE] * 2 or sides[1:] in ([SIDE] * 2, [SIDE, SIDE, 1])


def images_in(pixels: np.ndarray) -> np.ndarray:
    """The (n, 28, 28) uint8 images whose pixels are in an array of any shape.

    Floats that are nowhere above 1 are taken for 0 to 1, as deep learning frameworks scale images, and multiplied by
    255. Raises ProblemError 400 for pixels that are no numbers, or out of range.
    """
    if pixels.size and pixels.dtype != np.uint8:
        if pixels.dtype.kind not in "iuf" or not (pixels.min() >= 0 and pixels.max() <= 255):  # nor NaN
            raise ProblemError(400, "Pixels must be numbers from 0 (background) to 255 (digit), or fractions of 1.")
        if pixels.dtype.kind == "f":
            pixels = np.rint(pixels * 255 if pixels.max() <= 1 else pixels)
    return pixels.astype(np.uint8).reshape(-1, SIDE, SIDE)
