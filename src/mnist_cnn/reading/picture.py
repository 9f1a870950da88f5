"""Decodes a file, bytes, an array or a Pillow image to an upright greyscale image. Knows no ink and no digits."""

import io
import math
import stat
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeAlias, cast

import numpy as np
from PIL import Image, UnidentifiedImageError

from mnist_cnn.errors import ImageError, ImageFormatError, ImageTooLargeError
from mnist_cnn.reading.colour import separate
from mnist_cnn.reading.decoding_cost import check_cost
from mnist_cnn.reading.file_pages import MOST, frames_of, go_to
from mnist_cnn.reading.region import Region, Turn
from mnist_cnn.reading.scale import shrink

Source: TypeAlias = str | Path | bytes | np.ndarray | Image.Image
"""What can be read as an image."""
Bounds = tuple[int, int, int, int]
"""A rectangle as Pillow has it: left, top, right, bottom."""

LARGEST = 100_000_000  # pixels that an image may have
WORKING_SIDE = 1600  # pixels: larger images are shrunk to this; a digit 1/60 of the side is then still 26 high
SHORTEST, SMALLEST = 3, 8  # pixels: minimum of the shorter and the longer side

# Formats in which people keep photographs, scans and drawings. Each more is a decoder that a file can attack, and some
# (ICO, ICNS) are containers of others.
COMMON = ("PNG", "JPEG", "GIF", "BMP", "PPM")  # known without loading all of Pillow
SENT = (*COMMON, "WEBP", "TIFF", "AVIF")  # what browsers, phones and scanners make: a server reads no others
RARE = ("WEBP", "TIFF", "AVIF", "JPEG2000", "DIB", "PCX", "TGA")
# File endings of the images in a folder: other files beside them are skipped.
ENDINGS = {
    ".png", ".jpg", ".jpeg", ".jfif", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".avif", ".pgm", ".ppm", ".pbm",
    ".pnm", ".jp2", ".pcx", ".tga", ".heic", ".heif",
}  # fmt: skip
ORIENTATION = 0x0112  # EXIF's tag
# How to turn an array upright, by EXIF orientation: (mirrored, quarter turns to the left).
UPRIGHT = {2: (True, 0), 3: (False, 2), 4: (True, 2), 5: (True, 1), 6: (False, 3), 7: (True, 3), 8: (False, 1)}
DEEP = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


@dataclass(frozen=True)
class Part:
    """What of an image is read: a page of its file, counted from 1, and a region of that page; by default all of it.

    Without a `page` it is the first one, and of a Pillow image the frame that it is at.
    """

    source: "Source | Document"
    page: int | None = None
    region: Region | None = None


@dataclass(frozen=True)
class Picture:
    """An upright image. `grey` is (h, w) uint8, at most 1600 pixels long; `width` × `height` is the original size.

    Where only a region is read, that is the size of the region; `left` and `top` say where it is in the page, and
    `whole` is the page's own (width, height). It is page `page` of `pages`.
    """

    grey: np.ndarray
    width: int
    height: int
    left: int = 0
    top: int = 0
    whole: tuple[int, int] | None = None
    page: int = 1
    pages: int = 1

    @property
    def scale(self) -> tuple[float, float]:
        """The size of a pixel of `grey` in pixels of the original, (across, down)."""
        return self.width / self.grey.shape[1], self.height / self.grey.shape[0]


