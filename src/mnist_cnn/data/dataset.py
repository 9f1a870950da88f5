"""Images with labels, and a dataset of training, validation and test images. Knows nothing about files or networks."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mnist_cnn.errors import DataError


@dataclass(frozen=True, repr=False)
class Examples:
    """Images (n, 28, 28) uint8, foreground 255 and background 0, and their labels (n,) uint8, 0 to 9.

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
        return f"Examples({len(self):,} images, digits {', '.join(map(str, np.unique(self.labels).tolist()))})"


NO_EXAMPLES = Examples(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))


@dataclass(frozen=True, repr=False)
class Dataset:
    """Training and test images with their labels, and where they came from.

    It unpacks like Keras' own `load_data()`: `(x_train, y_train), (x_test, y_test) = dataset`.

    `name` is "mnist" if these are MNIST's 60,000 + 10,000 images in the original order, else "digits", "memory" or the
    file's name. `origin` is what `load_data` takes to find them again. `sha256` is over the bytes of the four arrays:
    training images, training labels, test images, test labels. `warning` is a sentence if these are not the data that
    the person may believe they are, else None. `validation` is empty until `split`.
    """

    name: str
    origin: str
    train: Examples
    test: Examples
    sha256: str
    warning: str | None = None
    validation: Examples = NO_EXAMPLES

    @property
    def is_mnist(self) -> bool:
        """Whether these are MNIST itself, so that a number on the test images is an MNIST number."""
        return self.name == "mnist"

    @property
    def mark(self) -> str:
        """What is said beside every number that is not one of MNIST; empty for MNIST."""
        return "" if self.is_mnist else f" on {self.name} (not MNIST)"

    def split(self, validation_split: float) -> "Dataset":
        """The dataset with the last fraction of its training images as `validation`; raises DataError as `split`."""
        train, validation = split(self.train, validation_split)
        return replace(self, train=train, validation=validation)

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
        return gallery(repr(self), self.train.images, {name: part.labels for name, part in parts.items()})


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


def stratified(examples: Examples, test_split: float, seed: int = 0) -> tuple[Examples, Examples]:
    """Training and test examples: of each digit `test_split` of its images, drawn at random, are for the test.

    Raises DataError if `test_split` is not between 0 and 1, or leaves one part empty.
    """
    rng = np.random.default_rng(seed)
    is_test = np.zeros(len(examples), bool)
    if 0 < test_split < 1:
        for digit in np.unique(examples.labels):
            members = rng.permutation(np.flatnonzero(examples.labels == digit))
            is_test[members[: round(len(members) * test_split)]] = True
    if not 0 < is_test.sum() < len(examples):
        raise DataError(
            f"A test split of {test_split} of {len(examples)} examples leaves one part empty: "
            "give more examples, or another share between 0 and 1."
        )
    return (
        Examples(examples.images[~is_test], examples.labels[~is_test]),
        Examples(examples.images[is_test], examples.labels[is_test]),
    )
