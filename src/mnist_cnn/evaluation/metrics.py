"""How good are these probabilities? Plain arrays in, numbers out: no network, no files."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mnist_cnn.errors import MissingExtraError
from mnist_cnn.evaluation import bootstrap
from mnist_cnn.evaluation.coverage import Coverage, coverage

DIGITS = tuple(range(10))
CALIBRATION_BINS = 15
Z = 1.959963984540054  # standard deviations that 95 % of a normal distribution lie within
MEASURES = ("negative_log_likelihood", "brier_score", "expected_calibration_error")
Interval = tuple[float, float]


@dataclass(frozen=True)
class Accuracy:
    """How many of how many images were read rightly."""

    correct: int
    count: int

    @property
    def share(self) -> float:
        """The accuracy itself, 0 to 1."""
        return self.correct / self.count

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the accuracy (Wilson 1927)."""
        return wilson_interval(self.correct, self.count)

    def __str__(self) -> str:
        """The accuracy, and in brackets what it is made of."""
        low, high = self.interval
        return f"{self.share:.2%} ({self.correct:,} of {self.count:,} correct; 95% CI {low:.2%} to {high:.2%})"

    def to_dict(self) -> dict[str, Any]:
        """The accuracy as JSON has it."""
        return {"count": self.count, "correct": self.correct, "accuracy": self.share, "interval": list(self.interval)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Accuracy":
        """The accuracy that `to_dict` described; raises KeyError, TypeError or ValueError for anything else."""
        return cls(int(document["correct"]), int(document["count"]))


@dataclass(frozen=True)
class Evaluation:
    """What a classifier did on labelled images; everything about errors comes from the one confusion matrix.

    `confusion_matrix` is 10×10, rows are true digits, columns what was read. `negative_log_likelihood` is in nats an
    image, `brier_score` is the sum over the ten digits of squared differences, a mean over images (0 best, 2 worst),
    `expected_calibration_error` is a share (0 best, 1 worst); `intervals` has the 95 % interval of each of the three by
    its name. `coverage` says what refusing the least sure is worth. `corrected` is the accuracy on corrected labels,
    and `temperature` what calibrates the classifier, fitted on other images than these. What was not measured, as on
    cards of before, is None or empty.
    """

    confusion_matrix: np.ndarray
    negative_log_likelihood: float
    brier_score: float
    expected_calibration_error: float
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    coverage: Coverage | None = None
    corrected: Accuracy | None = None
    temperature: float | None = None

    @property
    def count(self) -> int:
        """How many images were judged."""
        return int(self.confusion_matrix.sum())

    @property
    def correct(self) -> int:
        """How many of them were read rightly."""
        return int(np.trace(self.confusion_matrix))

    @property
    def raw(self) -> Accuracy:
        """The accuracy on the labels as they are given, as `corrected` is on corrected ones."""
        return Accuracy(self.correct, self.count)

    @property
    def accuracy(self) -> float:
        """The share read rightly, 0 to 1."""
        return self.raw.share

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the accuracy (Wilson 1927)."""
        return self.raw.interval

    @property
    def precision(self) -> np.ndarray:
        """For each digit: of what was read as it, the share that was it (0 where it was never read)."""
        return share(np.diag(self.confusion_matrix), self.confusion_matrix.sum(axis=0))

    @property
    def recall(self) -> np.ndarray:
        """For each digit: of what was it, the share that was read as it (0 where there was none)."""
        return share(np.diag(self.confusion_matrix), self.confusion_matrix.sum(axis=1))

    @property
    def f1(self) -> np.ndarray:
        """For each digit: the harmonic mean of precision and recall (0 where both are)."""
        return share(
            2 * np.diag(self.confusion_matrix), self.confusion_matrix.sum(axis=0) + self.confusion_matrix.sum(axis=1)
        )

    def to_dict(self) -> dict[str, Any]:
        """The evaluation as JSON has it, derived numbers included for programs that only read."""
        low, high = self.interval
        document = {
            "count": self.count,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "interval": [low, high],
            "confusion_matrix": self.confusion_matrix.tolist(),
            "precision": self.precision.tolist(),
            "recall": self.recall.tolist(),
            "f1": self.f1.tolist(),
            "negative_log_likelihood": self.negative_log_likelihood,
            "brier_score": self.brier_score,
            "expected_calibration_error": self.expected_calibration_error,
        }
        if self.intervals:
            document["intervals"] = {name: list(ends) for name, ends in self.intervals.items()}
        if self.coverage:
            document["coverage"] = self.coverage.to_dict()
        if self.corrected:
            document["corrected"] = self.corrected.to_dict()
        if self.temperature is not None:
            document["temperature"] = self.temperature
        return document

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Evaluation":
        """Read back what `to_dict` made; derived numbers are derived again."""
        corrected, covered = document.get("corrected"), document.get("coverage")
        return cls(
            confusion_matrix=np.asarray(document["confusion_matrix"], dtype=np.int64),
            negative_log_likelihood=float(document["negative_log_likelihood"]),
            brier_score=float(document["brier_score"]),
            expected_calibration_error=float(document["expected_calibration_error"]),
            intervals={name: (float(low), float(high)) for name, (low, high) in document.get("intervals", {}).items()},
            coverage=Coverage.from_dict(covered) if covered else None,
            corrected=Accuracy.from_dict(corrected) if corrected else None,
            temperature=document.get("temperature"),
        )


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> Accuracy:
    """Count what of (n, 10) probabilities is right; images with a negative label are left out."""
    correct = int((probabilities.argmax(axis=1) == labels).sum())
    return Accuracy(correct, count=int((labels >= 0).sum()))


def evaluate(probabilities: np.ndarray, labels: np.ndarray, corrected_labels: np.ndarray | None = None) -> Evaluation:
    """Judge probabilities (n, 10), rows summing to 1, against labels (n,), 0 to 9. The most probable digit counts.

    `corrected_labels` (n,), such as `disputed.corrected` gives for MNIST, have -1 for images to be left out; they
    decide nothing but `Evaluation.corrected`. Raises ValueError if there are not as many labels as rows, and
    MissingExtraError without scikit-learn.
    """
    try:  # the recipe names these two functions
        from sklearn.metrics import accuracy_score, confusion_matrix
    except ImportError as error:
        raise MissingExtraError('Judging needs scikit-learn: pip install "mnist-cnn[train]"') from error

    read = probabilities.argmax(axis=1)
    evaluation = Evaluation(
        confusion_matrix=confusion_matrix(labels, read, labels=DIGITS),
        negative_log_likelihood=negative_log_likelihood(probabilities, labels),
        brier_score=brier_score(probabilities, labels),
        expected_calibration_error=expected_calibration_error(probabilities, labels),
        intervals=intervals(probabilities, labels),
        coverage=coverage(probabilities.max(axis=1), read == labels),
        corrected=None if corrected_labels is None else accuracy(probabilities, corrected_labels),
    )
    if not np.isclose(accuracy_score(labels, read), evaluation.accuracy):
        raise AssertionError("accuracy_score and the confusion matrix disagree")
    return evaluation


def wilson_interval(correct: int, count: int) -> Interval:
    """The 95 % score interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22:209)."""

    def lower(some: int) -> float:
        spread = Z * math.sqrt(some * (count - some) / count + Z**2 / 4)
        return (some + Z**2 / 2 - spread) / (count + Z**2)

    # What is certainly not wrong is the rest of what may be: so 0 and 1 come out exactly.
    return lower(correct), 1 - lower(count - correct)


def intervals(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Interval]:
    """The 95 % bootstrap interval of each of the `MEASURES`, by its name; the same input gives the same."""
    gaps = np.zeros((len(labels), CALIBRATION_BINS))
    confidence, right, bin_of = readings(probabilities, labels)
    gaps[np.arange(len(labels)), bin_of] = confidence - right
    each = (surprises(probabilities, labels), distances(probabilities, labels))
    values = np.column_stack([*each, gaps])
    means = bootstrap.resampled_means(values)
    of_means = (lambda m: m[:, 0], lambda m: m[:, 1], lambda m: np.abs(m[:, 2:]).sum(axis=1))
    return {name: bootstrap.interval(values, means, one) for name, one in zip(MEASURES, of_means, strict=True)}


def surprises(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-ln(probability given to the true digit) of each image; a probability of 0 counts as the smallest float32."""
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.maximum(true, np.finfo(np.float32).tiny)))


