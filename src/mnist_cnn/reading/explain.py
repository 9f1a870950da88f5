"""Explains the prediction of a classifier for a 28×28 image."""

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_cnn.reading.counterfactual import ENOUGH, PATCH, Counterfactual, counterfactual
from mnist_cnn.reading.nearest import Neighbour, nearest
from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.normalise import SIDE
from mnist_cnn.reading.place import place, places
from mnist_cnn.reading.reading import Reading

MATTERS = 0.01  # of confidence: if hiding any part costs less than this, no single part is decisive


@dataclass(frozen=True)
class Reasons:
    """The explanation of the prediction for one (28, 28) uint8 `image`, foreground 255.

    `probabilities` has all ten; `importance`, (28, 28) float32, is the drop in confidence when the area around a pixel
    is hidden (`occlusion`); `counterfactual` is a small change that makes it the runner-up, None if none was found;
    `neighbours` are the most similar training digits, found without the model.
    """

    image: np.ndarray
    probabilities: tuple[float, ...]
    importance: np.ndarray
    counterfactual: Counterfactual | None
    neighbours: tuple[Neighbour, ...]

    @property
    def digit(self) -> int:
        """The most probable digit."""
        return int(np.argmax(self.probabilities))

    @property
    def runner_up(self) -> int:
        """The second most probable digit."""
        return runner_up(self.probabilities)

    @property
    def sentence(self) -> str:
        """The explanation in one sentence."""
        first, second = (f"{one} ({percent(self.probabilities[one])})" for one in (self.digit, self.runner_up))
        predicted = first if self.probabilities[self.digit] >= ENOUGH else f"uncertain between {first} and {second}"
        said = f"{predicted}: {self.sentence_of_importance}; {self.sentence_of_change}"
        others = [str(one.digit) for one in self.neighbours]
        if set(others) - {str(self.digit)}:
            said += f"; the most similar training digits are {', '.join(others)}"
        return f"{said}."

    @property
    def sentence_of_importance(self) -> str:
        """Which part is the most important."""
        if self.importance.max() < MATTERS:
            return "no single part is decisive"
        row, column = divmod(int(self.importance.argmax()), SIDE)
        return f"the most important part is {place(row, column)}"

    @property
    def sentence_of_change(self) -> str:
        """Which change makes it the runner-up."""
        change = self.counterfactual
        if change is None:
            return f"no small change makes it {self.runner_up}"
        parts = [
            f"{verb} {' and '.join(places(ink))}"
            for verb, ink in (("removed", change.removed), ("added", change.added))
            if ink.any()
        ]
        confidence = percent(change.probabilities[self.runner_up])
        return f"it becomes {self.runner_up} ({confidence}) if ink is {' and '.join(parts)}"

    def to_dict(self) -> dict[str, Any]:
        """The explanation as a JSON document (schema in docs/explanations.md); images are base64 of 784 bytes."""
        change = self.counterfactual
        return {
            "digit": self.digit,
            "runner_up": self.runner_up,
            "probabilities": list(self.probabilities),
            "importance": np.round(self.importance.astype(float), 6).tolist(),
            "counterfactual": change
            and {
                "probabilities": list(change.probabilities),
                "image": as_text(change.image),
                "removed": as_text(change.removed),
                "added": as_text(change.added),
            },
            "neighbours": [
                {"digit": one.digit, "similarity": round(one.similarity, 6), "image": as_text(one.image)}
                for one in self.neighbours
            ],
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class Explanation:
    """The reading of an image, and the reasons for each of `reading.digits`, in order."""

    reading: Reading
    reasons: tuple[Reasons, ...]

    def to_dict(self) -> dict[str, Any]:
        """The reading as a JSON document, each digit with its `image` and its `reasons`."""
        document = self.reading.to_dict()
        entries = (entry for row in document["rows"] for entry in row)
        for entry, why in zip(entries, self.reasons, strict=True):
            entry["image"] = as_text(why.image)
            entry["reasons"] = why.to_dict()
        return document


def reasons(classify: Classifier, image: np.ndarray) -> Reasons:
    """Explain the prediction for one (28, 28) uint8 image, foreground 255; classifies at most 1,779 images."""
    probabilities = tuple(classify(image[np.newaxis])[0].tolist())
    return Reasons(
        image,
        probabilities,
        occlusion(classify, image, int(np.argmax(probabilities))),
        counterfactual(classify, image, runner_up(probabilities)),
        nearest(image),
    )


def occlusion(classify: Classifier, image: np.ndarray, digit: int, patch: int = PATCH) -> np.ndarray:
    """How much the confidence in `digit` drops (positive) or rises (negative) when the area around a pixel is hidden.

    `image` is (28, 28) uint8, foreground 255; `patch`, odd, is the side in pixels of the background square that hides.
    Gives (28, 28) float32, each value from -1 to 1; 0 where there is no ink to hide. (Occlusion sensitivity: Zeiler,
    Fergus, "Visualizing and understanding convolutional networks", 2014, arXiv:1311.2901.)
    """
    covers = covers_of(patch)
    changing = np.flatnonzero((covers & (image > 0)).any(axis=(1, 2)))
    hidden = np.where(covers[changing], np.uint8(0), image)
    confidence = classify(np.concatenate([image[np.newaxis], hidden]))[:, digit]
    importance = np.zeros(SIDE * SIDE, np.float32)
    importance[changing] = confidence[0] - confidence[1:]
    return importance.reshape(SIDE, SIDE)


def covers_of(patch: int) -> np.ndarray:
    """The pixels that a square around each pixel covers, (784, 28, 28) bool."""
    near = np.abs(np.subtract.outer(np.arange(SIDE), np.arange(SIDE))) <= patch // 2
    return (near[:, np.newaxis, :, np.newaxis] & near[np.newaxis, :, np.newaxis, :]).reshape(-1, SIDE, SIDE)


def runner_up(probabilities: tuple[float, ...]) -> int:
    """The second most probable of ten."""
    return int(np.argsort(-np.asarray(probabilities), kind="stable")[1])


def percent(share: float) -> str:
    """A probability as a percentage."""
    return f"{share:.2%}"


def as_text(image: np.ndarray) -> str:
    """(28, 28) uint8 as base64."""
    return base64.b64encode(image.tobytes()).decode()
