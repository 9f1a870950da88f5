"""Saved models, or probabilities → how good each, or the ensemble, is on test images. Trains and saves nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.callbacks.progress import callbacks_for
from mnist_cnn.card import READING, Task
from mnist_cnn.data import source
from mnist_cnn.data.dataset import Dataset, Examples, Preparation
from mnist_cnn.data.source import Data
from mnist_cnn.errors import ArtifactError, DataError, EvaluationError
from mnist_cnn.evaluation import disputed, metrics
from mnist_cnn.evaluation.metrics import Evaluation, accuracy
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.models.classifier import task_of as task_of_network
from mnist_cnn.reading.ensemble import average, mean
from mnist_cnn.reading.model_names import foreign, path_of
from mnist_cnn.reading.network import Classifier, onnx_classifier, onnx_task
from mnist_cnn.system import environment
from mnist_cnn.system.files import sha256_of
from mnist_cnn.training import backend

if TYPE_CHECKING:
    import keras

    from mnist_cnn.evaluation.robustness import Robustness


def evaluate(
    model: Any, data: Any = None, *, corrected_labels: Any = None, verbose: int = 1, callbacks: Iterable[object] = ()
) -> Evaluation:
    """Evaluate a model on test images, or probabilities against labels.

    `model` is a `Model`, the folder of one, an .onnx file, a list of these (evaluated as an ensemble: the mean of their
    probabilities), anything with `predict_proba`, or a function of (n, 28, 28) uint8 images to (n, 10) probabilities.
    `data` is then what `load_data` takes; by default it is what the models were trained on, or "auto".

    Or `model` is an array of probabilities (n, 10), rows summing to 1, and `data` the labels (n,), 0 to 9; then
    `corrected_labels` (n,) may say what the labels should be, -1 for images to leave out.

    Raises EvaluationError, DataError or ArtifactError, one sentence that says what was received and what to do, and
    MissingExtraError if only Keras can run the model and it is not installed.
    """
    listed = callbacks_for(verbose, callbacks)
    if is_model(model) or (isinstance(model, list | tuple) and all(map(is_model, model))):
        models = model if isinstance(model, list | tuple) else [model]
        return evaluate_each(models, data, listed)[0]
    if hasattr(model, "predict"):
        raise EvaluationError(
            f"The model is a {type(model).__name__} without predict_proba, so it is unknown what images it takes: "
            "evaluate its probabilities, evaluate(model.predict(x_test), y_test)."
        )
    return metrics.evaluate(model, data, corrected_labels)


def is_model(one: object) -> bool:
    """Whether this is a model that can be evaluated on a dataset."""
    return isinstance(one, str | Path | Artifact) or hasattr(one, "predict_proba") or is_function(one)


def is_function(one: object) -> bool:
    """Whether this may be a classifier by itself: a model of Keras can be called, too, but nobody knows with what."""
    return callable(one) and not hasattr(one, "predict")


def evaluate_each(
    models: Sequence[Any], data: Data | None, callbacks: CallbackList
) -> tuple[Evaluation, list[Evaluation], Dataset]:
    """Evaluate the ensemble of models as `evaluate` does, and each of them by itself."""
    if not models:
        raise ArtifactError("No model was named, so there is nothing to evaluate: name at least one.")
    members = [opened(model) for model in models]
    _refuse_the_same_twice(models, members)
    artifacts = [member for member in members if isinstance(member, Artifact)]
    task = task_of_all(models, members)
    dataset = data_of_all(artifacts, callbacks) if data is None else data_for(task, artifacts, data, callbacks)
    if dataset.warning:
        callbacks.on_warning(dataset.warning)
    rows: list[np.ndarray] = []
    for model, member in zip(models, members, strict=True):
        if len(models) > 1:
            callbacks.on_message(f"Evaluating {named(model)} ({len(rows) + 1} of {len(models)} models)")
        classify = classifier_of(member) if isinstance(member, Artifact) else member
        rows.append(classify(dataset.test.images))
    alone = [evaluated(row, dataset) for row in rows]
    ensemble = alone[0] if len(alone) == 1 else evaluated(mean(rows), dataset)
    return ensemble, alone, dataset


def task_of_all(models: Sequence[Any], members: Sequence[Artifact | Classifier]) -> Task:
    """The one task of all models; raises ArtifactError if they have several. What is only a function has MNIST's."""
    tasks = [task_of(member) for member in members]
    for model, task in zip(models, tasks, strict=True):
        if task != tasks[0]:
            raise ArtifactError(
                f"{named(models[0])} and {named(model)} have other classes or take other images, so they cannot be "
                "evaluated together: evaluate them one by one."
            )
    return tasks[0]


