"""A table with what was read in each of its cells, to be checked by eye."""

import cv2
import numpy as np

from mnist_cnn.reading.cell_values import Value
from mnist_cnn.sheets.table import Table

SURE, DOUBTFUL, QUIET = (0, 120, 50), (200, 40, 40), (120, 120, 120)  # RGB
FONT = cv2.FONT_HERSHEY_SIMPLEX
SMALL = 0.3  # of a cell's height: what is written into it
SHOWN_AS = {"blank": "", "dash": "-", "other": "other"}


def annotated(table: Table) -> np.ndarray:
    """The level view of a table, RGB (h, w, 3) uint8: each cell outlined, green or, if doubtful, red, with its text.

    The text stands in the upper left corner of the cell.
    """
    canvas = cv2.cvtColor(table.view, cv2.COLOR_GRAY2RGB)
    for cell, box in zip(table.cells, table.boxes, strict=True):
        draw(canvas, cell.value, box)
    return np.asarray(canvas)


def draw(canvas: np.ndarray, value: Value, box: np.ndarray) -> None:
    """Outline one cell and say what is in it."""
    left, top, right, bottom = np.rint(box).astype(int).tolist()
    colour = DOUBTFUL if value.is_doubtful else SURE if value.kind == "number" else QUIET
    cv2.rectangle(canvas, (left + 2, top + 2), (right - 2, bottom - 2), colour, 2 if value.is_doubtful else 1)
    text = SHOWN_AS.get(value.kind, value.text)
    size = max(0.35, SMALL * (bottom - top) / 22)
    cv2.putText(
        canvas, text, (left + 4, top + int(22 * size) + 4), FONT, size, colour, max(1, round(1.6 * size)), cv2.LINE_AA
    )
