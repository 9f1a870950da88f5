"""What was read from a file, a folder or memory, before it is prepared: images and labels of any kind, by part."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

TRAIN, VALIDATION, TEST = "train", "validation", "test"
PART_WORDS = {
    TRAIN: ("train", "training", "trainingset", "trainset", "trn"),
    VALIDATION: ("validation", "valid", "val", "dev", "validationset"),
    TEST: ("test", "testing", "testset", "t10k", "tst"),
}
WORD = re.compile(r"t10k|[a-z]+", re.IGNORECASE)


class Part(NamedTuple):
    """Images of one part, an array of any shape and type, and their labels, one each; None if they have none."""

    images: np.ndarray
    labels: Any


@dataclass(frozen=True)
class RawData:
    """The parts of a dataset by their names: `train`, and perhaps `validation` and `test`.

    `class_names` are given where the source knows them: labels are then numbers from 0. `notes` say what was noticed or
    done while reading, a sentence each without its stop. `name` is that of a known dataset.
    """

    parts: Mapping[str, Part]
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    name: str | None = None


def part_named(name: str) -> str | None:
    """The part that a name of a file, folder or array speaks of, such as `train` of "sign_mnist_train"; or None."""
    words = [word.lower() for word in WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))]
    for part, known in PART_WORDS.items():
        if any(word in known or word.rstrip("x") in known for word in words):
            return part
    return None


def in_natural_order(names: Sequence[str]) -> list[str]:
    """Names sorted as people sort them: "2" before "10"."""
    return sorted(
        names,
        key=lambda name: [(0, int(one), "") if one.isdecimal() else (1, 0, one.casefold()) for one in pieces(name)],
    )


def pieces(name: str) -> list[str]:
    """A name in runs of digits and of other characters; runs of many digits are cut, because Python limits numbers."""
    return re.findall(r"[0-9]{1,15}|[^0-9]+", name)
