"""Evaluate a recogniser on lines of made pages: which digit or mark each is, and how many are found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_cnn.evaluation.detection import Counts, summed
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.evaluation.recognition import KINDS, characters, compared
from mnist_cnn.evaluation.thresholds import THRESHOLDS, AtThreshold, at_threshold
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.recogniser_network import CLASSES, NOTHING, OTHER

if TYPE_CHECKING:
    from mnist_cnn.data.pages.line_process import Lines

USUAL = 0.5  # the threshold of which is told first, and at which the history is measured
NAMES = ("nothing", *"0123456789", "other writing", *MARKS)  # of the classes


@dataclass(frozen=True)
class RecogniserEvaluation:
    """How good a recogniser is on `count` lines of made pages.

    Rows of the `confusion_matrix` (24, 24) are true classes, columns the likeliest ones: of each digit and mark in its
    middle, and of each column with nothing or other writing. `digits_by_threshold` says how many digits are found from
    each probability on, within a column and as the correct one, and `marks_by_threshold` the same of marks, which its
    counts call digits.
    """

    count: int
    confusion_matrix: Sequence[Sequence[int]]
    digits_by_threshold: Sequence[AtThreshold]
    marks_by_threshold: Sequence[AtThreshold]

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON, derived ones included."""
        return {
            "lines": self.count,
            **{name: one.to_dict() if one else None for name, one in self.accuracies.items()},
            "confusion_matrix": [list(row) for row in self.confusion_matrix],
            "digits_by_threshold": [one.to_dict() for one in self.digits_by_threshold],
            "marks_by_threshold": [one.to_dict() for one in self.marks_by_threshold],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "RecogniserEvaluation":
        """Read back what `to_dict` made; raises KeyError, TypeError or ValueError for anything else."""
        matrix = [list(map(int, row)) for row in document["confusion_matrix"]]
        digits, marks = (
            [AtThreshold.from_dict(one) for one in document[f"{name}_by_threshold"]] for name in ("digits", "marks")
        )
        return cls(int(document["lines"]), matrix, digits, marks)

    @property
    def accuracies(self) -> dict[str, Accuracy | None]:
        """Of the digits, and of the marks, how many are given the correct class in their middle; None without any."""
        return {name: self.accuracy_of(kind) for name, kind in KINDS.items()}

    def accuracy_of(self, classes: Iterable[int]) -> Accuracy | None:
        """How many of these classes are given the correct one; None without any."""
        rows = [(self.confusion_matrix[true][true], sum(self.confusion_matrix[true])) for true in classes]
        correct, count = (sum(column) for column in zip(*rows, strict=True))
        return Accuracy(correct, count) if count else None

    def confused(self, true: int, most: int = 3) -> list[tuple[str, int]]:
        """What a class is most often taken for, and how often."""
        others = [(NAMES[other], count) for other, count in enumerate(self.confusion_matrix[true]) if other != true]
        return sorted((one for one in others if one[1]), key=lambda one: -one[1])[:most]

    @property
    def usual(self) -> dict[str, Counts]:
        """How many digits, and how many marks, are found at the usual threshold."""
        both = {"digits": self.digits_by_threshold, "marks": self.marks_by_threshold}
        return {name: next(one.counts for one in some if one.threshold == USUAL) for name, some in both.items()}

    @property
    def lines(self) -> list[str]:
        """The results in sentences."""
        accuracies = [f"{name.capitalize()} in their middle: {one}" for name, one in self.accuracies.items() if one]
        return [f"{self.count:,} lines of made pages of held-out writers: {self}", *accuracies]

    def __str__(self) -> str:
        """Precision, recall and F1 in words."""
        return "; ".join(
            f"{name} F1 {one.f1:.2%} (precision {one.precision:.2%}, recall {one.recall:.2%})"
            for name, one in self.usual.items()
        )


def evaluate_recogniser(said: np.ndarray, lines: "Lines") -> RecogniserEvaluation:
    """Evaluate the probabilities (n, k, 24) that a recogniser gives for lines."""
    both = (
        [compared(one, labels, kind) for one, labels in zip(said, lines.labels, strict=True)] for kind in KINDS.values()
    )
    digits, marks = (
        [at_threshold(threshold, [one.counts(threshold) for one in some]) for threshold in THRESHOLDS] for some in both
    )
    return RecogniserEvaluation(len(said), confusion_matrix(said, lines).tolist(), digits, marks)


def measured(said: np.ndarray, lines: "Lines") -> dict[str, float]:
    """The accuracy of digits, if there are any, and F1 of digits and marks together, for a row of history."""
    matrix = confusion_matrix(said, lines)
    digits = list(KINDS["digits"])
    count = int(matrix[digits].sum())
    counts = [
        compared(one, labels, kind).counts(USUAL)
        for one, labels in zip(said, lines.labels, strict=True)
        for kind in KINDS.values()
    ]
    accuracy = {"val_accuracy": round(int(matrix.diagonal()[digits].sum()) / count, 6)} if count else {}
    return accuracy | {"val_f1": round(summed(counts).f1, 6)}


def confusion_matrix(said: np.ndarray, lines: "Lines") -> np.ndarray:
    """How often each class (rows) was taken for each (columns) (24, 24): characters, and columns without one."""
    matrix = np.zeros((CLASSES, CLASSES), np.int64)
    rest = np.isin(lines.labels, (NOTHING, OTHER))
    np.add.at(matrix, (lines.labels[rest], said[rest].argmax(axis=-1)), 1)
    for one, labels in zip(said, lines.labels, strict=True):
        for kind in KINDS.values():
            for first, last, label in characters(labels, kind):
                matrix[label, one[first : last + 1].mean(axis=0).argmax()] += 1
    return matrix
