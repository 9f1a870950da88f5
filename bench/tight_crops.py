"""Whether the reader minds if a digit fills its image: tight crops beside the same crops with background around them.

`python bench/tight_crops.py FOLDER [COUNT] [MODEL]`: the folder has mnist.npz and perhaps usps_test.npz. The first
COUNT (2,000) of MNIST's test images are drawn as crops and bitmaps of many sizes, in both polarities. Each is read as
it is and with a margin of its background, as a single digit and not. Tight and padded images have the same pixels where
the digit is, so a difference between the two is the reader's, and what both get wrong is the model's or the image's.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.normalise import crop_to_ink
from mnist_cnn.reading.picture import SHORTEST
from mnist_cnn.reading.reader import Reader
from read_pictures import arrays
from results import machine_line, write

COUNT = 2000
MARGIN = 0.5  # of the longer side, on each side of the padded image
FEWER = 10  # of the largest images only one in so many is read

Drawing = Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, int]]
"""From ink (h, w) uint8, cropped: the padded image, light ink on dark, and how wide its padding is."""


def padded(image: np.ndarray, tight: int = 0) -> tuple[np.ndarray, int]:
    """An image on black with `tight` pixels that stay and a margin that does not."""
    margin = max(2, round(MARGIN * max(image.shape)))
    return np.pad(image, margin + tight), margin


def resized(digit: np.ndarray, width: int, height: int) -> np.ndarray:
    """A digit in another size, averaged, after it was enlarged smoothly."""
    large = cv2.resize(digit, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA))


def fitted(digit: np.ndarray, side: int) -> np.ndarray:
    """A digit whose longer side has so many pixels, and the shorter at least as many as an image must have."""
    scale = side / max(digit.shape)
    height, width = (max(SHORTEST, round(length * scale)) for length in digit.shape)
    return resized(digit, width, height)


def bitmap(grey: np.ndarray) -> np.ndarray:
    """Black and white."""
    return np.where(grey >= 128, 255, 0).astype(np.uint8)


def cropped(tight: int) -> Drawing:
    """The digit as it is, with some pixels around it."""
    return lambda digit, _: padded(digit if min(digit.shape) >= SHORTEST else np.pad(digit, 1), tight)


def photographed(digit: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Ten times as large, soft, of low contrast, under uneven light and with grain."""
    large = cv2.resize(digit, None, fx=10, fy=10, interpolation=cv2.INTER_CUBIC)
    image, margin = padded(large)
    light = np.linspace(1, 0.85, image.shape[1])[np.newaxis]
    grey = 255 - (255 - (30 + 0.55 * cv2.GaussianBlur(image, (0, 0), 3).astype(np.float32))) * light
    return np.clip(grey + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8), margin


DRAWINGS: dict[str, Drawing] = {
    "crop": cropped(0),
    "crop and 1 pixel": cropped(1),
    "crop and 2 pixels": cropped(2),
    "8×8 grey": lambda digit, _: padded(fitted(digit, 8)),
    "16×16 grey, stretched": lambda digit, _: padded(resized(digit, 16, 16)),
    "16×16 bitmap, stretched": lambda digit, _: padded(bitmap(resized(digit, 16, 16))),
    "16×16 bitmap": lambda digit, _: padded(bitmap(fitted(digit, 16))),
    "32×32 bitmap, stretched": lambda digit, _: padded(bitmap(resized(digit, 32, 32))),
    "photo, 200 pixels": photographed,
    "bitmap, 1000 pixels": lambda digit, _: padded(bitmap(fitted(digit, 1000))),
}


def usps(image: np.ndarray, _: np.random.Generator) -> tuple[np.ndarray, int]:
    """A tight crop that is one already."""
    return padded(image)


def compared(
    reader: Reader, images: np.ndarray, labels: np.ndarray, draw: Drawing, dark_ink: bool, single: bool
) -> dict[str, Any]:
    """How many are correct with and without a margin, and how many only with, or only without."""
    rng = np.random.default_rng(0)
    both = [draw(image, rng) for image in images]
    both = [(255 - image if dark_ink else image, margin) for image, margin in both]
    wide = [image for image, _ in both]
    tight = [np.ascontiguousarray(image[margin:-margin, margin:-margin]) for image, margin in both]
    right = [
        np.array(
            [reading.text == str(label) for label, reading in zip(labels, reader.read_many(some, single), strict=True)]
        )
        for some in (tight, wide)
    ]
    return {
        "tight": Accuracy(int(right[0].sum()), len(labels)).to_dict(),
        "padded": Accuracy(int(right[1].sum()), len(labels)).to_dict(),
        "only_tight": int((right[0] & ~right[1]).sum()),
        "only_padded": int((right[1] & ~right[0]).sum()),
    }


def main(folder: Path, count: int = COUNT, model: str | None = None) -> None:
    """Compare tight and padded images of everything that the folder has."""
    reader = Reader(model, min_confidence=0.0)
    digits, labels = arrays(folder / "mnist.npz")
    digits, labels = digits[:count], labels[:count]
    inks = [crop_to_ink(digit) for digit in digits]
    sets = {
        name: (inks[:: FEWER if "1000" in name else 1], labels[:: FEWER if "1000" in name else 1], draw)
        for name, draw in DRAWINGS.items()
    }
    if (file := folder / "usps_test.npz").exists():
        sets["USPS test"] = (*arrays(file), usps)
    measured: dict[str, Any] = {}
    for name, (images, truth, draw) in sets.items():
        for dark_ink in (True, False):
            for single in (True, False):
                found = compared(reader, images, truth, draw, dark_ink, single)
                key = f"{name}, {'dark' if dark_ink else 'light'} ink{', single' if single else ''}"
                measured[key] = found
                tight, wide = (found[one]["accuracy"] for one in ("tight", "padded"))
                only = f"only tight {found['only_tight']}, only padded {found['only_padded']}"
                print(
                    f"{key}: {tight:.2%} as it is, {wide:.2%} padded, {100 * (tight - wide):+.2f}; {only}", flush=True
                )
    print(machine_line())
    write("tight_crops", {"model": model or "bundled", "count": count, "measured": measured})


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]), *sys.argv[3:4])
