"""Kept networks → how well each, or the mean of all, reads the test images. Trains, keeps and prints nothing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.callbacks import Watch
from mnist_cnn.data import source
from mnist_cnn.data.source import Dataset
from mnist_cnn.errors import ArtifactError, DataError
from mnist_cnn.evaluation import disputed
from mnist_cnn.evaluation.metrics import Evaluation, accuracy, evaluate
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.reading.ensemble import average, mean
from mnist_cnn.reading.network import Classifier, onnx_classifier
from mnist_cnn.system import environment
from mnist_cnn.system.files import sha256_of
from mnist_cnn.training import backend

if TYPE_CHECKING:
    import keras

    from mnist_cnn.evaluation.robustness import Robustness


def judge(
    model: str | Path | Sequence[str | Path], data: str | None = None, *, watch: Watch | None = None
) -> tuple[Evaluation, Dataset]:
    """Judge a kept network (a folder) or an ONNX file on the test images of `data`; of several, the ensemble.

    An ensemble's probabilities are the mean of its members'. By default `data` is what the networks were trained on;
    "auto" for bare ONNX files. Gives the evaluation and the data set that it is of. Raises ArtifactError, DataError,
    and MissingExtraError on the light install.
    """
    evaluation, _, dataset = judge_each([model] if isinstance(model, str | Path) else model, data, watch=watch)
    return evaluation, dataset


def judge_each(
    models: Sequence[str | Path], data: str | None = None, *, watch: Watch | None = None
) -> tuple[Evaluation, list[Evaluation], Dataset]:
    """Judge the ensemble of networks as `judge` does, and each of them by itself."""
    environment.require_training("Judging a network")
    watch = watch or Watch()
    if not models:
        raise ArtifactError("No network was named, so there is nothing to judge: name at least one.")
    paths = [Path(model) for model in models]
    members = [opened(path) for path in paths]
    _refuse_the_same_twice(paths, members)
    artifacts = [member for member in members if isinstance(member, Artifact)]
    dataset = data_of_all(artifacts, watch) if data is None else source.load(data, say=watch.note)
    if dataset.warning:
        watch.warn(dataset.warning)
    rows: list[np.ndarray] = []
    for path, member in zip(paths, members, strict=True):
        if len(paths) > 1:
            watch.note(f"Judging {path}, {len(rows) + 1} of {len(paths)} networks")
        classify = classifier_of(member) if isinstance(member, Artifact) else member
        rows.append(classify(dataset.test.images))
    return judged(mean(rows), dataset), [judged(row, dataset) for row in rows], dataset


def judge_damaged(models: Sequence[str | Path], dataset: Dataset, *, watch: Watch | None = None) -> "Robustness":
    """Judge the ensemble of networks on test images that are damaged in the 15 ways of MNIST-C."""
    from mnist_cnn.evaluation.robustness import robustness  # here, because OpenCV comes with it

    classify = average([quickest(opened(Path(model))) for model in models])
    return robustness(classify, dataset.test, step=(watch or Watch()).damaged)


def opened(path: Path) -> Artifact | Classifier:
    """The kept network in a folder, verified, or that in an ONNX file."""
    if path.is_dir():
        return store.load(path)
    if path.suffix == ".onnx":
        return onnx_classifier(path)
    raise ArtifactError(f"{path} is neither a folder that `mnist-cnn train` made nor an .onnx file: name one of these.")


def _refuse_the_same_twice(paths: Sequence[Path], members: Sequence[Artifact | Classifier]) -> None:
    """Raise ArtifactError if two of the networks are one, be it copied, linked, or a folder and the file in it."""
    owners: dict[str, Path] = {}
    for path, member in zip(paths, members, strict=True):
        if isinstance(member, Artifact):
            hashes = {member.card.files[name] for name in card.NETWORKS if name in member.card.files}
        else:
            hashes = {sha256_of(path)}
        if same := hashes & owners.keys():
            raise ArtifactError(
                f"{owners[same.pop()]} and {path} are the same network, which would count double: name it once."
            )
        owners |= dict.fromkeys(hashes, path)


def data_of_all(artifacts: Sequence[Artifact], watch: Watch) -> Dataset:
    """Find the data that all of these were trained on; raises DataError if that is not one data set."""
    if not artifacts:
        return source.load("auto", say=watch.note)
    first = artifacts[0]
    for other in artifacts[1:]:
        if other.card.data["sha256"] != first.card.data["sha256"]:
            raise DataError(
                f"{first.folder} was trained on {first.card.data['origin']} and {other.folder} on other data, "
                f"{other.card.data['origin']}: name with --data what to judge them on."
            )
    return data_of(first, watch)


def judged(probabilities: np.ndarray, dataset: Dataset, watch: Watch | None = None) -> Evaluation:
    """Judge probabilities of the test images; `watch` hears the accuracy first, which needs nothing but NumPy."""
    labels = dataset.test.labels
    corrected = disputed.corrected(labels) if dataset.is_mnist else None
    if watch:
        on_corrected = None if corrected is None else accuracy(probabilities, corrected)
        watch.accuracy(accuracy(probabilities, labels), on_corrected, dataset)
    return evaluate(probabilities, labels, corrected)


def classifier_of(artifact: Artifact) -> Classifier:
    """The Keras network of an artifact as a function: (n, 28, 28) uint8, ink 255 → (n, 10) float32 probabilities.

    They are calibrated where images were kept to validate. Raises ArtifactError if Keras refuses the network, and
    RunError if Keras cannot start.
    """
    return keras_classifier(network_of(artifact))


def network_of(artifact: Artifact) -> "keras.Model":
    """The Keras network of an artifact, with calibrated probabilities whatever format it was kept in."""
    backend.start()
    from mnist_cnn.models.calibrated import calibrated  # here, because Keras comes with it

    return calibrated(store.load_keras(artifact.folder / card.KERAS_MODEL), artifact.card.outside_temperature)


def quickest(member: Artifact | Classifier) -> Classifier:
    """The network in ONNX form where an artifact has one, which was checked to be the same and starts sooner."""
    if not isinstance(member, Artifact):
        return member
    model = member.folder / card.ONNX_MODEL
    return onnx_classifier(model) if card.ONNX_MODEL in member.card.files else classifier_of(member)


def data_of(artifact: Artifact, watch: Watch) -> Dataset:
    """Find the data that a network was trained on; raises DataError if it is not there or not the same any more."""
    known = artifact.card.data
    dataset = source.load(known["origin"], say=watch.note)
    if dataset.sha256 != known["sha256"]:
        raise DataError(
            f"The data at {known['origin']} is not what {artifact.folder} was trained on: name other --data."
        )
    return replace(dataset, warning=known["warning"])
