"""Arrays by the names that people give them, as in an .npz or a .mat, become parts: x_train, testLabels, X and y."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mnist_cnn.data.raw_data import PART_WORDS, TRAIN, Part, RawData, part_named

IMAGES = {
    "x",
    "xs",
    "images",
    "image",
    "imgs",
    "img",
    "data",
    "features",
    "pixels",
    "inputs",
    "input",
    "samples",
    "set",
}
LABELS = {"y", "ys", "labels", "label", "lbls", "targets", "target", "classes", "class", "digits", "outputs", "t"}
FIRST, SECOND = "arr_0", "arr_1"  # what numpy.savez calls arrays without a name
CLASS_NAMES = ("class_names", "classnames", "label_names", "target_names", "names")


def roles(names: Iterable[str]) -> dict[tuple[str, str], str]:
    """The names of arrays by part and role, which is "images" or "labels"; other names are left out."""
    found: dict[tuple[str, str], str] = {}
    for name in names:
        part, rest = part_named(name) or part_in(name) or TRAIN, stem_of(name)
        for role, known in (("images", IMAGES), ("labels", LABELS)):
            if rest in known:
                found.setdefault((part, role), name)
    return found


def part_in(name: str) -> str | None:
    """The part in a name whose words are not apart: xtrain, ytest."""
    plain = name.lower()
    return next((part for part, words in PART_WORDS.items() if any(len(w) > 3 and w in plain for w in words)), None)


def stem_of(name: str) -> str:
    """What a name says beside the part."""
    if name in (FIRST, SECOND):
        return "x" if name == FIRST else "y"
    plain = re.sub(r"[^a-z0-9]+", "", name.lower())
    for words in PART_WORDS.values():
        for word in sorted(words, key=len, reverse=True):
            if plain.startswith(word):
                return plain.removeprefix(word)
            if plain.endswith(word):
                return plain.removesuffix(word)
    return plain


def complete_parts(named: Mapping[tuple[str, str], str]) -> list[str]:
    """The parts that have both images and labels."""
    return [part for part in PART_WORDS if all((part, role) in named for role in ("images", "labels"))]


def raw_data(arrays: Mapping[tuple[str, str], Any], class_names: tuple[str, ...] = ()) -> RawData:
    """Arrays by part and role as raw data."""
    parts = complete_parts(dict.fromkeys(arrays, ""))
    return RawData({part: Part(arrays[part, "images"], arrays[part, "labels"]) for part in parts}, class_names)
