"""Lines with what a recogniser finds on them, side by side in one image."""

import cv2
import numpy as np

from mnist_cnn.data.pages.line_process import Lines
from mnist_cnn.evaluation.recogniser_evaluation import NAMES, USUAL
from mnist_cnn.evaluation.recognition import KINDS, compared
from mnist_cnn.evaluation.tiles import FOUND, IN_ASCII, INVENTED, MISSED, tiled
from mnist_cnn.reading.recogniser_network import STRIDE

COLUMNS, ROWS = 3, 12
SCALE = 2  # pixels of the sheet for one of a line
ABOVE = 20  # pixels above a line


def sheet(said: np.ndarray, lines: Lines) -> np.ndarray:
    """The first 36 lines, three in a row, (height, width, 3) uint8 in blue, green, red.

    Above each is what is found there: blue if that is right, pink otherwise, and orange what is missed. What the
    labels leave open is not shown.
    """
    rows = zip(said[: COLUMNS * ROWS], lines.images, lines.labels, strict=False)
    return tiled([marked(*row) for row in rows], COLUMNS)


def marked(said: np.ndarray, image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """One line with what is found on it."""
    large = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
    above = np.full((ABOVE, large.shape[1], 3), 255, np.uint8)
    drawn = np.concatenate([above, cv2.cvtColor(large, cv2.COLOR_GRAY2BGR)])
    for kind in KINDS.values():
        there, peaks = compared(said, labels, kind)
        sure = [one for one in peaks if one.score >= USUAL and not one.ignored]
        found = {one.of for one in sure}
        for one in sure:
            write(drawn, one.column + 0.5, one.label, INVENTED if one.of is None else FOUND)
        for index, (first, last, label) in enumerate(there):
            if index not in found:
                write(drawn, (first + last + 1) / 2, label, MISSED)
    return drawn


def write(drawn: np.ndarray, column: float, label: int, colour: tuple[int, int, int]) -> None:
    """Write a class above a column, and draw a line from there down to the image."""
    x = round(column * STRIDE * SCALE)
    text = NAMES[label].translate(IN_ASCII)
    cv2.putText(drawn, text, (x - 5, ABOVE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
    cv2.line(drawn, (x, ABOVE - 4), (x, ABOVE - 1), colour, 1)