def task_of(member: Artifact | Classifier) -> Task:
    """The task of a model that was `opened`; of a function that of MNIST."""
    if isinstance(member, Artifact):
        return member.card.task
    return member.task if isinstance(member, FileClassifier) else READING


def data_for(task: Task, artifacts: Sequence[Artifact], data: Data, callbacks: CallbackList) -> Dataset:
    """Data for models of a task: prepared as theirs were, with the same numbers of classes. Raises DataError."""
    known = artifacts[0].card.data.get("preparation", {}) if artifacts else {}
    if isinstance(data, Dataset):
        return as_classes(data, task)
    prepared = {**known, "image_size": task.side, "channels": task.channels}
    return as_classes(loaded_as(data, prepared, callbacks), task)


def as_classes(dataset: Dataset, task: Task) -> Dataset:
    """The dataset with its labels as the numbers of a task's classes, by their names; raises DataError."""
    if dataset.task.image_shape != task.image_shape:
        raise DataError(
            f"The images of {dataset.name} have the shape {dataset.task.image_shape}, and the model takes "
            f"{task.image_shape}: load them in that size."
        )
    if dataset.class_names == task.class_names:
        return dataset
    is_numbered = all(name.isdecimal() for name in task.class_names) and task.classes == len(dataset.class_names)
    if is_numbered:  # a bare .onnx file, which does not name its classes
        return dataset
    place = {name: number for number, name in enumerate(task.class_names)}
    used = [dataset.class_names[one] for one in np.unique(np.concatenate([dataset.train.labels, dataset.test.labels]))]
    if unknown := [name for name in used if name not in place]:
        raise DataError(
            f"{dataset.name} has the class {unknown[0]!r}, which is none of the model's ("
            f"{', '.join(task.class_names[:5])}{', …' if task.classes > 5 else ''}): name data with its classes."
        )
    numbers = np.array([place.get(name, 0) for name in dataset.class_names])
    train, test, validation = (
        Examples(part.images, numbers[part.labels].astype(np.uint16 if task.classes > 255 else np.uint8))
        for part in (dataset.train, dataset.test, dataset.validation)
    )
    return replace(dataset, train=train, test=test, validation=validation, class_names=task.class_names)


def evaluate_corruptions(models: Sequence[Any], dataset: Dataset, callbacks: CallbackList) -> "Robustness":
    """Evaluate the ensemble of models on the test images with the 15 corruptions of MNIST-C.

    Raises DataError if the images are not digits as MNIST's.
    """
    if not dataset.task.is_digits:
        raise DataError("The corruptions of MNIST-C are made for grey digits of 28×28 pixels: leave --corruptions out.")
    from mnist_cnn.evaluation.robustness import robustness  # here, because OpenCV comes with it

    classify = average([fastest_classifier(opened(model)) for model in models])
    return robustness(classify, dataset.test, step=callbacks.on_corruption)


def named(model: Any) -> str:
    """What to call a model in a sentence."""
    return str(getattr(model, "folder", model))


