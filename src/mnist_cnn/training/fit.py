"""Train a recipe's model on a dataset, epoch by epoch. Knows nothing about test images."""

import math
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.callbacks.callback import Callback
from mnist_cnn.card import DIGITS, READING, Task
from mnist_cnn.data.dataset import Examples
from mnist_cnn.errors import RunError
from mnist_cnn.models.classifier import task_of
from mnist_cnn.training.distillation import Teacher, drawn_as
from mnist_cnn.training.epochs import epochs
from mnist_cnn.training.examples_ahead import examples_ahead
from mnist_cnn.training.history import Epoch
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.training.update_log import UpdateLog

if TYPE_CHECKING:
    import keras

    from mnist_cnn.data.ink.training_ink import TrainingInk
    from mnist_cnn.training.onnx_network import OnnxNetwork

VALIDATION = 2**32 - 1  # in place of the epoch in the seed of the validation images


def class_weights(recipe: Recipe, labels: np.ndarray, task: Task) -> np.ndarray | None:
    """The weights (classes,) of a recipe for these labels (n,), None if all classes count alike.

    "balanced" is scikit-learn's: n / (classes × images of the class); a class without images has 0.
    """
    if recipe.class_weights == "none":
        return None
    counts = np.bincount(labels, minlength=task.classes)
    present = np.count_nonzero(counts)
    return np.where(counts > 0, len(labels) / (present * np.maximum(counts, 1)), 0.0).astype(np.float32)


def updates(recipe: Recipe, images: int) -> int:
    """The number of updates of a recipe on this many training images."""
    return recipe.epochs * math.ceil(recipe.images_per_epoch(images) / recipe.batch_size)


def fit(
    network: "keras.Model | OnnxNetwork",
    recipe: Recipe,
    training: Examples,
    validation: Examples,
    seed: int,
    done: int = 0,
    callbacks: Callback | None = None,
    ink: "TrainingInk | None" = None,
    processes: int = 0,
    teacher: Teacher | None = None,
) -> Iterator[Epoch]:
    """Train from epoch `done` to the recipe's last; yields a row of history after each epoch.

    The callbacks are told of an epoch's end after its row was consumed, so that its checkpoint exists by then; if one
    sets `network.stop_training`, that epoch is the last. If one does so within an epoch, the epoch ends at once and is
    dropped, unless it is the first: there is nothing yet to end with.

    `ink` is needed where the recipe draws digits or negatives from it. The targets are those of the `teacher`, if there
    is one.

    The images of an epoch depend on (seed, epoch) only, so a resumed run sees the same ones. They are made during the
    epochs before, in a thread or by so many `processes` (`examples_ahead`). Raises RunError if the loss is no longer
    finite, before that epoch is yielded.
    """
    callbacks = callbacks or Callback()
    callbacks.set_params({"epochs": recipe.epochs, "initial_epoch": done})
    callbacks.set_model(network)
    callbacks.on_train_begin({})
    logs: dict[str, float] = {}
    task = task_of(network)
    total = updates(recipe, len(training))
    run = epochs(network, recipe.batch_size, arrays(validation, task) if len(validation) else None, seed)
    same = partial(drawn_as, recipe) if teacher else int
    with closing(examples_ahead(recipe, training, seed, done, ink, processes, same)) as following:
        for epoch in range(done, recipe.epochs):
            start = time.perf_counter()
            callbacks.on_epoch_begin(epoch, {})
            log = UpdateLog(total, epoch * total // recipe.epochs)
            heard = OnBatches(network, callbacks, log, is_first=epoch == 0)
            try:
                images, truth = arrays(examples := next(following), task)
                if teacher:
                    truth = teacher.targets(epoch, examples.images, truth, callbacks.on_teacher)
                logs = run(epoch, images, truth, heard)
            except EndedWithinEpoch:
                network.stop_training = True
                break
            if not all(map(math.isfinite, logs.values())):
                raise RunError(f"The loss became {logs['loss']} in epoch {epoch + 1}: lower --learning-rate.")
            logs["seconds"] = round(time.perf_counter() - start, 3)
            yield {"epoch": epoch + 1, **logs, "updates": log.blocks}
            callbacks.on_epoch_end(epoch, logs)
            if network.stop_training or heard.is_ending:
                network.stop_training = True
                break
    callbacks.on_train_end(logs)


class EndedWithinEpoch(Exception):  # noqa: N818  it is no error
    """A callback has set `network.stop_training` within an epoch."""


class OnBatches:
    """What the callbacks and the log hear in an epoch; raises EndedWithinEpoch if one ends the training, and may."""

    def __init__(
        self, network: "keras.Model | OnnxNetwork", callbacks: Callback, log: UpdateLog, *, is_first: bool
    ) -> None:
        self.network = network
        self.callbacks = callbacks
        self.log = log
        self.is_first = is_first
        self.is_ending = False

    def __call__(self, epoch: int, done: int, steps: int, loss: float, accuracy: float) -> None:
        """Tell them."""
        del epoch
        self.log.add(done, steps, loss, accuracy)
        self.callbacks.on_train_batch_end(done - 1, {"loss": loss, "accuracy": accuracy, "batches": steps})
        if self.network.stop_training:
            self.network.stop_training = False  # or Keras ends the epoch, and takes it for a whole one
            self.is_ending = True
            if not self.is_first:
                raise EndedWithinEpoch


def validation_examples(recipe: Recipe, held_out: Examples, seed: int) -> Examples:
    """The validation examples, restyled where the recipe's training images are."""
    if not recipe.restyle or not len(held_out):
        return held_out
    from mnist_cnn.data.restyle import restyled  # here, because OpenCV comes with it

    return Examples(
        restyled(held_out.images, held_out.labels, recipe.restyle, np.random.default_rng((seed, VALIDATION))),
        held_out.labels,
    )


def arrays(examples: Examples, task: Task = READING) -> tuple[np.ndarray, np.ndarray]:
    """As a network takes them: images (n, 28, 28, 1) uint8 and probabilities (n, 10) float32, as `categorical` does."""
    return task.batch(examples.images), categorical(examples.labels, task.classes)


def categorical(labels: np.ndarray, classes: int = len(DIGITS)) -> np.ndarray:
    """Labels (n,) as probabilities (n, classes) float32: one-hot for a class, and equal ones for a negative.

    The label of a negative is the number of classes, NOT_A_DIGIT for the ten digits.

    The latter is "outlier exposure": Hendrycks, Mazeika, Dietterich, "Deep anomaly detection with outlier exposure",
    2019, arXiv:1812.04606.
    """
    truth = np.zeros((len(labels), classes), np.float32)
    truth[labels == classes] = 1 / classes
    known = np.flatnonzero(labels != classes)
    truth[known, labels[known]] = 1
    return truth