class Document:
    """An image source, opened once for as many of its pages as are wanted; they are decoded one at a time.

    `pages` says how many it has, at most one more than are read. A Pillow image counts as one page, the frame that it
    is at, unless a page is asked for. Raises ImageError if it cannot be opened.
    """

    def __init__(self, source: Source, formats: Sequence[str] | None = None) -> None:
        self.source, self.name = source, "the image"
        self.image: Image.Image | None = None
        self.frames: Sequence[int] = range(1)
        formats = formats or (*COMMON, *RARE)
        if isinstance(source, np.ndarray):
            return
        if isinstance(source, Image.Image):
            self.image = source
            return
        if isinstance(source, str | Path):
            self.name = str(source)
            self.image = opened(readable(Path(source)), self.name, formats)
        elif isinstance(source, bytes | bytearray | memoryview):
            self.name = "the file"
            self.image = opened(io.BytesIO(source), self.name, formats)
        else:
            raise ImageError(
                f"{type(source).__name__} is not supported as an image: pass a path, bytes, a NumPy array or a Pillow "
                "image."
            )
        self.frames = frames_of(self.image)

    @property
    def pages(self) -> int:
        """The number of pages."""
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as the file has them, of the page that was used last."""
        if self.image is None:
            array = np.asarray(self.source)
            return array.shape[1], array.shape[0]
        return self.image.size

    def count_frames(self) -> None:
        """Count the frames of a Pillow image as pages as well; asking that may undo changes of its pixels."""
        if self.image is self.source and self.image is not None:
            self.frames = range(min(getattr(self.image, "n_frames", 1), MOST + 1))

    def pixels(self, page: int | None = None, region: Region | None = None) -> tuple[np.ndarray, tuple[int, int]]:
        """A page, or a region of it, (h, w) or RGB (h, w, 3) uint8, at most 1600 long; and the page's (width, height).

        Raises ImageError, with its `page` and `pages` set.
        """
        is_frame = page is None and self.image is self.source
        page = 1 if page is None else page
        try:
            if self.image is None:
                return self.of_array(page, region)
            if not is_frame:
                self.go_to(page)
            return decode(self.image, self.name if self.pages == 1 else f"page {page} of {self.name}", region)
        except ImageError as error:
            error.page, error.pages = page, self.pages
            # A frame of an animation is put on those before it.
            error.is_last = self.image is not None and self.image.format != "TIFF"
            raise

    def of_array(self, page: int, region: Region | None) -> tuple[np.ndarray, tuple[int, int]]:
        """The pixels of an array, as of `pixels`."""
        array = np.asarray(self.source)
        if page != 1:
            raise ImageError(f"An array has 1 page: there is no page {page}.")
        pixels = np.ascontiguousarray(shrink(levels(array, region), WORKING_SIDE))
        return pixels, (array.shape[1], array.shape[0])

    def go_to(self, page: int) -> None:
        """Go to a page; raises ImageError if there is none, or it cannot be reached."""
        self.count_frames()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                go_to(cast(Image.Image, self.image), self.frames, page, self.name)
        except ImageError:
            raise
        except EOFError as error:
            raise ImageError(
                f"{self.name} ends before page {page} of {self.pages:,}: download or save it again."
            ) from error
        except MemoryError as error:
            raise ImageError(f"{self.name} needs more memory than is available: shrink it first.") from error
        except Exception as error:  # Pillow's decoders raise a dozen kinds, none of them documented
            raise ImageError(
                f"page {page} of {self.name} is damaged or truncated (it cannot be decoded): download or save it again."
            ) from error

    def close(self) -> None:
        """Close the file, unless it is somebody's own Pillow image."""
        if self.image is not None and self.image is not self.source:
            self.image.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load(source: "Source | Part") -> Picture:
    """Load an upright greyscale image from a path, the bytes of a file, an array or a Pillow image; or a part of one.

    Arrays are (h, w), (h, w, 1), RGB (h, w, 3) or RGBA (h, w, 4), of bool, integers or floats. Black is 0; white is 1
    if no value is larger, else 255, else the largest value. The EXIF orientation is applied, transparent images are put
    on white, and of several pages or frames the first is read unless the part names another. Raises ImageError if it is
    not an image, is damaged, or is too large or too small, if there is no such page, or the region is not inside it.
    """
    part = source if isinstance(source, Part) else Part(source)
    with document_of(part.source) as document:
        pixels, whole = document.pixels(part.page, part.region)
        if pixels.max() == 1:  # a mask of zeros and ones, as arrays and image files have it
            pixels = pixels * np.uint8(255)
        left, top, width, height = astuple(part.region) if part.region else (0, 0, *whole)
        return Picture(
            separate(pixels), width, height, left, top, whole, 1 if part.page is None else part.page, document.pages
        )


