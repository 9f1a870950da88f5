"""Compare two studies or two models: is the difference statistically significant? Prints nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ArtifactError, DataError, MnistCnnError
from mnist_cnn.evaluation.comparison import ContingencyTable, Difference, mcnemar, paired_permutation, welch
from mnist_cnn.reading.model_names import path_of
from mnist_cnn.reading.network import Classifier
from mnist_cnn.study import folder as files
from mnist_cnn.study.folder import Study
from mnist_cnn.study.run import is_of
from mnist_cnn.study.seed import seed_folder
from mnist_cnn.system import environment
from mnist_cnn.workflows import evaluate as workflow

WHAT = "a folder of `mnist-cnn study` or its study.json, a folder of `mnist-cnn train`, or an .onnx file"


@dataclass(frozen=True)
class ModelComparison:
    """Two models on the same test images; `difference` is B's accuracy minus A's, by McNemar's exact test."""

    a: str
    b: str
    data: dict[str, Any]
    counts: ContingencyTable
    difference: Difference

    @property
    def verdict(self) -> str:
        """The conclusion in a sentence."""
        if self.difference.is_significant:
            return f"{better(self.difference)}."
        return f"The difference is not significant: {difference_text(self.difference)}."

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON."""
        return {
            "kind": "models",
            "a": self.a,
            "b": self.b,
            "data": self.data,
            "counts": self.counts.to_dict(),
            "test": "McNemar, exact",
            "difference": self.difference.to_dict(),
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class StudyComparison:
    """Two studies: B's mean accuracy minus A's.

    `seeds` tests it across seeds, as if other seeds were trained; `images` across images, as if these models saw other
    images of the same kind. That is None if not all models are saved, and `why_no_images` says why.
    """

    a: str
    b: str
    data: dict[str, Any]
    studies: tuple[Study, Study]
    seeds: Difference
    images: Difference | None
    why_no_images: str | None

    @property
    def verdict(self) -> str:
        """The conclusion in a sentence."""
        if self.seeds.p is None:
            return (
                f"The significance is unknown: {difference_text(self.seeds)}, but within each study all seeds have the "
                "same accuracy, so there is no spread to compare it with: train more seeds."
            )
        if not self.seeds.is_significant:
            other = "; between these particular models it is" if self.images and self.images.is_significant else ""
            return f"The difference between the recipes is not significant: {difference_text(self.seeds)}{other}."
        if self.images and not self.images.is_significant:
            return f"{better(self.seeds)} on these test images, but this may not hold on others ({p_of(self.images)})."
        return f"{better(self.seeds)}."

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON."""
        return {
            "kind": "studies",
            "a": self.a,
            "b": self.b,
            "data": self.data,
            "summaries": {
                name: study.to_dict()["summary"]["accuracy"] for name, study in zip("ab", self.studies, strict=True)
            },
            "across_seeds": {"test": "Welch's t", **self.seeds.to_dict()},
            "on_the_same_images": {"test": "paired permutation", **self.images.to_dict()} if self.images else None,
            "note": self.why_no_images,
            "verdict": self.verdict,
        }


def compare(
    a: str | Path, b: str | Path, data: str | None = None, *, callbacks: CallbackList | None = None
) -> ModelComparison | StudyComparison:
    """Compare two studies or two models, each named as `WHAT` says.

    `data` is what two models are evaluated on, by default what they were trained on ("auto" for two ONNX files). Raises
    ArtifactError, DataError.
    """
    environment.require_training("A comparison")
    callbacks = callbacks or CallbackList()
    paths = _path(a), _path(b)
    kinds = [kind_of(path) for path in paths]
    if kinds[0] != kinds[1]:
        raise ArtifactError(f"{a} is a {kinds[0]} and {b} a {kinds[1]}: name two of the same kind.")
    if kinds[0] == "model":
        return _compare_models(paths, data, callbacks)
    if data is not None:
        raise DataError("Two studies are compared on the dataset that both were trained on: leave --data out.")
    return _compare_studies(paths, callbacks)


def _path(word: str | Path) -> Path:
    """The folder or file of a study, or what the name of a model stands for."""
    return Path(word) if is_study(Path(word)) else path_of(word)


def is_study(path: Path) -> bool:
    """Whether a path is that of a study."""
    return path.suffix == ".json" or (path / files.STUDY).exists()


def kind_of(path: Path) -> str:
    """Whether a path is a "study" or a "model"; raises ArtifactError if it is neither."""
    if is_study(path):
        return "study"
    if path.suffix == ".onnx" or (path / card.CARD).exists():
        return "model"
    raise ArtifactError(f"{path} is neither a study nor a model: name {WHAT}.")


