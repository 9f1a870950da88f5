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
BESIDE = 20  # pixels above and below a line


def sheet(said: np.ndarray, lines: Lines) -> np.ndarray:
    """The first 36 lines, three in a row, (height, width, 3) uint8 in blue, green, red.

    Above each is what is found there, blue if that is right, pink otherwise, and below it in orange what is missed.
    Where it is not known what is written nothing is shown.
    """
    rows = zip(said[: COLUMNS * ROWS], lines.images, lines.labels, strict=False)
    return tiled([marked(*row) for row in rows], COLUMNS)


def marked(said: np.ndarray, image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """One line with what is found on it."""
    large = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
    beside = np.full((BESIDE, large.shape[1], 3), 255, np.uint8)
    drawn = np.concatenate([beside, cv2.cvtColor(large, cv2.COLOR_GRAY2BGR), beside])
    for kind in KINDS.values():
        there, peaks = compared(said, labels, kind)
        sure = [one for one in peaks if one.score >= USUAL and not one.ignored]
        found = {one.of for one in sure}
        for one in sure:
            write(drawn[:BESIDE], one.column + 0.5, one.label, INVENTED if one.of is None else FOUND)
        for index, (first, last, label) in enumerate(there):
            if index not in found:
                write(drawn[-BESIDE:], (first + last + 1) / 2, label, MISSED)
    return drawn


def write(drawn: np.ndarray, column: float, label: int, colour: tuple[int, int, int]) -> None:
    """Write a class beside a column of a line, and draw a short line at its middle above and below that."""
    x = round(column * STRIDE * SCALE)
    text = NAMES[label].translate(IN_ASCII)
    cv2.putText(drawn, text, (x - 5, BESIDE - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
    for edge in (0, BESIDE - 3):
        cv2.line(drawn, (x, edge), (x, edge + 2), colour, 1)
