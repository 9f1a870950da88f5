"""Packed files become bytes again, within limits: gzip, xz and Unix `compress`, recognised by how they begin."""

import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from mnist_cnn.data.ink import unix_compress
from mnist_cnn.errors import DataError

GZIP, XZ = b"\x1f\x8b", b"\xfd7zXZ\0"
SNIFFED = 4096  # bytes that tell what a file is
CHUNK = 2**18
LARGEST_PIECE = 64 * 2**20
LARGEST_ARCHIVE = 4 * 2**30  # bytes, unpacked
MEMORY = 128 * 2**20  # what an .xz file may demand; `xz -9` takes 65 MiB


def beginning(start: bytes) -> bytes:
    """At most 4 KiB of what is in a file that starts like this; empty if it cannot be unpacked."""
    with suppress(ValueError, zlib.error, lzma.LZMAError, EOFError):
        if start.startswith(GZIP):
            return zlib.decompressobj(31).decompress(start, SNIFFED)
        if start.startswith(XZ):
            return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY).decompress(start, SNIFFED)
        if start.startswith(unix_compress.MAGIC):
            return unix_compress.unpack(start, SNIFFED - 1)
        return start[:SNIFFED]
    return b""


def whole(content: bytes, largest: int) -> bytes:
    """What is in a file with these bytes, or its beginning if that is longer than `largest` bytes.

    Raises ValueError, EOFError, zlib.error or OSError if it is damaged.
    """
    if content.startswith(unix_compress.MAGIC):
        return unix_compress.unpack(content, largest)
    return Forward(io.BytesIO(content)).read(largest + 1)


class Forward:
    """A binary file that can be read from its beginning to its end, plain or unpacked on the way (gzip, xz).

    Reading raises ValueError, EOFError, zlib.error or OSError where the file is damaged, and DataError after
    `LARGEST_ARCHIVE` bytes, or if more than `LARGEST_PIECE` are asked for at once, which only a forged file does.
    `latest` are the bytes that were read last.
    """

    def __init__(self, stream: BinaryIO) -> None:
        start = stream.read(len(XZ))
        stream.seek(0)
        self.latest = b""
        self._place = 0
        self._rest = b""
        self._pieces = unxz(stream) if start.startswith(XZ) else chunks(stream, gzipped=start.startswith(GZIP))

    def read(self, size: int) -> bytes:
        """The next bytes, fewer only at the end."""
        if size > LARGEST_PIECE:
            raise DataError(f"a part of it claims to have {size / 2**20:,.0f} MiB")
        parts, missing = [], size
        while missing:
            self._rest = self._rest or next(self._pieces, b"")
            if not self._rest:
                break
            parts.append(self._rest[:missing])
            self._rest = self._rest[missing:]
            missing -= len(parts[-1])
        self.latest = b"".join(parts)
        self._place += len(self.latest)
        if self._place > LARGEST_ARCHIVE:
            raise DataError(f"it unpacks to more than {LARGEST_ARCHIVE / 2**30:g} GiB")
        return self.latest

    def tell(self) -> int:
        """How many bytes were read or skipped."""
        return self._place

    def seek(self, place: int, whence: int = 0) -> int:
        """Skip bytes; raises ValueError if that would be backwards."""
        if whence or place < self._place:
            raise ValueError("its parts are not in order")
        while self._place < place and self.read(min(CHUNK, place - self._place)):
            pass
        return self._place


def chunks(stream: BinaryIO, gzipped: bool) -> Iterator[bytes]:
    """What is in a stream, plain or gzipped."""
    source = gzip.GzipFile(fileobj=stream) if gzipped else stream
    while piece := source.read(CHUNK):
        yield piece


def unxz(stream: BinaryIO) -> Iterator[bytes]:
    """What is in an .xz stream. Python's own LZMAFile would let it demand any amount of memory."""
    packed = stream.read(CHUNK)
    while packed:
        unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)
        while not unpacker.eof:
            if unpacker.needs_input and not packed and not (packed := stream.read(CHUNK)):
                raise EOFError("the end of the .xz stream is missing")
            try:
                piece = unpacker.decompress(packed, CHUNK)
            except lzma.LZMAError as error:
                raise ValueError(str(error)) from error
            packed = b""
            if piece:
                yield piece
        packed = (unpacker.unused_data or stream.read(CHUNK)).lstrip(b"\0")  # zeros are padding between two
