"""Find labels that are probably wrong: probabilities and given labels in, a ranking out. No model, no files.

The method is confident learning (Northcutt, Jiang, Chuang 2021, arXiv:1911.00068), known from the package cleanlab.
The probabilities must be out of sample: a model fits the labels that it was trained on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_cnn.card import DIGITS

RANKED = 30  # label errors that are listed per dataset


@dataclass(frozen=True)
class LabelError:
    """An image whose label is probably wrong.

    `index` counts from 0 in its dataset; `label` is the given label, `suggested` the most probable other class, and
    `label_probability` and `suggested_probability` are what the model predicts for them, 0 to 1.
    """

    index: int
    label: int
    suggested: int
    label_probability: float
    suggested_probability: float

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class LabelErrors:
    """Likely errors among `count` labels.

    `estimated` is the number of label errors that confident learning estimates; `ranked` lists the labels of lowest
    predicted probability, the lowest first. `class_names` are the names of the classes that labels are the numbers of.
    """

    count: int
    estimated: int
    ranked: list[LabelError]
    class_names: tuple[str, ...] = DIGITS

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON, with the names of the classes if they are not the ten digits."""
        names = {} if self.class_names == DIGITS else {"class_names": list(self.class_names)}
        ranked = [one.to_dict() for one in self.ranked]
        return {"count": self.count, "estimated": self.estimated, "ranked": ranked, **names}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "LabelErrors":
        """Read back what `to_dict` made; raises KeyError or TypeError for anything else."""
        ranked = [LabelError(**one) for one in document["ranked"]]
        return cls(document["count"], document["estimated"], ranked, tuple(document.get("class_names", DIGITS)))


def label_errors_of(
    probabilities: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...] = DIGITS
) -> LabelErrors:
    """Likely errors among labels (n,), given out-of-sample probabilities (n, classes)."""
    return LabelErrors(len(labels), estimated_errors(probabilities, labels), rank(probabilities, labels), class_names)


def rank(probabilities: np.ndarray, labels: np.ndarray, most: int = RANKED) -> list[LabelError]:
    """The images with the lowest probability of their label, lowest first: probabilities (n, classes), labels (n,).

    The score is the paper's self-confidence, the probability of the given label; ties keep their order.
    """
    rows = np.arange(len(labels))
    given = probabilities[rows, labels]
    others = probabilities.copy()
    others[rows, labels] = -1
    worst = np.argsort(given, kind="stable")[:most].tolist()
    return [
        LabelError(
            index, int(labels[index]), int(others[index].argmax()), float(given[index]), float(others[index].max())
        )
        for index in worst
    ]


def confident_joint(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Number of images of each given label (row) that confidently belong to each class (column); § 3.1.

    Confidently means at least as probable as that class is on average among the images labelled so; of several such
    classes the most probable counts, and an image without any is left out. Off the diagonal are likely label errors.
    """
    classes = probabilities.shape[1]
    one_hot = np.eye(classes)[labels]
    counts = one_hot.sum(axis=0)
    thresholds = np.where(counts > 0, (one_hot * probabilities).sum(axis=0) / np.maximum(counts, 1), np.inf)
    above = np.where(probabilities >= thresholds, probabilities, -1.0)
    confident = above.max(axis=1) >= 0
    joint = np.zeros((classes, classes), np.int64)
    np.add.at(joint, (labels[confident], above[confident].argmax(axis=1)), 1)
    return joint


def estimated_errors(probabilities: np.ndarray, labels: np.ndarray) -> int:
    """Number of label errors that confident learning estimates."""
    joint = confident_joint(probabilities, labels)
    return int(joint.sum() - np.trace(joint))
