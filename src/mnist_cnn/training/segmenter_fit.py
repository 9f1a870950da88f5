"""What a segmenter learns from crops of made pages. Knows nothing about the crops to test on."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mnist_cnn.data.pages.crop_process import Crops
from mnist_cnn.models.classifier import keras_segmenter
from mnist_cnn.reading.segmenter_network import Segmented
from mnist_cnn.training.detector_fit import Task
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.training.segmenter_crops import crop_epochs, steps
from mnist_cnn.training.segmenter_loss import LEAST, Loss, segmenter_loss

Measure = Callable[[Segmented, Crops], dict[str, float]]
"""What a segmenter says of crops, and these → numbers for a row of history, by name."""


def segmenter_task(recipe: Recipe, sources: Path, finder: Path, validation: Crops, measure: Measure) -> Task:
    """What a segmenter learns from crops around what `finder` sees on pages that are made from the file `sources`.

    A row of history has the mean `loss` with its parts, `class_loss` and `ink_loss`, and for the averaged weights on
    the validation crops `val_loss` and what `measure` gives.
    """

    def loss_of(outputs: Sequence[Any], batch: Sequence[Any], _mosaic: bool) -> Loss:
        (logits, marked), (_, inks, labels) = outputs, batch
        return segmenter_loss(logits, marked, inks, labels, recipe.label_smoothing)

    def validated(averaged: keras.Model) -> Callable[[], dict[str, float]]:
        segment = keras_segmenter(averaged)

        def measured() -> dict[str, float]:
            said = segment(validation.images)
            return {"val_loss": validation_loss(said, validation, recipe.label_smoothing), **measure(said, validation)}

        return measured

    epochs = partial(crop_epochs, sources, finder)
    return Task(("loss", "class_loss", "ink_loss"), loss_of, epochs, steps, validated)


def validation_loss(said: Segmented, crops: Crops, smoothing: float) -> float:
    """The loss of what a segmenter says of crops. The logarithms of probabilities are as good as the logits."""
    logits = np.log(np.maximum(said.classes, LEAST))
    return float(segmenter_loss(logits, said.inks[..., None], crops.inks, crops.labels, smoothing).total)
