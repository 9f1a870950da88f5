"""Two studies, or two kept networks: is one of them better, or may it be chance? Prints nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.data import source
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
class Networks:
    """Two networks on the same test images; `difference` is B's accuracy less A's, by McNemar's exact test."""

    a: str
    b: str
    data: dict[str, Any]
    counts: ContingencyTable
    difference: Difference

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        if self.difference.is_significant:
            return f"{better(self.difference)}."
        return f"No difference can be told: {less(self.difference)}."

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON has it."""
        return {
            "kind": "networks",
            "a": self.a,
            "b": self.b,
            "data": self.data,
            "counts": self.counts.to_dict(),
            "test": "McNemar, exact",
            "difference": self.difference.to_dict(),
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class Studies:
    """Two studies: how sure B's mean accuracy less A's is.

    `seeds` says so for the case that other seeds were trained, `images` for the case that these networks read other
    images of the same kind; it is None if their networks are not kept, and `why_no_images` says why.
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
        """The result in a sentence."""
        if self.seeds.p is None:
            return (
                f"No difference can be told: {less(self.seeds)}, but no seed differs from another of its study, "
                "so there is nothing to measure that with: train more seeds."
            )
        if not self.seeds.is_significant:
            other = "; these very networks do differ" if self.images and self.images.is_significant else ""
            return f"No difference can be told between the recipes: {less(self.seeds)}{other}."
        if self.images and not self.images.is_significant:
            return (
                f"{better(self.seeds)} on these test images, but on others that may be otherwise ({p_of(self.images)})."
            )
        return f"{better(self.seeds)}."

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON has it."""
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
) -> Networks | Studies:
    """Compare two studies or two networks, each as `WHAT` says.

    `data` is what two networks are judged on, by default what they were trained on ("auto" for two ONNX files). Raises
    ArtifactError, DataError.
    """
    environment.require_training("A comparison")
    callbacks = callbacks or CallbackList()
    paths = _path(a), _path(b)
    kinds = [kind_of(path) for path in paths]
    if kinds[0] != kinds[1]:
        raise ArtifactError(f"{a} is a {kinds[0]} and {b} a {kinds[1]}: name two of the same kind.")
    if kinds[0] == "network":
        return _networks(paths, data, callbacks)
    if data is not None:
        raise DataError("Two studies are compared on the data that both were trained on: leave --data out.")
    return _studies(paths, callbacks)


def _path(word: str | Path) -> Path:
    """A study's folder or file, or what the name of a model stands for."""
    return Path(word) if is_study(Path(word)) else path_of(word)


def is_study(path: Path) -> bool:
    """Whether a path is that of a study."""
    return path.suffix == ".json" or (path / files.STUDY).exists()


def kind_of(path: Path) -> str:
    """Whether a path leads to a "study" or a "network"; raises ArtifactError if to neither."""
    if is_study(path):
        return "study"
    if path.suffix == ".onnx" or (path / card.CARD).exists():
        return "network"
    raise ArtifactError(f"{path} holds neither a study nor a network: name {WHAT}.")


def _networks(paths: tuple[Path, Path], data: str | None, callbacks: CallbackList) -> Networks:
    networks = [workflow.opened(path) for path in paths]
    artifacts = [network for network in networks if isinstance(network, Artifact)]
    dataset = (
        workflow.data_of_all(artifacts, callbacks) if data is None else source.load(data, say=callbacks.on_message)
    )
    if dataset.warning:
        callbacks.on_warning(dataset.warning)
    classifiers = [workflow.fastest_classifier(network) for network in networks]
    counts = ContingencyTable.of(*(right(classify, dataset) for classify in classifiers))
    return Networks(str(paths[0]), str(paths[1]), files.about(dataset), counts, mcnemar(counts))


def _studies(paths: tuple[Path, Path], callbacks: CallbackList) -> Studies:
    a, b = (files.read(path) for path in paths)
    for path, study in zip(paths, (a, b), strict=True):
        if len(study.finished) < 2:
            raise ArtifactError(
                f"{path} has {len(study.finished)} finished seeds, and a spread needs two at least: "
                "go on with it (mnist-cnn study --seeds … --output …)."
            )
    if a.data["sha256"] != b.data["sha256"]:
        raise DataError(
            f"{paths[0]} is about {a.data['origin']} and {paths[1]} about other data, {b.data['origin']}: "
            "only studies of the same data can be compared."
        )
    seeds = welch([*a.accuracies.values()], [*b.accuracies.values()])
    try:
        networks = [_kept(path, study) for path, study in zip(paths, (a, b), strict=True)]
        dataset = workflow.data_of(networks[0][0], callbacks)
        shares = [
            _share_right(artifacts, dataset, path, callbacks) for path, artifacts in zip(paths, networks, strict=True)
        ]
        images = paired_permutation(shares[0], shares[1], np.random.default_rng(0))
        reason = None
    except MnistCnnError as error:
        images, reason = None, str(error)
    return Studies(str(paths[0]), str(paths[1]), a.data, (a, b), seeds, images, reason)


def _kept(path: Path, study: Study) -> list[Artifact]:
    """The network of every finished seed; raises ArtifactError if one is not there or is another."""
    folder = path if path.is_dir() else path.parent
    artifacts = []
    for seed in study.accuracies:
        artifact = store.load(seed_folder(folder, seed))
        if not is_of(artifact.card, study, seed):
            raise ArtifactError(
                f"{artifact.folder} holds a network that is not of the study: bring the right one back."
            )
        artifacts.append(artifact)
    return artifacts


def _share_right(artifacts: Sequence[Artifact], dataset: Dataset, path: Path, callbacks: CallbackList) -> np.ndarray:
    """For each test image, the share of the networks that read it rightly."""
    rows = []
    for artifact in artifacts:
        rows.append(right(workflow.fastest_classifier(artifact), dataset))
        callbacks.on_message(f"{path}: {len(rows)} of {len(artifacts)} networks have read the test images.")
    return np.asarray(np.mean(rows, axis=0))


def right(classify: Classifier, dataset: Dataset) -> np.ndarray:
    """Which test images (n,) a network reads rightly."""
    return np.asarray(classify(dataset.test.images).argmax(axis=1) == dataset.test.labels)


def better(difference: Difference) -> str:
    """Which is better, by how much, and how sure that is."""
    name, sign = ("B", 1) if difference.value > 0 else ("A", -1)
    interval = sorted(sign * 100 * end for end in difference.confidence_interval or ())
    return f"{name} is better by {100 * abs(difference.value):.2f} points ({_in_brackets(interval, difference)})"


def less(difference: Difference) -> str:
    """B less A, and how sure that is."""
    interval = [100 * end for end in difference.confidence_interval or ()]
    said = f"B less A is {100 * difference.value:.2f} points"
    return f"{said} ({_in_brackets(interval, difference)})" if interval else said


def p_of(difference: Difference) -> str:
    """The p of a test, as papers write it."""
    if difference.p is None:
        return "no p"
    return "p < 0.001" if difference.p < 0.001 else f"p = {difference.p:.3f}"


def _in_brackets(interval: Sequence[float], difference: Difference) -> str:
    low, high = interval
    return f"95 % interval {low:.2f} to {high:.2f}, {p_of(difference)}"
