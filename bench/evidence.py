"""Fit how much finder, segmenter, classifier and recogniser count, on made pages: python bench/evidence.py SOURCES.npz.

They are of held-out writers: SOURCES.npz is what `pages.sources.save` wrote, with `validation`. Writes
reading/weights/evidence.json, and prints precision, recall and F1 of digits on further pages, of the finder alone and
of all together.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from mnist_cnn.data.pages.made import made_page
from mnist_cnn.data.pages.page_crops import SAME, as_taken, is_other
from mnist_cnn.data.pages.sources import Sources, load
from mnist_cnn.reading import detector, evidence, reader, weights
from mnist_cnn.reading.boxes import intersections_over_unions
from mnist_cnn.reading.crops import crops
from mnist_cnn.reading.evidence import Weights
from mnist_cnn.reading.glyph import glyph
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.recognised_lines import recognised
from mnist_cnn.reading.recogniser_network import DIGITS, OTHER

SIDES = (128, 256, 384)
NONE, UNKNOWN = 10, -1
AS_BEFORE = (1.0, 0.0), (1.0, 0.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0)  # weights with which lines and pages say nothing


class Looked(NamedTuple):
    """Candidates of a page, what is said of them, and their true labels: a digit, NONE or UNKNOWN."""

    octaves: Octaves
    boxes: np.ndarray
    scores: np.ndarray
    seconded: np.ndarray
    segmented: np.ndarray
    marked: np.ndarray
    classified: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    digits: int
    which: np.ndarray


def looked_at(rng: np.random.Generator, sources: Sources, classify: Any) -> Looked:
    """Make a page and look at it."""
    page = made_page(rng, sources, int(rng.choice(SIDES)))
    grey, scale = as_taken(page.grey, rng)
    detection = weights.bundled_detection()
    octaves = Octaves(grey)
    found = detector.candidates(octaves, detection.find)
    said = detection.segment(crops(octaves, found.boxes))
    segmented, inks = said.probabilities, said.inks
    images = np.stack([glyph(ink) for ink in inks]) if len(inks) else np.zeros((0, 28, 28), np.uint8)
    boxes, digits = found.boxes / scale, np.flatnonzero(page.labels >= 0)
    common = intersections_over_unions(boxes, page.boxes)
    labels, which = np.full(len(boxes), UNKNOWN), np.full(len(boxes), -1)
    for index, (box, shares) in enumerate(zip(boxes, common, strict=True)):
        if len(digits) and shares[digits].max() >= SAME:
            which[index] = digits[shares[digits].argmax()]
            labels[index] = page.labels[which[index]]
        elif is_other(box, shares, page.boxes, digits):
            labels[index] = NONE
    classified, marked = classify(images), said.marks.sum(axis=1)
    return Looked(
        octaves,
        found.boxes,
        found.scores,
        found.seconded,
        segmented,
        marked,
        classified,
        images,
        labels,
        len(digits),
        which,
    )


def fitted(pages: list[Looked]) -> Weights:
    """The weights that explain these pages best."""
    labels = np.concatenate([page.labels for page in pages])
    real, known = (labels >= 0) & (labels < NONE), labels != UNKNOWN
    witnesses = [
        np.log(np.maximum(np.concatenate(some)[real], evidence.LEAST))
        for some in (
            [page.scores for page in pages],
            [page.segmented[:, :-1] for page in pages],
            [page.classified for page in pages],
        )
    ]

    def loss(values: np.ndarray) -> float:
        logits = sum(value * one for value, one in zip(values, witnesses, strict=True))
        highest = logits.max(axis=1, keepdims=True)
        logits = logits - highest - np.log(np.exp(logits - highest).sum(axis=1, keepdims=True))
        return float(-logits[np.arange(len(logits)), labels[real]].mean())

    classes = minimize(loss, np.array([0.3, 0.5, 0.5]), method="Nelder-Mead").x
    alone = [evidence.alone(page.scores, page.seconded, page.segmented, page.marked, page.classified) for page in pages]
    target = labels[known] < NONE
    first = LogisticRegression(C=1.0, max_iter=5000).fit(np.concatenate(alone)[known], target)
    values = np.append(first.coef_[0], first.intercept_)
    both = np.concatenate(
        [
            np.concatenate([one, evidence.among(page.boxes, evidence.sigmoid(one @ values[:-1] + values[-1]))], axis=1)
            for one, page in zip(alone, pages, strict=True)
        ]
    )
    second = LogisticRegression(C=1.0, max_iter=5000).fit(both[known], target)
    made = Weights(tuple(classes.tolist()), tuple(values.tolist()), values_of(second), *AS_BEFORE)
    made = replace(made, **fitted_in_lines(pages, made))
    exists, others, real = [], [], []
    for page in pages:
        kept, sure, _ = chosen(page, made)
        exists.append(sure)
        others.append(evidence.others_on_page(sure))
        real.append(page.labels[kept])
    logits = np.stack([evidence.logit(np.concatenate(one)) for one in (exists, others)], axis=1)
    labels = np.concatenate(real)
    third = LogisticRegression(C=1.0, max_iter=5000).fit(logits[labels != UNKNOWN], labels[labels != UNKNOWN] < NONE)
    return replace(made, on_page=values_of(third))


def fitted_in_lines(pages: list[Looked], made: Weights) -> dict[str, tuple[float, ...]]:
    """The weights of what the recogniser says of candidates, of which the others are known."""
    shares, lines, before, real = [], [], [], []
    for page in pages:
        kept, exists, digits = chosen(page, made)
        for row, line in recognised(page.octaves, page.boxes[kept], exists, weights.bundled_detection().recognise):
            shares.append(exists[row])
            before.append(digits[row])
            lines.append(line.of(page.boxes[kept[row]]))
            real.append(page.labels[kept[row]])
    said, labels, digits = np.concatenate(lines), np.concatenate(real), np.concatenate(before)
    known, digit = labels != UNKNOWN, (labels >= 0) & (labels < NONE)
    regression = LogisticRegression(C=1.0, max_iter=5000).fit(
        evidence.of_line(np.concatenate(shares), said)[known], labels[known] < NONE
    )

    def loss(values: np.ndarray) -> float:
        both = evidence.product((digits[digit], said[digit][:, DIGITS:OTHER]), tuple(values.tolist()))
        return float(-np.log(np.maximum(both[np.arange(len(both)), labels[digit]], 1e-12)).mean())

    exponents = minimize(loss, np.array([0.9, 0.2]), method="Nelder-Mead").x
    return {"line_classes": tuple(exponents.tolist()), "in_line": values_of(regression)}


def values_of(regression: LogisticRegression) -> tuple[float, ...]:
    """The coefficients and, last, the bias."""
    return (*regression.coef_[0].tolist(), float(regression.intercept_[0]))


def chosen(page: Looked, given: Weights, *, finder_only: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Candidates apart from each other that may be digits, how probable each is, and each digit (n, 10)."""
    alone = evidence.alone(page.scores, page.seconded, page.segmented, page.marked, page.classified)
    exists = evidence.existence(alone, page.boxes, given)
    digits = evidence.of_digits((page.scores, page.segmented[:, :-1], page.classified), given)
    if finder_only:
        exists, digits = page.scores.max(axis=1), page.scores
    apart = reader.apart(reader.Seen(page.octaves, page.boxes, page.boxes, page.images, exists, digits))
    kept = np.array([index for index in apart if exists[index] >= reader.KEPT], int)
    exists, digits = exists[kept], digits[kept]
    if not finder_only and (given.line_classes, given.in_line) != AS_BEFORE[:2]:
        recognise = weights.bundled_detection().recognise
        for row, line in recognised(page.octaves, page.boxes[kept], exists.copy(), recognise):
            said = line.of(page.boxes[kept[row]])
            exists[row], digits[row] = evidence.in_line(exists[row], digits[row], said, given)
    return kept, exists, digits


