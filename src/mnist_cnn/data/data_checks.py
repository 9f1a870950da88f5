"""What may be wrong with a dataset, a sentence each, noticed before anything is trained on it. Changes nothing.

Images that are the same are found by their bytes, images that are nearly the same by random projections (Charikar,
"Similarity estimation techniques from rounding algorithms", STOC 2002), whose candidates are then compared.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from mnist_cnn.data.dataset import Dataset, Examples, classes_apart, split

LAST_TENTH = 10  # one part in so many is the usual validation part
FEW = 10  # training images of a class
UNBALANCED = 20  # times as many images as the rarest class has
FAINT = 64  # of 255: no pixel of any image is lighter
WIDER = 1.25  # than high, of ones that lie on their side
ONES = 5  # images of the digit 1 that show how they stand
BY_CHANCE = 0.01  # of the test images
SIMILAR = 0.99  # correlation of two images of which one is nearly a copy of the other
TABLES, BITS = 6, 18
LOOKED_AT = {"polarity": 5_000, "test": 2_000, "train": 60_000}  # images, evenly from all of them


class Finding(NamedTuple):
    """What a check found: its name, a sentence, and whether training on is likely to give a useless model."""

    check: str
    text: str
    grave: bool = False


def findings(dataset: Dataset) -> list[Finding]:
    """What all checks find. MNIST itself is known, and not looked at."""
    if dataset.is_mnist:
        return []
    noted = [Finding("preparation", f"{text}.") for text in dataset.notes]
    return [*noted, *(found for check in CHECKS for found in check(dataset))]


def classes_missing(dataset: Dataset) -> Iterator[Finding]:
    """Classes without training images, and those that are only tested."""
    trained, tested = counts(dataset.train, dataset), counts(dataset.test, dataset)
    present = np.count_nonzero(trained)
    if present == 1:
        only = dataset.class_names[int(trained.argmax())]
        yield Finding(
            "single class", f"All training images are of the class {only}: there is nothing to tell apart.", True
        )
        return
    if absent := named(dataset, np.flatnonzero(trained == 0)):
        hint = ""
        if dataset.task.is_digits and present <= 5:
            hint = " If they stand for something else, name the classes with --class-names."
        yield Finding("missing classes", f"There are no training images of {absent}: it is never predicted.{hint}")
    if untested := named(dataset, np.flatnonzero((trained > 0) & (tested == 0))):
        yield Finding(
            "missing classes", f"There are no test images of {untested}: the accuracy says nothing about that."
        )


def classes_unequal(dataset: Dataset) -> Iterator[Finding]:
    """Classes with few images, or many fewer than others."""
    trained = counts(dataset.train, dataset)
    if few := named(dataset, np.flatnonzero((trained > 0) & (trained < FEW))):
        yield Finding("few images", f"There are fewer than {FEW} training images of {few}: add some.")
    present = trained[trained > 0]
    if len(present) > 1 and present.max() > UNBALANCED * present.min():
        yield Finding(
            "unbalanced classes",
            f"One class has {present.max():,} training images and another {present.min():,}: --class-weights balanced "
            "lets the rare ones count more.",
        )


def order(dataset: Dataset) -> Iterator[Finding]:
    """Images that are sorted by class, where no validation part was taken yet."""
    if len(dataset.validation) or len(dataset.train) < LAST_TENTH:
        return
    first, last = split(dataset.train, 1 / LAST_TENTH)
    if apart := named(dataset, np.array(classes_apart(first, last), int)):
        yield Finding(
            "sorted labels",
            f"The training images are sorted by class: the last tenth has all images of a class or none ({apart}), so "
            "validation images are drawn at random from each class.",
        )


def polarity(dataset: Dataset) -> Iterator[Finding]:
    """Digits that are dark on light, which no reader would recognise by a model of them."""
    some = evenly(dataset.train, LOOKED_AT["polarity"]).images
    if dataset.task.channels == 1 and dataset.task.is_digits and (share := share_of_light(some)) > 0.5:
        yield Finding(
            "inverted",
            f"{share:.0%} of the images are dark on a light background, and digits are expected light on dark, as "
            "MNIST has them: give --invert, or the model will misread everything that `read` gives it.",
            True,
        )


def transposed(dataset: Dataset) -> Iterator[Finding]:
    """Digits that lie on their side: a one is wider than it is high."""
    if not dataset.task.is_digits:
        return
    images = dataset.train.images[dataset.train.labels == 1][:1000]
    light = share_of_light(images) > 0.5 if len(images) else False
    ink = (255 - images if light else images) > 127
    height = ink.any(axis=2).sum(axis=1)
    width = ink.any(axis=1).sum(axis=1)
    if len(images) >= ONES and np.median(width) > WIDER * max(1, np.median(height)):
        yield Finding(
            "transposed",
            "The ones are wider than they are high, so the images seem to be transposed, as in EMNIST's own files: "
            "exchange rows and columns (images.transpose(0, 2, 1)), or load EMNIST by its name.",
            True,
        )


def contrast(dataset: Dataset) -> Iterator[Finding]:
    """Images that are blank, or all of them faint."""
    rows = [part.images.reshape(len(part), -1) for part in (dataset.train, dataset.test)]
    lowest, highest = (np.concatenate([end(part, axis=1) for part in rows]) for end in (np.min, np.max))
    if blank := int((lowest == highest).sum()):
        text = f"{blank:,} of {len(lowest):,} images are blank: remove them."
        yield Finding("blank images", text, blank * 2 > len(lowest))
    if 0 < highest.max() < FAINT:
        yield Finding("faint images", f"No pixel of any image is above {highest.max()} of 255: scale them to 0 to 255.")


def same_images(dataset: Dataset) -> Iterator[Finding]:
    """Images that occur several times: across the split, among the training images, and with several labels."""
    trained = by_bytes(dataset.train)
    shared = sum(digest(image) in trained for image in dataset.test.images)
    if shared:
        yield Finding(
            "test images in training",
            f"{shared:,} of {len(dataset.test):,} test images are also among the training images: the accuracy is too "
            "high. Remove them from one of the parts.",
            shared * 2 > len(dataset.test),
        )
    repeated = len(dataset.train) - len(trained)
    if repeated:
        yield Finding(
            "identical images", f"{repeated:,} of {len(dataset.train):,} training images are copies of others."
        )
    if torn := sum(len(labels) > 1 for labels in trained.values()):
        yield Finding("contradicting labels", f"{torn:,} training images occur with different labels: correct them.")


def similar_images(dataset: Dataset) -> Iterator[Finding]:
    """Test images that are nearly copies of training images: saved again, a little lighter, or with noise."""
    asked, known = evenly(dataset.test, LOOKED_AT["test"]), evenly(dataset.train, LOOKED_AT["train"])
    # Of scikit-learn's digits, which are 8×8 pixels enlarged, 0.4% are so alike by chance; of MNIST none.
    if (found := near_copies(asked, known)) > len(asked) * BY_CHANCE:
        yield Finding(
            "near-duplicates",
            f"{found:,} of {len(asked):,} test images are nearly the same as training images (correlation above "
            f"{SIMILAR:g}): the accuracy may be too high. Divide the images by where they come from.",
        )


CHECKS: tuple[Callable[[Dataset], Iterator[Finding]], ...] = (
    classes_missing,
    classes_unequal,
    order,
    polarity,
    transposed,
    contrast,
    same_images,
    similar_images,
)


def counts(examples: Examples, dataset: Dataset) -> np.ndarray:
    """The number of images of each class."""
    return np.bincount(examples.labels, minlength=len(dataset.class_names))


def named(dataset: Dataset, numbers: np.ndarray) -> str:
    """The names of some classes for a sentence, of many the first ones."""
    names = [dataset.class_names[int(one)] for one in numbers]
    shown = ", ".join(names[:5])
    return shown + (f" and {len(names) - 5:,} other classes" if len(names) > 5 else "")


def share_of_light(images: np.ndarray) -> float:
    """The share of grey images (n, h, w) whose edge is lighter than grey."""
    edge = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    return float((np.median(edge, axis=1) > 127).mean()) if len(images) else 0.0


def by_bytes(examples: Examples) -> dict[bytes, set[int]]:
    """The labels of each different image."""
    found: dict[bytes, set[int]] = {}
    for image, label in zip(examples.images, examples.labels.tolist(), strict=True):
        found.setdefault(digest(image), set()).add(label)
    return found


def digest(image: np.ndarray) -> bytes:
    """A short name of an image by its bytes."""
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def evenly(examples: Examples, most: int) -> Examples:
    """At most so many of some examples, evenly from the first to the last."""
    chosen = np.linspace(0, len(examples) - 1, min(most, len(examples)), dtype=int)
    return Examples(examples.images[chosen], examples.labels[chosen])


def near_copies(test: Examples, train: Examples) -> int:
    """How many test images have a training image that they are nearly copies of, and not the very same."""
    if not len(test) or not len(train):
        return 0
    rng = np.random.default_rng(0)
    known, asked = (normalised(part.images) for part in (train, test))
    planes = rng.normal(size=(TABLES, known.shape[1], BITS)).astype(np.float32)
    powers = 1 << np.arange(BITS)
    found = np.zeros(len(asked), bool)
    for plane in planes:
        keys, wanted = ((part @ plane > 0) @ powers for part in (known, asked))
        order = np.argsort(keys, kind="stable")
        first, last = (np.searchsorted(keys[order], wanted, side) for side in ("left", "right"))
        for index in np.flatnonzero((last > first) & ~found):
            others = order[first[index] : last[index]][:100]
            likeness = known[others] @ asked[index]
            alike = others[likeness > SIMILAR]
            found[index] = any((train.images[one] != test.images[index]).any() for one in alike)
    return int(found.sum())


def normalised(images: np.ndarray) -> np.ndarray:
    """Images as rows (n, pixels) float32 with mean 0 and length 1."""
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-6))
