"""A MATLAB file with images and labels, by their usual names or in a struct as EMNIST has them, becomes raw data.

Read by SciPy, which runs nothing of it. What a file would unpack to is counted first.
"""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn.data import array_names
from mnist_cnn.data.raw_data import RawData
from mnist_cnn.errors import DataError, MissingExtraError

LARGEST = 2 * 2**30  # bytes of all variables, unpacked
COMPRESSED = 15  # the type of an element that is packed by zlib ("MAT-File Format", MathWorks)
CHUNK = 2**20
DEEPEST = 4  # structs in structs
MAGIC = b"MATLAB 5.0 MAT-file"


def read(path: Path) -> RawData:
    """The images and labels in a .mat of version 5 to 7. Raises DataError, and ValueError and others if damaged."""
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError as error:
        raise MissingExtraError('Reading .mat files needs SciPy: pip install "mnist-cnn[train]".') from error
    check_size(path)
    try:
        variables = loadmat(path, squeeze_me=False, struct_as_record=True, chars_as_strings=True)
    except (MatReadError, NotImplementedError, AttributeError, IndexError, KeyError) as error:
        raise DataError(f"{path} cannot be read ({' '.join(str(error).split())[:120]}): save it again.") from error
    flat = flattened({name: value for name, value in variables.items() if not name.startswith("__")})
    named = array_names.roles(flat)
    arrays = {key: flat[name] for key, name in named.items()}
    if not array_names.complete_parts(named):
        holds = ", ".join(sorted(name[:40] for name in flat)[:6])
        raise DataError(
            f"{path} holds no images with labels under their usual names, such as X and y (it holds {holds})."
        )
    for part in array_names.complete_parts(named):
        labels = np.asarray(arrays[part, "labels"])
        labels = labels.reshape(-1) if labels.size == max(labels.shape, default=0) else labels
        arrays[part, "labels"] = labels
        arrays[part, "images"] = images_first(np.asarray(arrays[part, "images"]), len(labels))
    return array_names.raw_data(arrays)


def check_size(path: Path) -> None:
    """Raise DataError if a file would unpack to more than is read; nothing of it is kept meanwhile."""
    total = 0
    with path.open("rb") as stream:
        order = "<" if stream.read(128)[126:128] == b"IM" else ">"
        while len(head := stream.read(8)) == 8:
            kind, size = struct.unpack(f"{order}2I", head)
            if kind != COMPRESSED:
                total += size
                stream.seek(size, 1)
            else:
                total += unpacked_size(stream, size, LARGEST - total)
            if total > LARGEST:
                raise DataError(f"{path} would unpack to more than {LARGEST / 2**30:g} GiB: make it smaller.")


def unpacked_size(stream: Any, size: int, most: int) -> int:
    """How many bytes the next `size` bytes unpack to; counting ends where it is more than `most`."""
    unpacker, total = zlib.decompressobj(), 0
    while size > 0 and (packed := stream.read(min(CHUNK, size))):
        size -= len(packed)
        while packed:
            total += len(unpacker.decompress(packed, CHUNK))
            packed = unpacker.unconsumed_tail
            if total > most:
                return total
    return total


def flattened(variables: Mapping[str, Any], before: str = "", depth: int = 0) -> dict[str, np.ndarray]:
    """The arrays of numbers and texts by their names, those in structs as `dataset_train_images`."""
    found: dict[str, np.ndarray] = {}
    for name, value in variables.items():
        whole = f"{before}_{name}" if before in ("train", "test") else name if not before else f"{before}_{name}"
        whole = whole.removeprefix("dataset_")
        array = np.asarray(value)
        if array.dtype.names and array.size == 1 and depth < DEEPEST:
            inner = array.reshape(-1)[0]
            found |= flattened({one: inner[one] for one in array.dtype.names}, whole, depth + 1)
        elif array.dtype.kind in "buifUS":
            found[whole] = array
    return found


def images_first(images: np.ndarray, count: int) -> np.ndarray:
    """Images with their number as the first axis: MATLAB has it last, and pixels column by column."""
    if images.ndim in (3, 4) and images.shape[0] != count and images.shape[-1] == count:
        return np.moveaxis(images, -1, 0)
    if images.ndim == 2 and images.shape[0] != count and images.shape[1] == count:
        return images.T
    return images
