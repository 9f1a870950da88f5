"""Find likely label errors in the dataset of a saved model, by models that were not trained on them. Prints nothing."""

import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.callbacks.progress import callbacks_for
from mnist_cnn.card import LABEL_ERRORS
from mnist_cnn.data.source import Data
from mnist_cnn.evaluation import temperature_scaling
from mnist_cnn.evaluation.confident_learning import LabelErrors, label_errors_of
from mnist_cnn.reading.ensemble import mean
from mnist_cnn.reading.temperature import at
from mnist_cnn.system import environment
from mnist_cnn.system.files import write_whole
from mnist_cnn.training import backend
from mnist_cnn.training.recipe import RECIPES, Recipe, check
from mnist_cnn.workflows.cross_validation import out_of_fold
from mnist_cnn.workflows.evaluate import classifier_of, data_of
from mnist_cnn.workflows.report import report

FOLDS = 5
# Twelve epochs instead of one: 99.5% accuracy in 22 s, so that fewer of the findings are the model's own errors.
DEFAULT_RECIPE = RECIPES["fast"].replace(
    epochs=12, final_plain_epochs=1, rotation=8.0, zoom=0.08, shear=0.08, translation=1.0, elastic=1.0, repeats=0
)


def find_label_errors(
    folder: str | Path,
    recipe: Recipe = DEFAULT_RECIPE,
    *,
    folds: int = FOLDS,
    seed: int = 0,
    threads: int | None = None,
    data: Data | None = None,
    verbose: int = 1,
    callbacks: Iterable[object] = (),
) -> dict[str, LabelErrors]:
    """Rank the labels of the dataset that the model in `folder` was trained on, and show them in its report.

    Training images are classified by models of `recipe` in a cross-validation with so many `folds`; test images by the
    mean of these models and of the model in the folder. Returns the likely label errors of "training" and "test", which
    are also saved in the folder as label_errors.json. Raises ArtifactError, DataError, RecipeError or RunError.
    """
    environment.require_training("Finding label errors")
    listed = callbacks_for(verbose, callbacks)
    recipe.require_classifier("Finding label errors")
    check("folds", folds, 2, 100, whole=True)
    check("seed", seed, 0, 2**32 - 1 - folds, whole=True)
    check("threads", threads := threads or environment.cores(), 1, 1024, whole=True)
    artifact = store.own(folder)
    card.require_classifier(artifact.folder, artifact.card)
    dataset = data_of(artifact, listed, data)
    if said := backend.prefer(recipe.backend, required=backend.is_required(recipe)):
        listed.on_message(said)
    backend.start()
    backend.configure(threads, deterministic=False)
    with closing(listed), store.writing(artifact.folder):
        seen, unseen = out_of_fold(recipe, dataset.train, dataset.test.images, folds, seed, listed, task=dataset.task)
        fitted = temperature_scaling.fit(seen, dataset.train.labels)
        listed.on_message(f"Evaluating {artifact.folder} on the {len(dataset.test):,} test images")
        by_all = mean([at(unseen, fitted), classifier_of(artifact)(dataset.test.images)])
        found = {
            "training": label_errors_of(at(seen, fitted), dataset.train.labels, dataset.class_names),
            "test": label_errors_of(by_all, dataset.test.labels, dataset.class_names),
        }
        about = {"data_sha256": dataset.sha256, "recipe": recipe.to_dict(), "folds": folds, "seed": seed}
        document = about | {name: one.to_dict() for name, one in found.items()}
        write_whole(artifact.folder / LABEL_ERRORS, json.dumps(document, indent=2) + "\n")
    report(artifact.folder, data=dataset, verbose=0, callbacks=listed.callbacks)
    return found
