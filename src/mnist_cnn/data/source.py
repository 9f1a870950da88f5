"""Any dataset, named or in memory, becomes uint8 images and labels, verified. Knows nothing about networks."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn.card import DIGITS
from mnist_cnn.data import container, download, known_sets
from mnist_cnn.data.contents import NAMES, Arrays, checked, is_mnist, read_only, sha256_of, verified_mnist
from mnist_cnn.data.dataset import NO_EXAMPLES, USUAL, Dataset, Examples, Preparation, stratified
from mnist_cnn.data.raw_data import TEST, TRAIN, VALIDATION, Part, RawData
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


def load(
    data: Data = "auto",
    *,
    test_split: float = TEST_SPLIT,
    image_size: int = USUAL.image_size,
    channels: int = USUAL.channels,
    invert: bool = False,
    class_names: Sequence[str] = (),
    say: Callable[[str], None] = say_nothing,
) -> Dataset:
    """Load a dataset by its name or path, or take arrays in memory; it unpacks like Keras' own `load_data()`.

    `data` is "mnist", "digits", "auto", the name of a dataset of which there is a copy ("fashion-mnist", "kmnist",
    "qmnist", "usps", "emnist-letters" and the like), a path, a `Dataset`, or arrays:
    `((x_train, y_train), (x_test, y_test))`, or one pair `(x, y)`. A path leads to a folder or ZIP with a folder of
    images for each class, to tables (CSV), Parquet, `.npz`, `.mat` or IDX files (docs/data.md). Where there is no test
    part, `test_split` of each class's images, drawn at random by a fixed seed, are for the test.

    Images become (n, 28, 28) uint8, foreground 255, or of `image_size` pixels a side, 28 to 96; with 3 `channels` RGB
    (n, side, side, 3); with `invert` dark becomes light. Labels become the numbers of classes, of which there may be 2
    to 1,000; `class_names` name labels that are numbers from 0. What was done to images and labels, if a person may not
    expect it, is in `Dataset.notes`.

    "mnist" is what the environment variable MNIST_CNN_DATA points to, else the copy that Keras keeps, else a download
    from where Keras has it; its arrays are verified by their SHA-256. "digits" are scikit-learn's 1,797. "auto" is
    "mnist", or if that is not on this machine and cannot be downloaded, "digits" with a warning. `say` gets notes for
    the person while they wait. The arrays of the result are read-only.

    Raises DataError, one sentence, if the data cannot be obtained or are not what they should be, and MissingExtraError
    if a package that they need is not installed.
    """
    wanted = Preparation(image_size, channels, invert, tuple(class_names))
    if isinstance(data, Dataset):
        return data
    if not isinstance(data, str | Path):
        return from_memory(data, wanted, test_split, say)
    data = str(data)
    data = data.lower() if data.lower() in ("auto", "mnist", "digits") and not os.path.exists(data) else data  # noqa: PTH110
    if data in ("auto", "mnist", "digits") and wanted != USUAL:
        return prepared_again(load(data, say=say), wanted)
    if data == "digits":
        return digits()
    if data == IN_MEMORY:
        raise DataError("The data were arrays in memory, which are not saved: pass them again as data.")
    if data not in ("auto", "mnist"):
        return from_path(data, wanted, test_split, say)
    if named := os.environ.get(VARIABLE):
        return mnist_from(named)
    try:
        return as_dataset(mnist_through_keras(say), "mnist", "mnist")
    except DataError as absent:
        if data == "mnist":
            raise DataError(f"MNIST could not be obtained ({absent}): {HOW_TO_GET_MNIST}.") from absent
        return digits(instead_of_mnist=str(absent))


def prepared_again(dataset: Dataset, wanted: Preparation) -> Dataset:
    """A named dataset brought to another size, number of channels, polarity, or with other names of its classes."""
    parts = {TRAIN: Part(*dataset.train), TEST: Part(*dataset.test)}
    made = from_raw(RawData(parts, dataset.class_names), wanted, f"{dataset.name} (prepared)", dataset.origin, 0.0)
    return replace(made, warning=dataset.warning)


def from_memory(data: Any, wanted: Preparation, test_split: float, say: Callable[[str], None]) -> Dataset:
    """Arrays in memory as a dataset, which may turn out to be MNIST; raises DataError for anything else."""
    expected = "give ((x_train, y_train), (x_test, y_test)), one pair (x, y), a Dataset, or a name or path"
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise DataError(f"The data are {described(data)}: {expected}.")
    if all(isinstance(part, tuple | list | Examples) for part in data):
        pairs = [tuple(part) for part in data]
        if any(len(pair) != 2 for pair in pairs):
            raise DataError(f"The data are {described(data)}: {expected}.")
        parts = {name: Part(np.asarray(x), y) for name, (x, y) in zip((TRAIN, TEST), pairs, strict=True)}
    else:
        parts = {TRAIN: Part(np.asarray(data[0]), data[1])}
    return from_raw(RawData(parts), wanted, IN_MEMORY, IN_MEMORY, test_split, say)


def from_raw(
    raw: RawData,
    wanted: Preparation,
    name: str,
    origin: str,
    test_split: float,
    say: Callable[[str], None] = say_nothing,
) -> Dataset:
    """Prepare raw data, and divide them where they have no test part. Raises DataError."""
    from mnist_cnn.data.preparing import Prepared  # here, because MNIST itself needs none of it

    made = Prepared(raw, wanted, origin)
    parts = {part: Examples(*arrays) for part, arrays in made.parts.items()}
    train, notes = parts[TRAIN], made.notes
    if TEST not in parts:
        train, test = stratified(train, test_split)
        of = "digit" if made.class_names == DIGITS else "class"
        say(f"{test_split:.0%} of each {of}, {len(test):,} images drawn at random, are held out as the test set")
    else:
        test = parts[TEST]
    validation = parts.get(VALIDATION, NO_EXAMPLES)
    arrays = dict(zip(NAMES, (*train, *test), strict=True))
    for note in notes:
        say(note)
    if wanted == USUAL and is_mnist(arrays):
        return as_dataset(arrays, "mnist", origin)
    return Dataset(
        name=raw.name or name,
        origin=origin,
        train=frozen(train),
        test=frozen(test),
        sha256=sha256_of(arrays, tuple(validation) if len(validation) else ()),
        validation=validation,
        class_names=made.class_names,
        preparation=wanted,
        notes=tuple(notes),
    )


def frozen(examples: Examples) -> Examples:
    """The same examples, read-only."""
    return Examples(read_only(examples.images), read_only(examples.labels))


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


def from_path(data: str, wanted: Preparation, test_split: float, say: Callable[[str], None]) -> Dataset:
    """Load the dataset in a file or folder, which may turn out to be MNIST, or a copy of one that has a name."""
    from mnist_cnn.data import formats  # here, because MNIST itself needs none of it

    known = None
    if os.sep not in data and not os.path.exists(data):  # noqa: PTH110  the one that never raises
        known = known_sets.named(data)
        if not known:
            words = "auto, mnist, digits, fashion-mnist, emnist-letters and the like, or the path of a file or folder"
            raise DataError(f"There is no dataset, file or folder {data!r}: name {words} (docs/data.md).")
    path = known_sets.folder_of(known, VARIABLE) if known else absolute(data)
    if known and (prefix := known_sets.KNOWN[known].prefix):
        path = known_sets.with_prefix(path, prefix)
    raw = formats.read(path, wanted, say)
    # Only the contents make MNIST: a file that merely bears one of our names goes by its whole path.
    name = str(path) if path.name in ("mnist", "digits") else path.name
    return from_raw(raw, wanted, known or name, str(path), test_split, say)


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
