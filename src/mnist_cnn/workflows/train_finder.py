"""The training of a finder, step by step: pages → training → evaluation → saved files → report. Prints nothing.

`train` has done what comes before, which is the same for all recipes.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import saved_files, store
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.ink.collection import Ink
from mnist_cnn.data.pages import sources
from mnist_cnn.data.pages.page import Page
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.evaluation.finder_evaluation import best_threshold, evaluate_finder, measured
from mnist_cnn.models.classifier import keras_finder
from mnist_cnn.training import checkpoint, history
from mnist_cnn.training.checkpoint import Settings
from mnist_cnn.training.finder_pages import TEST, VALIDATION, held_out_pages
from mnist_cnn.training.history import Epoch
from mnist_cnn.workflows.page_preparation import PageData
from mnist_cnn.workflows.run_card import resumed, run_card

if TYPE_CHECKING:
    import keras

WITHOUT_INK = (
    "Without ink (--ink) pages have handwritten digits of this dataset and letters in print or drawn by code only: the "
    "finder takes more handwritten letters for digits, and misses more digits of people who write otherwise "
    "(docs/recipes.md#ink)"
)
CHECKED = 100  # pages that the saved files are checked on


def run(partial: Path, settings: Settings, dataset: Dataset, ink: Ink | None, callbacks: CallbackList) -> None:
    """Train from the last whole epoch, evaluate, and save the finder with its report and, last, its card."""
    data = PageData(dataset, ink)
    # Both first, because either may be refused.
    training, held_out = (data.sources(validation=validation) for validation in (False, True))
    sources.save(training, partial / store.PAGES)
    del training
    network, rows, notes = train_epochs(partial, settings, held_out, callbacks)
    finish(partial, settings, network, rows, notes, data, held_out, callbacks)


def train_epochs(
    partial: Path, settings: Settings, held_out: Sources, callbacks: CallbackList
) -> tuple["keras.Model", list[Epoch], list[str]]:
    """Train to the last epoch, with a checkpoint after each; the network with averaged weights, history and notes.

    The pages to train on are made from the file `store.PAGES` in the folder `partial`.
    """
    from mnist_cnn.training.finder_fit import compiled_finder, finished_finder, fit_finder  # Keras comes with it

    recipe, folder = settings.recipe, partial / store.CHECKPOINT
    network, averaged = compiled_finder(recipe, settings.seed)
    rows = checkpoint.restore(folder, network, averaged)
    history.rewrite(partial / card.HISTORY, rows, history.FINDER_COLUMNS)
    checkpoint.save_settings(folder, settings)  # a later resume must know what has changed by now
    notes = resumed(rows, settings.inexact)
    for text in notes:
        callbacks.on_message(text)
    processes = max(1, settings.threads - 1)
    validation = held_out_pages(held_out, recipe, VALIDATION)
    with history.tensorboard(partial / "tensorboard", network, settings.tensorboard) as log:
        for row in fit_finder(
            network,
            averaged,
            recipe,
            partial / store.PAGES,
            validation,
            measured,
            settings.seed,
            processes=processes,
            done=len(rows),
            callbacks=callbacks,
        ):
            rows.append(row)
            history.append(partial / card.HISTORY, row, history.FINDER_COLUMNS)
            checkpoint.save(folder, network, rows, averaged)
            log(row)
    return finished_finder(averaged), rows, notes


def finish(
    partial: Path,
    settings: Settings,
    network: "keras.Model",
    rows: list[Epoch],
    notes: list[str],
    data: PageData,
    held_out: Sources,
    callbacks: CallbackList,
) -> None:
    """Evaluate a trained finder on made pages, and save it with its report and, last, its card in a partial folder."""
    started = time.perf_counter()
    find = keras_finder(network)
    validation, test = (held_out_pages(held_out, settings.recipe, part) for part in (VALIDATION, TEST))
    places = find(images_of(test))
    evaluation = evaluate_finder(places, test, best_threshold(find(images_of(validation)), validation))
    callbacks.on_detections(evaluation)
    seconds = {"training": sum(row["seconds"] for row in rows), "testing": time.perf_counter() - started}
    some = images_of(test[:CHECKED])
    for text in (left_out := saved_files.save(network, settings.recipe, partial, some, places[:CHECKED])):
        callbacks.on_warning(text)
    about = data.about(settings.recipe)
    made = run_card(partial, settings, network, rows, seconds, about, evaluation.to_dict(), notes + left_out)
    from mnist_cnn.evaluation import finder_report  # here, because matplotlib comes with it

    finder_report.write(partial, made, evaluation, places, test)
    card.write(partial, made)  # last: a folder with a model card is complete


def images_of(pages: Sequence[Page]) -> np.ndarray:
    """The images of pages, (n, side, side) uint8."""
    return np.stack([page.grey for page in pages])
