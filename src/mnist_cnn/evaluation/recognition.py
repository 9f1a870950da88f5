"""Digits and marks in what a recogniser says of the columns of lines, and how many are right. NumPy only."""

from typing import NamedTuple

import numpy as np

from mnist_cnn.evaluation.detection import Counts
from mnist_cnn.reading.recogniser_network import CLASSES, DIGITS, MARK, OTHER

KINDS = {"digits": range(DIGITS, OTHER), "marks": range(MARK, CLASSES)}
WIDEST = 2  # columns that say of one character which it is
REACH = 1  # columns beside these in which it is found, too
LEAST = 0.05  # the score from which anything is looked at


class Character(NamedTuple):
    """A digit or mark of a line: its first and its last column, and its class."""

    first: int
    last: int
    label: int


class Peak(NamedTuple):
    """A column in which a digit or a mark is likelier than beside it.

    `score` is the probability of any digit, or any mark, and `label` the likeliest of them. `of` says which character
    it finds: one of its class within a column, each once; None if there is none. It is `ignored` if that is not known.
    """

    column: int
    label: int
    score: float
    of: int | None
    ignored: bool


class Compared(NamedTuple):
    """The digits of a line, or its marks, and the peaks that there are, the surest first."""

    characters: list[Character]
    peaks: list[Peak]

    def counts(self, threshold: float) -> Counts:
        """How many characters there are, how many peaks have this score, and how many of these are right."""
        some = [one for one in self.peaks if one.score >= threshold and not one.ignored]
        return Counts(len(self.characters), len(some), sum(one.of is not None for one in some))


def characters(labels: np.ndarray, kind: range) -> list[Character]:
    """The digits or marks of a line, from the left, by the classes of its columns (k,)."""
    found: list[Character] = []
    for column, label in enumerate(labels.tolist()):
        if label not in kind:
            continue
        one = found[-1] if found else None
        if one and (one.last, one.label) == (column - 1, label) and column - one.first < WIDEST:
            found[-1] = one._replace(last=column)
        else:
            found.append(Character(column, column, label))
    return found


def compared(said: np.ndarray, labels: np.ndarray, kind: range) -> Compared:
    """Compare the probabilities (k, 24) that a recogniser gives with the classes (k,) of the columns of a line."""
    there = characters(labels, kind)
    of_kind = said[:, kind.start : kind.stop]
    scores, best = of_kind.sum(axis=1), kind.start + of_kind.argmax(axis=1)
    # Of equal neighbours the first is the peak.
    before, after = np.append(-1, scores[:-1]), np.append(scores[1:], -1)
    columns = np.flatnonzero((scores > before) & (scores >= after) & (scores >= LEAST))
    taken: set[int] = set()
    peaks = []
    for column in columns[np.argsort(-scores[columns], kind="stable")].tolist():
        label = int(best[column])
        near = [index for index, one in enumerate(there) if one.first - REACH <= column <= one.last + REACH]
        of = next((index for index in near if there[index].label == label and index not in taken), None)
        if of is not None:
            taken.add(of)
        peaks.append(Peak(column, label, float(scores[column]), of, not near and bool(labels[column] < 0)))
    return Compared(there, peaks)
