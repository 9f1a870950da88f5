"""Drawings of one size, side by side in one image. NumPy only."""

from collections.abc import Sequence

import numpy as np

GAP = 8


def tiled(drawn: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Drawings (h, w, 3) uint8, at least one, in rows on white."""
    height, width = drawn[0].shape[:2]
    rows = -(-len(drawn) // columns)
    whole = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for index, one in enumerate(drawn):
        top, left = (height + GAP) * (index // columns), (width + GAP) * (index % columns)
        whole[top : top + height, left : left + width] = one
    return whole
