"""The training of a segmenter, step by step: crops → training → evaluation → saved files → report. Prints nothing.

`train` has done what comes before, which is the same for all recipes.
"""

import time
from pathlib import Path

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.artifact.checked_files import row_of
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.ink.collection import Ink
from mnist_cnn.evaluation.segmenter_evaluation import evaluate_segmenter, measured
from mnist_cnn.models.classifier import keras_segmenter
from mnist_cnn.reading.segmenter_network import SIDE
from mnist_cnn.reading.weights import FINDER, calibrated_classifier
from mnist_cnn.system.files import sha256_of, write_whole
from mnist_cnn.training.checkpoint import Settings
from mnist_cnn.training.made_epochs import TEST, VALIDATION, held_out_counts
from mnist_cnn.training.segmenter_crops import held_out_crops
from mnist_cnn.workflows import detector_run
from mnist_cnn.workflows.detector_run import CHECKED
from mnist_cnn.workflows.page_preparation import PageData


def run(partial: Path, settings: Settings, dataset: Dataset, ink: Ink | None, callbacks: CallbackList) -> None:
    """Train from the last whole epoch, evaluate, and save the segmenter with its report and, last, its card."""
    from mnist_cnn.training.segmenter_fit import segmenter_task  # Keras comes with it

    recipe, data = settings.recipe, PageData(dataset, ink)
    held_out, finder = detector_run.prepared(partial, data), kept_finder(partial)
    validation = held_out_crops(held_out, finder, recipe, VALIDATION)
    task = segmenter_task(recipe, partial / store.PAGES, finder, validation, measured)
    network, rows, notes = detector_run.train_epochs(partial, settings, task, callbacks)

    callbacks.on_status("Evaluating on crops of held-out writers")
    started = time.perf_counter()
    test = held_out_crops(held_out, finder, recipe, TEST)
    said = keras_segmenter(network)(test.images)
    evaluation = evaluate_segmenter(said, test, calibrated_classifier())
    callbacks.on_detections(evaluation)
    testing = time.perf_counter() - started

    made = detector_run.save(
        partial,
        settings,
        network,
        test.images[:CHECKED],
        row_of(*said)[:CHECKED],
        rows,
        notes,
        testing,
        data.about({"crops": {"side": SIDE, **held_out_counts(recipe), "finder": sha256_of(finder)}}),
        evaluation.to_dict(),
        callbacks,
    )
    from mnist_cnn.evaluation import segmenter_report  # here, because matplotlib comes with it

    callbacks.on_status("Writing the report")
    segmenter_report.write(partial, made, evaluation, said, test)
    card.write(partial, made)  # last: a folder with a model card is complete


def kept_finder(partial: Path) -> Path:
    """The bundled finder in the checkpoint of a run, so that a later version resumes it with the same candidates."""
    kept = partial / store.CANDIDATES
    if not kept.exists():
        write_whole(kept, FINDER.read_bytes())
    return kept
