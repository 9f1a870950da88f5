"""The training of a recogniser, step by step: lines → training → evaluation → saved files → report. Prints nothing.

`train` has done what comes before, which is the same for all recipes.
"""

import time
from pathlib import Path

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.ink.collection import Ink
from mnist_cnn.data.pages.page_lines import WIDTH
from mnist_cnn.evaluation.recogniser_evaluation import evaluate_recogniser, measured
from mnist_cnn.models.classifier import keras_recogniser
from mnist_cnn.training.checkpoint import Settings
from mnist_cnn.training.made_epochs import TEST, VALIDATION, held_out_counts
from mnist_cnn.training.recogniser_lines import held_out_lines
from mnist_cnn.workflows import detector_run
from mnist_cnn.workflows.detector_run import CHECKED
from mnist_cnn.workflows.page_preparation import PageData


def run(partial: Path, settings: Settings, dataset: Dataset, ink: Ink | None, callbacks: CallbackList) -> None:
    """Train from the last whole epoch, evaluate, and save the recogniser with its report and, last, its card."""
    from mnist_cnn.training.recogniser_fit import recogniser_task  # Keras comes with it

    recipe, data = settings.recipe, PageData(dataset, ink)
    held_out = detector_run.prepared(partial, data)
    validation = held_out_lines(held_out, recipe, VALIDATION)
    task = recogniser_task(recipe, partial / store.PAGES, validation, measured)
    network, rows, notes = detector_run.train_epochs(partial, settings, task, callbacks)

    callbacks.on_status("Evaluating on lines of held-out writers")
    started = time.perf_counter()
    test = held_out_lines(held_out, recipe, TEST)
    said = keras_recogniser(network)(test.images)
    evaluation = evaluate_recogniser(said, test)
    callbacks.on_detections(evaluation)
    testing = time.perf_counter() - started

    made = detector_run.save(
        partial,
        settings,
        network,
        test.images[:CHECKED],
        said[:CHECKED],
        rows,
        notes,
        testing,
        data.about({"lines": {"width": WIDTH, **held_out_counts(recipe)}}),
        evaluation.to_dict(),
        callbacks,
    )
    from mnist_cnn.evaluation import recogniser_report  # here, because matplotlib comes with it

    callbacks.on_status("Writing the report")
    recogniser_report.write(partial, made, evaluation, said, test)
    card.write(partial, made)  # last: a folder with a model card is complete
