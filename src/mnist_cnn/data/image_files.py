"""The files of a folder or a ZIP by their names, and image files among them, decoded safely. Knows no labels.

Nothing is unpacked to the disk. Hidden files, and what archives of macOS and Windows add, are skipped.
"""

import os
import time
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from mnist_cnn.data.dataset import Preparation
from mnist_cnn.errors import DataError, ImageError
from mnist_cnn.system.files import read_limited

MOST_FILES = 1_000_000
LARGEST_FILE = 64 * 2**20  # bytes of an image file
LARGEST_TABLE = 2 * 2**30  # bytes of a table in a ZIP
DEEPEST = 8  # folders in folders
SECONDS = 3.0  # between two notes
SKIPPED = ("__MACOSX", "Thumbs.db", "desktop.ini")


class Member(NamedTuple):
    """A file: its folders and name, and what reads at most so many of its bytes."""

    parts: tuple[str, ...]
    read: Callable[[int], bytes]

    @property
    def name(self) -> str:
        """The name without its folders."""
        return self.parts[-1]

    @property
    def suffix(self) -> str:
        """The ending of the name, in small letters."""
        return PurePosixPath(self.name).suffix.lower()


def in_folder(folder: Path) -> list[Member]:
    """All files below a folder, sorted; links to folders are not followed. Raises OSError, and DataError for too many.

    A link to a file is followed: people collect datasets by links.
    """
    found: list[Member] = []
    for place, below, names in os.walk(folder):
        at = Path(place).relative_to(folder).parts
        below[:] = sorted(name for name in below if is_shown(name)) if len(at) < DEEPEST else []
        for name in sorted(filter(is_shown, names)):
            path = Path(place, name)
            if path.is_file():  # no pipe, and no link that leads nowhere
                found.append(Member((*at, name), partial(read_limited, path)))
        check_count(len(found), folder)
    return found


def in_zip(archive: zipfile.ZipFile, path: Path) -> list[Member]:
    """All files in a ZIP, sorted; raises DataError for too many, or ones that are packed so that none can say how far.

    What a file declares as its size is all that is unpacked of it.
    """
    found: list[Member] = []
    for member in archive.infolist():
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        is_link = (member.external_attr >> 16) & 0o170000 not in (0, 0o100000)
        if member.is_dir() or is_link or not parts or not all(map(is_shown, parts)) or len(parts) > DEEPEST + 1:
            continue
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others unpack without a bound
            raise DataError(f"{path} is compressed by method {member.compress_type}: pack it again as a usual ZIP.")
        found.append(Member(parts, partial(unpacked, archive, member)))
        check_count(len(found), path)
    return sorted(found, key=lambda one: one.parts)


def unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, largest: int) -> bytes:
    """The bytes of a file in a ZIP; raises OSError if it declares more than `largest`."""
    if member.file_size > largest:
        raise OSError(f"{member.filename[:80]} would unpack to {member.file_size / 2**20:,.0f} MiB")
    with archive.open(member) as stream:
        return stream.read(member.file_size)


def is_shown(name: str) -> bool:
    """Whether a file or folder is no hidden one."""
    return not name.startswith(".") and name not in SKIPPED


def check_count(count: int, path: Path) -> None:
    """Raise DataError for more files than are read."""
    if count > MOST_FILES:
        raise DataError(f"{path} holds more than {MOST_FILES:,} files: divide it.")


class Decoded(NamedTuple):
    """Images (n, side, side) or (n, side, side, 3) uint8, which of the files they are, and sentences on the way."""

    images: np.ndarray
    kept: list[int]
    notes: list[str]


def decoded(files: Sequence[Member], wanted: Preparation, say: Callable[[str], None], place: str) -> Decoded:
    """The images in files, each brought to the size and channels that are wanted as soon as it is decoded.

    A file that cannot be decoded is left out, and that is said; raises DataError if none or less than half can be.
    """
    from mnist_cnn.data.preparing import LARGEST, brought_to  # here, because OpenCV comes with images
    from mnist_cnn.reading.picture import upright

    side, channels = wanted.image_size, wanted.channels
    shape = (side, side) if channels == 1 else (side, side, channels)
    if len(files) * int(np.prod(shape)) > LARGEST:
        raise DataError(
            f"{place} holds {len(files):,} images, which take more than {LARGEST / 2**30:g} GiB: take fewer."
        )
    images = np.empty((len(files), *shape), np.uint8)
    kept: list[int] = []
    failed: list[str] = []
    sizes: set[tuple[int, int]] = set()
    coloured = larger = False
    latest = time.monotonic()
    for number, file in enumerate(files):
        try:
            pixels, width, height = upright(file.read(LARGEST_FILE))
        except (ImageError, OSError, zipfile.BadZipFile, RuntimeError, EOFError) as error:
            failed.append(f"{'/'.join(file.parts)[-80:]}: {' '.join(str(error).split())[:120]}")
            continue
        if pixels.max() == 1:  # a mask of zeros and ones
            pixels = pixels * np.uint8(255)
        sizes.add((width, height))
        larger |= max(width, height) > side
        coloured |= pixels.ndim == 3 and bool(np.ptp(pixels, axis=2).max() > 12)
        images[len(kept)] = brought_to(pixels, side, channels)
        kept.append(number)
        if time.monotonic() - latest > SECONDS:
            latest = time.monotonic()
            say(f"{number + 1:,} of {len(files):,} images of {place} decoded")
    notes = [
        *about_failed(failed, len(files), place),
        *about_sizes(sizes, side, larger=larger),
    ]
    if coloured and channels == 1:
        notes.append("The colour images are brought to grey (--channels 3 keeps the colours)")
    return Decoded(images[: len(kept)], kept, notes)


def about_failed(failed: list[str], count: int, place: str) -> list[str]:
    """A sentence about files that could not be decoded; raises DataError if they are more than half."""
    if not failed:
        return []
    if 2 * len(failed) > count:
        raise DataError(
            f"{len(failed):,} of {count:,} images of {place} cannot be decoded, such as {failed[0].rstrip('.')}."
        )
    what = "1 image is" if len(failed) == 1 else f"{len(failed):,} images are"
    return [f"{what} left out that cannot be decoded, such as {failed[0].rstrip('.')}"]


def about_sizes(sizes: set[tuple[int, int]], side: int, *, larger: bool) -> list[str]:
    """A sentence about images that have another size than the one that they are brought to."""
    if sizes <= {(side, side)}:
        return []
    smallest, largest = min(sizes), max(sizes, key=lambda one: one[0] * one[1])
    of = f"{smallest[0]}×{smallest[1]}" if len(sizes) == 1 else f"up to {largest[0]}×{largest[1]}"
    hint = " (--image-size for more)" if larger else ""
    return [f"The images of {of} pixels are brought to {side}×{side}{hint}"]