def distances(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Squared distance of each image's probabilities to the one-hot truth, 0 to 2."""
    return np.asarray(np.square(probabilities - np.eye(10)[labels]).sum(axis=1))


def readings(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How sure each reading is, whether it is right, and which of the equal-width bins of confidence it is in."""
    confidence = probabilities.max(axis=1)
    bin_of = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return confidence, probabilities.argmax(axis=1) == labels, bin_of


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -ln(probability given to the true digit), in nats; a probability of 0 counts as the smallest float32."""
    return float(surprises(probabilities, labels).mean())


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean over images of the squared distance to the one-hot truth, 0 to 2 (Brier 1950)."""
    return float(distances(probabilities, labels).mean())


def calibration_bins(probabilities: np.ndarray, labels: np.ndarray) -> list[tuple[int, float, float]]:
    """Group the readings by confidence: (count, mean confidence, accuracy) for each equal-width bin that has any."""
    confidence, right, bin_of = readings(probabilities, labels)
    members = [bin_of == index for index in range(CALIBRATION_BINS)]
    return [(int(m.sum()), float(confidence[m].mean()), float(right[m].mean())) for m in members if m.any()]


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean gap between confidence and accuracy over 15 equal bins, by count (Guo et al. 2017, arXiv:1706.04599)."""
    bins = calibration_bins(probabilities, labels)
    return sum(count * abs(confidence - accuracy) for count, confidence, accuracy in bins) / len(labels)


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part / whole for each entry; 0 where the whole is 0."""
    return np.where(whole > 0, part / np.maximum(whole, 1), 0.0)
