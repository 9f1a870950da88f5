"""A saved model → its report made again. Trains nothing and prints nothing."""

import json
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.callbacks.progress import callbacks_for
from mnist_cnn.data.dataset import Dataset, Examples
from mnist_cnn.data.ink.collection import load_ink
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.data.source import Data
from mnist_cnn.errors import ArtifactError, DataError, RunError
from mnist_cnn.evaluation.confident_learning import LabelErrors
from mnist_cnn.evaluation.finder_evaluation import evaluate_finder
from mnist_cnn.evaluation.recogniser_evaluation import evaluate_recogniser
from mnist_cnn.evaluation.segmenter_evaluation import evaluate_segmenter
from mnist_cnn.models.classifier import keras_finder, keras_recogniser, keras_segmenter
from mnist_cnn.reading.weights import FINDER, calibrated_classifier
from mnist_cnn.system import environment
from mnist_cnn.system.files import read_limited, sha256_of
from mnist_cnn.system.schema import COUNT, SHARE, Fields, ListOf, Number, Text
from mnist_cnn.training import backend
from mnist_cnn.training.finder_pages import held_out_pages
from mnist_cnn.training.made_epochs import TEST
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.training.recogniser_lines import held_out_lines
from mnist_cnn.training.segmenter_crops import held_out_crops
from mnist_cnn.workflows.evaluate import classifier_of, data_of, evaluate_corruptions, evaluated, keras_model_of
from mnist_cnn.workflows.page_preparation import PageData

LARGEST = 2**24  # bytes of label_errors.json, which has about ten thousand


def report(
    folder: str | Path,
    *,
    data: Data | None = None,
    corruptions: bool = False,
    verbose: int = 1,
    callbacks: Iterable[object] = (),
) -> Path:
    """Make the report of a saved model again, from its model card, its weights and the data it was trained on.

    `data` are needed only if the model was trained on arrays in memory: the same ones. With `corruptions` the report
    also has the accuracy on corrupted images, which takes a minute or two. For a finder its test pages, for a segmenter
    its test crops, and for a recogniser its test lines are made again, with the ink that it was trained on. Gives the
    path of the page, `report.html` in the folder. Raises ArtifactError, DataError, RunError if it cannot be written,
    and MissingExtraError if only Keras can run the model and it is not installed; without matplotlib the page has no
    charts.
    """
    listed = callbacks_for(verbose, callbacks)
    from mnist_cnn.evaluation import html_report

    artifact = store.own(folder)
    _compute_as_in_training(artifact)
    if artifact.card.recipe["name"] in card.NO_CLASSIFIERS:
        environment.require_training("This report")
        if corruptions:
            card.require_classifier(artifact.folder, artifact.card)
        with store.writing(artifact.folder):
            return detector_report_of(artifact, listed, data)
    dataset = data_of(artifact, listed, data)
    robustness = evaluate_corruptions([artifact], dataset, listed) if corruptions else None
    found = label_errors_in(artifact.folder / card.LABEL_ERRORS, dataset)
    with closing(listed), store.writing(artifact.folder):
        listed.on_status(f"Evaluating on {len(dataset.test):,} test images")
        probabilities = classifier_of(artifact)(dataset.test.images)
        listed.on_status("Writing the report")
        evaluation = evaluated(probabilities, dataset)
        return html_report.write(
            artifact.folder,
            artifact.card,
            dataset.test,
            probabilities,
            evaluation,
            robustness,
            found,
            dataset.train,
        )


def _compute_as_in_training(artifact: Artifact) -> None:
    """Take as many threads as the run had: with another number, some processors' sums differ in their last digits."""
    if artifact.card.recipe.get("backend") == backend.WITHOUT_KERAS or environment.missing_for_training():
        return
    backend.start()
    with suppress(RunError):  # this process has computed before, and the difference is one of rounding
        backend.configure(artifact.card.threads, artifact.card.deterministic)


