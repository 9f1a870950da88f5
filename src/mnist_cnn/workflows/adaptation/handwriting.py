"""Labelled images come in, labelled 28×28 inputs of the model go out. Knows nothing about training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnist_cnn.data.dataset import Examples
from mnist_cnn.errors import AdaptationError, DataError, ImageError
from mnist_cnn.evaluation.labelled_images import ROWS, LabelledImage
from mnist_cnn.reading.picture import Source
from mnist_cnn.reading.reader import Reader

FEWEST = 3  # examples of a digit, so that each of the three folds can have one


@dataclass(frozen=True)
class Handwriting:
    """Digits of one person: images (n, 28, 28) uint8, their labels (n,), and the model's probabilities before.

    `probabilities` (n, 10) are calibrated, and of exactly these images. `sources` (n,) is the index of the image that
    each digit is from, and `names` its name. `skipped` has a sentence for every image or digit that is not used.
    """

    images: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    sources: np.ndarray
    names: list[str]
    skipped: list[str]

    def __len__(self) -> int:
        """The number of digits."""
        return len(self.labels)

    def of(self, chosen: np.ndarray) -> Examples:
        """The digits where `chosen` (n,) is true."""
        return Examples(self.images[chosen], self.labels[chosen])

    @property
    def each(self) -> list[int]:
        """The number of examples of each digit, 0 to 9."""
        return [int((self.labels == digit).sum()) for digit in range(10)]


def handwriting_of(images: Sequence[Source | LabelledImage], labels: Sequence[str], reader: Reader) -> Handwriting:
    """Read every image and assign the labels to its digits, left to right, rows separated by "/".

    An image in which the number of digits differs from its label is skipped, because it is unclear which is which; so
    are digits with fewer than three examples. Raises DataError for labels that are not digits or not as many as the
    images, and AdaptationError if nothing is left.
    """
    labels = checked(images, labels)
    found, skipped = [], []
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        name = name_of(image) or f"Image {number + 1}"
        try:
            opened = image.opened() if isinstance(image, LabelledImage) else image
            rows = reader.read(opened, single=len(label) == 1).rows
        except ImageError as error:
            skipped.append(str(error) if name in str(error) else f"{name}: {error}")
            continue
        if [len(row) for row in rows] != [len(row) for row in label.split(ROWS)]:
            digits = sum(map(len, rows))
            skipped.append(f"{name} is skipped: {digits} digits were found in it, and its label is {label!r}.")
            continue
        read = [digit for row in rows for digit in row]
        found += [(number, name, digit, int(true)) for digit, true in zip(read, label.replace(ROWS, ""), strict=True)]
    counts = np.bincount([true for *_, true in found], minlength=10)
    scarce = [digit for digit in range(10) if 0 < counts[digit] < FEWEST]
    skipped += [
        f"The digit {digit} is skipped: it has {counts[digit]} examples, and {FEWEST} are needed." for digit in scarce
    ]
    found = [one for one in found if one[-1] not in scarce]
    if not found:
        reason = f" {skipped[0]}" if skipped else ""
        raise AdaptationError(
            f"None of the {len(images)} images can be trained on.{reason} Give at least {FEWEST} readable examples of "
            "each digit."
        )
    inputs = np.stack([digit.image for _, _, digit, _ in found])
    return Handwriting(
        images=inputs,
        labels=np.array([true for *_, true in found]),
        probabilities=reader.classify(inputs),
        sources=np.array([number for number, *_ in found]),
        names=[name for _, name, *_ in found],
        skipped=skipped,
    )


def name_of(image: Source | LabelledImage) -> str:
    """The path of an image; empty for one in memory."""
    path = image.path if isinstance(image, LabelledImage) else image
    return str(path) if isinstance(path, str | Path) else ""


def checked(images: Sequence[object], labels: Sequence[str]) -> list[str]:
    """The labels without spaces; raises DataError."""
    if len(images) != len(labels):
        raise DataError(f"There are {len(images)} images and {len(labels)} labels: give one label per image.")
    plain = ["".join(str(label).split()) for label in labels]
    if wrong := [label for label in plain if set(label) - set("0123456789" + ROWS)]:
        raise DataError(f"A label is {wrong[0]!r}: it must be digits, rows separated by {ROWS}.")
    return plain