def measured(pages: list[Looked], given: Weights, threshold: float, *, finder_only: bool = False) -> str:
    """Precision, recall and F1 of digits at a threshold, of which the class is right, too."""
    right = found = there = empty = quiet = whole = 0
    for page in pages:
        which, exists, digits = chosen(page, given, finder_only=finder_only)
        sure = exists if finder_only else evidence.on_page(exists, given)
        shown = (sure >= threshold) & (page.labels[which] != UNKNOWN)
        kept = which[shown]
        correct = set(page.which[kept[digits[shown].argmax(axis=1) == page.labels[kept]]].tolist())
        right, found, there = right + len(correct), found + len(kept), there + page.digits
        whole += len(correct) == len(kept) == page.digits and page.digits > 0
        empty, quiet = empty + (page.digits == 0), quiet + (page.digits == 0 and len(kept) == 0)
    precision, recall = right / max(found, 1), right / there
    return (
        f"precision {precision:.1%}, recall {recall:.1%}, F1 {2 * precision * recall / (precision + recall):.1%}, "
        f"whole {whole / (len(pages) - empty):.1%}, nothing on {quiet / empty:.1%} of {empty} without digits"
    )


def main() -> None:
    """Fit, write, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path)
    parser.add_argument("--pages", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    sources, rng = load(options.sources), np.random.default_rng(options.seed)
    classify = weights.calibrated_classifier()
    begin = time.perf_counter()
    pages = [looked_at(rng, sources, classify) for _ in range(options.pages)]
    print(f"{len(pages)} pages, {(time.perf_counter() - begin) / len(pages) * 1e3:.0f} ms each")
    half = len(pages) * 2 // 3
    made = fitted(pages[:half])
    weights.EVIDENCE.write_text(
        json.dumps({name: list(values) for name, values in vars(made).items()}, indent=1) + "\n"
    )
    print(made)
    rest = pages[half:]
    candidates = sum(len(set(page.which[page.which >= 0].tolist())) for page in rest)
    print(f"candidates for {candidates / sum(page.digits for page in rest):.1%} of the digits")
    labels = np.concatenate([page.labels for page in rest])
    real = (labels >= 0) & (labels < NONE)
    for name, some in {
        "finder": [page.scores for page in rest],
        "segmenter": [page.segmented[:, :-1] for page in rest],
        "classifier": [page.classified for page in rest],
        "together": [evidence.of_digits((page.scores, page.segmented[:, :-1], page.classified), made) for page in rest],
    }.items():
        print(f"digits right by {name}: {(np.concatenate(some).argmax(axis=1) == labels)[real].mean():.1%}")
    for threshold in (0.3, 0.4, 0.5):
        print("finder alone", threshold, measured(rest, made, threshold, finder_only=True))
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        print("together", threshold, measured(rest, made, threshold))


if __name__ == "__main__":
    main()
