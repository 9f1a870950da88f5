"""Why a digit was read as it was: a 28×28 image and a classifier come in, reasons go out."""

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

MATTERS = 0.01  # of confidence: where hiding costs less than this, no part decides alone


@dataclass(frozen=True)
class Reasons:
    """Why one (28, 28) uint8 `image`, ink 255, was read as it was.

    `probabilities` are all ten; `importance`, (28, 28) float32, is how much the confidence falls if a place is hidden
    (`occlusion`); `counterfactual` is a small change that makes it the runner-up, None if none was found; `neighbours`
    are the training digits most like it, found without the network.
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
        """All of it in words."""
        first, second = (f"{one} ({percent(self.probabilities[one])})" for one in (self.digit, self.runner_up))
        read = first if self.probabilities[self.digit] >= ENOUGH else f"unsure, {first} or {second}"
        said = f"{read}: {self.sentence_of_importance}; {self.sentence_of_change}"
        others = [str(one.digit) for one in self.neighbours]
        if set(others) - {str(self.digit)}:
            said += f"; the training digits most like it are {', '.join(others)}"
        return f"{said}."

    @property
    def sentence_of_importance(self) -> str:
        """Where what counts most is."""
        if self.importance.max() < MATTERS:
            return "no part of it decides alone"
        row, column = divmod(int(self.importance.argmax()), SIDE)
        return f"what counts most is {place(row, column)}"

    @property
    def sentence_of_change(self) -> str:
        """What would make it the runner-up."""
        change = self.counterfactual
        if change is None:
            return f"no small change makes it {self.runner_up}"
        parts = [
            f"{words} {' and '.join(places(ink))}"
            for words, ink in (("without the ink", change.removed), ("with ink", change.added))
            if ink.any()
        ]
        sure = percent(change.probabilities[self.runner_up])
        return f"{' and '.join(parts)} it would be {self.runner_up} ({sure})"

    def to_dict(self) -> dict[str, Any]:
        """The reasons as JSON has them (docs/explanations.md has the schema); images are base64 of 784 bytes."""
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
    """What was read in a picture, and for each of `reading.digits`, in their order, why."""

    reading: Reading
    reasons: tuple[Reasons, ...]

    def to_dict(self) -> dict[str, Any]:
        """The reading as JSON has it, each digit with its `image` and its `reasons`."""
        document = self.reading.to_dict()
        entries = (entry for row in document["rows"] for entry in row)
        for entry, why in zip(entries, self.reasons, strict=True):
            entry["image"] = as_text(why.image)
            entry["reasons"] = why.to_dict()
        return document


def reasons(classify: Classifier, image: np.ndarray) -> Reasons:
    """Why a classifier reads one (28, 28) uint8, ink 255, as it does. It is asked about 1,779 images at most."""
    probabilities = tuple(classify(image[np.newaxis])[0].tolist())
    return Reasons(
        image,
        probabilities,
        occlusion(classify, image, int(np.argmax(probabilities))),
        counterfactual(classify, image, runner_up(probabilities)),
        nearest(image),
    )


def occlusion(classify: Classifier, image: np.ndarray, digit: int, patch: int = PATCH) -> np.ndarray:
    """How much the confidence in `digit` falls (positive) or rises (negative) when what is around a pixel is hidden.

    `image` is (28, 28) uint8, ink 255; `patch`, odd, is the side in pixels of the square of paper that hides. Gives
    (28, 28) float32, each value from -1 to 1; 0 where there is no ink to hide. (Occlusion sensitivity: Zeiler, Fergus,
    "Visualizing and understanding convolutional networks", 2014, arXiv:1311.2901.)
    """
    covers = covers_of(patch)
    changing = np.flatnonzero((covers & (image > 0)).any(axis=(1, 2)))
    hidden = np.where(covers[changing], np.uint8(0), image)
    confidence = classify(np.concatenate([image[np.newaxis], hidden]))[:, digit]
    importance = np.zeros(SIDE * SIDE, np.float32)
    importance[changing] = confidence[0] - confidence[1:]
    return importance.reshape(SIDE, SIDE)


def covers_of(patch: int) -> np.ndarray:
    """What a square around each pixel covers, (784, 28, 28) bool."""
    near = np.abs(np.subtract.outer(np.arange(SIDE), np.arange(SIDE))) <= patch // 2
    return (near[:, np.newaxis, :, np.newaxis] & near[np.newaxis, :, np.newaxis, :]).reshape(-1, SIDE, SIDE)


def runner_up(probabilities: tuple[float, ...]) -> int:
    """The second most probable of ten."""
    return int(np.argsort(-np.asarray(probabilities), kind="stable")[1])


def percent(share: float) -> str:
    """A probability in words."""
    return "over 99.9%" if share > 0.999 else f"{share:.1%}"


def as_text(image: np.ndarray) -> str:
    """(28, 28) uint8 as base64."""
    return base64.b64encode(image.tobytes()).decode()
