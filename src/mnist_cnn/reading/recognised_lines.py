"""Rows of digits become lines of text; what the recogniser says of these is of each digit, and of marks beside them."""

from typing import NamedTuple

import numpy as np

from mnist_cnn.reading import layout
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.recogniser_network import MARK, STRIDE, Recogniser
from mnist_cnn.reading.text_lines import TextLine, line_image, line_through

BEYOND = 1.5  # heights: how far beside the ends of a row, or of a wide gap, marks are looked for
LIKELY = 0.2  # the probability of the surest candidate of a row that is looked at
CONTEXT = 4.0  # heights beside a row that the recogniser sees, too
NEAR = 1.0  # columns from the middle of a digit in which it may say what it is
LEAST, POSSIBLE = 0.5, 0.05  # the probability of a mark that is read, and of one that is kept in mind
SAID = 0.6  # what the recogniser says of a mark that is as likely one as none: it learns from lines with many
APART, LIKE = 0.33, 0.8  # heights between two marks, and between two equal ones: a long line is seen twice
TAKEN, TALL = 0.18, 0.3  # heights from the middle of a digit, where there is no mark, and no tall one
WIDEST = 8192  # pixels of a line: what is longer is cut
TALLER = "/()%"
TAKES = {  # heights: left, top, right and bottom of a mark, from the middle of its line
    ".": (-0.1, 0.3, 0.1, 0.5),
    ",": (-0.12, 0.3, 0.12, 0.65),
    ":": (-0.1, -0.2, 0.1, 0.5),
    "(": (-0.2, -0.6, 0.2, 0.6),
    ")": (-0.2, -0.6, 0.2, 0.6),
    "/": (-0.3, -0.6, 0.3, 0.6),
    "%": (-0.4, -0.5, 0.4, 0.5),
}
OTHERS = (-0.3, -0.3, 0.3, 0.3)


class Found(NamedTuple):
    """A mark: which of `MARKS`, its probability, about its box (4,) in pixels, and how many digits are before it."""

    text: str
    probability: float
    box: np.ndarray
    after: int


class Line(NamedTuple):
    """A line of text, and the probabilities (columns, 24) of what is in the middle of each of its columns."""

    where: TextLine
    columns: np.ndarray

    def of(self, boxes: np.ndarray) -> np.ndarray:
        """What is said of boxes (n, 4): the highest probability (n, 24) of each class near their middles."""
        middles = self.where.across((boxes[:, 0] + boxes[:, 2]) / 2) / STRIDE
        away = np.abs(np.arange(len(self.columns)) + 0.5 - middles[:, None])
        near = (away <= np.maximum(NEAR, away.min(axis=1, keepdims=True)))[..., None]
        return np.asarray(np.where(near, self.columns[None], 0).max(axis=1))


def recognised(
    octaves: Octaves, boxes: np.ndarray, exists: np.ndarray, recognise: Recogniser
) -> list[tuple[list[int], Line]]:
    """The rows of boxes (n, 4), each as indices, of which some may be digits, and what the recogniser says of each.

    `exists` (n,) is how probably each box is a digit: the surer ones say how high and where a line is.
    """
    slope = layout.slope(boxes)
    found: list[tuple[list[int], Line]] = []
    for row in layout.rows(boxes):
        surest = float(exists[row].max())
        if surest >= LIKELY:
            sure = [index for index in row if exists[index] >= surest / 2]
            where = line_through(boxes[row], boxes[sure], slope, CONTEXT)
            width = min(WIDEST, -(-where.width // STRIDE) * STRIDE)
            found.append((row, Line(where, recognise(line_image(octaves, where, width)))))
    return found


def marks(line: Line, boxes: np.ndarray) -> list[Found]:
    """The marks of a line, also improbable ones, from the left; `boxes` (n, 4) are those of the ink of its digits."""
    where, height = line.where, line.where.height
    middles = (boxes[:, 0] + boxes[:, 2]) / 2
    places = where.left + (np.arange(len(line.columns)) + 0.5) * STRIDE / where.scale
    reach = BEYOND * height
    near = ((places[:, None] > boxes[:, 0] - reach) & (places[:, None] < boxes[:, 2] + reach)).any(axis=1)
    away = np.abs(places[:, None] - middles).min(axis=1)
    sums = np.where((away > TAKEN * height) & near, line.columns[:, MARK:].sum(axis=1), 0.0)
    found: list[Found] = []
    taken: list[tuple[str, float]] = []
    for column in np.argsort(-sums, kind="stable").tolist():
        probability = calibrated(float(sums[column]))
        if probability < POSSIBLE:
            break
        place = float(places[column])
        text = MARKS[int(line.columns[column, MARK:].argmax())]
        if text in TALLER and away[column] <= TALL * height:
            continue
        if all(abs(place - there) >= (LIKE if what == text else APART) * height for what, there in taken):
            taken.append((text, place))
            found.append(Found(text, probability, box_of(text, where, place), int((middles < place).sum())))
    return sorted(found, key=lambda one: float(one.box[0] + one.box[2]))


def calibrated(said: float) -> float:
    """How probable a mark is of which the recogniser says this."""
    return said * (1 - SAID) / (said * (1 - SAID) + (1 - said) * SAID)


def box_of(text: str, where: TextLine, place: float) -> np.ndarray:
    """About where a mark is that is at `place` along a line."""
    middle = np.array([place, where.middle + where.slope * place])
    return np.asarray(np.concatenate([middle, middle]) + where.height * np.array(TAKES.get(text, OTHERS)))
