"""The training of a finder, a segmenter or a recogniser: the steps that all have. Prints nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import saved_files, store
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.card import Card
from mnist_cnn.data.pages import sources
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.training import checkpoint, history
from mnist_cnn.training.checkpoint import Settings
from mnist_cnn.training.history import Epoch
from mnist_cnn.workflows.page_preparation import PageData
from mnist_cnn.workflows.run_card import resumed, run_card

if TYPE_CHECKING:
    import keras

    from mnist_cnn.training.detector_fit import Task

WITHOUT_INK = (
    "Without ink (--ink) pages have handwritten digits of this dataset and letters in print or drawn by code only: the "
    "{} takes more handwritten letters for digits, and misses more digits of people who write otherwise "
    "(docs/recipes.md#ink)"
)
CHECKED = 100  # pages, crops or lines that the saved files are checked on


def prepared(partial: Path, data: PageData) -> Sources:
    """Save what pages to train on are made of as `store.PAGES`; gives what those of held-out writers are made of."""
    # Both first, because either may be refused.
    training, held_out = (data.sources(validation=validation) for validation in (False, True))
    sources.save(training, partial / store.PAGES)
    return held_out


def train_epochs(
    partial: Path, settings: Settings, task: "Task", callbacks: CallbackList
) -> tuple["keras.Model", list[Epoch], list[str]]:
    """Train from the last whole epoch to the last, with a checkpoint after each.

    Gives the network with averaged weights, its history, and notes.
    """
    from mnist_cnn.training.detector_fit import (  # Keras comes with it
        compiled_detector,
        finished_detector,
        fit_detector,
    )

    recipe, folder = settings.recipe, partial / store.CHECKPOINT
    columns = history.columns(recipe.name)
    network, averaged = compiled_detector(recipe, settings.seed)
    rows = checkpoint.restore(folder, network, averaged)
    history.rewrite(partial / card.HISTORY, rows, columns)
    checkpoint.save_settings(folder, settings)  # a later resume must know what has changed by now
    notes = resumed(rows, settings.inexact)
    for text in notes:
        callbacks.on_message(text)
    processes = max(1, settings.threads - 1)
    with history.tensorboard(partial / "tensorboard", network, settings.tensorboard) as log:
        for row in fit_detector(
            network,
            averaged,
            recipe,
            task,
            settings.seed,
            processes=processes,
            done=len(rows),
            callbacks=callbacks,
        ):
            rows.append(row)
            history.append(partial / card.HISTORY, row, columns)
            checkpoint.save(folder, network, rows, averaged)
            log(row)
    return finished_detector(averaged, recipe), rows, notes


def save(
    partial: Path,
    settings: Settings,
    network: "keras.Model",
    images: np.ndarray,
    outputs: np.ndarray,
    rows: list[Epoch],
    notes: list[str],
    testing: float,
    about: dict[str, Any],
    evaluation: dict[str, Any],
    callbacks: CallbackList,
) -> Card:
    """Save a trained network in a partial folder, checked on `images` and its `outputs`; gives its unwritten card.

    `testing` is the time that its evaluation took, in seconds; `about` is what the card says of its data.
    """
    callbacks.on_status(saved_files.SAVING)
    seconds = {"training": sum(row["seconds"] for row in rows), "testing": testing}
    for text in (left_out := saved_files.save(network, settings.recipe, partial, images, outputs)):
        callbacks.on_warning(text)
    from mnist_cnn.models.layer_table import layer_table  # here, because Keras comes with it

    layers = layer_table(network)
    return run_card(partial, settings, network, rows, seconds, about, evaluation, notes + left_out, layers)