def _compare_models(paths: tuple[Path, Path], data: str | None, callbacks: CallbackList) -> ModelComparison:
    models = [workflow.opened(path) for path in paths]
    artifacts = [model for model in models if isinstance(model, Artifact)]
    task = workflow.task_of_all(paths, models)
    dataset = (
        workflow.data_of_all(artifacts, callbacks)
        if data is None
        else workflow.data_for(task, artifacts, data, callbacks)
    )
    if dataset.warning:
        callbacks.on_warning(dataset.warning)
    classifiers = [workflow.fastest_classifier(model) for model in models]
    counts = ContingencyTable.of(*(is_correct(classify, dataset) for classify in classifiers))
    a, b = (getattr(model, "name", str(path)) for model, path in zip(models, paths, strict=True))
    return ModelComparison(a, b, files.about(dataset), counts, mcnemar(counts))


def _compare_studies(paths: tuple[Path, Path], callbacks: CallbackList) -> StudyComparison:
    a, b = (files.read(path) for path in paths)
    for path, study in zip(paths, (a, b), strict=True):
        if len(study.finished) < 2:
            raise ArtifactError(
                f"{path} has too few finished seeds ({len(study.finished)}, and a spread needs two): "
                "train more (mnist-cnn study --seeds … --output …)."
            )
    if a.data["sha256"] != b.data["sha256"]:
        raise DataError(
            f"{paths[0]} was trained on {a.data['origin']} and {paths[1]} on other data, {b.data['origin']}: "
            "compare studies of the same dataset."
        )
    seeds = welch([*a.accuracies.values()], [*b.accuracies.values()])
    try:
        models = [_saved_models(path, study) for path, study in zip(paths, (a, b), strict=True)]
        dataset = workflow.data_of(models[0][0], callbacks)
        fractions = [
            _fraction_correct(artifacts, dataset, path, callbacks)
            for path, artifacts in zip(paths, models, strict=True)
        ]
        images = paired_permutation(fractions[0], fractions[1], np.random.default_rng(0))
        reason = None
    except MnistCnnError as error:
        images, reason = None, str(error)
    return StudyComparison(str(paths[0]), str(paths[1]), a.data, (a, b), seeds, images, reason)


def _saved_models(path: Path, study: Study) -> list[Artifact]:
    """The model of every finished seed; raises ArtifactError if one is missing or of another study."""
    folder = path if path.is_dir() else path.parent
    artifacts = []
    for seed in study.accuracies:
        artifact = store.load(seed_folder(folder, seed))
        if not is_of(artifact.card, study, seed):
            raise ArtifactError(f"{artifact.folder} is a model of another study: restore the right one.")
        artifacts.append(artifact)
    return artifacts


def _fraction_correct(
    artifacts: Sequence[Artifact], dataset: Dataset, path: Path, callbacks: CallbackList
) -> np.ndarray:
    """For each test image, the fraction of the models that classify it correctly, 0 to 1."""
    rows = []
    for artifact in artifacts:
        rows.append(is_correct(workflow.fastest_classifier(artifact), dataset))
        callbacks.on_message(f"{path}: {len(rows)} of {len(artifacts)} models evaluated")
    return np.asarray(np.mean(rows, axis=0))


def is_correct(classify: Classifier, dataset: Dataset) -> np.ndarray:
    """Which test images a model classifies correctly, (n,) bool."""
    return np.asarray(classify(dataset.test.images).argmax(axis=1) == dataset.test.labels)


def better(difference: Difference) -> str:
    """Which is better and by how much, with the confidence interval and p."""
    name, sign = ("B", 1) if difference.value > 0 else ("A", -1)
    interval = sorted(sign * 100 * end for end in difference.confidence_interval or ())
    points = 100 * abs(difference.value)
    return f"{name} is better by {points:.2f} percentage points ({_in_brackets(interval, difference)})"


def difference_text(difference: Difference) -> str:
    """B minus A, with the confidence interval and p."""
    interval = [100 * end for end in difference.confidence_interval or ()]
    said = f"B − A is {100 * difference.value:.2f} percentage points"
    return f"{said} ({_in_brackets(interval, difference)})" if interval else said


def p_of(difference: Difference) -> str:
    """The p-value of a test, as papers write it."""
    if difference.p is None:
        return "no p"
    return "p < 0.001" if difference.p < 0.001 else f"p = {difference.p:.3f}"


def _in_brackets(interval: Sequence[float], difference: Difference) -> str:
    low, high = interval
    return f"95% CI {low:.2f} to {high:.2f}, {p_of(difference)}"
