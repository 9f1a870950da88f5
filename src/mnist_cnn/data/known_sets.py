"""Datasets with a name: where a copy of one may lie on this machine, its classes, and the hashes of its files.

The names of files, their MD5 and the class names are those of torchvision (torchvision/datasets/mnist.py and usps.py).
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from mnist_cnn.card import DIGITS
from mnist_cnn.data.idx_files import EMNIST
from mnist_cnn.errors import DataError

FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


class Known(NamedTuple):
    """A dataset with a name: the folders that a copy of it is in, how its files begin, and its classes."""

    folders: tuple[str, ...]
    prefix: str = ""
    class_names: tuple[str, ...] = DIGITS


KNOWN = {
    "fashion-mnist": Known(("FashionMNIST", "fashion-mnist", "fashion_mnist", "fashionmnist", "fashion"), "", FASHION),
    "kmnist": Known(
        ("KMNIST", "kmnist", "kuzushiji-mnist"), "", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    ),
    "qmnist": Known(("QMNIST", "qmnist"), "qmnist-"),
    "usps": Known(("USPS", "usps")),
    **{
        f"emnist-{split}": Known(("EMNIST", "emnist", "gzip"), f"emnist-{split}-", names)
        for split, names in EMNIST.items()
    },
}
ALIASES = {"fashionmnist": "fashion-mnist", "fashion_mnist": "fashion-mnist", "emnist": "emnist-balanced"}
USPS_FILES = ("usps.bz2", "usps.t.bz2", "zip.train.gz", "zip.test.gz", "zip.train", "zip.test")
MD5 = {
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d": ("fashion-mnist", "train-images-idx3-ubyte.gz"),
    "25c81989df183df01b3e8a0aad5dffbe": ("fashion-mnist", "train-labels-idx1-ubyte.gz"),
    "bef4ecab320f06d8554ea6380940ec79": ("fashion-mnist", "t10k-images-idx3-ubyte.gz"),
    "bb300cfdad3c16e7a12a480ee83cd310": ("fashion-mnist", "t10k-labels-idx1-ubyte.gz"),
    "bdb82020997e1d708af4cf47b453dcf7": ("kmnist", "train-images-idx3-ubyte.gz"),
    "e144d726b3acfaa3e44228e80efcd344": ("kmnist", "train-labels-idx1-ubyte.gz"),
    "5c965bf0a639b31b8f53240b1b52f4d7": ("kmnist", "t10k-images-idx3-ubyte.gz"),
    "7320c461ea6c1c855c0b718fb2a4b134": ("kmnist", "t10k-labels-idx1-ubyte.gz"),
    "ed72d4157d28c017586c42bc6afe6370": ("qmnist", "qmnist-train-images-idx3-ubyte.gz"),
    "0058f8dd561b90ffdd0f734c6a30e5e4": ("qmnist", "qmnist-train-labels-idx2-int.gz"),
    "1394631089c404de565df7b7aeaf9412": ("qmnist", "qmnist-test-images-idx3-ubyte.gz"),
    "5b5b05890a5e13444e108efe57b788aa": ("qmnist", "qmnist-test-labels-idx2-int.gz"),
    "ec16c51db3855ca6c91edd34d0e9b197": ("usps", "usps.bz2"),
    "8ea070ee2aca1ac39742fdd1ef5ed118": ("usps", "usps.t.bz2"),
}


def named(word: str) -> str | None:
    """The name of the dataset that a word means, in any case; None if it is no name of one."""
    plain = word.lower()
    plain = ALIASES.get(plain, plain)
    return plain if plain in KNOWN else None


def folder_of(name: str, variable: str) -> Path:
    """Where a copy of a dataset lies: beside MNIST, in the working directory, in its folder `data`, or in Keras' cache.

    Raises DataError, which says where was looked, if there is none.
    """
    known = KNOWN[name]
    for root in roots(variable):
        for folder in known.folders:
            if (path := root / folder).is_dir():
                return path
        if known.prefix and root.is_dir() and any(root.glob(f"{known.prefix}*idx*")):
            return root
        if name == "usps" and any((root / file).is_file() for file in USPS_FILES):
            return root
    places = ", ".join(str(one) for one in roots(variable))
    raise DataError(
        f"There is no copy of {name} on this machine (looked for a folder {known.folders[0]} in {places}): get it from "
        "its authors, and name its folder with --data."
    )


def with_prefix(folder: Path, prefix: str) -> Path:
    """The path that stands for one of several datasets in a folder, or below it: where its files begin like that."""
    first = next((one for one in sorted(folder.rglob(f"{prefix}*idx*")) if one.is_file()), None)
    return (first.parent if first else folder) / prefix.rstrip("-")


def roots(variable: str) -> list[Path]:
    """The folders in which copies of datasets are looked for."""
    found = [Path("data").absolute(), Path().absolute()]
    if near := os.environ.get(variable):
        path = Path(os.path.expanduser(near)).absolute()  # noqa: PTH111  this one never raises
        found.insert(0, path if path.is_dir() else path.parent)
    home = os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras"))  # noqa: PTH111
    return [*dict.fromkeys([*found, Path(home, "datasets")])]


def check_hashes(name: str, paths: list[Path]) -> None:
    """Raise DataError if a file that is called as the authors' has another hash than theirs, where that is known."""
    for path in paths:
        wanted = next((digest for digest, (which, file) in MD5.items() if (which, file) == (name, path.name)), None)
        if wanted is None:
            continue
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if found != wanted:
            raise DataError(f"{path} is not the file of {name} (its MD5 is {found}, not {wanted}): get it again.")
