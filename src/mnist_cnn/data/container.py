"""Arrays in `.npz` files, and IDX files as MNIST's authors publish them. Never unpickles, and trusts nothing."""

import gzip
import io
import math
import stat
import struct
import zipfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

import numpy as np

from mnist_cnn.data.contents import NAMES, Arrays
from mnist_cnn.errors import DataError
from mnist_cnn.system.files import DAMAGE

EXPECTED = (
    f"an .npz file with {', '.join(NAMES)}, a folder or ZIP with a folder of images for each class, a CSV, Parquet or "
    ".mat file, or MNIST's four IDX files are expected (docs/data.md)"
)

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
# The third byte of an IDX file says what the numbers are (Y. LeCun's page on MNIST, "The IDX file format").
IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}

# 2.7 million images of 28×28. A file that declares more is rejected before anything is unpacked.
LARGEST = 2 * 1024**3


def read(path: Path) -> Arrays:
    """Read the four arrays in an .npz or a folder of IDX files as they are: the format is verified, not the contents.

    Raises DataError, one sentence, if the path is missing, unreadable, damaged, incomplete, larger than 2 GiB unpacked,
    needs unpickling, or is anything else.
    """
    with explained(path):
        if path.is_dir():
            return read_folder(path)
        require_file(path)
        with path.open("rb") as stream:
            start = stream.read(4)
        if start[:2] != b"PK":
            reject_file(path, start)
        return read_npz(path)


def require_file(path: Path) -> None:
    """Raise DataError for a pipe or a device, which may never end, and OSError for what is not there."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise DataError(f"{path} is neither a file nor a folder, but a pipe or a device: {EXPECTED}.")


@contextmanager
def explained(path: Path, expected: str = EXPECTED) -> Iterator[None]:
    """Turn whatever goes wrong with this path into a DataError of one sentence, which ends with what is expected."""
    try:
        yield
    except DataError:  # a ValueError as well, which DAMAGE has in it
        raise
    except FileNotFoundError as error:
        raise DataError(f"There is no file or folder {path}: {expected}.") from error
    except PermissionError as error:
        raise DataError(
            f"{path} cannot be read (permission denied): change its permissions, or name another file."
        ) from error
    except DAMAGE as error:
        raise DataError(f"{path} is damaged or cut short ({one_line(error)}): get it again.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({one_line(error.strerror or error)}): {expected}.") from error


def one_line(error: object) -> str:
    """An error's message in at most 120 characters, or the name of its class."""
    return " ".join(str(error).split())[:120].strip(" .") or type(error).__name__


def check_size(path: Path, size: int, largest: int = LARGEST) -> None:
    """Raise DataError if a file declares to be larger than that when unpacked, 2 GiB for a dataset."""
    if size > largest:
        raise DataError(
            f"{path} would unpack to {size / 1024**3:.1f} GiB, and at most {largest / 1024**3:g} GiB is read: "
            "make it smaller."
        )


def reject_file(path: Path, start: bytes) -> NoReturn:
    """Raise DataError for a file that begins like this, and holds nothing that is known here."""
    if start[:2] == b"\x1f\x8b" or (start[:2] == b"\0\0" and start[2:3] != b"\0"):
        raise DataError(f"{path} may be one of four IDX files: name the folder that holds all four.")
    received = f"a file that begins with {start!r}" if start else "an empty file"
    raise DataError(f"{path} is {received}: {EXPECTED}.")


def read_npz(path: Path) -> Arrays:
    """Read the four arrays in an .npz. What a member declares is checked before it is unpacked."""
    with zipfile.ZipFile(path) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        missing = [name for name in NAMES if name not in members]
        if missing:
            raise DataError(f"{path} lacks {', '.join(missing)} (it holds {some(members)}): {EXPECTED}.")
        check_size(path, sum(members[name].file_size for name in NAMES))
        return {name: read_member(archive, members[name], f"{path} ({name})") for name in NAMES}


