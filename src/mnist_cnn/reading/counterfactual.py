"""Finds a small change that turns a 28×28 image into another digit. Knows a model only as a function."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.normalise import SIDE

ENOUGH = 0.5  # probability: more than all other digits together
MOST = 4  # pieces: with more it is another drawing, not a small change
LIKELY = 128  # pieces: the second one is mostly among these, and the search costs half
PATCH = 5  # pixels: a square of paper this large hides a piece of one stroke, not a whole one
STROKE, PEN = 7, 2  # pixels: a third of a digit's height, and, its soft edges counted, as wide as MNIST's pens
SLOPES = 4
STEP = 2  # pixels between places that are tried


@dataclass(frozen=True)
class Counterfactual:
    """An image changed so that the model predicts another digit.

    `image` is the changed (28, 28) uint8 image, `probabilities` its ten class probabilities, `removed` and `added` the
    ink removed and added, (28, 28) uint8.
    """

    image: np.ndarray
    probabilities: tuple[float, ...]
    removed: np.ndarray
    added: np.ndarray


def counterfactual(classify: Classifier, image: np.ndarray, digit: int) -> Counterfactual | None:
    """Change a (28, 28) uint8 image, foreground 255, a little so that `digit` is predicted; None if four pieces fail.

    A piece is an erased square or a short straight stroke. The search takes the piece that makes `digit` most probable,
    then adds pieces from the 128 that helped most by themselves, until `digit` is more probable than all others
    together; then it undoes pieces that were not needed. A smaller change may exist. It classifies at most 993 images,
    usually 606. (Counterfactual explanations: Wachter, Mittelstadt, Russell,
    2017, arXiv:1711.00399; here without gradients, and with pieces that a pen or an eraser makes, not single pixels.)
    """
    chosen: list[int] = []
    changed, probable = image, 0.0
    likely = np.arange(len(pieces()[0]))
    while probable < ENOUGH:
        if len(chosen) == MOST:
            return None
        candidates = with_each(likely, changed)
        probabilities = classify(candidates)[:, digit]
        best = int(probabilities.argmax())
        chosen.append(int(likely[best]))
        changed, probable = candidates[best], float(probabilities[best])
        if len(chosen) == 1:
            likely = np.argsort(-probabilities, kind="stable")[:LIKELY]
    for piece in chosen[:-1]:  # the last one was needed
        rest = with_pieces(image, [other for other in chosen if other != piece])
        if classify(rest[np.newaxis])[0, digit] >= ENOUGH:
            chosen.remove(piece)
            changed = rest
    ten = tuple(classify(changed[np.newaxis])[0].tolist())
    return Counterfactual(changed, ten, cv2.subtract(image, changed), cv2.subtract(changed, image))


def with_each(these: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The image with each of some pieces by itself, (n, 28, 28) uint8."""
    keeps, adds = pieces()
    return np.asarray(np.maximum(np.minimum(image, keeps[these]), adds[these]))


def with_pieces(image: np.ndarray, chosen: list[int]) -> np.ndarray:
    """The image with several pieces, one after another."""
    keeps, adds = pieces()
    for piece in chosen:
        image = np.maximum(np.minimum(image, keeps[piece]), adds[piece])
    return image


@cache
def pieces() -> tuple[np.ndarray, np.ndarray]:
    """What each piece keeps of an image's ink and what it adds, (605, 28, 28) uint8: squares of paper, then strokes."""
    centres = [(row, column) for row in range(4, 25, STEP) for column in range(4, 25, STEP)]
    paper = [patch(row, column) for row, column in centres]
    strokes = [stroke(row, column, np.pi * k / SLOPES) for row, column in centres for k in range(SLOPES)]
    return (
        np.stack(paper + [np.full((SIDE, SIDE), 255, np.uint8)] * len(strokes)),
        np.stack([np.zeros((SIDE, SIDE), np.uint8)] * len(paper) + strokes),
    )


def patch(row: int, column: int) -> np.ndarray:
    """All that a square of paper around a pixel leaves: 0 in it, 255 elsewhere."""
    kept = np.full((SIDE, SIDE), 255, np.uint8)
    half = PATCH // 2
    kept[row - half : row + half + 1, column - half : column + half + 1] = 0
    return kept


def stroke(row: int, column: int, angle: float) -> np.ndarray:
    """A short straight stroke through a pixel."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    across, down = np.cos(angle) * STROKE / 2, np.sin(angle) * STROKE / 2
    ends = np.rint(16 * np.array([[column - across, row - down], [column + across, row + down]])).astype(int).tolist()
    cv2.line(canvas, ends[0], ends[1], 255, PEN, cv2.LINE_AA, shift=4)
    return canvas
