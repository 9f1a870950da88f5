"""What a finder learns from made pages. Knows nothing about the pages to test on."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mnist_cnn.data.pages.page import Page
from mnist_cnn.models.classifier import keras_finder
from mnist_cnn.training.detector_fit import Lessons
from mnist_cnn.training.finder_loss import Loss, finder_loss
from mnist_cnn.training.finder_pages import MOST, SIDE, batch, page_epochs, steps
from mnist_cnn.training.finder_targets import Targets, targets
from mnist_cnn.training.updates import four_in_one

Measure = Callable[[np.ndarray, Sequence[Page]], dict[str, float]]
"""Outputs of a finder (n, h/4, w/4, 14) for pages, and these → numbers for a row of history, by name."""


def finder_lessons(sources: Path, validation: Sequence[Page], measure: Measure) -> Lessons:
    """What a finder learns from pages that are made from the file `sources`.

    A row of history has the mean `loss` with its parts, `heat_loss` and `box_loss`, and for the averaged weights on the
    validation pages `val_loss` and what `measure` gives.
    """

    def validated(averaged: keras.Model) -> Callable[[], dict[str, float]]:
        find, images = keras_finder(averaged), np.stack([page.grey for page in validation])

        def measured() -> dict[str, float]:
            places = find(images)
            return {"val_loss": validation_loss(places, validation), **measure(places, validation)}

        return measured

    return Lessons(("loss", "heat_loss", "box_loss"), loss_of, partial(page_epochs, sources), steps, validated)


def loss_of(places: Any, batch: Sequence[Any], mosaic: bool) -> Loss:
    """The loss of the outputs for pages (n, side, side), or for a quarter as many mosaics of them."""
    images, boxes, labels = batch
    side = images.shape[1]
    wanted = targets(boxes, labels, side, side)
    return finder_loss(places, Targets(*map(four_in_one, wanted)) if mosaic else wanted)


def validation_loss(places: np.ndarray, pages: Sequence[Page]) -> float:
    """The mean loss of the outputs for pages, weighted by batches of 100 pages."""
    sums = 0.0
    for start in range(0, len(pages), 100):
        some = batch(pages[start : start + 100], MOST)
        wanted = targets(some.boxes, some.labels, SIDE, SIDE)
        sums += len(some.labels) * float(finder_loss(places[start : start + 100], wanted).total)
    return sums / len(pages)
