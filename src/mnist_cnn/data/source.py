"""Any data set becomes uint8 images and labels, verified. Knows nothing about networks."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnist_cnn.data import container, download
from mnist_cnn.data.contents import Arrays, checked, is_mnist, sha256_of, verified_mnist
from mnist_cnn.errors import DataError

VARIABLE = "MNIST_CNN_DATA"
HOW_TO_GET_MNIST = (
    f"go online once, or set {VARIABLE} to a copy of mnist.npz or to a folder with MNIST's four IDX files"
)


@dataclass(frozen=True)
class Examples:
    """Images (n, 28, 28) uint8, ink 255 on paper 0, and their labels (n,) uint8, 0 to 9."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        """How many there are."""
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A training and a test part, and where they came from.

    `name` is "mnist" if these are MNIST's 60,000 + 10,000 images in the original order, else "digits" or the file's
    name. `origin` is what `load` takes to find them again. `sha256` is over the bytes of the four arrays: training
    images, training labels, test images, test labels. `warning` is a sentence if these are not the data that the
    person may believe they are, else None.
    """

    name: str
    origin: str
    train: Examples
    test: Examples
    sha256: str
    warning: str | None = None

    @property
    def is_mnist(self) -> bool:
        """Whether these are MNIST itself, so that a number on the test part is an MNIST number."""
        return self.name == "mnist"


def say_nothing(note: str) -> None:
    """Keep a note from the person."""


def load(data: str = "auto", *, say: Callable[[str], None] = say_nothing) -> Dataset:
    """Load what `data` names: "mnist", "digits", "auto", or the path of a file or folder (`./mnist` is one).

    "mnist" is what the environment variable MNIST_CNN_DATA points to, else the copy that Keras keeps, else a download
    from where Keras has it; its arrays are verified by their SHA-256. "digits" are scikit-learn's 1,797. "auto" is
    "mnist", or if that is not on this machine and the network does not give it, "digits" with a warning. `say` gets
    notes for the person while they wait. The arrays are read-only.

    Raises DataError, one sentence, if the data cannot be had or are not what they should be, and MissingExtraError if
    "digits" are needed and scikit-learn is not installed.
    """
    if data == "digits":
        return digits()
    if data not in ("auto", "mnist"):
        return from_path(data)
    if named := os.environ.get(VARIABLE):
        return mnist_from(named)
    try:
        return as_dataset(mnist_through_keras(say), "mnist", "mnist")
    except DataError as absent:
        if data == "mnist":
            raise DataError(f"MNIST could not be had ({absent}): {HOW_TO_GET_MNIST}.") from absent
        return digits(instead_of_mnist=str(absent))


def digits(instead_of_mnist: str | None = None) -> Dataset:
    """scikit-learn's digits; with a warning if they stand in for MNIST, which was absent for the given reason."""
    from mnist_cnn.data import digits as sklearn_digits  # here, since it brings OpenCV

    warning = instead_of_mnist and (
        f"MNIST could not be had ({instead_of_mnist}), so these are scikit-learn's 1,797 small digits: "
        f"no number below is an MNIST number. To get MNIST, {HOW_TO_GET_MNIST}."
    )
    return as_dataset(checked(sklearn_digits.read(), "scikit-learn"), "digits", "digits", warning)


def from_path(data: str) -> Dataset:
    """Load the data set in a file or folder, which may turn out to be MNIST."""
    if os.sep not in data and not os.path.exists(data):  # noqa: PTH110  the one that never raises
        words = "auto, mnist, digits, or the path of an .npz file or of a folder with MNIST's four IDX files"
        raise DataError(f"There is no data set, file or folder {data!r}: name {words}.")
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
    if copy := download.kept_copy():
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
