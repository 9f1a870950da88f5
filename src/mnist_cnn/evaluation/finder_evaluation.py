"""Evaluate a finder on made pages: precision, recall and F1 of digits by threshold, and pages without digits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mnist_cnn.data.pages.page import Page
from mnist_cnn.evaluation.detection import Counts, counted, detections, summed
from mnist_cnn.evaluation.thresholds import MEASURES, AtThreshold, at_threshold

THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8)
USUAL = 0.4  # the threshold at which the history is measured, so that its epochs can be compared


@dataclass(frozen=True)
class FinderEvaluation:
    """How good a finder is on `pages` made pages: at each of several thresholds, and at the chosen `threshold`."""

    pages: int
    threshold: float
    by_threshold: Sequence[AtThreshold]

    @cached_property
    def chosen(self) -> AtThreshold:
        """The results at the chosen threshold."""
        return next(one for one in self.by_threshold if one.threshold == self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON, those at the chosen threshold first."""
        return {
            "pages": self.pages,
            **self.chosen.to_dict(),
            "by_threshold": [one.to_dict() for one in self.by_threshold],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "FinderEvaluation":
        """Read back what `to_dict` made; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            int(document["pages"]),
            float(document["threshold"]),
            [AtThreshold.from_dict(one) for one in document["by_threshold"]],
        )

    @property
    def nothing_found(self) -> str:
        """On how many of the pages without digits nothing is found at the chosen threshold; empty without any."""
        if not (blank := self.chosen.blank):
            return ""
        low, high = blank.confidence_interval
        return f"{blank.value:.2%} ({blank.correct:,} of {blank.count:,}; 95% CI {low:.2%} to {high:.2%})"

    @property
    def lines(self) -> list[str]:
        """The results in sentences."""
        said = [f"{self.pages:,} made pages of held-out writers: {self}"]
        alone = f"Pages without digits on which nothing is found: {self.nothing_found}"
        return [*said, alone] if self.nothing_found else said

    def __str__(self) -> str:
        """Precision, recall and F1 at the chosen threshold in one line."""
        counts, ends = self.chosen.counts, self.chosen.intervals
        said = [
            f"{name if name != 'f1' else 'F1'} {getattr(counts, name):.2%} "
            f"(95% CI {ends[name][0]:.2%} to {ends[name][1]:.2%})"
            for name in MEASURES
        ]
        return (
            f"{', '.join(said)}; {counts.right:,} of {counts.digits:,} digits and of {counts.detections:,} "
            f"detections right, at the threshold {self.threshold:g}"
        )


def counts_of(places: np.ndarray, pages: Sequence[Page], threshold: float) -> list[Counts]:
    """The counts of each page, for the outputs of a finder (n, h/4, w/4, 14) for the n pages."""
    return [
        counted(detections(one, threshold), page.boxes, page.labels) for one, page in zip(places, pages, strict=True)
    ]


def measured(places: np.ndarray, pages: Sequence[Page]) -> dict[str, float]:
    """Precision, recall and F1 at the usual threshold, for a row of history."""
    counts = summed(counts_of(places, pages, USUAL))
    return {f"val_{name}": round(getattr(counts, name), 6) for name in MEASURES}


def best_threshold(places: np.ndarray, pages: Sequence[Page]) -> float:
    """The threshold with the highest F1 on these pages; the highest one of several."""
    return max(THRESHOLDS, key=lambda one: (summed(counts_of(places, pages, one)).f1, one))


def evaluate_finder(places: np.ndarray, pages: Sequence[Page], threshold: float) -> FinderEvaluation:
    """Evaluate the outputs of a finder (n, h/4, w/4, 14) for n pages; the threshold was chosen on other pages."""
    thresholds = sorted({*THRESHOLDS, threshold})
    by_threshold = [at_threshold(one, counts_of(places, pages, one)) for one in thresholds]
    return FinderEvaluation(len(pages), threshold, by_threshold)
