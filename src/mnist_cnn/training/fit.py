"""A recipe and data become a trained network and its history. Knows nothing about test images."""

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from threading import Thread
from typing import Any

import keras
import numpy as np
from keras import ops

from mnist_cnn.callbacks.callback import Callback
from mnist_cnn.data.augment import augmented
from mnist_cnn.data.dataset import Examples
from mnist_cnn.data.negatives import NOT_A_DIGIT, negatives
from mnist_cnn.data.restyle import restyled
from mnist_cnn.errors import RunError
from mnist_cnn.models.architectures import build
from mnist_cnn.models.columns import DigitAccuracy, MeanOfCrossEntropies, has_columns
from mnist_cnn.training import backend, devices
from mnist_cnn.training.batches import OnStep
from mnist_cnn.training.epochs import epochs
from mnist_cnn.training.history import Epoch
from mnist_cnn.training.recipe import Recipe

# What a label stands for: a digit by itself, or for what is no digit every digit alike ("outlier exposure": Hendrycks,
# Mazeika, Dietterich, "Deep anomaly detection with outlier exposure", 2019, arXiv:1812.04606).
TRUTH = np.full((11, 10), 0.1, np.float32)
TRUTH[:NOT_A_DIGIT] = np.eye(10)
VALIDATION = 2**32 - 1  # where an epoch's number stands for the random numbers of training


def compiled(recipe: Recipe, seed: int, updates: int = 1, count: int = 1) -> keras.Model:
    """Build and compile the recipe's network; `seed` decides its first weights and its dropout.

    `updates` is how many there will be in all: a step size that changes on the way is planned by it. `count` is how
    many devices it is to be trained on; raises RunError as `devices.mirrored` does.
    """
    backend.seed(seed)
    backend.set_precision(recipe.precision)
    with devices.mirrored(count):
        return compiled_here(recipe, updates, count)


def compiled_here(recipe: Recipe, updates: int, count: int) -> keras.Model:
    """Build and compile the recipe's network by the random numbers that come next, for the devices of this scope."""
    built = build(recipe.name, recipe.dropout)
    rate = recipe.learning_rate
    if recipe.schedule != "constant" or recipe.warm_up:
        rate = UpAndDown(recipe.learning_rate, updates, recipe.warm_up, down=recipe.schedule == "linear")
    optimizer = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[recipe.optimizer]
    loss: Any = "categorical_crossentropy"
    metrics: list[Any] = ["accuracy"]
    if has_columns(built) or recipe.negatives:
        metrics = [DigitAccuracy()]
    if has_columns(built):
        loss = MeanOfCrossEntropies(recipe.label_smoothing)
    elif recipe.label_smoothing:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    built.compile(
        optimizer=optimizer(rate),
        loss=loss,
        metrics=metrics,
        # With more than one, MirroredStrategy fails.
        steps_per_execution=backend.updates_at_once(recipe.steps_per_execution) if count == 1 else 1,
    )
    return built


def updates(recipe: Recipe, images: int) -> int:
    """How many updates a recipe makes on this many training images."""
    return recipe.epochs * math.ceil(recipe.images_per_epoch(images) / recipe.batch_size)


