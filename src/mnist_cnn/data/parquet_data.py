"""Parquet files with images and labels, as Hugging Face exports datasets, become raw data. Read by PyArrow.

How many rows and bytes a file declares is looked at before anything is decoded, and images are decoded safely.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn.card import CLASS_NAMES
from mnist_cnn.data.dataset import Preparation
from mnist_cnn.data.image_files import Member, decoded
from mnist_cnn.data.raw_data import TRAIN, Part, RawData, part_named
from mnist_cnn.errors import DataError, MissingExtraError

MOST_ROWS = 1_000_000
LARGEST = 4 * 2**30  # bytes of all columns of images and labels, as the file declares them unpacked
IMAGES = ("image", "img", "images", "pixels", "png", "jpg", "jpeg", "pixel_values", "x")
LABELS = ("label", "labels", "fine_label", "class", "target", "digit", "cls", "y", "character")
ROWS_AT_ONCE = 256
MAGIC = b"PAR1"


def read(paths: Sequence[Path], wanted: Preparation, say: Callable[[str], None]) -> RawData:
    """The images and labels of Parquet files, each of the part that its name says, or of the training part.

    Raises DataError for anything else, and MissingExtraError without PyArrow.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError('Reading Parquet needs PyArrow: pip install "mnist-cnn[parquet]".') from error
    parts: dict[str, list[Part]] = {}
    notes: list[str] = []
    class_names: tuple[str, ...] = ()
    rows = 0
    for path in paths:
        try:
            with pyarrow.parquet.ParquetFile(path) as file:
                rows += file.metadata.num_rows
                check_size(file.metadata, rows, path)
                image, label = columns(file.schema_arrow.names, path)
                leaves = [column.path for column in map(file.schema.column, range(len(file.schema)))]
            # As a dictionary, a value that all rows share is in memory once, however many rows there are.
            once = [leaf for leaf in leaves if leaf in (image, f"{image}.bytes")]
            with pyarrow.parquet.ParquetFile(path, read_dictionary=once) as file:
                class_names = class_names or names_in(file.schema_arrow.metadata, label)
                made, said = part_of(file, image, label, wanted, say, str(path))
        except pyarrow.ArrowException as error:
            first = " ".join(str(error).split())[:120]
            raise DataError(f"{path} is damaged or not a Parquet file ({first}): get it again.") from error
        parts.setdefault(part_named(path.name) or TRAIN, []).append(made)
        notes += [one for one in said if one not in notes]
    joined = {name: joined_parts(some) for name, some in parts.items()}
    return RawData(joined, class_names, tuple(notes))


def check_size(metadata: Any, rows: int, path: Path) -> None:
    """Raise DataError if all files together declare more than is read."""
    size = sum(metadata.row_group(one).total_byte_size for one in range(metadata.num_row_groups))
    if rows > MOST_ROWS or size > LARGEST:
        raise DataError(
            f"{path} declares {rows:,} rows and {size / 2**30:.1f} GiB with the files before it, and at most "
            f"{MOST_ROWS:,} rows and {LARGEST / 2**30:g} GiB are read: take fewer files."
        )


def columns(names: Sequence[str], path: Path) -> tuple[str, str]:
    """The columns of images and of labels, by their usual names; raises DataError if one is missing."""
    plain = {name.lower(): name for name in names}
    found = [next((plain[one] for one in known if one in plain), None) for known in (IMAGES, LABELS)]
    if found[0] is None or found[1] is None:
        holds = ", ".join(name[:40] for name in list(names)[:6])
        raise DataError(f"{path} has no columns image and label (it has {holds}): name them so.")
    return found[0], found[1]


def names_in(metadata: Mapping[bytes, bytes] | None, label: str) -> tuple[str, ...]:
    """The class names that Hugging Face writes into the metadata; none if there are none."""
    try:
        document = json.loads((metadata or {})[b"huggingface"])
        names = document["info"]["features"][label]["names"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return ()
    return tuple(names) if CLASS_NAMES.fault(names, "") is None and len(names) > 1 else ()


def part_of(
    file: Any, image: str, label: str, wanted: Preparation, say: Callable[[str], None], place: str
) -> tuple[Part, list[str]]:
    """The images of one file with their labels, and sentences on the way."""
    images: list[np.ndarray] = []
    labels: list[Any] = []
    notes: list[str] = []
    for batch in file.iter_batches(ROWS_AT_ONCE, columns=[image, label], use_threads=False):
        marks = batch.column(batch.schema.get_field_index(label)).to_pylist()
        values = batch.column(batch.schema.get_field_index(image))
        if (content := files_of(values)) is not None:
            names = (f"row {len(labels) + number + 1}" for number in range(len(marks)))
            members = [Member((name,), partial(whole, content, number)) for number, name in enumerate(names)]
            made = decoded(members, wanted, say, place)
            images.append(made.images)
            labels += [marks[number] for number in made.kept]
            notes += [one for one in made.notes if one not in notes]
        else:
            images.append(arrays_of(values.to_pylist(), place))
            labels += marks
        say_rows(len(labels), file.metadata.num_rows, say, place)
    if not labels:
        raise DataError(f"{place} has no rows: at least one image is expected.")
    if any(one is None for one in labels):
        raise DataError(f"{place} has rows without a label in the column {label}: remove them.")
    return Part(np.concatenate(images), labels), notes


def say_rows(done: int, rows: int, say: Callable[[str], None], place: str) -> None:
    """Say from time to time how far it is."""
    if done % (40 * ROWS_AT_ONCE) == 0 and done < rows:
        say(f"{done:,} of {rows:,} rows of {place} read")


def files_of(values: Any) -> Any:
    """The column of the bytes of image files, by itself or in a struct with their paths; None for pixels."""
    import pyarrow

    types = pyarrow.types
    if types.is_struct(values.type):
        if values.type.get_field_index("bytes") < 0:
            return None
        values = values.field("bytes")
    kind = values.type.value_type if types.is_dictionary(values.type) else values.type
    return values if types.is_binary(kind) or types.is_large_binary(kind) else None


def whole(column: Any, number: int, largest: int) -> bytes:
    """The bytes of an image file in a column; raises OSError if there are none, or more than `largest`."""
    content = column[number].as_py()
    if content is None or len(content) > largest:
        raise OSError("it is empty" if content is None else "it is larger than is read")
    return bytes(content)


def arrays_of(values: list[Any], place: str) -> np.ndarray:
    """Pixels as lists of numbers as an array; raises DataError if they differ in shape or are something else."""
    try:
        array = np.array(values)
    except ValueError:
        array = np.array([], object)
    if array.dtype.kind not in "buif":
        raise DataError(f"{place} holds images that are neither image files nor pixels in lists of one shape.")
    return array


def joined_parts(parts: Sequence[Part]) -> Part:
    """Several files of one part as one."""
    return Part(np.concatenate([one.images for one in parts]), [label for one in parts for label in one.labels])


def files_in(folder: Path) -> Iterator[Path]:
    """The Parquet files of a folder, or of its folder `data`, as a clone from Hugging Face has them."""
    for place in (folder, folder / "data"):
        if place.is_dir():
            yield from sorted(one for one in place.iterdir() if one.suffix == ".parquet" and one.is_file())