def opened(model: Any) -> Artifact | Classifier:
    """The saved model in a folder, verified, or a classifier: of an ONNX file, an object with `predict_proba`."""
    model = getattr(model, "artifact", model)
    if isinstance(model, Artifact):
        card.require_classifier(model.folder, model.card)
        return model
    if not isinstance(model, str | Path):
        classify = getattr(model, "predict_proba", model)
        return lambda images: np.asarray(classify(images))  # `metrics.evaluate` looks at what it gives
    path = path_of(model)
    if path.suffix.lower() == ".keras" and path.is_file():
        return keras_file_classifier(path)
    if sentence := foreign(path):
        raise ArtifactError(sentence)
    if path.is_dir():
        return store.load_classifier(path)
    if path.suffix.lower() == ".onnx":
        task = onnx_task(path)
        return FileClassifier(onnx_classifier(path, task=task), task)
    raise ArtifactError(
        f"{path} is neither a folder that `mnist-cnn train` made nor an .onnx or .keras file: name one of these."
    )


@dataclass(frozen=True)
class FileClassifier:
    """The classifier in a bare file, with its task."""

    classify: Classifier
    task: Task

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The probabilities (n, classes) of images (n, *image_shape) uint8."""
        return self.classify(images)


def keras_file_classifier(path: Path) -> FileClassifier:
    """The classifier in a bare .keras file; raises ArtifactError if it does not fit.

    It takes uint8 images, or begins with a layer `Rescaling` by about 1/255 or 1/127.5. Without either, whether pixels
    range from 0 to 1 or to 255 is not in the file.
    """
    environment.require_training("Using a Keras model")
    backend.start()
    network = store.load_keras(path, None)
    first = next(one for one in network.layers if type(one).__name__ != "InputLayer")
    is_rescaled = type(first).__name__ == "Rescaling" and 1 / 256 <= float(np.max(first.scale)) <= 1 / 127
    if network.inputs[0].dtype != "uint8" and not is_rescaled:
        raise ArtifactError(
            f"{path} takes {network.inputs[0].dtype} images, and whether from 0 to 1 or to 255 is not in the file: "
            "evaluate its probabilities in Python, mnist_cnn.evaluate(model.predict(x_test), y_test)."
        )
    return FileClassifier(keras_classifier(network), task_of_network(network))


def _refuse_the_same_twice(models: Sequence[Any], members: Sequence[Artifact | Classifier]) -> None:
    """Raise ArtifactError if two of the models are one, be it copied, linked, or a folder and the file in it."""
    owners: dict[str, str] = {}
    for model, member in zip(models, members, strict=True):
        if isinstance(member, Artifact):
            hashes = {member.card.files[name] for name in card.NETWORKS if name in member.card.files}
        elif isinstance(model, str | Path):
            hashes = {sha256_of(Path(model))}
        else:
            continue
        if same := hashes & owners.keys():
            raise ArtifactError(
                f"{owners[same.pop()]} and {named(model)} are the same model, which would count double: name it once."
            )
        owners |= dict.fromkeys(hashes, named(model))


def data_of_all(artifacts: Sequence[Artifact], callbacks: CallbackList) -> Dataset:
    """Find the data that all of these were trained on; raises DataError if that is not one dataset."""
    if not artifacts:
        return source.load("auto", say=callbacks.on_message)
    first = artifacts[0]
    for other in artifacts[1:]:
        if other.card.data["sha256"] != first.card.data["sha256"]:
            raise DataError(
                f"{first.name} was trained on {first.card.data['origin']} and {other.name} on other data, "
                f"{other.card.data['origin']}: name the dataset to evaluate them on with --data."
            )
    return data_of(first, callbacks)


def evaluated(probabilities: np.ndarray, dataset: Dataset, callbacks: CallbackList | None = None) -> Evaluation:
    """Evaluate probabilities of the test images; `callbacks` hear the accuracy first, which needs nothing but NumPy."""
    labels = dataset.test.labels
    corrected = disputed.corrected(labels) if dataset.is_mnist else None
    if callbacks:
        on_corrected = None if corrected is None else accuracy(probabilities, corrected)
        callbacks.on_accuracy(accuracy(probabilities, labels), on_corrected, dataset)
        callbacks.on_status("Computing confidence intervals")
    return metrics.evaluate(probabilities, labels, corrected, dataset.class_names)


def classifier_of(artifact: Artifact) -> Classifier:
    """The Keras model of an artifact as a function: (n, *image_shape) uint8 → (n, classes) probabilities.

    They are calibrated where there were validation images. Where Keras' form cannot be loaded, as that of a network
    with layers of its own, or Keras is not installed, it is model.onnx; so it is of a model that was trained without
    Keras. Raises ArtifactError if there is neither, MissingExtraError if only Keras can run it, and RunError if Keras
    cannot start.
    """
    known = artifact.card
    without_keras = known.recipe.get("backend") == backend.WITHOUT_KERAS or environment.missing_for_training()
    if without_keras and card.ONNX_MODEL in known.files:
        return onnx_of(artifact)
    try:
        return keras_classifier(keras_model_of(artifact))
    except ArtifactError:
        if card.ONNX_MODEL not in artifact.card.files:
            raise
        return onnx_of(artifact)


def onnx_of(artifact: Artifact) -> Classifier:
    """The classifier in the model.onnx of an artifact."""
    from mnist_cnn.reading.weights import with_temperature  # here, because OpenCV comes with it

    known = artifact.card
    return with_temperature(
        onnx_classifier(artifact.folder / card.ONNX_MODEL, task=known.task), known.outside_temperature
    )


def keras_model_of(artifact: Artifact) -> "keras.Model":
    """The Keras model of an artifact: with calibrated probabilities whatever format it was saved in, if it classifies.

    Where the folder has no model.keras, as the bundled model's, it is built again from model.onnx.
    """
    environment.require_training("Using the Keras model")
    backend.start()
    from mnist_cnn.models.calibrated import calibrated  # here, because Keras comes with it

    if shapes := store.DETECTORS.get(artifact.card.recipe["name"]):
        return store.load_keras(artifact.folder / card.KERAS_MODEL, shapes)
    if card.KERAS_MODEL not in artifact.card.files or not (artifact.folder / card.KERAS_MODEL).exists():
        from mnist_cnn.artifact.trainable import trainable
        from mnist_cnn.reading.nearest import index

        temperature = float(artifact.card.evaluation.get("temperature", 1.0))
        return calibrated(trainable(artifact, index()[0]), temperature)
    return calibrated(
        store.load_keras(artifact.folder / card.KERAS_MODEL, store.shapes_of(artifact.card.task)),
        artifact.card.outside_temperature,
    )


def fastest_classifier(member: Artifact | Classifier) -> Classifier:
    """The model in ONNX form where an artifact has one, which was checked to be the same and starts sooner."""
    if not isinstance(member, Artifact):
        return member
    card.require_classifier(member.folder, member.card)
    if card.ONNX_MODEL not in member.card.files:
        return classifier_of(member)
    return onnx_of(member)


def loaded_as(data: Data, prepared: Mapping[str, Any], callbacks: CallbackList) -> Dataset:
    """Load data with the preparation that a model card or a run's settings have."""
    given = Preparation.from_dict(prepared)
    return source.load(
        data,
        image_size=given.image_size,
        channels=given.channels,
        invert=given.invert,
        class_names=given.class_names,
        say=callbacks.on_message,
    )


def data_of(artifact: Artifact, callbacks: CallbackList, data: Data | None = None) -> Dataset:
    """Find the data that a model was trained on, or check that `data` are; raises DataError if they are not."""
    known = artifact.card.data
    dataset = loaded_as(known["origin"] if data is None else data, known.get("preparation", {}), callbacks)
    if dataset.sha256 != known["sha256"]:
        place = known["origin"] if data is None else dataset.origin
        raise DataError(f"The data at {place} is not what {artifact.name} was trained on: name other data with --data.")
    return replace(dataset, warning=known["warning"])
