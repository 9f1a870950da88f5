"""Precision, recall and F1 at a threshold, with confidence intervals. Plain counts: no model, no images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_cnn.evaluation.bootstrap import resampled_means
from mnist_cnn.evaluation.detection import Counts, summed
from mnist_cnn.evaluation.metrics import Accuracy, Interval

MEASURES = ("precision", "recall", "f1")
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # of probabilities


@dataclass(frozen=True)
class AtThreshold:
    """What is right at one threshold.

    `counts` are sums over all pages or lines, or over all crops, which show one digit or none. `blank` says on how many
    (`correct`) of those without digits (`count`) nothing is found, and is None if there are none. `intervals` are 95%
    bootstrap confidence intervals (percentiles, pages, lines or crops resampled) of "precision", "recall" and "f1".
    """

    threshold: float
    counts: Counts
    blank: Accuracy | None
    intervals: Mapping[str, Interval]

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON, derived ones included."""
        return {
            "threshold": self.threshold,
            **self.counts._asdict(),
            **{name: getattr(self.counts, name) for name in MEASURES},
            "confidence_intervals": {name: list(ends) for name, ends in self.intervals.items()},
            "nothing_found": self.blank.to_dict() if self.blank else None,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "AtThreshold":
        """Read back what `to_dict` made; raises KeyError, TypeError or ValueError for anything else."""
        blank = document["nothing_found"]
        return cls(
            float(document["threshold"]),
            Counts(*(int(document[name]) for name in Counts._fields)),
            Accuracy.from_dict(blank) if blank else None,
            {name: (float(low), float(high)) for name, (low, high) in document["confidence_intervals"].items()},
        )


def at_threshold(threshold: float, each: Sequence[Counts]) -> AtThreshold:
    """The results at a threshold at which these are the counts of each page, crop or line."""
    alone = [one.detections == 0 for one in each if one.digits == 0]
    means = resampled_means(np.array(each, np.float64))
    digits, found, right = (means[:, column] for column in range(3))
    drawn = {
        "precision": ratio(right, found),
        "recall": ratio(right, digits),
        "f1": ratio(2 * right, digits + found),
    }
    intervals = {name: tuple(np.quantile(values, (0.025, 0.975)).tolist()) for name, values in drawn.items()}
    return AtThreshold(threshold, summed(each), Accuracy(sum(alone), len(alone)) if alone else None, intervals)


def ratio(some: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Quotients (n,), 1 where nothing is divided by nothing, as in `Counts`."""
    return np.where(of > 0, some / np.where(of > 0, of, 1), 1.0)
