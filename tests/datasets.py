"""Small datasets in the layouts in which people have them: images of strokes, told apart by where the stroke is."""

import csv
import gzip
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def strokes(count: int, classes: int, side: int = 28, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """`count` images (n, side, side) uint8 of a light stroke each, and their labels (n,): its place is the class."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % classes).astype(np.uint8)
    images = rng.integers(0, 40, (count, side, side)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        at = 2 + int(label) * (side - 6) // max(1, classes - 1)
        image[3:-3, at : at + 2] = rng.integers(180, 256)
    return images, labels


def write_folders(
    folder: Path,
    names: Sequence[str],
    each: int = 6,
    size: tuple[int, int] = (28, 28),
    suffix: str = ".png",
    seed: int = 0,
) -> Path:
    """A folder for each class with images of this size."""
    images, labels = strokes(each * len(names), len(names), seed=seed)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (folder / names[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).resize(size).save(folder / names[label] / f"{number}{suffix}")
    return folder


def write_csv(
    path: Path,
    images: np.ndarray,
    labels: Sequence[object] | None,
    header: bool = True,
    separator: str = ",",
    start: str = "",
) -> Path:
    """A row of pixels for each image, with its label first, as Kaggle has them."""
    pixels = images.reshape(len(images), -1)
    with path.open("w", newline="", encoding="utf-8") as stream:
        stream.write(start)
        writer = csv.writer(stream, delimiter=separator)
        if header:
            writer.writerow(
                [*(["label"] if labels is not None else []), *(f"pixel{n}" for n in range(pixels.shape[1]))]
            )
        for number, row in enumerate(pixels.tolist()):
            writer.writerow([*([labels[number]] if labels is not None else []), *row])
    return path


def as_idx(array: np.ndarray, code: int = 8) -> bytes:
    """An array as an IDX file."""
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(
    folder: Path, train: Sequence[np.ndarray], test: Sequence[np.ndarray], prefix: str = "", gz: bool = True
) -> Path:
    """The four IDX files of a dataset; EMNIST and QMNIST call the second part `test`."""
    folder.mkdir(parents=True, exist_ok=True)
    second = "test" if prefix else "t10k"
    for part, (images, labels) in (("train", train), (second, test)):
        labels_name = "labels-idx2-int" if labels.ndim == 2 else "labels-idx1-ubyte"
        for name, array, code in (
            ("images-idx3-ubyte", images, 8),
            (labels_name, labels, 12 if labels.ndim == 2 else 8),
        ):
            content = as_idx(array, code)
            path = folder / f"{prefix}{part}-{name}{'.gz' if gz else ''}"
            path.write_bytes(gzip.compress(content) if gz else content)
    return folder
