"""One line of handwritten words as the pen moved. Plain data."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class InkLine:
    """A line of text and who wrote it.

    `label` is what it says, without any digit. `writer` and `strokes` are as those of an `InkCharacter`; a stroke may
    be a letter, a part of one, or a whole word of connected letters.
    """

    label: str
    writer: str
    strokes: tuple[np.ndarray, ...]