class UpAndDown(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras ships no types
    """A step size that rises evenly over a share of all updates and then goes down evenly to 0, or stays.

    The triangle of Smith, Topin, "Super-convergence" (2018), without its changes of momentum.
    """

    def __init__(self, highest: float, updates: int, warm_up: float, down: bool) -> None:
        self.highest = highest
        self.updates = updates
        self.warm_up = warm_up
        self.down = down

    def __call__(self, step: Any) -> Any:
        """The step size of an update, counted from 0; none is 0."""
        done = (ops.cast(step, "float32") + 0.5) / self.updates
        rising = done / self.warm_up if self.warm_up else 1.0
        falling = ops.maximum((1 - done) / (1 - self.warm_up), 0.0) if self.down else 1.0
        return self.highest * ops.minimum(rising, falling)

    def get_config(self) -> dict[str, Any]:
        """What makes the same again."""
        return {"highest": self.highest, "updates": self.updates, "warm_up": self.warm_up, "down": self.down}


def fit(
    network: keras.Model,
    recipe: Recipe,
    training: Examples,
    validation: Examples,
    seed: int,
    done: int = 0,
    callbacks: Callback | None = None,
) -> Iterator[Epoch]:
    """Train from epoch `done` to the recipe's last; yields a row of history after each epoch.

    The callbacks hear of an epoch's end after its row was taken, so that what was made of the row is there by then; if
    one sets `network.stop_training`, that epoch is the last.

    An epoch goes over arrays in memory that were made by (seed, epoch): so what it sees does not depend on what
    happened before, and a resumed run sees the same. They are made beside the training of the epoch before. Raises
    RunError if the loss stops being a number, before the epoch in which it did is given.
    """
    callbacks = callbacks or Callback()
    callbacks.set_params({"epochs": recipe.epochs, "initial_epoch": done})
    callbacks.set_model(network)
    callbacks.on_train_begin({})
    logs: dict[str, float] = {}
    run = epochs(network, recipe.batch_size, arrays(validation) if len(validation) else None, seed)
    following = begun(epoch_examples, recipe, training, seed, done)
    for epoch in range(done, recipe.epochs):
        start = time.perf_counter()
        callbacks.on_epoch_begin(epoch, {})
        seen = following.result()
        if epoch + 1 < recipe.epochs:
            following = begun(epoch_examples, recipe, training, seed, epoch + 1)
        logs = run(epoch, *arrays(seen), on_step(callbacks))
        if not all(map(math.isfinite, logs.values())):
            raise RunError(f"The loss became {logs['loss']} in epoch {epoch + 1}: lower --learning-rate.")
        logs["seconds"] = round(time.perf_counter() - start, 3)
        yield {"epoch": epoch + 1, **logs}
        callbacks.on_epoch_end(epoch, logs)
        if network.stop_training:
            break
    callbacks.on_train_end(logs)


def on_step(callbacks: Callback) -> OnStep:
    """What the callbacks hear while an epoch goes on."""

    def step(_epoch: int, done: int, steps: int, loss: float, accuracy: float) -> None:
        callbacks.on_train_batch_end(done - 1, {"loss": loss, "accuracy": accuracy, "batches": steps})

    return step


def begun(make: Callable[..., Examples], *args: Any) -> "Future[Examples]":
    """Begin to make examples beside what follows; a run that is stopped does not wait for them."""
    made: Future[Examples] = Future()

    def work() -> None:
        try:
            made.set_result(make(*args))
        except BaseException as error:  # whatever it is, it is raised where the examples are asked for
            made.set_exception(error)

    Thread(target=work, daemon=True).start()
    return made


def epoch_examples(recipe: Recipe, training: Examples, seed: int, epoch: int) -> Examples:
    """What an epoch sees, in its order: every image as often as the recipe has repeats, each time changed anew.

    Among them are images that are no digit, labelled NOT_A_DIGIT, if the recipe has any.
    """
    rng = np.random.default_rng((seed, epoch))
    order = epoch_order(len(training), recipe.repeats, rng)
    images, labels = training.images[order], training.labels[order]
    if recipe.augmentation and epoch < recipe.epochs - recipe.final_plain_epochs:
        images = augmented(images, recipe.augmentation, rng)
    if recipe.restyle:
        images = restyled(images, labels, recipe.restyle, rng)
    if more := recipe.images_per_epoch(len(training)) - len(order):
        images = np.concatenate([images, negatives(more, training.images, training.labels, rng)])
        labels = np.concatenate([labels, np.full(more, NOT_A_DIGIT, labels.dtype)])
        mixed = rng.permutation(len(images))
        images, labels = images[mixed], labels[mixed]
    return Examples(images, labels)


def to_validate(recipe: Recipe, held_out: Examples, seed: int) -> Examples:
    """The validation examples, restyled where the recipe's training images are."""
    if not recipe.restyle or not len(held_out):
        return held_out
    return Examples(
        restyled(held_out.images, held_out.labels, recipe.restyle, np.random.default_rng((seed, VALIDATION))),
        held_out.labels,
    )


def epoch_order(count: int, repeats: int, rng: np.random.Generator) -> np.ndarray:
    """In which order an epoch sees the images: `repeats` permutations of 0 … count-1, one after the other."""
    return np.concatenate([rng.permutation(count) for _ in range(repeats)])


def arrays(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """As a network takes them: images (n, 28, 28, 1) uint8 and probabilities (n, 10) float32, one-hot for a digit."""
    return examples.images[..., np.newaxis], TRUTH[examples.labels]
