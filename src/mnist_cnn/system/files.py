"""Files that are written whole or not at all, locks and hashes. Standard library only; knows nothing of contents."""

import errno
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
    """Let `write` fill a temporary file beside `path`, with the same suffix, then move it there atomically."""
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
    """Lock an existing file or folder for this process; yields False if another process has locked it.

    It is a lock of the operating system, which ends with the process. Windows has none of this kind: there it always
    yields True.
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
