"""What a recogniser learns from lines of made pages. Knows nothing about the lines to test on."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mnist_cnn.data.pages.line_process import Lines
from mnist_cnn.models.classifier import keras_recogniser
from mnist_cnn.training.detector_fit import Task
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.training.recogniser_lines import line_epochs, steps
from mnist_cnn.training.recogniser_loss import recogniser_loss
from mnist_cnn.training.segmenter_loss import LEAST

Measure = Callable[[np.ndarray, Lines], dict[str, float]]
"""The probabilities (n, k, 24) that a recogniser gives for lines, and these → numbers for a row of history, by name."""


def recogniser_task(recipe: Recipe, sources: Path, validation: Lines, measure: Measure) -> Task:
    """What a recogniser learns from lines of pages that are made from the file `sources`.

    A row of history has the mean `loss`, and for the averaged weights on the validation lines `val_loss` and what
    `measure` gives.
    """

    def loss_of(logits: Any, batch: Sequence[Any], _mosaic: bool) -> list[Any]:
        return [recogniser_loss(logits, batch[1], recipe.label_smoothing)]

    def validated(averaged: keras.Model) -> Callable[[], dict[str, float]]:
        recognise = keras_recogniser(averaged)

        def measured() -> dict[str, float]:
            said = recognise(validation.images)
            return {"val_loss": validation_loss(said, validation, recipe), **measure(said, validation)}

        return measured

    return Task(("loss",), loss_of, partial(line_epochs, sources), steps, validated)


def validation_loss(said: np.ndarray, lines: Lines, recipe: Recipe) -> float:
    """The loss of what a recogniser says of lines. The logarithms of probabilities are as good as the logits."""
    return float(recogniser_loss(np.log(np.maximum(said, LEAST)), lines.labels, recipe.label_smoothing))
