"""The pages of an image file: those of a TIFF, or the frames of an animation. Counts them without decoding any."""

import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, Any

from PIL import Image

from mnist_cnn.errors import ImageError, ImageTooLargeError
from mnist_cnn.reading.decoding_cost import check_animation_cost

MOST = 1000  # pages of a file that are read; one more is counted, to say that there are more
ANIMATIONS = ("PNG", "WEBP", "AVIF")  # whose frames Pillow counts when it opens the file
# A TIFF's tag, and the bits that say: a smaller copy of another page, or a mask of its transparency.
SUBFILE_TYPE, NO_PAGE = 254, 0b101
SHORT = 3  # the type of a value of two bytes
DIRECTORIES, ENTRIES = (
    4 * MOST,
    64,
)  # of a TIFF that are looked at, and of a directory: tags are sorted, so that is enough
COUNT = {2: "H", 8: "Q"}  # how a TIFF writes the number of a page's tags, by its number of bytes
EXTENSION, FRAME = b"!", b","  # how blocks of a GIF begin


def frames_of(image: Image.Image) -> Sequence[int]:
    """The frames that are pages, of a file that was just opened: their numbers in Pillow's order, at most MOST + 1.

    Thumbnails and masks in a TIFF are left out. Of a JPEG only the first image is a page: what others follow it are
    previews, depth maps and gain maps.
    """
    stream: Any = getattr(image, "fp", None)
    if image.format in ANIMATIONS:
        return range(max(1, min(getattr(image, "n_frames", 1), MOST + 1)))
    if stream is None or image.format not in ("TIFF", "GIF"):
        return range(1)
    before = stream.tell()
    try:
        stream.seek(0)
        return pages_of_tiff(stream) if image.format == "TIFF" else range(frames_of_gif(stream))
    except (struct.error, OSError, OverflowError, ValueError):  # damaged where the first page begins
        return range(1)
    finally:
        stream.seek(before)


def pages_of_tiff(stream: IO[bytes]) -> list[int]:
    """The directories of a TIFF that are pages; the first one if none is."""
    directories = enumerate(islice(subfile_types(stream), DIRECTORIES))
    return list(islice((number for number, kind in directories if not kind & NO_PAGE), MOST + 1)) or [0]


def subfile_types(stream: IO[bytes]) -> Iterator[int]:
    """What each directory of a TIFF, or BigTIFF, says that it is; 0 if it says nothing."""
    head = stream.read(16)
    order = "<" if head[:2] == b"II" else ">"
    (version,) = struct.unpack_from(f"{order}H", head, 2)
    count_size, offset_size = (8, 8) if version == 43 else (2, 4)
    entry_size, offset = 4 + 2 * offset_size, f"{order}{'Q' if offset_size == 8 else 'I'}"
    (place,) = struct.unpack_from(offset, head, offset_size)
    seen: set[int] = set()
    while place and place not in seen:
        seen.add(place)
        stream.seek(place)
        start = stream.read(count_size)
        if len(start) < count_size:  # the file was cut off: what is missing is reported when that page is read
            yield 0
            return
        (count,) = struct.unpack(f"{order}{COUNT[count_size]}", start)
        entries = stream.read(min(count, ENTRIES) * entry_size)
        yield subfile_type(entries, entry_size, order)
        stream.seek(place + count_size + count * entry_size)
        after = stream.read(offset_size)
        place = struct.unpack(offset, after)[0] if len(after) == offset_size else 0


def subfile_type(entries: bytes, entry_size: int, order: str) -> int:
    """The value of the tag in a directory's entries; 0 without it."""
    for at in range(0, len(entries) - entry_size + 1, entry_size):
        if struct.unpack_from(f"{order}H", entries, at)[0] == SUBFILE_TYPE:
            is_short = struct.unpack_from(f"{order}H", entries, at + 2)[0] == SHORT
            value = f"{order}{'H' if is_short else 'I'}"
            return int(struct.unpack_from(value, entries, at + entry_size // 2 + 2)[0])
    return 0


def frames_of_gif(stream: IO[bytes]) -> int:
    """The number of frames of a GIF, at most MOST + 1; a frame that is cut off counts."""
    if len(head := stream.read(13)) < 13:
        return 1
    skip_palette(stream, head[10])
    frames = 0
    while frames <= MOST:
        kind = stream.read(1)
        if kind == EXTENSION:
            stream.read(1)
        elif kind == FRAME:
            frames += 1
            if len(head := stream.read(9)) < 9:
                break
            skip_palette(stream, head[8])
            stream.read(1)
        elif kind != b"\0":  # which some writers leave between blocks
            break
        else:
            continue
        while size := stream.read(1):
            if size == b"\0":
                break
            stream.seek(size[0], 1)
    return max(1, frames)


def skip_palette(stream: IO[bytes], flags: int) -> None:
    """Go past a colour table of a GIF, if the flags say that there is one."""
    if flags & 128:
        stream.seek(3 << (flags & 7) + 1, 1)


def go_to(image: Image.Image, frames: Sequence[int], page: int, name: str) -> None:
    """Have Pillow go to a page, counted from 1. Raises ImageError if there is none or getting there costs too much.

    The frames of an animation are decoded one after another, so the cost of each is checked before.
    """
    if page > MOST:
        raise ImageTooLargeError(
            f"{name} has more than {MOST:,} pages, of which the first {MOST:,} are read: split it."
        )
    if not 1 <= page <= len(frames):
        raise ImageError(f"{name} has {len(frames)} page{'' if len(frames) == 1 else 's'}: there is no page {page}.")
    frame = frames[page - 1]
    if image.format != "TIFF":
        for number in range(image.tell() + 1, frame + 1):
            check_animation_cost(image, number, name)
            image.seek(number)
    image.seek(frame)
