"""Images with labels, and a dataset of training, validation and test images. Knows nothing about files or networks."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mnist_cnn.card import DIGITS, LARGEST_SIDE, LONGEST_NAME, MOST_CLASSES, READING, SMALLEST_SIDE, Task
from mnist_cnn.errors import DataError


@dataclass(frozen=True, repr=False)
class Examples:
    """Images (n, 28, 28) uint8, foreground 255 and background 0, and their labels (n,) uint8, 0 to 9.

    Of other data images are (n, side, side) or RGB (n, side, side, 3), and labels the numbers of classes, from 0.

    They unpack like a pair of Keras' `load_data()`: `images, labels = examples`.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        """The number of images."""
        return len(self.labels)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Images, then labels."""
        return iter((self.images, self.labels))

    def joined(self, more: "Examples") -> "Examples":
        """These examples, then the others."""
        return Examples(np.concatenate([self.images, more.images]), np.concatenate([self.labels, more.labels]))

    def __repr__(self) -> str:
        return f"Examples({len(self):,} images, classes {', '.join(map(str, np.unique(self.labels).tolist()))})"


NO_EXAMPLES = Examples(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))


@dataclass(frozen=True)
class Preparation:
    """How images and labels become those of a dataset: what a person asked for beside its name or path.

    Images are brought to `image_size` pixels a side, 28 to 96, and to grey or, with 3 `channels`, RGB; with `invert`
    dark becomes light. `class_names` are those of labels that are numbers from 0.
    """

    image_size: int = READING.side
    channels: int = READING.channels
    invert: bool = False
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise DataError if something is out of range."""
        if not SMALLEST_SIDE <= self.image_size <= LARGEST_SIDE:
            raise DataError(f"image-size is {self.image_size}: it must be from {SMALLEST_SIDE} to {LARGEST_SIDE}.")
        if self.channels not in (1, 3):
            raise DataError(f"channels is {self.channels}: it must be 1 (grey) or 3 (colour).")
        names = self.class_names
        if names and not 2 <= len(names) <= MOST_CLASSES:
            raise DataError(f"There are {len(names)} class names: give 2 to {MOST_CLASSES:,}.")
        if len(set(names)) < len(names) or any(not name or len(name) > LONGEST_NAME for name in names):
            raise DataError(f"Class names must be different from each other and have 1 to {LONGEST_NAME} characters.")

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON; nothing where they are the usual ones."""
        if self == USUAL:
            return {}
        names = {"class_names": list(self.class_names)} if self.class_names else {}
        return {"image_size": self.image_size, "channels": self.channels, "invert": self.invert, **names}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Preparation":
        """Read back what `to_dict` made."""
        return cls(**{**document, "class_names": tuple(document.get("class_names", ()))})


USUAL = Preparation()


@dataclass(frozen=True, repr=False)
class Dataset:
    """Training and test images with their labels, and where they came from.

    It unpacks like Keras' own `load_data()`: `(x_train, y_train), (x_test, y_test) = dataset`.

    `name` is "mnist" if these are MNIST's 60,000 + 10,000 images in the original order, else "digits", "memory" or the
    file's name. `origin` is what `load_data` takes to find them again. `sha256` is over the bytes of the four arrays:
    training images, training labels, test images, test labels. `warning` is a sentence if these are not the data that
    the person may believe they are, else None. `validation` is empty until `split`, unless the data bring one.
    `class_names` are the names of the classes, of which labels are the numbers; `preparation` is what was asked for of
    the images, and `notes` say what was done to them, a sentence each.
    """

    name: str
    origin: str
    train: Examples
    test: Examples
    sha256: str
    warning: str | None = None
    validation: Examples = NO_EXAMPLES
    class_names: tuple[str, ...] = DIGITS
    preparation: Preparation = USUAL
    notes: tuple[str, ...] = ()

    @property
    def is_mnist(self) -> bool:
        """Whether these are MNIST itself, so that a number on the test images is an MNIST number."""
        return self.name == "mnist"

    @property
    def mark(self) -> str:
        """What is said beside every number that is not one of MNIST; empty for MNIST."""
        return "" if self.is_mnist else f" on {self.name} (not MNIST)"

    @property
    def task(self) -> Task:
        """What a classifier of these data does."""
        shape = self.train.images.shape[1:]
        return Task(shape[0], shape[2] if len(shape) == 3 else 1, self.class_names)

    def split(self, validation_split: float) -> "Dataset":
        """The dataset with the last fraction of its training images as `validation`; raises DataError as `split`.

        Where a class would be in one of the two parts only, as in images that are sorted by class, that fraction of
        each class is drawn at random instead, always the same images, and a note says so. MNIST is divided as it is,
        and data that bring a validation part keep it.
        """
        if len(self.validation):
            return self
        train, validation = split(self.train, validation_split)
        if self.is_mnist or not validation_split or not (missing := classes_apart(train, validation)):
            return replace(self, train=train, validation=validation)
        train, validation = stratified(self.train, validation_split, what="validation")
        names = ", ".join(self.class_names[one] for one in missing[:5]) + (", …" if len(missing) > 5 else "")
        return replace(self, train=train, validation=validation, notes=(*self.notes, NOT_THE_LAST.format(names)))

    def __iter__(self) -> Iterator[Examples]:
        """Training, then test examples."""
        return iter((self.train, self.test))

    def __repr__(self) -> str:
        validation = f", {len(self.validation):,} validation" if len(self.validation) else ""
        return f"Dataset({self.name!r}: {len(self.train):,} training{validation} and {len(self.test):,} test images)"

    def _repr_html_(self) -> str:
        """Each digit's first training images, for a notebook."""
        from mnist_cnn.data.gallery import gallery  # here, because Pillow comes with it

        parts = {"training": self.train, "validation": self.validation, "test": self.test}
        labels = {name: part.labels for name, part in parts.items()}
        return gallery(repr(self), self.train.images, labels, self.class_names)


