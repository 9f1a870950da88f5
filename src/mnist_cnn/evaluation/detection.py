"""Detections out of the finder's outputs, and how many of them are right. NumPy only."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mnist_cnn.reading.boxes import intersections_over_unions

STRIDE = 4  # pixels for one place
CLASSES = 10
OVERLAP = 0.45  # intersection over union: of two boxes that overlap more only the surer one is kept
SAME = 0.4  # intersection over union with which a box is found
LARGEST_LOG = 6.0  # of a size in pixels


class Detections(NamedTuple):
    """What was found in one image, the surest first: boxes (k, 4) float32, labels (k,) and scores (k,), 0 to 1."""

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


class Counts(NamedTuple):
    """How many digits there are, how many detections, and how many of these are right."""

    digits: int
    detections: int
    right: int

    @property
    def precision(self) -> float:
        """Of the detections, how many are right; 1 without any."""
        return self.right / self.detections if self.detections else 1.0

    @property
    def recall(self) -> float:
        """Of the digits, how many were detected with the correct label; 1 without any."""
        return self.right / self.digits if self.digits else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.right / (self.digits + self.detections) if self.digits + self.detections else 1.0


def detections(places: np.ndarray, threshold: float) -> Detections:
    """The peaks of the finder's outputs for one image (h/4, w/4, 14) with a score of at least `threshold`, 0 to 1."""
    scores = 1 / (1 + np.exp(-places[..., :CLASSES].astype(np.float32)))
    best = scores.max(axis=-1)
    padded = np.pad(best, 1)
    height, width = best.shape
    highest = np.max([padded[i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=0)
    rows, columns = np.nonzero((best >= highest) & (best >= threshold))
    values = places[rows, columns, CLASSES:].astype(np.float32)
    sizes = np.exp(np.minimum(values[:, :2], LARGEST_LOG))
    centres = (np.stack([columns, rows], axis=1) + 0.5 + values[:, 2:]) * STRIDE
    boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)
    order = np.argsort(-best[rows, columns], kind="stable")
    boxes = boxes[order]
    kept = without_overlaps(boxes)
    labels = scores[rows, columns].argmax(axis=-1)[order]
    return Detections(boxes[kept], labels[kept], best[rows, columns][order][kept])


def without_overlaps(boxes: np.ndarray) -> np.ndarray:
    """Which of the boxes (k, 4), the surest first, overlap none that was kept before: indices."""
    overlap = intersections_over_unions(boxes, boxes) > OVERLAP
    kept: list[int] = []
    for index in range(len(boxes)):
        if not overlap[index, kept].any():
            kept.append(index)
    return np.array(kept, int)


class Match(NamedTuple):
    """What detections of one image are: `right` (k,) and `ignored` (k,) bool; and which digits (m,) bool are `found`.

    The digits are the boxes whose labels are 0 to 9, in their order. A detection that is neither right nor ignored is
    wrong: it has another label than the digit in its place, or there is none.
    """

    right: np.ndarray
    ignored: np.ndarray
    found: np.ndarray


def matched(found: Detections, boxes: np.ndarray, labels: np.ndarray) -> Match:
    """Compare detections with the boxes (m, 4) and labels (m,) of an image.

    Right is one with the digit's label whose box overlaps its box by 0.4 (intersection over union), each digit once.
    Labels below 0 are of boxes in which detections do not count at all.
    """
    real = labels >= 0
    overlap = intersections_over_unions(found.boxes, boxes[real])
    unused = np.ones(int(real.sum()), bool)
    right = np.zeros(len(found.labels), bool)
    for index, label in enumerate(found.labels.tolist()):
        fits = unused & (labels[real] == label) & (overlap[index] >= SAME)
        if fits.any():
            unused[int(np.argmax(overlap[index] * fits))] = False
            right[index] = True
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    ignore = boxes[~real]
    inside = (centres[:, None] >= ignore[None, :, :2] - STRIDE) & (centres[:, None] <= ignore[None, :, 2:] + STRIDE)
    return Match(right, ~right & inside.all(axis=-1).any(axis=-1), ~unused)


def counted(found: Detections, boxes: np.ndarray, labels: np.ndarray) -> Counts:
    """How many detections are right, as `matched` says, for the boxes (m, 4) and labels (m,) of an image."""
    match = matched(found, boxes, labels)
    return Counts(len(match.found), int((~match.ignored).sum()), int(match.right.sum()))


def summed(counts: Sequence[Counts]) -> Counts:
    """The counts of several images together."""
    return Counts(*(sum(column) for column in zip(*counts, strict=True))) if counts else Counts(0, 0, 0)
