"""One handwritten character as the pen moved. Plain data."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class InkCharacter:
    """A character and who wrote it.

    `label` is one printable character, "0" to "9" for a digit. `writer` names the dataset and the person, as in
    "unipen/aga/amywldrp". `strokes` are the paths of the pen on the paper, in writing order: each (n, 2) float32 with
    n ≥ 1, x to the right and y downwards, in units of the tablet, of which nothing is known but that both axes have
    the same.
    """

    label: str
    writer: str
    strokes: tuple[np.ndarray, ...]

    @property
    def is_digit(self) -> bool:
        """Whether it is one of 0 to 9."""
        return self.label in tuple("0123456789")
