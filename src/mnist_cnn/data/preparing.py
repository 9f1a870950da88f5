"""Images and labels of any kind become uint8 images of one size and the numbers of classes. Knows no files.

What is done that a person may not expect is said, a sentence each: floats that are scaled, images that are resized.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mnist_cnn.card import DIGITS, LONGEST_NAME, MOST_CLASSES, SMALLEST_SIDE
from mnist_cnn.data.contents import read_only
from mnist_cnn.data.dataset import Preparation
from mnist_cnn.data.raw_data import Part, RawData, in_natural_order
from mnist_cnn.errors import DataError

CHUNK = 4096  # images that are resized at once
LARGEST = 2 * 1024**3  # bytes of all images together


class Prepared:
    """The parts of a dataset as (images, labels), the names of the classes, and the notes on the way."""

    def __init__(self, raw: RawData, wanted: Preparation, place: str) -> None:
        self.notes = list(raw.notes)
        self.place = place
        parts = {name: part for name, part in raw.parts.items() if part.labels is not None}
        names = wanted.class_names or raw.class_names
        labels, self.class_names = self.labels_of({name: part.labels for name, part in parts.items()}, names)
        images = self.images_of({name: part.images for name, part in parts.items()}, wanted)
        for name in parts:
            if len(images[name]) != len(labels[name]):
                raise DataError(
                    f"{place} holds {len(images[name])} images but {len(labels[name])} labels to {name} with: give "
                    "one label per image."
                )
        self.parts = {name: (read_only(images[name]), read_only(labels[name])) for name in parts}

    def said(self, name: str) -> str:
        """What to call an array of a part in a message."""
        return f"{self.place} ({name})"

    # Labels

    def labels_of(
        self, given: Mapping[str, Any], names: tuple[str, ...]
    ) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
        """The labels of each part as the numbers of classes, and the names of the classes."""
        flat = {name: self.flat_labels(labels, f"y_{name}") for name, labels in given.items()}
        values = np.unique(np.concatenate([*flat.values()])) if same_kind(flat.values()) else self.mixed(flat)
        if values.dtype.kind in "iu":
            low, high = int(values.min()), int(values.max())
            if names:
                if low < 0 or high >= len(names):
                    raise DataError(
                        f"{self.place} holds labels from {low} to {high}, but names of {len(names)} classes: give one "
                        "name for each label, counted from 0."
                    )
                return numbered(flat, names)
            if low >= 0 and high <= 9:
                return numbered(flat, DIGITS)
            if low < 0 and values.tolist() != [-1, 1]:
                raise DataError(f"{self.place} holds labels from {low} to {high}: count classes from 0, or name them.")
        if names and values.dtype.kind == "U":
            return self.by_name(flat, values, names)
        self.check_count(values)
        found = [str(one) for one in values.tolist()]  # of numbers in their order
        found = in_natural_order(found) if values.dtype.kind == "U" else found
        if values.dtype.kind == "U":
            return self.by_name(flat, values, DIGITS if set(found) <= set(DIGITS) else tuple(found))
        place = {value: found.index(str(value)) for value in values.tolist()}
        numbers = {name: np.array([place[one] for one in labels.tolist()]) for name, labels in flat.items()}
        return numbered(numbers, tuple(found))

    def flat_labels(self, labels: Any, name: str) -> np.ndarray:
        """Labels (n,) of integers or texts, from what people have: one-hot rows, floats, a column, bytes, objects."""
        array = np.asarray(labels)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim == 2 and array.shape[1] > 1 and is_one_hot(array):
            self.notes.append(f"The labels are one-hot with {array.shape[1]} columns: the place of the 1 is the class")
            array = array.argmax(axis=1)
        if array.ndim != 1:
            raise DataError(
                f"{self.said(name)} has the shape {array.shape}, but labels are expected as (n,), one per image."
            )
        if not len(array):
            raise DataError(f"{self.said(name)} holds no labels: at least one is expected.")
        if array.dtype.kind == "O":
            array = np.array([str(one) for one in array.tolist()])
        if array.dtype.kind == "S":
            array = np.array([one.decode("utf-8", "replace") for one in array.tolist()])
        if array.dtype.kind == "b":
            array = array.astype(np.int64)
        if array.dtype.kind == "f":
            if not np.isfinite(array).all() or (array != np.rint(array)).any() or np.abs(array).max() >= 2**31:
                strange = [one for one in array.tolist() if one != one or not abs(one) < 2**31 or one != round(one)]
                raise DataError(
                    f"{self.said(name)} holds labels such as {strange[0]}: give a whole number or a name for each."
                )
            array = array.astype(np.int64)
        if array.dtype.kind == "U":
            return whole_numbers(np.char.strip(array))
        if array.dtype.kind not in "iu":
            raise DataError(
                f"{self.said(name)} holds {array.dtype} labels, but a number or a name for each class is expected."
            )
        return array

    def mixed(self, flat: dict[str, np.ndarray]) -> np.ndarray:
        """The values of labels that are numbers in one part and names in another, all as names."""
        for name, labels in flat.items():
            flat[name] = labels.astype(str)
        return np.unique(np.concatenate([*flat.values()]))

    def check_count(self, values: np.ndarray) -> None:
        """Raise DataError if these are too many or too few classes, or their names too long."""
        if len(values) > MOST_CLASSES:
            raise DataError(
                f"{self.place} holds {len(values):,} different labels, such as {str(values[0])[:40]!r}, and images are "
                f"put into at most {MOST_CLASSES:,} classes: check that this is the column or array of the labels."
            )
        if len(values) < 2:
            raise DataError(
                f"{self.place} holds a single class, {str(values[0])[:40]!r}: at least two are needed to train a "
                "classifier."
            )

    def by_name(
        self, flat: Mapping[str, np.ndarray], values: np.ndarray, names: tuple[str, ...]
    ) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
        """Texts as the numbers of the names."""
        if unknown := sorted(set(values.tolist()) - set(names)):
            raise DataError(
                f"{self.place} holds the label {unknown[0][:40]!r}, which is none of the {len(names)} class names: add "
                "it to them."
            )
        place = {name: number for number, name in enumerate(names)}
        return numbered(
            {name: np.array([place[one] for one in labels.tolist()]) for name, labels in flat.items()}, names
        )

    # Images

    def images_of(self, given: Mapping[str, Any], wanted: Preparation) -> dict[str, np.ndarray]:
        """The images of each part (n, side, side) or (n, side, side, 3) uint8."""
        arrays = {name: self.squared(np.asarray(images), f"x_{name}") for name, images in given.items()}
        arrays = self.as_bytes(arrays)
        side, shapes = wanted.image_size, {array.shape[1:3] for array in arrays.values()}
        count = sum(map(len, arrays.values()))
        if count * side * side * wanted.channels > LARGEST:
            raise DataError(
                f"{self.place} holds {count:,} images, which take more than {LARGEST // 1024**3} GiB at {side}×{side} "
                f"pixels with {wanted.channels} channels: take fewer, or a smaller --image-size."
            )
        if shapes != {(side, side)}:
            sizes = " and ".join(f"{width}×{height}" for height, width in sorted(shapes))
            hint = "" if side > SMALLEST_SIDE or shapes < {(16, 16), (20, 20)} else " (--image-size for more)"
            self.notes.append(f"The images of {sizes} pixels are brought to {side}×{side}{hint}")
        if wanted.channels == 1 and any(array.ndim == 4 for array in arrays.values()):
            self.notes.append("The colour images are brought to grey (--channels 3 keeps the colours)")
        made = {name: resized(array, side, wanted.channels) for name, array in arrays.items()}
        if wanted.invert:
            made = {name: 255 - array for name, array in made.items()}
        return made

    def squared(self, images: np.ndarray, name: str) -> np.ndarray:
        """Images (n, h, w) or (n, h, w, 3), from rows of pixels, a channel axis first or last, or transparency."""
        if images.dtype.kind not in "buif":
            raise DataError(
                f"{self.said(name)} holds {images.dtype} images, but uint8 from 0 (background) to 255 (foreground) is "
                "expected."
            )
        shape = images.shape
        if images.ndim == 2 and len(images) and (side := side_of(shape[1])):
            images = images.reshape(-1, side, side)
        elif images.ndim == 2 and len(images) and shape[1] % 3 == 0 and (side := side_of(shape[1] // 3)):
            images = np.moveaxis(images.reshape(-1, 3, side, side), 1, 3)  # as CIFAR has them
        elif images.ndim == 4 and shape[1] in (1, 3) and shape[3] not in (1, 3, 4):
            images = np.moveaxis(images, 1, 3)
        if images.ndim == 4 and images.shape[3] == 1:
            images = images[..., 0]
        if images.ndim == 4 and images.shape[3] == 4:
            images = images[..., :3]
        if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] != 3) or min(images.shape[1:3]) < 3:
            raise DataError(
                f"{self.said(name)} has the shape {shape}, but images are expected as (n, 28, 28), (n, height, width), "
                "(n, height, width, 3) or rows of pixels of square images."
            )
        if not len(images):
            raise DataError(f"{self.said(name)} holds no images: at least one is expected.")
        return images

    def alike(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays with those parts multiplied by 255 that are fractions where others are not."""
        highest = {name: float(array.max()) for name, array in arrays.items()}
        odd = [name for name, array in arrays.items() if array.dtype.kind == "f" and 0 < highest[name] <= 1]
        if not odd or max(highest.values()) <= 1:
            return arrays
        self.notes.append(f"The pixels to {' and to '.join(odd)} with are fractions: they are multiplied by 255")
        return arrays | {name: scaled(arrays[name], 255.0, 0.0) for name in odd}

    def as_bytes(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Pixels of any type as uint8, 0 to 255, by the range that all parts have together."""
        arrays = self.alike(arrays)
        ends = [(float(array.min()), float(array.max())) for array in arrays.values()]
        low, high = min(one for one, _ in ends), max(one for _, one in ends)
        if not np.isfinite(low) or not np.isfinite(high):
            raise DataError(f"{self.place} holds pixels that are NaN or infinite: remove these images.")
        kinds = {array.dtype.kind for array in arrays.values()}
        floats, whole = "f" in kinds, all(array.dtype == np.uint8 for array in arrays.values())
        if whole and (high > 1 or high == 0):
            return arrays
        if low >= 0 and high <= 1:
            what = "booleans" if kinds == {"b"} else "fractions" if floats else "0 and 1"
            self.notes.append(f"The pixels are {what}, from {low:g} to {high:g}: they are multiplied by 255")
            return {name: scaled(array, 255.0, 0.0) for name, array in arrays.items()}
        if floats and low >= -1 and high <= 1:
            self.notes.append("The pixels range from -1 to 1: they are brought to 0 to 255")
            return {name: scaled(array, 127.5, 127.5) for name, array in arrays.items()}
        if low < 0 or high > 65535:
            raise DataError(
                f"{self.place} holds pixels from {low:g} to {high:g}, but 0 (background) to 255 (foreground) is "
                "expected: bring them to that range."
            )
        if high > 255:
            self.notes.append(f"The pixels range from 0 to {high:g}: they are divided by {high / 255:.4g}")
            return {name: scaled(array, 255 / high, 0.0) for name, array in arrays.items()}
        return {name: scaled(array, 1.0, 0.0) for name, array in arrays.items()}


def same_kind(arrays: Iterable[np.ndarray]) -> bool:
    """Whether all of these hold numbers, or all hold texts."""
    return len({array.dtype.kind == "U" for array in arrays}) == 1


def is_one_hot(array: np.ndarray) -> bool:
    """Whether each row has a single 1 and else zeros."""
    return array.dtype.kind in "buif" and bool(((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all())


def whole_numbers(texts: np.ndarray) -> np.ndarray:
    """Texts as integers, if all of them are, else as they are."""
    if all(one.isascii() and one.isdecimal() and len(one) < 10 for one in np.unique(texts).tolist()):
        return texts.astype(np.int64)
    return texts


def numbered(labels: Mapping[str, np.ndarray], names: tuple[str, ...]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Labels in the smallest type, with room for one class more."""
    kind = np.uint8 if len(names) < 256 else np.uint16
    return {name: one.astype(kind) for name, one in labels.items()}, tuple(name[:LONGEST_NAME] for name in names)


def side_of(pixels: int) -> int:
    """The side of a square image of so many pixels; 0 if there is none, or it is too small to show anything."""
    side = round(pixels**0.5)
    return side if side * side == pixels and side >= 3 else 0


def scaled(array: np.ndarray, factor: float, added: float) -> np.ndarray:
    """Pixels times a factor, plus something, as uint8; in chunks, so that it takes little memory."""
    made = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), CHUNK):
        part = array[start : start + CHUNK].astype(np.float32)
        made[start : start + CHUNK] = np.rint(part * np.float32(factor) + np.float32(added))
    return made


