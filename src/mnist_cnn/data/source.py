"""Any dataset, named or in memory, becomes uint8 images and labels, verified. Knows nothing about networks."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn.data import container, download
from mnist_cnn.data.contents import Arrays, checked, is_mnist, sha256_of, verified_mnist
from mnist_cnn.data.dataset import Dataset, Examples, stratified
from mnist_cnn.errors import DataError

VARIABLE = "MNIST_CNN_DATA"
HOW_TO_GET_MNIST = (
    f"go online once, or set {VARIABLE} to a copy of mnist.npz or to a folder with MNIST's four IDX files"
)


Data = str | Path | Dataset | tuple[Any, Any]
"""A name, a path, a `Dataset`, or arrays in memory."""

IN_MEMORY = "memory"
TEST_SPLIT = 0.2  # of one pair (x, y)


def say_nothing(note: str) -> None:
    """Keep a note from the person."""


def load(data: Data = "auto", *, test_split: float = TEST_SPLIT, say: Callable[[str], None] = say_nothing) -> Dataset:
    """Load a dataset by its name or path, or take arrays in memory; it unpacks like Keras' own `load_data()`.

    `data` is "mnist", "digits", "auto", the path of an .npz file or IDX folder (`./mnist` is one), a `Dataset`, or
    arrays: `((x_train, y_train), (x_test, y_test))`, or one pair `(x, y)`, of which `test_split` of each digit's
    images, drawn at random by a fixed seed, are for the test. Images are (n, 28, 28) or (n, 28, 28, 1) uint8,
    foreground 255; labels (n,) integers, 0 to 9.

    "mnist" is what the environment variable MNIST_CNN_DATA points to, else the copy that Keras keeps, else a download
    from where Keras has it; its arrays are verified by their SHA-256. "digits" are scikit-learn's 1,797. "auto" is
    "mnist", or if that is not on this machine and cannot be downloaded, "digits" with a warning. `say` gets notes for
    the person while they wait. The arrays of the result are read-only.

    Raises DataError, one sentence, if the data cannot be obtained or are not what they should be, and MissingExtraError
    if "digits" are needed and scikit-learn is not installed.
    """
    if isinstance(data, Dataset):
        return data
    if not isinstance(data, str | Path):
        return from_memory(data, test_split, say)
    data = str(data)
    if data == "digits":
        return digits()
    if data == IN_MEMORY:
        raise DataError("The data were arrays in memory, which are not saved: pass them again as data.")
    if data not in ("auto", "mnist"):
        return from_path(data)
    if named := os.environ.get(VARIABLE):
        return mnist_from(named)
    try:
        return as_dataset(mnist_through_keras(say), "mnist", "mnist")
    except DataError as absent:
        if data == "mnist":
            raise DataError(f"MNIST could not be obtained ({absent}): {HOW_TO_GET_MNIST}.") from absent
        return digits(instead_of_mnist=str(absent))


def from_memory(data: Any, test_split: float, say: Callable[[str], None]) -> Dataset:
    """Arrays in memory as a dataset, which may turn out to be MNIST; raises DataError for anything else."""
    wanted = "give ((x_train, y_train), (x_test, y_test)), one pair (x, y), a Dataset, or a name or path"
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise DataError(f"The data are {described(data)}: {wanted}.")
    if all(isinstance(part, tuple | list | Examples) for part in data):
        pairs = [tuple(part) for part in data]
        if any(len(pair) != 2 for pair in pairs):
            raise DataError(f"The data are {described(data)}: {wanted}.")
    else:
        images, labels = (np.asarray(part) for part in data)
        both = checked({"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}, IN_MEMORY)
        parts = stratified(Examples(both["x_train"], both["y_train"]), test_split)
        say(f"{test_split:.0%} of each digit, {len(parts[1]):,} images drawn at random, are held out as the test set")
        pairs = [tuple(part) for part in parts]
    (x_train, y_train), (x_test, y_test) = ((np.asarray(x), np.asarray(y)) for x, y in pairs)
    arrays = checked({"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}, IN_MEMORY)
    return as_dataset(arrays, "mnist" if is_mnist(arrays) else IN_MEMORY, IN_MEMORY)


def described(data: Any) -> str:
    """What was received, in a few words."""
    kind = type(data).__name__
    return f"{kind} of {len(data)}" if isinstance(data, tuple | list | dict) else kind


def digits(instead_of_mnist: str | None = None) -> Dataset:
    """scikit-learn's digits; with a warning if they stand in for MNIST, which was absent for the given reason."""
    from mnist_cnn.data import digits as sklearn_digits  # here, since it brings OpenCV

    warning = instead_of_mnist and (
        f"MNIST could not be obtained ({instead_of_mnist}), so these are scikit-learn's 1,797 small digits: "
        f"no number below is an MNIST number. To get MNIST, {HOW_TO_GET_MNIST}."
    )
    return as_dataset(checked(sklearn_digits.read(), "scikit-learn"), "digits", "digits", warning)


def from_path(data: str) -> Dataset:
    """Load the dataset in a file or folder, which may turn out to be MNIST."""
    if os.sep not in data and not os.path.exists(data):  # noqa: PTH110  the one that never raises
        words = "auto, mnist, digits, or the path of an .npz file or of a folder with MNIST's four IDX files"
        raise DataError(f"There is no dataset, file or folder {data!r}: name {words}.")
    path = absolute(data)
    arrays = checked(container.read(path), str(path))
    # Only the contents make MNIST: a file that merely bears one of our names goes by its whole path.
    name = "mnist" if is_mnist(arrays) else str(path) if path.name in ("mnist", "digits") else path.name
    return as_dataset(arrays, name, str(path))


def mnist_from(named: str) -> Dataset:
    """MNIST from where MNIST_CNN_DATA points to. Whoever set that wants no other data, so nothing else is tried."""
    path = absolute(named)
    try:
        return as_dataset(verified_mnist(container.read(path), str(path)), "mnist", "mnist")
    except DataError as error:
        raise DataError(f"{VARIABLE}={named} does not lead to MNIST: {error}") from error


def mnist_through_keras(say: Callable[[str], None]) -> Arrays:
    """MNIST from Keras' copy, or if that is missing or damaged, from the network.

    Raises DataError with the reason, a phrase to be put into a sentence.
    """
    spoiled = ""
    if copy := download.keras_copy():
        try:
            return verified_mnist(container.read(copy), str(copy))
        except DataError as error:
            say(f"Keras' copy of MNIST cannot be used, so it is downloaded again. {error}")
            spoiled = f"Keras' copy {copy} cannot be used, and "
    try:
        return download.fetch(say)
    except DataError as error:
        raise DataError(spoiled + str(error).rstrip(".")) from error


def absolute(data: str) -> Path:
    """Give the path that a person means, with ~ for their home."""
    return Path(os.path.expanduser(data)).absolute()  # noqa: PTH111  this one never raises


def as_dataset(arrays: Arrays, name: str, origin: str, warning: str | None = None) -> Dataset:
    """Four checked arrays as a data set."""
    train, test = (Examples(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
    return Dataset(name, origin, train, test, sha256_of(arrays), warning)
