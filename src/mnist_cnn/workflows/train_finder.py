"""The training of a finder, step by step: pages → training → evaluation → saved files → report. Prints nothing.

`train` has done what comes before, which is the same for all recipes.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.ink.collection import Ink
from mnist_cnn.data.pages.page import Page
from mnist_cnn.evaluation.finder_evaluation import best_threshold, evaluate_finder, measured
from mnist_cnn.models.classifier import keras_finder
from mnist_cnn.training.checkpoint import Settings
from mnist_cnn.training.finder_pages import SIDE, held_out_pages
from mnist_cnn.training.made_epochs import TEST, VALIDATION, held_out_counts
from mnist_cnn.workflows import detector_run
from mnist_cnn.workflows.detector_run import CHECKED
from mnist_cnn.workflows.page_preparation import PageData


def run(partial: Path, settings: Settings, dataset: Dataset, ink: Ink | None, callbacks: CallbackList) -> None:
    """Train from the last whole epoch, evaluate, and save the finder with its report and, last, its card."""
    from mnist_cnn.training.finder_fit import finder_task  # Keras comes with it

    recipe, data = settings.recipe, PageData(dataset, ink)
    held_out = detector_run.prepared(partial, data)
    validation = held_out_pages(held_out, recipe, VALIDATION)
    task = finder_task(partial / store.PAGES, validation, measured)
    network, rows, notes = detector_run.train_epochs(partial, settings, task, callbacks)

    callbacks.on_status("Evaluating on pages of held-out writers")
    started = time.perf_counter()
    find, test = keras_finder(network), held_out_pages(held_out, recipe, TEST)
    places = find(images_of(test))
    evaluation = evaluate_finder(places, test, best_threshold(find(images_of(validation)), validation))
    callbacks.on_detections(evaluation)
    testing = time.perf_counter() - started

    made = detector_run.save(
        partial,
        settings,
        network,
        images_of(test[:CHECKED]),
        places[:CHECKED],
        rows,
        notes,
        testing,
        data.about({"pages": {"side": SIDE, **held_out_counts(recipe)}}),
        evaluation.to_dict(),
        callbacks,
    )
    from mnist_cnn.evaluation import finder_report  # here, because matplotlib comes with it

    callbacks.on_status("Writing the report")
    finder_report.write(partial, made, evaluation, places, test)
    card.write(partial, made)  # last: a folder with a model card is complete


def images_of(pages: Sequence[Page]) -> np.ndarray:
    """The images of pages, (n, side, side) uint8."""
    return np.stack([page.grey for page in pages])