def resized(images: np.ndarray, side: int, channels: int) -> np.ndarray:
    """Images (n, h, w) or (n, h, w, 3) uint8 as (n, side, side), or (n, side, side, 3)."""
    grey = images.ndim == 3
    if images.shape[1:3] == (side, side) and grey == (channels == 1):
        return images
    made = np.empty((len(images), side, side) + ((3,) if channels == 3 else ()), np.uint8)
    for number, image in enumerate(images):
        made[number] = brought_to(image, side, channels)
    return made


def brought_to(image: np.ndarray, side: int, channels: int) -> np.ndarray:
    """One image (h, w) or (h, w, 3) uint8 as (side, side), or with 3 channels (side, side, 3).

    Its shape is kept: what is missing to a square has the median colour of its edge. Areas are averaged where it is
    shrunk.
    """
    import cv2  # here, because most datasets have the size already

    if image.ndim == 3 and channels == 1:
        image = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    elif image.ndim == 2 and channels == 3:
        image = np.repeat(image[..., np.newaxis], 3, axis=2)
    height, width = image.shape[:2]
    if height != width:
        longest = max(height, width)
        edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        square = np.empty((longest, longest, *image.shape[2:]), np.uint8)
        square[:] = np.median(edge, axis=0).astype(np.uint8)
        top, left = (longest - height) // 2, (longest - width) // 2
        square[top : top + height, left : left + width] = image
        image = square
    if image.shape[:2] == (side, side):
        return image
    how = cv2.INTER_AREA if image.shape[0] > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(image), (side, side), interpolation=how))


def as_part(images: Any, labels: Any) -> Part:
    """Arrays in memory as a part."""
    return Part(np.asarray(images), labels)
