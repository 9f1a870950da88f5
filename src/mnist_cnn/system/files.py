"""Files that are written whole or not at all, locks and hashes. Knows nothing of contents."""

import errno
import gzip
import hashlib
import os
import re
import shutil
import stat
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

SCRATCH = ".part-"
SCRATCH_NAME = re.compile(r"\..*\.part-[a-z0-9_]{8}", re.DOTALL)  # as mkdtemp completes it
SHORT = 32  # characters of a name that a scratch folder's begins with: a name has room for 255 bytes
OLD = 3600  # seconds after which a scratch folder is certainly nobody's

# Of images, models and results: a new folder that is called like one of these was meant to be a file.
FILE_SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".svg", ".pdf"),
    *(".keras", ".onnx", ".tflite", ".h5", ".hdf5", ".pb", ".pt", ".pth", ".pkl", ".npz", ".zip"),
    *(".csv", ".json", ".jsonl", ".html", ".txt"),
}

# What zipfile, zlib, gzip and NumPy raise on damaged bytes.
DAMAGE = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    TypeError,
    RuntimeError,  # an encrypted member, or a header nested beyond Python's recursion limit
)


def write_whole(path: Path, content: bytes | str) -> None:
    """Replace the file at `path` atomically: after a crash it is the old one or the new one, never a part.

    Raises OSError as the system does (full disk, no permission); the old file is then untouched.
    """
    make_whole(path, lambda part: part.write_bytes(content.encode() if isinstance(content, str) else content))


def make_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file of the same name in a scratch folder beside `path`, then move it there atomically.

    A link at `path` is replaced, never written through.
    """
    with scratch_beside(path) as scratch:
        part = scratch / path.name
        write(part)
        flush_to_disk(part)
        part.replace(path)
    flush_to_disk(path.parent)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[str]]:
    """A new text file, in UTF-8, that is at `path` once it is complete, and not at all if anything is raised."""
    with scratch_beside(path) as scratch:
        part = scratch / path.name
        with part.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        flush_to_disk(part)
        part.replace(path)
    flush_to_disk(path.parent)


@contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """A new folder beside `path`, on the same disk, that is deleted in the end.

    Its name cannot be guessed, so nothing can be planted there, and only this user may enter it; what is made in it has
    the usual permissions. One that a process left when it was killed is deleted an hour later.
    """
    beginning = f".{path.name[:SHORT]}{SCRATCH}"
    scratch = Path(tempfile.mkdtemp(prefix=beginning, dir=str(path.parent)))
    try:
        now = scratch.stat().st_mtime  # by the clock of the disk, which may be another machine's
        remove_scratch(path.parent, lambda left: left.name.startswith(beginning) and now - left.lstat().st_mtime > OLD)
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def is_scratch(path: Path) -> bool:
    """Whether this is a folder that an interrupted `scratch_beside` left."""
    return SCRATCH_NAME.fullmatch(path.name) is not None and path.is_dir() and not path.is_symlink()


def remove_scratch(folder: Path, chosen: Callable[[Path], bool] = lambda _: True) -> None:
    """Delete what interrupted calls of `scratch_beside` left in a folder, links in it but not what they lead to."""
    with suppress(OSError):  # one that another process deletes meanwhile
        for left in [one for one in folder.iterdir() if is_scratch(one) and chosen(one)]:
            shutil.rmtree(left, ignore_errors=True)


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file; raises OSError, also for a link, which may lead anywhere."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    if sys.platform == "win32":
        flags |= os.O_BINARY
    else:
        flags |= os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(path, flags, 0o666), "ab") as stream:
            stream.write(content)
    except OSError as error:
        raise explained(error, path) from error


def explained(error: OSError, path: Path) -> OSError:
    """What the system says about a path, or where that is a link, which is not followed, just this."""
    return OSError(errno.ELOOP, f"{path.name} is a link", str(path)) if path.is_symlink() else error


def new_file(path: Path) -> IO[bytes]:
    """Open a new file for writing in place of an older one, or of a link, which is not followed. Raises OSError."""
    path.unlink(missing_ok=True)
    return path.open("xb")


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the lock file `path` for this process; yields False if another process holds it.

    It is a lock of the operating system, which ends with the process: the file, empty, may stay behind then, and locks
    nothing. A link in its place is not followed. Raises OSError where the file cannot be made or the disk has no locks.
    """
    from filelock import FileLock, Timeout  # here, because it takes as long to import as everything else of ours

    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise explained(error, path) from error
    try:
        yield True
    finally:
        if sys.platform != "win32":  # there it goes when it is released; here a waiting process notices
            path.unlink(missing_ok=True)
        lock.release()


def ends_like_a_file(path: Path) -> bool:
    """Whether nothing is at this path, and it ends with the suffix of a known file format."""
    return path.suffix.lower() in FILE_SUFFIXES and not path.exists()


def is_plain(path: Path) -> bool:
    """Whether this is a regular file: not a link, which may lead anywhere, nor a pipe or device, which may not end."""
    return stat.S_ISREG(path.lstat().st_mode)


def read_limited(path: Path, largest: int) -> bytes:
    """The bytes of a regular file of at most so many; OSError for any other, which might never end, before it is read.

    A link is followed.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    with path.open("rb") as stream:
        content = stream.read(largest + 1)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"larger than {largest // 2**20} MiB", str(path))
    return content


def flush_to_disk(path: Path) -> None:
    """Wait until a file's contents, or a folder's entries, are on the disk."""
    if sys.platform == "win32" and path.is_dir():  # Windows cannot open a folder
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
