"""Files are written whole or not at all. Standard library only; knows nothing about what is in them."""

import gzip
import hashlib
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# What zipfile, zlib, gzip and NumPy raise on bytes that are not what they should be.
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
    """Put `content` at `path` in one step: after a crash the file is the old one or the new one, never a part.

    Raises OSError as the system gives it (full disk, no permission); the old file is then untouched.
    """
    make_whole(path, lambda part: part.write_bytes(content.encode() if isinstance(content, str) else content))


def make_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then put it there in one step. The file keeps the ending of `path`."""
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        write(part)
        flush_to_disk(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    flush_to_disk(path.parent)


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the lock on a file or folder that is there, for this process alone; gives False if another one has it.

    The lock is the system's, so that it goes with the process, however that ends. Windows has none such: there nobody
    is kept out.
    """
    if os.name == "nt":
        yield True
        return
    import fcntl

    handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def is_plain(path: Path) -> bool:
    """Whether this is a file itself: not a link, which may lead anywhere, nor a pipe or device, which may never end."""
    return stat.S_ISREG(path.lstat().st_mode)


def flush_to_disk(path: Path) -> None:
    """Wait until a file's contents, or a folder's entries, are on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open a folder
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