def some(names: Iterable[str]) -> str:
    """At most six of these names for a message: a file's names may be long, many, or harmful to a terminal."""
    first = [name[:40] if name.isprintable() else ascii(name[:40]) for name in sorted(names)[:7]]
    return ", ".join(first[:6]) + (", …" if len(first) > 6 else "") or "nothing"


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, place: str) -> np.ndarray:
    """One array of an .npz: an .npy, whose header must agree with its length. Read-only."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others unpack without a bound
        raise DataError(
            f"{place} is compressed in a way that NumPy never uses: write it again with numpy.savez_compressed."
        )
    with archive.open(member) as stream:
        content = stream.read(member.file_size)  # a size makes zipfile stop there, whatever the packed bytes hold
    header = io.BytesIO(content)
    shape, in_fortran_order, dtype = read_header(header)
    if dtype.hasobject:
        raise DataError(f"{place} holds pickled Python objects, which are never unpickled: uint8 arrays are expected.")
    values = as_values(memoryview(content)[header.tell() :], math.prod(shape), dtype, place)
    return values.reshape(shape, order="F" if in_fortran_order else "C")


def read_header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read the header of an .npy: shape, Fortran order or not, dtype; ValueError if it is not one."""
    version = np.lib.format.read_magic(stream)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        return reader(stream)
    except Exception as error:  # NumPy lets through what Python's own parser raises, such as tokenize.TokenError
        raise ValueError(f"its header is unreadable: {one_line(error)}") from error


def as_values(content: bytes | memoryview, count: int, dtype: np.dtype, place: str) -> np.ndarray:
    """Interpret these bytes as exactly `count` numbers, read-only; DataError if there are more or fewer."""
    if len(content) != count * dtype.itemsize:
        relation = "fewer" if len(content) < count * dtype.itemsize else "more"
        raise DataError(f"{place} is damaged or cut short ({relation} bytes than its header declares): get it again.")
    return np.frombuffer(content, dtype) if count else np.empty(0, dtype)


def read_folder(path: Path) -> Arrays:
    """Read the four arrays in a folder with IDX files."""
    files = {name: idx_file(path, stem) for name, stem in IDX_FILES.items()}
    if any(file is None for file in files.values()):
        reject_folder(path, [name for name, file in files.items() if file])
    return {name: read_idx(file) for name, file in files.items() if file}


def reject_folder(path: Path, found: Collection[object]) -> NoReturn:
    """Raise DataError for a folder that lacks some of the IDX files of which others were `found`, or all."""
    holds = some(entry.name for entry in path.iterdir())
    if not found:
        raise DataError(f"The folder {path} holds no data that is known here (it holds {holds}): {EXPECTED}.")
    missing = [stem for stem in IDX_FILES.values() if idx_file(path, stem) is None]
    raise DataError(f"The folder {path} lacks {', '.join(missing)} (it holds {holds}): {EXPECTED}.")


def idx_file(folder: Path, stem: str) -> Path | None:
    """Find the file of this name, also spelled as some unpackers do (`train-images.idx3-ubyte`), plain or .gz."""
    spellings = (stem, stem.replace("-idx", ".idx"))
    candidates = [folder / f"{spelling}{ending}" for spelling in spellings for ending in ("", ".gz")]
    return next((file for file in candidates if file.is_file()), None)


def read_idx(path: Path) -> np.ndarray:
    """Read the array in one IDX file, plain or gzipped; no more is unpacked than its header declares. Read-only."""
    with explained(path), path.open("rb") as packed, plain(packed) as stream:
        start = stream.read(4)
        if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in IDX_TYPES or start[3] > 4:
            received = f"it begins with {start!r}" if start else "it is empty"
            raise DataError(f"{path} is not an IDX file ({received}): get it again.")
        shape = struct.unpack(f">{start[3]}I", stream.read(4 * start[3]))
        count, dtype = math.prod(shape), np.dtype(IDX_TYPES[start[2]])
        check_size(path, count * dtype.itemsize)
        content = stream.read(count * dtype.itemsize + 1)  # one more, to notice bytes that should not be there
        return as_values(content, count, dtype, str(path)).reshape(shape)


def plain(stream: BinaryIO) -> BinaryIO:
    """The stream itself, or the unpacked one if it is gzipped."""
    gzipped = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=stream)) if gzipped else stream
