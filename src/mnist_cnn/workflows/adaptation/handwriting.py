"""Labelled pictures come in, labelled 28×28 images as a network sees them go out. Knows nothing about training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnist_cnn.data.dataset import Examples
from mnist_cnn.errors import AdaptationError, DataError, ImageError
from mnist_cnn.evaluation.labelled_images import ROWS
from mnist_cnn.reading.picture import Source
from mnist_cnn.reading.reader import Reader

FEWEST = 3  # pictures of a digit: with fewer, none would be left to learn from beside what is held out twice


@dataclass(frozen=True)
class Handwriting:
    """Digits of one person: images (n, 28, 28) uint8, their labels (n,), and what the network made of them before.

    `probabilities` (n, 10) are calibrated and for these images, whatever else a reader would look at. `pictures` (n,)
    says which picture each digit is from, and `names` what that is called. `unused` has a sentence for every picture,
    or digit, that nothing is learnt from.
    """

    images: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    pictures: np.ndarray
    names: list[str]
    unused: list[str]

    def __len__(self) -> int:
        """How many digits there are."""
        return len(self.labels)

    def of(self, chosen: np.ndarray) -> Examples:
        """The digits (n,) that are chosen, by True, to learn from."""
        return Examples(self.images[chosen], self.labels[chosen])

    @property
    def each(self) -> list[int]:
        """How many there are of each digit."""
        return [int((self.labels == digit).sum()) for digit in range(10)]


def handwriting_of(pictures: Sequence[Source], labels: Sequence[str], reader: Reader) -> Handwriting:
    """Read every picture and give its digits their labels: digits from left to right, rows separated by "/".

    A picture in which another number of digits is found than its label has is left out, because nobody knows which is
    which; so are digits of which there are fewer than three. Raises DataError for labels that are no digits or that are
    not as many as the pictures, and AdaptationError if nothing is left.
    """
    labels = checked(pictures, labels)
    found, unused = [], []
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        name = str(picture) if isinstance(picture, str | Path) else f"Picture {number + 1}"
        try:
            rows = reader.read(picture, single=len(label) == 1).rows
        except ImageError as error:
            unused.append(str(error))
            continue
        if [len(row) for row in rows] != [len(row) for row in label.split(ROWS)]:
            digits = sum(map(len, rows))
            unused.append(f"{name} is left out: {digits} digits were found in it, and its label is {label!r}.")
            continue
        read = [digit for row in rows for digit in row]
        found += [(number, name, digit, int(true)) for digit, true in zip(read, label.replace(ROWS, ""), strict=True)]
    counts = np.bincount([true for *_, true in found], minlength=10)
    scarce = [digit for digit in range(10) if 0 < counts[digit] < FEWEST]
    unused += [f"{digit} is not learnt: there are {counts[digit]} of it, and {FEWEST} are needed." for digit in scarce]
    found = [one for one in found if one[-1] not in scarce]
    if not found:
        reason = f" {unused[0]}" if unused else ""
        raise AdaptationError(
            f"None of the {len(pictures)} pictures can be learnt from.{reason} Give at least {FEWEST} readable "
            "pictures of each digit that is to be learnt."
        )
    images = np.stack([digit.image for _, _, digit, _ in found])
    return Handwriting(
        images=images,
        labels=np.array([true for *_, true in found]),
        probabilities=reader.classify(images),
        pictures=np.array([number for number, *_ in found]),
        names=[name for _, name, *_ in found],
        unused=unused,
    )


def checked(pictures: Sequence[Source], labels: Sequence[str]) -> list[str]:
    """The labels without spaces; raises DataError."""
    if len(pictures) != len(labels):
        raise DataError(f"There are {len(pictures)} pictures and {len(labels)} labels: give each picture its label.")
    plain = ["".join(str(label).split()) for label in labels]
    if wrong := [label for label in plain if set(label) - set("0123456789" + ROWS)]:
        raise DataError(f"A label is {wrong[0]!r}: it must be digits, rows separated by {ROWS}.")
    return plain
