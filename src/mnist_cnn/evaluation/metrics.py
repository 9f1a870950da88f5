"""Evaluate probabilities against labels: accuracy, confusion matrix, calibration. Plain arrays: no model, no files."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mnist_cnn.card import DIGITS
from mnist_cnn.evaluation import bootstrap
from mnist_cnn.evaluation.confusion_table import confusion_table
from mnist_cnn.evaluation.input_checks import checked
from mnist_cnn.evaluation.risk_coverage import RiskCoverage, risk_coverage

CALIBRATION_BINS = 15
Z = 1.959963984540054  # standard deviations that 95% of a normal distribution lie within
MEASURES = ("negative_log_likelihood", "brier_score", "expected_calibration_error")
Interval = tuple[float, float]


@dataclass(frozen=True)
class Accuracy:
    """Number of correct predictions, and of all predictions."""

    correct: int
    count: int

    @property
    def value(self) -> float:
        """The accuracy, 0 to 1."""
        return self.correct / self.count

    @property
    def confidence_interval(self) -> Interval:
        """95% confidence interval of the accuracy (Wilson 1927)."""
        return wilson_interval(self.correct, self.count)

    def __str__(self) -> str:
        """Accuracy, counts and confidence interval in one line."""
        low, high = self.confidence_interval
        return f"{self.value:.2%} ({self.correct:,} of {self.count:,} correct; 95% CI {low:.2%} to {high:.2%})"

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON, derived ones included."""
        return {
            "count": self.count,
            "correct": self.correct,
            "accuracy": self.value,
            "confidence_interval": list(self.confidence_interval),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Accuracy":
        """Read back what `to_dict` made; raises KeyError, TypeError or ValueError for anything else."""
        return cls(int(document["correct"]), int(document["count"]))


@dataclass(frozen=True, repr=False)
class Evaluation:
    """Metrics of a classifier on labelled images; accuracy and per-class metrics derive from the confusion matrix.

    `confusion_matrix` is (10, 10), or (classes, classes): rows are true classes, columns predicted ones.
    `negative_log_likelihood` is the mean in nats per image, `brier_score` the mean over images of the squared distance
    to the one-hot label (0 best, 2 worst), `expected_calibration_error` the mean gap between confidence and accuracy (0
    best, 1 worst); `confidence_intervals` maps the names of these three to their 95% bootstrap intervals.
    `risk_coverage` is about rejecting the least confident predictions, `corrected` the accuracy on corrected labels,
    and `temperature` the one that calibrates the classifier, fitted on other images. What was not measured is None or
    empty. `class_names` are those of the classes, by default their numbers.
    """

    confusion_matrix: np.ndarray
    negative_log_likelihood: float
    brier_score: float
    expected_calibration_error: float
    confidence_intervals: Mapping[str, Interval] = field(default_factory=dict)
    risk_coverage: RiskCoverage | None = None
    corrected: Accuracy | None = None
    temperature: float | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Number the classes if they have no names."""
        if not self.class_names:
            object.__setattr__(self, "class_names", tuple(map(str, range(len(self.confusion_matrix)))))

    @property
    def is_of_digits(self) -> bool:
        """Whether the classes are the ten digits."""
        return self.class_names == DIGITS

    @property
    def count(self) -> int:
        """Number of images."""
        return int(self.confusion_matrix.sum())

    @property
    def correct(self) -> int:
        """Number of correct predictions."""
        return int(np.trace(self.confusion_matrix))

    @property
    def uncorrected(self) -> Accuracy:
        """The accuracy on the labels as given; `corrected` is on corrected ones."""
        return Accuracy(self.correct, self.count)

    @property
    def accuracy(self) -> float:
        """Accuracy, 0 to 1."""
        return self.uncorrected.value

    @property
    def confidence_interval(self) -> Interval:
        """95% confidence interval of the accuracy (Wilson 1927)."""
        return self.uncorrected.confidence_interval

    @property
    def most_common(self) -> Accuracy:
        """The accuracy of always answering the most common class, the best constant answer."""
        return Accuracy(int(self.confusion_matrix.sum(axis=1).max()), self.count)

    @property
    def is_at_chance(self) -> bool:
        """Whether the 95% confidence interval of the accuracy includes that of the best constant answer.

        So it is for every classifier that has only one answer. Images of a single class cannot show it.
        """
        return self.confidence_interval[0] <= self.most_common.value < 1

    @property
    def precision(self) -> np.ndarray:
        """Precision of each class, (classes,), 0 to 1; 0 where it was never predicted."""
        return divide(np.diag(self.confusion_matrix), self.confusion_matrix.sum(axis=0))

    @property
    def recall(self) -> np.ndarray:
        """Recall of each class, (classes,), 0 to 1; 0 where there was no image of it."""
        return divide(np.diag(self.confusion_matrix), self.confusion_matrix.sum(axis=1))

    @property
    def f1(self) -> np.ndarray:
        """F1 score of each class, (classes,), 0 to 1: the harmonic mean of precision and recall."""
        return divide(
            2 * np.diag(self.confusion_matrix), self.confusion_matrix.sum(axis=0) + self.confusion_matrix.sum(axis=1)
        )

    def __repr__(self) -> str:
        return f"Evaluation({self.uncorrected})"

    def _repr_html_(self) -> str:
        """The accuracy and the confusion matrix, for a notebook."""
        return confusion_table(str(self.uncorrected), self.confusion_matrix, self.class_names)

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON, derived ones included for programs that only read."""
        document = {
            "count": self.count,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "confidence_interval": list(self.confidence_interval),
            "confusion_matrix": self.confusion_matrix.tolist(),
            "precision": self.precision.tolist(),
            "recall": self.recall.tolist(),
            "f1": self.f1.tolist(),
            "negative_log_likelihood": self.negative_log_likelihood,
            "brier_score": self.brier_score,
            "expected_calibration_error": self.expected_calibration_error,
        }
        if self.confidence_intervals:
            document["confidence_intervals"] = {name: list(ends) for name, ends in self.confidence_intervals.items()}
        if self.risk_coverage:
            document["risk_coverage"] = self.risk_coverage.to_dict()
        if self.corrected:
            document["corrected"] = self.corrected.to_dict()
        if self.temperature is not None:
            document["temperature"] = self.temperature
        if not self.is_of_digits:
            document["class_names"] = list(self.class_names)
        return document

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Evaluation":
        """Read back what `to_dict` made, or what a model card of format 1 or 2 has; derived values are recomputed."""
        intervals = document.get("confidence_intervals", document.get("intervals", {}))
        selective = document.get("risk_coverage", document.get("coverage"))
        corrected = document.get("corrected")
        return cls(
            confusion_matrix=np.asarray(document["confusion_matrix"], dtype=np.int64),
            negative_log_likelihood=float(document["negative_log_likelihood"]),
            brier_score=float(document["brier_score"]),
            expected_calibration_error=float(document["expected_calibration_error"]),
            confidence_intervals={name: (float(low), float(high)) for name, (low, high) in intervals.items()},
            risk_coverage=RiskCoverage.from_dict(selective) if selective else None,
            corrected=Accuracy.from_dict(corrected) if corrected else None,
            temperature=document.get("temperature"),
            class_names=tuple(document.get("class_names", ())),
        )


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> Accuracy:
    """Accuracy of probabilities (n, classes) on labels (n,); images with a negative label are excluded."""
    correct = int((probabilities.argmax(axis=1) == labels).sum())
    return Accuracy(correct, count=int((labels >= 0).sum()))


def evaluate(
    probabilities: Any, labels: Any, corrected_labels: Any = None, class_names: Sequence[str] = ()
) -> Evaluation:
    """Evaluate probabilities (n, 10), each row summing to 1, against labels (n,), digits 0 to 9.

    Or of other classes, 2 to 1,000: probabilities (n, classes) and labels counted from 0, perhaps with `class_names`.

    Both may be arrays or anything that NumPy converts, such as lists or tensors. The prediction is the most probable
    digit. `corrected_labels` (n,), such as those of `disputed.corrected`, are -1 for images to exclude; they are used
    only for `Evaluation.corrected`. Raises EvaluationError, a ValueError, if an argument is wrong.
    """
    probabilities, labels, corrected = checked(probabilities, labels, corrected_labels)
    predicted, classes = probabilities.argmax(axis=1), probabilities.shape[1]
    return Evaluation(
        confusion_matrix=confusion_matrix(labels, predicted, classes),
        negative_log_likelihood=negative_log_likelihood(probabilities, labels),
        brier_score=brier_score(probabilities, labels),
        expected_calibration_error=expected_calibration_error(probabilities, labels),
        confidence_intervals=confidence_intervals(probabilities, labels),
        risk_coverage=risk_coverage(probabilities.max(axis=1), predicted == labels),
        corrected=None if corrected is None else accuracy(probabilities, corrected),
        class_names=tuple(class_names),
    )


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """How often each class (row) was predicted as each (column): (classes, classes)."""
    pairs = labels.astype(np.int64) * classes + predicted
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def wilson_interval(correct: int, count: int) -> Interval:
    """95% score interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22:209)."""

    def lower(some: int) -> float:
        spread = Z * math.sqrt(some * (count - some) / count + Z**2 / 4)
        return (some + Z**2 / 2 - spread) / (count + Z**2)

    # The upper end is 1 minus the lower end for the errors, so 0 and 1 come out exactly.
    return lower(correct), 1 - lower(count - correct)


def confidence_intervals(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Interval]:
    """95% bootstrap confidence interval of each of the `MEASURES`, by name; deterministic."""
    gaps = np.zeros((len(labels), CALIBRATION_BINS))
    confidence, correct, bin_of = binned(probabilities, labels)
    gaps[np.arange(len(labels)), bin_of] = confidence - correct
    values = np.column_stack([log_losses(probabilities, labels), squared_distances(probabilities, labels), gaps])
    means = bootstrap.resampled_means(values)
    statistics = (lambda m: m[:, 0], lambda m: m[:, 1], lambda m: np.abs(m[:, 2:]).sum(axis=1))
    return {
        name: bootstrap.confidence_interval(values, means, one) for name, one in zip(MEASURES, statistics, strict=True)
    }


def log_losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Log loss of each image in nats, (n,); a probability of 0 counts as the smallest float32."""
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.maximum(true, np.finfo(np.float32).tiny)))


def squared_distances(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Squared distance of each image's probabilities to its one-hot label, (n,), 0 to 2."""
    return np.asarray(np.square(probabilities - np.eye(probabilities.shape[1])[labels]).sum(axis=1))


def binned(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence of each prediction, whether it is correct, and the index of its equal-width bin of confidence."""
    confidence = probabilities.max(axis=1)
    bin_of = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return confidence, probabilities.argmax(axis=1) == labels, bin_of


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean log loss in nats per image; a probability of 0 counts as the smallest float32."""
    return float(log_losses(probabilities, labels).mean())


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean squared distance to the one-hot label, 0 to 2 (Brier 1950)."""
    return float(squared_distances(probabilities, labels).mean())


def calibration_bins(probabilities: np.ndarray, labels: np.ndarray) -> list[tuple[int, float, float]]:
    """Predictions binned by confidence: (count, mean confidence, accuracy) of each non-empty one of 15 equal bins."""
    confidence, correct, bin_of = binned(probabilities, labels)
    members = [bin_of == index for index in range(CALIBRATION_BINS)]
    return [(int(m.sum()), float(confidence[m].mean()), float(correct[m].mean())) for m in members if m.any()]


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean gap between confidence and accuracy over 15 bins, weighted by count (Guo et al. 2017, arXiv:1706.04599)."""
    bins = calibration_bins(probabilities, labels)
    return sum(count * abs(confidence - accuracy) for count, confidence, accuracy in bins) / len(labels)


def divide(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part / whole for each entry; 0 where the whole is 0."""
    return np.where(whole > 0, part / np.maximum(whole, 1), 0.0)