def split(examples: Examples, validation_split: float) -> tuple[Examples, Examples]:
    """Training and validation examples, as Keras' `fit(validation_split=…)` takes them: validation is the last share.

    Training is the first floor(n × (1 - validation_split)) examples; nothing is shuffled, and both parts are views.
    With a split of 0 all examples are for training. Raises DataError if `validation_split` is not from 0 up to 1, or
    leaves nothing to train on, or nothing to validate on though it is not 0.
    """
    # In Keras' own order of operations, since n - floor(n * share) rounds differently.
    cut = math.floor(len(examples) * (1.0 - validation_split)) if 0 <= validation_split < 1 else 0
    if not 0 < cut < len(examples) + (validation_split == 0):
        raise DataError(
            f"A validation split of {validation_split} of {len(examples)} examples leaves one part empty: "
            "give more examples, or another share from 0 up to 1."
        )
    return (
        Examples(examples.images[:cut], examples.labels[:cut]),
        Examples(examples.images[cut:], examples.labels[cut:]),
    )


NOT_THE_LAST = (
    "The last training images lack classes that the others have, or have them alone ({}), as in images that are sorted "
    "by class: the validation images are drawn at random from each class instead"
)


def classes_apart(train: Examples, validation: Examples) -> list[int]:
    """The classes that only one of two parts has, though there are enough images of them for both."""
    classes = 1 + max(int(part.labels.max(initial=0)) for part in (train, validation))
    counts = [np.bincount(part.labels, minlength=classes) for part in (train, validation)]
    share = len(validation) / (len(train) + len(validation))
    # A fair sample in which three images of a class are to be expected has none one time in twenty.
    expected = (counts[0] + counts[1]) * share
    apart = ((counts[1] == 0) & (expected >= EXPECTED)) | ((counts[0] == 0) & (counts[1] > 0))
    return [int(one) for one in np.flatnonzero(apart)]


EXPECTED = 3  # images: with none of so many there is reason to doubt that the sample is fair


def stratified(examples: Examples, test_split: float, seed: int = 0, what: str = "test") -> tuple[Examples, Examples]:
    """Training and test examples: of each class `test_split` of its images, drawn at random, are for the test.

    A class with two images or more has at least one in each part. Raises DataError, which calls the second part `what`,
    if `test_split` is not between 0 and 1, or leaves one part empty.
    """
    rng = np.random.default_rng(seed)
    is_test = np.zeros(len(examples), bool)
    if 0 < test_split < 1:
        for digit in np.unique(examples.labels):
            members = rng.permutation(np.flatnonzero(examples.labels == digit))
            count = round(len(members) * test_split)
            is_test[members[: min(max(count, 1), len(members) - 1)]] = True
    if not 0 < is_test.sum() < len(examples):
        raise DataError(
            f"A {what} split of {test_split} of {len(examples)} examples leaves one part empty: "
            "give more examples, or another share between 0 and 1."
        )
    return (
        Examples(examples.images[~is_test], examples.labels[~is_test]),
        Examples(examples.images[is_test], examples.labels[is_test]),
    )
