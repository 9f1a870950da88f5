"""IDX files by their names, as MNIST, Fashion-MNIST, KMNIST, EMNIST and QMNIST have them, wherever they lie.

EMNIST's images are transposed in its files (Cohen, Afshar, Tapson, van Schaik, arXiv:1702.05373); here that is undone.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnist_cnn.card import DIGITS
from mnist_cnn.data.raw_data import TEST, TRAIN, Part, RawData
from mnist_cnn.errors import DataError

NAME = re.compile(
    r"(?P<set>.*?)(?P<part>train|t10k|test)-(?P<role>images|labels)[-.]idx[123]-(?:ubyte|int)(?:\.gz)?", re.IGNORECASE
)
DEEPEST = 4  # folders in folders: data/FashionMNIST/raw, or emnist/gzip
MOST_ENTRIES = 100_000
UPPER = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
LOWER_APART = tuple("abdefghnqrt")  # whose small letters do not look like the capital ones
EMNIST = {
    "byclass": (*DIGITS, *UPPER, *map(str.lower, UPPER)),
    "bymerge": (*DIGITS, *UPPER, *LOWER_APART),
    "balanced": (*DIGITS, *UPPER, *LOWER_APART),
    "letters": UPPER,
    "digits": DIGITS,
    "mnist": DIGITS,
}
ROLES = [(part, role) for part in (TRAIN, TEST) for role in ("images", "labels")]


class Found(NamedTuple):
    """The IDX files of one dataset: the beginning of their names, and each by part and role."""

    prefix: str
    files: Mapping[tuple[str, str], Path]

    @property
    def is_complete(self) -> bool:
        """Whether all four are there."""
        return all(one in self.files for one in ROLES)


def below(folder: Path, prefix: str = "") -> list[Found]:
    """The datasets of IDX files in a folder and below, the ones least deep first; of a prefix only if one is given."""
    found: dict[tuple[int, str, str], dict[tuple[str, str], Path]] = {}
    seen = 0
    for place, folders, names in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(one for one in folders if not one.startswith(".")) if depth < DEEPEST else []
        seen += len(names)
        if seen > MOST_ENTRIES:
            break
        for name in sorted(names):
            match, path = NAME.fullmatch(name), Path(place, name)
            if match and path.is_file():
                part = TRAIN if match["part"].lower() == "train" else TEST
                key = (depth, place, match["set"].lower())
                found.setdefault(key, {}).setdefault((part, match["role"].lower()), path)
    sets = [Found(which, files) for (_, _, which), files in sorted(found.items(), key=lambda one: one[0])]
    sets = sets if any(one.is_complete for one in sets) else [*map(joined, grouped(sets).values())]
    return [one for one in sets if one.prefix.startswith(prefix.lower())]


def grouped(sets: Sequence[Found]) -> dict[str, list[Found]]:
    """The datasets by the beginning of their names."""
    found: dict[str, list[Found]] = {}
    for one in sets:
        found.setdefault(one.prefix, []).append(one)
    return found


def joined(sets: Sequence[Found]) -> Found:
    """Files of one dataset that each lie in a folder of their own, as some unpackers leave them."""
    files: dict[tuple[str, str], Path] = {}
    for one in reversed(sets):
        files |= one.files
    return Found(sets[0].prefix, files)


def read(found: Found, read_one: Callable[[Path], np.ndarray]) -> RawData:
    """The images and labels of a dataset; `read_one` reads a file. Raises DataError as that does."""
    arrays = {key: read_one(path) for key, path in found.files.items() if key in ROLES}
    name = found.prefix.strip("-_. ")
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    if name.startswith("emnist"):
        class_names = EMNIST.get(name.removeprefix("emnist").strip("-_"), ())
        arrays = {key: turned(array) if key[1] == "images" else array for key, array in arrays.items()}
        if name.endswith("letters"):
            arrays = {key: from_zero(array) if key[1] == "labels" else array for key, array in arrays.items()}
        notes = ("EMNIST's images are transposed in its files: here they are put upright",)
    arrays = {key: first_column(array) if key[1] == "labels" else array for key, array in arrays.items()}
    parts = {part: Part(arrays[part, "images"], arrays[part, "labels"]) for part in (TRAIN, TEST)}
    return RawData(parts, class_names, notes, name or None)


def turned(images: np.ndarray) -> np.ndarray:
    """Images (n, h, w) with rows and columns exchanged."""
    return np.ascontiguousarray(images.swapaxes(1, 2)) if images.ndim == 3 else images


def from_zero(labels: np.ndarray) -> np.ndarray:
    """Labels from 1 on, as those of EMNIST's letters are, from 0 on."""
    if labels.size and labels.min() < 1:
        raise DataError("EMNIST's letters have labels from 1 to 26, and here there is one of 0: get the files again.")
    return np.asarray(labels - np.asarray(1, labels.dtype))


def first_column(labels: np.ndarray) -> np.ndarray:
    """The labels of QMNIST, which has more about each image in further columns; others as they are."""
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] in (3, 5, 8) and labels.dtype.itemsize == 4 else labels
