"""Drawings of one size, side by side in one image, and their colours. NumPy only."""

from collections.abc import Sequence

import numpy as np

GAP = 8
# Blue, green, red, as OpenCV has them; dark and light enough to be seen on any paper.
FOUND, MISSED, INVENTED, IGNORED = (200, 110, 20), (0, 140, 255), (160, 20, 220), (150, 150, 150)
IN_ASCII = str.maketrans("×÷", "x'")  # OpenCV writes nothing else


def tiled(drawn: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Drawings (h, w, 3) uint8, at least one, in rows on white."""
    height, width = drawn[0].shape[:2]
    rows = -(-len(drawn) // columns)
    whole = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for index, one in enumerate(drawn):
        top, left = (height + GAP) * (index // columns), (width + GAP) * (index % columns)
        whole[top : top + height, left : left + width] = one
    return whole
