"""A saved model → its report made again. Trains nothing and prints nothing."""

import json
from collections.abc import Iterable
from pathlib import Path

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.callbacks.progress import callbacks_for
from mnist_cnn.data.source import Data
from mnist_cnn.errors import ArtifactError
from mnist_cnn.evaluation.confident_learning import LabelErrors
from mnist_cnn.system import environment
from mnist_cnn.workflows.evaluate import classifier_of, data_of, evaluate_corruptions, evaluated


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
    also has the accuracy on corrupted images, which takes a minute or two. Gives the path of the page, `report.html` in
    the folder. Raises ArtifactError, DataError, RunError if it cannot be written, and MissingExtraError on the base
    install.
    """
    environment.require_training("Making a report")
    listed = callbacks_for(verbose, callbacks)
    from mnist_cnn.evaluation import html_report

    artifact = store.own(folder)
    dataset = data_of(artifact, listed, data)
    robustness = evaluate_corruptions([artifact], dataset, listed) if corruptions else None
    found = label_errors_in(artifact.folder / card.LABEL_ERRORS)
    with store.writing(artifact.folder):
        probabilities = classifier_of(artifact)(dataset.test.images)
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


def label_errors_in(path: Path) -> dict[str, LabelErrors] | None:
    """What `mnist-cnn label-errors` has left in the folder; None if it was never run."""
    try:
        document = json.loads(path.read_bytes())
        return {name: LabelErrors.from_dict(document[name]) for name in ("training", "test")}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} is damaged: delete it, or make it again with `mnist-cnn label-errors`.") from error
