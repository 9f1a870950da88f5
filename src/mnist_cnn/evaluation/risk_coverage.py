"""Selective prediction: how accurate is a classifier if it rejects its least confident predictions? Arrays only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

COVERAGES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
MAIN_COVERAGE = 0.98  # the one that the report states in a sentence and marks on the curve


@dataclass(frozen=True)
class RiskCoverage:
    """How accuracy rises as the least confident predictions are rejected.

    `aurc` is the area under the risk–coverage curve, 0 (best) to 1: the mean, over all coverages, of the error rate
    among the predictions that are kept (Geifman, Uziel, El-Yaniv 2019, arXiv:1805.08206). `selective_accuracy` maps
    each of the `COVERAGES` to the accuracy, 0 to 1, of that most confident fraction of the predictions.
    """

    aurc: float
    selective_accuracy: Mapping[float, float]

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON; coverages become text."""
        accuracies = {str(coverage): accuracy for coverage, accuracy in self.selective_accuracy.items()}
        return {"aurc": self.aurc, "selective_accuracy": accuracies}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "RiskCoverage":
        """Read back what `to_dict` made, or what a model card of format 2 has."""
        aurc, accuracies = (
            document[name if name in document else old]
            for name, old in (("aurc", "area"), ("selective_accuracy", "accuracy"))
        )
        return cls(float(aurc), {float(coverage): float(accuracy) for coverage, accuracy in accuracies.items()})


def risk_coverage(confidence: np.ndarray, correct: np.ndarray) -> RiskCoverage:
    """Measure predictions by their confidence (n,) and whether they are correct (n,) bool; n is at least 1."""
    errors, sizes = cumulative_errors(confidence, correct), np.arange(len(correct) + 1)
    kept = np.array(COVERAGES) * len(correct)
    accuracy = 1 - np.interp(kept, sizes, errors) / kept
    return RiskCoverage(float((errors[1:] / sizes[1:]).mean()), dict(zip(COVERAGES, accuracy.tolist(), strict=True)))


def cumulative_errors(confidence: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Number of errors among the 0, 1, … n most confident predictions, (n + 1,).

    Predictions of equal confidence share their errors evenly, so the result does not depend on their order.
    """
    groups, members = np.unique(-confidence, return_inverse=True)
    sizes = np.bincount(members, minlength=len(groups))
    errors = np.bincount(members, weights=~correct, minlength=len(groups))
    ends = np.concatenate([[0], np.cumsum(sizes)])
    totals = np.concatenate([[0], np.cumsum(errors)])
    return np.asarray(np.interp(np.arange(len(confidence) + 1), ends, totals))