def detector_report_of(artifact: Artifact, callbacks: CallbackList, data: Data | None) -> Path:
    """Make the report of a finder, a segmenter or a recogniser again."""
    known, recipe = artifact.card, Recipe(**artifact.card.recipe)
    dataset = data_of(artifact, callbacks, data).split(recipe.validation_split)
    recorded = known.data.get("ink")
    ink = load_ink(recorded["origin"], callbacks.on_message, with_lines=True) if recorded else None
    if ink and recorded and (ink.sha256, len(ink.lines)) != (recorded["sha256"], recorded.get("lines", 0)):
        raise DataError(
            f"The ink at {', '.join(recorded['origin'])} is not what {artifact.name} was trained on: bring the old "
            "files back."
        )
    reports = {
        card.FINDER: finder_report_of,
        card.SEGMENTER: segmenter_report_of,
        card.RECOGNISER: recogniser_report_of,
    }
    return reports[recipe.name](artifact, recipe, PageData(dataset, ink).sources(validation=True))


def finder_report_of(artifact: Artifact, recipe: Recipe, held_out: Sources) -> Path:
    """Make the report of a finder again."""
    from mnist_cnn.evaluation import finder_report

    pages = held_out_pages(held_out, recipe, TEST)
    places = keras_finder(keras_model_of(artifact))(np.stack([page.grey for page in pages]))
    evaluation = evaluate_finder(places, pages, float(artifact.card.evaluation["threshold"]))
    return finder_report.write(artifact.folder, artifact.card, evaluation, places, pages)


def segmenter_report_of(artifact: Artifact, recipe: Recipe, held_out: Sources) -> Path:
    """Make the report of a segmenter again."""
    from mnist_cnn.evaluation import segmenter_report

    if sha256_of(FINDER) != artifact.card.data["crops"]["finder"]:
        raise ArtifactError(
            f"{artifact.name} was trained on the candidates of another finder than the bundled one, and only that "
            "one finds its test crops again: use the version of mnist-cnn that trained it."
        )
    crops = held_out_crops(held_out, FINDER, recipe, TEST)
    said = keras_segmenter(keras_model_of(artifact))(crops.images)
    evaluation = evaluate_segmenter(said, crops, calibrated_classifier())
    return segmenter_report.write(artifact.folder, artifact.card, evaluation, said, crops)


def recogniser_report_of(artifact: Artifact, recipe: Recipe, held_out: Sources) -> Path:
    """Make the report of a recogniser again."""
    from mnist_cnn.evaluation import recogniser_report

    lines = held_out_lines(held_out, recipe, TEST)
    said = keras_recogniser(keras_model_of(artifact))(lines.images)
    return recogniser_report.write(artifact.folder, artifact.card, evaluate_recogniser(said, lines), said, lines)


def label_errors_in(path: Path, dataset: Dataset) -> dict[str, LabelErrors] | None:
    """What `mnist-cnn label-errors` has left in the folder of a model of this dataset; None if it was never run."""
    try:
        document = json.loads(read_limited(path, LARGEST))
        classes = dataset.task.classes
        parts = {"training": dataset.train, "test": dataset.test}
        if fault := Fields({name: label_errors_of(part, classes) for name, part in parts.items()}).fault(document, ""):
            raise ValueError(fault)
        return {name: LabelErrors.from_dict(document[name]) for name in ("training", "test")}
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}): delete it.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(f"{path} is damaged: delete it, or make it again with `mnist-cnn label-errors`.") from error


def label_errors_of(examples: Examples, classes: int) -> Fields:
    """What the label errors of these examples must be: only images that exist can be shown."""
    digit = Number(0, classes - 1, whole=True)
    one = {
        "index": Number(0, len(examples) - 1, whole=True),
        "label": digit,
        "suggested": digit,
        "label_probability": SHARE,
        "suggested_probability": SHARE,
    }
    return Fields(
        {"count": COUNT, "estimated": COUNT, "ranked": ListOf(Fields(one))},
        {"class_names": ListOf(Text(card.LONGEST_NAME), length=classes)},
    )
