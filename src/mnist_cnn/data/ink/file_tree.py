"""The files of a folder or an archive by their names: read one by one, never unpacked to the disk, never trusted."""

import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO, cast

from mnist_cnn.data.ink.packed import CHUNK, LARGEST_ARCHIVE, SNIFFED, Forward
from mnist_cnn.errors import DataError
from mnist_cnn.system.files import read_limited

Files = dict[str, Callable[[], bytes]]
"""What reads each file, by its name with `/` between folders."""
Wanted = Callable[[str, bytes], bool]
"""Whether a file matters, by its name and the first 4 KiB of its bytes."""
Member = tuple[str, int, Callable[[int], bytes]]
"""Name and size of a regular file in an archive, and what reads so many of its next bytes."""

LARGEST_FILE = 16 * 2**20  # bytes of one file, unpacked
LARGEST_KEPT = 512 * 2**20  # bytes of an archive that are kept in memory, packed
MOST_FILES = 200_000  # in a folder or an archive; the CD of UNIPEN has 27,000 and its include files
END = struct.Struct("<4s4H2LH")  # how a ZIP file ends: the sixth number is the size of its list of files
LARGEST_LIST = 32 * 2**20  # bytes of a ZIP file's list of files


def in_folder(folder: Path) -> Files:
    """All files below a folder; links in it are not followed. Raises OSError, and DataError if they are too many."""
    found: Files = {}
    for place, below, names in os.walk(folder, onerror=raised):
        below.sort()
        for name in sorted(names):
            path = Path(place, name)
            if not path.is_symlink():
                found[path.relative_to(folder).as_posix()] = partial(read_limited, path, LARGEST_FILE)
        if len(found) > MOST_FILES:
            raise DataError(f"it holds more than {MOST_FILES:,} files")
    return found


def raised(error: OSError) -> None:
    """What `os.walk` calls with an error, which it would otherwise not tell."""
    raise error


def is_tar(start: bytes) -> bool:
    """Whether a file that begins with these bytes is a tar archive."""
    try:
        tarfile.TarInfo.frombuf(start[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


def in_tar(source: Forward, wanted: Wanted) -> Files:
    """The wanted files of a tar archive, read in one go. Links, devices and the like in it are ignored.

    Raises DataError with a phrase if it is too large, and ValueError, EOFError, zlib.error or OSError if damaged.
    """
    try:
        with closing(tar_members(source)) as members:
            found = kept(members, wanted)
    except tarfile.TarError as error:
        raise ValueError(str(error)) from error
    if source.latest != bytes(tarfile.BLOCKSIZE):  # tarfile takes anything for the end, but zeros mark it
        raise EOFError("its last part is missing")
    while source.read(CHUNK):  # up to the checksum of what it is packed in
        pass
    return found


def tar_members(source: Forward) -> Generator[Member, None, None]:
    """Each regular file. The generator must be closed, or a file that it opened stays open."""
    with tarfile.TarFile(fileobj=cast(IO[bytes], source)) as archive:
        while member := archive.next():
            archive.members = []  # type: ignore[attr-defined]  # which would otherwise collect them all
            if member.isreg() and not member.issparse() and (content := archive.extractfile(member)):
                yield member.name, member.size, content.read


def in_zip(path: Path, wanted: Wanted) -> Files:
    """The wanted files of a ZIP archive. Links in it are ignored.

    Raises DataError with a phrase if it is too large, and one of `files.DAMAGE` or OSError if damaged.
    """
    check_list(path)
    with zipfile.ZipFile(path) as archive, closing(zip_members(archive)) as members:
        return kept(members, wanted)


def check_list(path: Path) -> None:
    """Raise DataError if a ZIP file's list of files, which `zipfile` reads as a whole, is too large, or in ZIP64."""
    with path.open("rb") as stream:
        stream.seek(-min(path.stat().st_size, 2**16 + END.size + 20), os.SEEK_END)
        end = stream.read()
    without_comment = len(end) - END.size
    place = without_comment if end[without_comment:].startswith(b"PK\5\6") else end.rfind(b"PK\5\6")
    size = END.unpack_from(end, place)[5] if 0 <= place <= without_comment else 0
    if size > LARGEST_LIST or end[max(place - 20, 0) : place].startswith(b"PK\6\7"):
        raise DataError(f"its list of files is larger than {LARGEST_LIST // 2**20} MiB, or in the format ZIP64")


def zip_members(archive: zipfile.ZipFile) -> Generator[Member, None, None]:
    """Each regular file. The generator must be closed, or a file that it opened stays open."""
    for member in archive.infolist():
        mode = member.external_attr >> 16
        if member.is_dir() or (mode & 0o170000) not in (0, 0o100000):
            continue
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others unpack without a bound
            raise DataError(f"it is compressed by method {member.compress_type}, and only deflate is read")
        with archive.open(member) as content:
            yield member.filename, member.file_size, content.read


def kept(members: Iterable[Member], wanted: Wanted) -> Files:
    """The wanted ones of an archive's files, packed again in memory: a CD of text takes a sixth of its size."""
    found: Files = {}
    count = memory = unpacked = 0
    for name, size, read in members:
        count += 1
        if count > MOST_FILES:
            raise DataError(f"it holds more than {MOST_FILES:,} files")
        start = read(min(size, SNIFFED))
        if not wanted(name, start):
            continue
        unpacked += size
        if size > LARGEST_FILE or unpacked > LARGEST_ARCHIVE:
            raise DataError(f"a file in it has {size / 2**20:,.0f} MiB, or all together {unpacked / 2**30:,.1f} GiB")
        content = start + read(size - len(start))
        if len(content) < size:
            raise EOFError("a file in it is cut short")
        packed = zlib.compress(content, 1)
        memory += len(packed)
        if memory > LARGEST_KEPT:
            raise DataError(f"it holds more than {LARGEST_KEPT // 2**20} MiB of data")
        found[name] = partial(zlib.decompress, packed)
    return found
