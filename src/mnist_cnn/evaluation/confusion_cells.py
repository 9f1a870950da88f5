"""The confusion matrix of a report: its cells, and the test images behind each of them on one sheet."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_cnn.data.dataset import Examples
from mnist_cnn.evaluation.metrics import Evaluation
from mnist_cnn.system.visible import visible

MOST_CLASSES = 30  # more do not fit beside each other
PER_CELL = 24  # images
MOST_VALUES = 1_500_000  # of all pixels on the sheet: 1,900 images of MNIST
LONGEST = 12  # visible characters of the name of a class


@dataclass(frozen=True)
class Cell:
    """So many images of class `true` were predicted as `predicted`; `shade` is from 0 to 1, of the largest error."""

    true: int
    predicted: int
    count: int
    shade: float

    @property
    def is_error(self) -> bool:
        """Whether the predictions are incorrect."""
        return self.true != self.predicted

    @property
    def name(self) -> str:
        """A name of its own within the page."""
        return f"{self.true}-{self.predicted}"


def rows_of(evaluation: Evaluation) -> list[list[Cell]]:
    """The cells of the confusion matrix, row by row."""
    matrix = evaluation.confusion_matrix
    largest = max(1, int((matrix - np.diag(np.diag(matrix))).max()))
    return [
        [
            Cell(true, predicted, int(count), 0.0 if true == predicted else int(count) / largest)
            for predicted, count in enumerate(row)
        ]
        for true, row in enumerate(matrix)
    ]


def shortened(name: str) -> str:
    """The name of a class in at most 12 visible characters."""
    shown = visible(name)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def chosen(probabilities: np.ndarray, labels: np.ndarray, most: int) -> dict[tuple[int, int], list[int]]:
    """Indices of images by (true, predicted): of errors the most confident ones, of the others the least confident.

    Each pair has at most 24, and all have at most `most`; where there are more, the last ones of each are left out.
    """
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    ranked: list[tuple[int, bool, int, int, int]] = []
    for true, guess in np.unique(np.column_stack([labels, predicted]), axis=0).tolist():
        members = np.flatnonzero((labels == true) & (predicted == guess))
        order = np.argsort(confidence[members] if true == guess else -confidence[members], kind="stable")
        indices = members[order][:PER_CELL].tolist()
        ranked += [(rank, true == guess, true, guess, index) for rank, index in enumerate(indices)]
    found: dict[tuple[int, int], list[int]] = {}
    for _, _, true, guess, index in sorted(ranked)[:most]:
        found.setdefault((true, guess), []).append(index)
    return found


def sheet_of(images: np.ndarray) -> np.ndarray:
    """Images (n, h, w) or (n, h, w, 3) in rows of the same length, as one image; what is left over is 0."""
    columns = columns_for(len(images))
    lines = math.ceil(len(images) / columns)
    whole = np.zeros((lines * columns, *images.shape[1:]), np.uint8)
    whole[: len(images)] = images
    _, height, width, *channels = whole.shape
    placed = whole.reshape(lines, columns, height, width, *channels).swapaxes(1, 2)
    return placed.reshape(lines * height, columns * width, *channels)


def columns_for(count: int) -> int:
    """Images in a row of a sheet of so many."""
    return max(1, math.ceil(math.sqrt(count)))


def cell_images(
    test: Examples, probabilities: np.ndarray, evaluation: Evaluation, shown: Callable[[float], str]
) -> tuple[dict[str, Any], np.ndarray]:
    """What the page's script shows of each cell, and the sheet on which its images are.

    Each image has its place on the sheet, its index in the test set, and its confidence as it is `shown`.
    """
    names = [visible(name) for name in evaluation.class_names]
    confidence = probabilities.max(axis=1)
    cells: dict[str, Any] = {}
    indices: list[int] = []
    for (true, guess), some in chosen(probabilities, test.labels, MOST_VALUES // test.images[0].size).items():
        count = int(evaluation.confusion_matrix[true, guess])
        which = "least" if true == guess else "most"
        first = f", the {len(some)} {which} confident" if len(some) < count else f", {which} confident first"
        cells[f"{true}-{guess}"] = {
            "title": f"{names[true]} predicted as {names[guess]}",
            "about": f"{count:,} {'image' if count == 1 else 'images'}{first if count > 1 else ''}",
            "images": [
                [len(indices) + place, index, shown(float(confidence[index]))] for place, index in enumerate(some)
            ],
        }
        indices += some
    about = {"side": test.images.shape[1], "columns": columns_for(len(indices)), "cells": cells}
    return about, sheet_of(test.images[indices])