def upright(source: "Source | Part") -> tuple[np.ndarray, int, int]:
    """The pixels of any source, (h, w) or RGB (h, w, 3) uint8, at most 1600 long, and its original width and height.

    Of a part with a region, these are the pixels of the region, and the size of the whole page.
    """
    part = source if isinstance(source, Part) else Part(source)
    with document_of(part.source) as document:
        pixels, (width, height) = document.pixels(part.page, part.region)
        return pixels, width, height


def part_of(source: Source, page: int | None, region: Sequence[int] | Region | None) -> Source | Part:
    """The part of a source, or the source itself if nothing says that less is to be read. Raises as `Region.of`."""
    if page is None and region is None:
        return source
    return Part(source, page, None if region is None else Region.of(region))


def whole_of(source: "Source | Part") -> Any:
    """The source without the region: the whole page."""
    if isinstance(source, Part) and source.region:
        return source.source if source.page is None else replace(source, region=None)
    return source


def document_of(source: "Source | Document") -> AbstractContextManager[Document]:
    """The document of a source, which is closed at the end; one that is open already stays open."""
    return nullcontext(source) if isinstance(source, Document) else Document(source)


def turned(pixels: np.ndarray, turn: Turn) -> np.ndarray:
    """Turn pixels upright."""
    mirrored, quarters = turn
    return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if mirrored else pixels, quarters))


def files_of(path: Path) -> list[Path]:
    """The images in a folder, by file ending, sorted by name; any other path as it is. ImageError if it has none."""
    try:
        if not path.is_dir():
            return [path]
        found = sorted(file for file in path.iterdir() if file.suffix.lower() in ENDINGS and file.is_file())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "invalid file name"
        raise ImageError(f"{path} cannot be read ({reason}): check the path and its permissions.") from error
    if not found:
        raise ImageError(f"{path} contains no images: choose a folder with PNG, JPEG or other image files.")
    return found


