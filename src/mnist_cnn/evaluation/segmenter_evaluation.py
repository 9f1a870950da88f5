"""Evaluate a segmenter on crops of made pages: labels, digit or none, and what a classifier says of the marked ink."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_cnn.evaluation.detection import Counts
from mnist_cnn.evaluation.metrics import Accuracy, Interval, Z
from mnist_cnn.evaluation.thresholds import THRESHOLDS, AtThreshold, at_threshold
from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.segmenter_network import NO_DIGIT, Segmented

if TYPE_CHECKING:
    from mnist_cnn.data.pages.crop_process import Crops


@dataclass(frozen=True)
class SegmenterEvaluation:
    """How good a segmenter is on `crops` crops of made pages.

    `labels` counts the digits of which it says correctly which digit they are; `roc_auc` is that of the probability of
    a digit, over crops with and without one, and `by_threshold` says what is a digit from each probability on.
    `by_marked_ink` and `by_true_ink` count the digits that the bundled classifier classifies correctly by the ink that
    the segmenter marks, and by their own; `marks` counts the places with a mark of which it says which mark it is. What
    cannot be measured without a digit, or a mark, is None.
    """

    crops: int
    labels: Accuracy | None
    roc_auc: float
    roc_auc_interval: Interval
    by_marked_ink: Accuracy | None
    by_true_ink: Accuracy | None
    marks: Accuracy | None
    by_threshold: Sequence[AtThreshold]

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON, derived ones included."""
        return {
            "crops": self.crops,
            **{name: one.to_dict() if one else None for name, one in self.accuracies.items()},
            "roc_auc": self.roc_auc,
            "roc_auc_confidence_interval": list(self.roc_auc_interval),
            "by_threshold": [one.to_dict() for one in self.by_threshold],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "SegmenterEvaluation":
        """Read back what `to_dict` made; raises KeyError, TypeError or ValueError for anything else."""
        low, high = document["roc_auc_confidence_interval"]
        labels, marked, true, marks = (
            Accuracy.from_dict(document[name]) if document[name] else None
            for name in ("labels", "by_marked_ink", "by_true_ink", "marks")
        )
        by_threshold = [AtThreshold.from_dict(one) for one in document["by_threshold"]]
        interval = float(low), float(high)
        auc = float(document["roc_auc"])
        return cls(int(document["crops"]), labels, auc, interval, marked, true, marks, by_threshold)

    @property
    def accuracies(self) -> dict[str, Accuracy | None]:
        """Those of the labels, of the classifier by either ink, and of marks, by their names in a model card."""
        return {
            "labels": self.labels,
            "by_marked_ink": self.by_marked_ink,
            "by_true_ink": self.by_true_ink,
            "marks": self.marks,
        }

    @property
    def lines(self) -> list[str]:
        """The results in sentences."""
        said = [f"{self.crops:,} crops of made pages of held-out writers: {self}"]
        words = (
            "Labels of the digits",
            "The bundled model by the ink that is marked",
            "The bundled model by true ink",
            "Marks between digits",
        )
        return said + [f"{name}: {one}" for name, one in zip(words, self.accuracies.values(), strict=True) if one]

    def __str__(self) -> str:
        """The ROC AUC in words."""
        low, high = self.roc_auc_interval
        return f"ROC AUC of digits against non-digits {self.roc_auc:.4f} (95% CI {low:.4f} to {high:.4f})"


def evaluate_segmenter(said: Segmented, crops: "Crops", classify: Classifier) -> SegmenterEvaluation:
    """Evaluate what a segmenter says of crops."""
    probabilities, inks = said.probabilities, said.inks
    digits = crops.labels < NO_DIGIT
    auc, interval = roc_auc(1 - probabilities[:, NO_DIGIT], digits)
    return SegmenterEvaluation(
        len(digits),
        labels_of(probabilities, crops.labels),
        auc,
        interval,
        classified(classify, inks[digits], crops.labels[digits]),
        classified(classify, crops.inks[digits] / 255, crops.labels[digits]),
        marks_of(said, crops.labels),
        [at_threshold(one, counts_of(probabilities, digits, one)) for one in THRESHOLDS],
    )


def measured(said: Segmented, crops: "Crops") -> dict[str, float]:
    """The accuracy of the labels, if there are digits, and the ROC AUC, for a row of history."""
    labels = labels_of(said.probabilities, crops.labels)
    auc, _ = roc_auc(1 - said.probabilities[:, NO_DIGIT], crops.labels < NO_DIGIT)
    return ({"val_accuracy": round(labels.value, 6)} if labels else {}) | {"val_roc_auc": round(auc, 6)}


def labels_of(probabilities: np.ndarray, labels: np.ndarray) -> Accuracy | None:
    """How many of the digits have the correct label, taken that they are digits; None without any."""
    digits = labels < NO_DIGIT
    right = probabilities[digits, :NO_DIGIT].argmax(axis=1) == labels[digits]
    return Accuracy(int(right.sum()), len(right)) if len(right) else None


def marks_of(said: Segmented, labels: np.ndarray) -> Accuracy | None:
    """How many of the marks are known as such; None without any."""
    marks = labels > NO_DIGIT
    right = said.classes[marks].argmax(axis=1) == labels[marks]
    return Accuracy(int(right.sum()), len(right)) if len(right) else None


def classified(classify: Classifier, inks: np.ndarray, labels: np.ndarray) -> Accuracy | None:
    """How many digits are classified correctly by their ink (n, 48, 48), 0 to 1; None without any."""
    from mnist_cnn.reading.glyph import glyph  # here, because OpenCV comes with it

    if not len(labels):
        return None
    right = classify(np.stack([glyph(ink) for ink in inks])).argmax(axis=1) == labels
    return Accuracy(int(right.sum()), len(right))


def counts_of(probabilities: np.ndarray, digits: np.ndarray, threshold: float) -> list[Counts]:
    """The counts of each crop, for its probabilities (n, 11) and whether there is a digit (n,): right is any digit."""
    found = 1 - probabilities[:, NO_DIGIT] >= threshold
    columns = (one.astype(int).tolist() for one in (digits, found, digits & found))
    return [Counts(*one) for one in zip(*columns, strict=True)]


def roc_auc(scores: np.ndarray, positive: np.ndarray) -> tuple[float, Interval]:
    """The area under the ROC curve of scores (n,) for what is positive (n,) bool, and its 95% confidence interval.

    It is the probability that a positive one has a higher score than a negative one, ties counting half; the interval
    is that of DeLong, DeLong, Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
    characteristic curves", 1988. Where one kind is missing, it is 0.5, from 0 to 1.
    """
    some, others = np.sort(scores[positive]), np.sort(scores[~positive])
    if not len(some) or not len(others):
        return 0.5, (0.0, 1.0)
    # Of each, the share of the other kind that is beyond it.
    below, above = (
        (np.searchsorted(of, ones, "left") + np.searchsorted(of, ones, "right")) / (2 * len(of))
        for ones, of in ((some, others), (others, some))
    )
    area = float(below.mean())
    spread = Z * np.sqrt(sum(one.var(ddof=1) / len(one) if len(one) > 1 else 1.0 for one in (below, above)))
    return area, (float(max(0.0, area - spread)), float(min(1.0, area + spread)))
