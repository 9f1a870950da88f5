"""A saved model as people use it: classify images, evaluate, look inside, save. Trains nothing and prints nothing."""

import shutil
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mnist_cnn.artifact import store
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.card import NO_CLASSIFIERS, Card
from mnist_cnn.data.contents import checked_images
from mnist_cnn.data.source import Data
from mnist_cnn.errors import RunError
from mnist_cnn.evaluation.confusion_table import confusion_table
from mnist_cnn.evaluation.metrics import Evaluation
from mnist_cnn.evaluation.recogniser_evaluation import RecogniserEvaluation
from mnist_cnn.reading.network import Classifier
from mnist_cnn.system.files import is_plain, scratch_beside, write_whole
from mnist_cnn.workflows.evaluate import evaluate, fastest_classifier, keras_model_of

if TYPE_CHECKING:
    import keras


class Model:
    """A saved model: `folder` has its files, `card` says what it is, how it was trained and how good it is.

    `mnist_cnn.load` gives one, and so do `train`, `resume` and `adapt`. If the folder has a model.onnx, everything here
    works on the base install except `keras`, which needs the extra `train`. A finder, a segmenter and a
    recogniser classify nothing: of them there are `folder`, `card`, `keras` and `save`; the others raise ArtifactError.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact

    @property
    def folder(self) -> Path:
        """The folder with model.keras, model.onnx, card.json, history.csv and report.html."""
        return self.artifact.folder

    @property
    def card(self) -> Card:
        """The model card (docs/saved_models.md)."""
        return self.artifact.card

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, the ten digits unless the model was trained on other data."""
        return self.card.task.class_names

    def predict(self, images: Any) -> np.ndarray:
        """Classify images: gives (n,) integers, the most probable digit of each. Takes what `predict_proba` takes.

        Of a model with other classes they are their numbers, of which `class_names` has the names.
        """
        return np.asarray(self.predict_proba(images).argmax(axis=1))

    def predict_proba(self, images: Any) -> np.ndarray:
        """Classify images: gives (n, 10) float32 probabilities, each row summing to 1, calibrated where possible.

        `images` are (n, 28, 28) or (n, 28, 28, 1) uint8, foreground 255 and background 0, as MNIST has them; one image
        may be (28, 28). For photographs and scans there is `mnist_cnn.read`. A model that was trained on other data
        takes images of their size, grey (n, side, side) or RGB (n, side, side, 3), and gives (n, classes). Raises
        DataError for anything else, and ArtifactError if the model cannot be loaded.
        """
        task, array = self.card.task, np.asarray(images)
        array = array[np.newaxis] if array.shape == task.image_shape else array
        if array.shape[:1] == (0,) and array.dtype == np.uint8:
            return np.zeros((0, task.classes), np.float32)
        return self._classify(checked_images(array, "images", task))

    __call__ = predict_proba
    """A model is a classifier: `Reader(model)` reads with it."""

    @cached_property
    def _classify(self) -> Classifier:
        return fastest_classifier(self.artifact)

    def evaluate(self, data: Data | None = None) -> Evaluation:
        """Evaluate the model on the test images of `data`, by default those of the dataset that it was trained on.

        `data` is what `load_data` takes. Raises DataError, ArtifactError, and MissingExtraError if only Keras can run
        the model and it is not installed.
        """
        return evaluate(self, data)

    @cached_property
    def keras(self) -> "keras.Model":
        """The Keras model: (n, 28, 28, 1) pixels from 0 to 255 (uint8) in, (n, 10) probabilities out, or as its task.

        Do not divide by 255: that is its first layer. Raises ArtifactError, and MissingExtraError on the base install.
        """
        return keras_model_of(self.artifact)

    def save(self, path: str | Path) -> Path:
        """Copy the model to a new folder, or one of its files to a path that ends with .keras or .onnx.

        Gives the path. Nothing is overwritten. Raises RunError if the path exists or cannot be written, ArtifactError
        if the model has no such file: the bundled one has model.onnx only.
        """
        path = Path(path)
        if path.exists() or path.is_symlink():
            raise RunError(f"{path} already exists and nothing is overwritten: choose another path.")
        with store.writing(path.parent, "nothing was saved"):
            if path.suffix in (".keras", ".onnx"):
                write_whole(path, store.file_of(self.artifact, f"model{path.suffix}").read_bytes())
            else:
                for name in self.card.files:
                    store.file_of(self.artifact, name)
                store.require_folder_name(path)
                with scratch_beside(path) as scratch:
                    shutil.copytree(self.folder, scratch / path.name, ignore=all_but_files)
                    (scratch / path.name).rename(path)
        return path

    def __repr__(self) -> str:
        known = self.card.evaluation
        if self.card.is_finder:
            result = f"F1 {known['f1']:.2%} on {known['pages']:,} made pages"
        elif self.card.is_segmenter:
            result = f"ROC AUC {known['roc_auc']:.4f} on {known['crops']:,} crops of made pages"
        elif self.card.is_recogniser:
            f1 = ", ".join(f"{name} {one.f1:.2%}" for name, one in RecogniserEvaluation.from_dict(known).usual.items())
            result = f"F1 of {f1} on {known['lines']:,} lines of made pages"
        else:
            result = (
                f"{known['accuracy']:.2%} on {'MNIST' if self.card.data['name'] == 'mnist' else self.card.data['name']}"
            )
        return f"Model({str(self.folder)!r}, recipe {self.card.recipe['name']!r}, {result})"

    def _repr_html_(self) -> str:
        """The learning curves and the confusion matrix, for a notebook."""
        if self.card.recipe["name"] in NO_CLASSIFIERS:
            return f"<p>{escape(repr(self))}</p>{learning_curves(self)}"
        matrix = np.asarray(self.card.evaluation["confusion_matrix"])
        return confusion_table(repr(self), matrix, self.class_names) + learning_curves(self)


def all_but_files(folder: str, names: list[str]) -> list[str]:
    """What in a folder is neither a file nor a folder: links, which may lead anywhere, pipes and devices."""
    paths = {name: Path(folder, name) for name in names}
    return [name for name, path in paths.items() if not is_plain(path) and (path.is_symlink() or not path.is_dir())]


def learning_curves(model: Model) -> str:
    """The learning curves as HTML, for a notebook; empty without matplotlib."""
    try:
        from mnist_cnn.evaluation import charts
    except ImportError:
        return ""
    history = model.card.history
    measures: tuple[Literal["loss", "accuracy", "f1"], ...] = (
        "loss",
        "f1" if any("val_f1" in row for row in history) else "accuracy",
    )
    drawn = (charts.learning_curve(history, measure) for measure in measures)
    curves = "".join(charts.standalone(charts.to_svg(figure, "learning curve")) for figure in drawn)
    return f'<div style="display: flex; max-width: 50em">{curves}</div>'


def load(model: str | Path) -> Model:
    """Load a saved model: a folder that `train` or `adapt` made, or a name.

    "robust" is the bundled model; the name of another recipe is its newest finished run in `runs/`.

    Every file in the folder is verified by its SHA-256 in the model card, and none is run. Raises ArtifactError, one
    sentence, if there is no model or a file of it is damaged or was changed.
    """
    return Model(store.load(model))