def levels(array: np.ndarray, region: Region | None = None) -> np.ndarray:
    """Convert an array of any type, or a region of it, to (h, w) or RGB (h, w, 3) uint8, transparency on white."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ImageError(f"An array of shape {array.shape} is not an image: pass (h, w), (h, w, 3) or (h, w, 4).")
    if array.dtype.kind not in "buif":
        raise ImageError(f"An array of dtype {array.dtype} is not an image: pass integers, floats or booleans.")
    check_size(array.shape[1], array.shape[0], "the array")
    if array.dtype != np.uint8:
        array = to_bytes(array, "the array")
    if region:
        check_region(region, array.shape[1], array.shape[0], "the array")
        array = array[region.top : region.top + region.height, region.left : region.left + region.width]
    return on_white(array) if array.ndim == 3 and array.shape[2] == 4 else array


def to_bytes(array: np.ndarray, name: str, highest: float | None = None) -> np.ndarray:
    """Scale values of any numeric type to 0 to 255; `highest` is the largest value, if the array is a part."""
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    lowest, highest = array.min(), array.max() if highest is None else highest
    if not np.isfinite(lowest) or not np.isfinite(highest):
        raise ImageError(f"{name} contains NaN or infinite values: pass finite values.")
    if lowest < 0:
        raise ImageError(f"{name} contains negative values (minimum {lowest:g}): use 0 for black, larger for lighter.")
    # 10-bit and 12-bit sensors use only a part of 16 bits: the lightest value is white.
    top = 1 if highest <= 1 else 255 if highest <= 255 else highest
    return np.asarray(array * np.float32(255 / top), np.float32).astype(np.uint8)


def opened(stream: io.BytesIO | Path, name: str, formats: Sequence[str] = (*COMMON, *RARE)) -> Image.Image:
    """Open an image, in one of some formats, without decoding it yet."""
    start = stream.getvalue()[:4096] if isinstance(stream, io.BytesIO) else beginning(stream)
    if not start:
        raise ImageError(f"{name} is empty (0 bytes): choose another file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about large images (LARGEST is the limit here) and odd metadata
            try:
                return Image.open(stream, formats=COMMON)
            except UnidentifiedImageError:
                Image.init()
                return Image.open(stream, formats=[one for one in formats if one in Image.OPEN])
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(
            f"{name} is too large (more than {LARGEST // 10**6} megapixels): shrink it first."
        ) from error
    except Exception as error:  # Pillow's decoders raise a dozen kinds, none of them documented
        raise ImageFormatError(f"{name} {unsupported(start)}") from error


def decode(image: Image.Image, name: str, region: Region | None = None) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode the frame that an image is at, or a region of it, to upright (h, w) or (h, w, 3) uint8, shrunk.

    Gives it with the upright (width, height) of the whole frame. A region is shrunk less than the whole would be.
    """
    size = image.size
    check_size(size[0], size[1], name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            side = max(size)
            if region and is_affordable(image, size, name):
                side = max(region.width, region.height)
            scale = WORKING_SIDE / side
            if scale < 1:  # JPEG decodes to a half, a quarter or an eighth in a fraction of the time
                image.draft(None, (int(size[0] * scale) + 1, int(size[1] * scale) + 1))
            check_cost(image, size, name)
            # PNG is decoded for this; Pillow turns a TIFF itself when it decodes it.
            turn = (False, 0) if image.format == "TIFF" else UPRIGHT.get(orientation(image), (False, 0))
            width, height = size[::-1] if turn[1] % 2 else size
            box = None
            if region:
                check_region(region, width, height, name)
                box = in_decoded(region.box_in_file(width, height, turn), size, image.size)
            return turned(shrink(pixels_of(image, box), WORKING_SIDE), turn), (width, height)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(f"{name} needs more memory than is available: shrink it first.") from error
    except Exception as error:  # as above
        raise ImageError(
            f"{name} is damaged or truncated (it cannot be decoded): download or save it again."
        ) from error


def is_affordable(image: Image.Image, size: tuple[int, int], name: str) -> bool:
    """Whether an image may be decoded without being reduced."""
    try:
        check_cost(image, size, name)
    except ImageTooLargeError:
        return False
    return True


def check_region(region: Region, width: int, height: int, name: str) -> None:
    """Reject a region that is not inside an upright image of this size, or too small to show a digit."""
    region.require_inside(width, height, name)
    check_size(region.width, region.height, f"the region {region} of {name}")


def in_decoded(box: Bounds, size: tuple[int, int], decoded: tuple[int, int]) -> Bounds:
    """Where a box of an image of this size is in the same image as it is decoded, in whole pixels that cover it."""
    across, down = decoded[0] / size[0], decoded[1] / size[1]
    left, top, right, bottom = box
    return (
        int(left * across),
        int(top * down),
        min(decoded[0], math.ceil(right * across)),
        min(decoded[1], math.ceil(bottom * down)),
    )


def pixels_of(image: Image.Image, box: Bounds | None = None) -> np.ndarray:
    """A Pillow image of any mode, or a box of it, as uint8 (h, w) or RGB (h, w, 3), transparency on white."""
    image.load()
    left, top, right, bottom = box or (0, 0, *image.size)
    times = max(right - left, bottom - top) // WORKING_SIDE
    if image.mode in DEEP:
        values, highest = deep_values(image, box, times)
        values = values.astype(np.float32) if values.dtype == np.int32 else values
        return to_bytes(shrink(values, WORKING_SIDE), "the image", highest)
    if image.mode == "LAB":
        return np.asarray(reduced(image.getchannel(0), times, box))
    # A large image in bands, so that the conversion takes little memory.
    height = 32 * times if times > 1 else bottom - top
    bands = [
        np.asarray(reduced(plain(image.crop((left, at, right, min(at + height, bottom)))), times))
        for at in range(top, bottom, height)
    ]
    pixels = np.concatenate(bands)
    return on_white(pixels) if pixels.ndim == 3 and pixels.shape[2] == 4 else pixels


def deep_values(image: Image.Image, box: Bounds | None, times: int) -> tuple[np.ndarray, float | None]:
    """The values of an image of more than 8 bits; of a box also the largest value of the whole image."""
    if not box:
        return np.asarray(reduced(image, times)), None
    if ";" in image.mode:
        left, top, right, bottom = box
        values = np.asarray(image)
        return values[top:bottom, left:right], float(values.max())
    _, highest = cast(tuple[float, float], image.getextrema())
    return np.asarray(reduced(image, times, box)), highest


def plain(image: Image.Image) -> Image.Image:
    """The same image as grey, RGB or, with transparency, RGBA."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def reduced(image: Image.Image, times: int, box: Bounds | None = None) -> Image.Image:
    """An image, or a box of it, with blocks of pixels averaged, so many times smaller; 0 and 1 change nothing."""
    if times > 1 and ";" not in image.mode:
        return image.reduce(times, box)
    return image.crop(box) if box else image


def on_white(rgba: np.ndarray) -> np.ndarray:
    """Put (h, w, 4) uint8 on a white background, or on black if it would then be entirely white."""
    rgba = shrink(rgba, WORKING_SIDE)
    colour, alpha = rgba[..., :3].astype(np.uint16), rgba[..., 3:].astype(np.uint16)
    over = colour * alpha // 255
    flat = (over + 255 - alpha).astype(np.uint8)
    if np.ptp(flat) < 8 <= np.ptp(alpha):  # white ink on a transparent background
        return over.astype(np.uint8)
    return flat


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) if there is none or it is damaged."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # damaged metadata must not stop an image from being read
        return 1


def check_size(width: int, height: int, name: str) -> None:
    """Reject images that are too large to decode or too small to show a digit."""
    if width * height > LARGEST:
        raise ImageTooLargeError(
            f"{name} is too large ({width:,} × {height:,} pixels, limit {LARGEST // 10**6} megapixels): "
            "shrink it first."
        )
    if min(width, height) < SHORTEST or max(width, height) < SMALLEST:
        raise ImageError(
            f"{name} is too small ({width:,} × {height:,} pixels): it must be at least {SMALLEST} × {SHORTEST} pixels."
        )


def readable(path: Path) -> Path:
    """Return the path of a regular file; ImageError if it is not one or cannot be accessed."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "invalid file name"
        raise ImageError(f"{path} cannot be read ({reason}): check the path and its permissions.") from error
    if stat.S_ISDIR(mode):
        raise ImageError(f"{path} is a folder: choose an image in it.")
    if not stat.S_ISREG(mode):
        raise ImageError(f"{path} is not a regular file: choose an image file.")
    return path


def beginning(path: Path) -> bytes:
    """The first bytes of a file."""
    try:
        with path.open("rb") as stream:
            return stream.read(4096)
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror}): check the path and its permissions.") from error


def unsupported(start: bytes) -> str:
    """Say what an unsupported file seems to be, by its first bytes, and what to do."""
    kinds: list[tuple[str, Any]] = [
        (
            "HEIC",
            start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"),
        ),
        ("PDF", b"%PDF-" in start[:1024]),
        ("PostScript", start.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6"))),
        ("SVG", b"<svg" in start),
    ]
    for kind, found in kinds:
        if found:
            return f"is in {kind} format, which is not supported: convert it to PNG or JPEG first."
    return "is not a supported image file: choose a PNG, JPEG, WebP, TIFF, GIF or BMP file."
