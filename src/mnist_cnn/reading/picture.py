"""Decodes a file, bytes, an array or a Pillow image to an upright greyscale image. Knows no ink and no digits."""

import io
import stat
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from mnist_cnn.errors import ImageError, ImageFormatError, ImageTooLargeError
from mnist_cnn.reading.colour import separate
from mnist_cnn.reading.decoding_cost import check_cost
from mnist_cnn.reading.scale import shrink

Source = str | Path | bytes | np.ndarray | Image.Image
"""What can be read as an image."""

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
class Picture:
    """An upright image. `grey` is (h, w) uint8, at most 1600 pixels long; `width` × `height` is the original size."""

    grey: np.ndarray
    width: int
    height: int

    @property
    def scale(self) -> tuple[float, float]:
        """The size of a pixel of `grey` in pixels of the original, (across, down)."""
        return self.width / self.grey.shape[1], self.height / self.grey.shape[0]


def load(source: Source) -> Picture:
    """Load an upright greyscale image from a path, the bytes of a file, an array or a Pillow image.

    Arrays are (h, w), (h, w, 1), RGB (h, w, 3) or RGBA (h, w, 4), of bool, integers or floats. Black is 0; white is 1
    if no value is larger, else 255, else the largest value. The EXIF orientation is applied, transparent images are put
    on white, and only the first frame is read. Raises ImageError if it is not an image, is damaged, or is too large
    or too small.
    """
    pixels, width, height = upright(source)
    if pixels.max() == 1:  # a mask of zeros and ones, as arrays and image files have it
        pixels = pixels * np.uint8(255)
    return Picture(separate(pixels), width, height)


def upright(source: Source) -> tuple[np.ndarray, int, int]:
    """The pixels of any source, (h, w) or RGB (h, w, 3) uint8, at most 1600 long, and its original width and height."""
    if isinstance(source, np.ndarray):
        return np.ascontiguousarray(shrink(levels(source), WORKING_SIDE)), source.shape[1], source.shape[0]
    if isinstance(source, Image.Image):
        return turned(*decode(source, "the image"))
    if isinstance(source, str | Path):
        with opened(readable(Path(source)), str(source)) as image:
            return turned(*decode(image, str(source)))
    if isinstance(source, bytes | bytearray | memoryview):
        with opened(io.BytesIO(source), "the file") as image:
            return turned(*decode(image, "the file"))
    raise ImageError(
        f"{type(source).__name__} is not supported as an image: pass a path, bytes, a NumPy array or a Pillow image."
    )


def turned(pixels: np.ndarray, size: tuple[int, int], turn: tuple[bool, int]) -> tuple[np.ndarray, int, int]:
    """Turn pixels upright; gives them with the width and height of the upright original."""
    (width, height), (mirrored, quarters) = size, turn
    upright = np.ascontiguousarray(np.rot90(pixels[:, ::-1] if mirrored else pixels, quarters))
    return (upright, height, width) if quarters % 2 else (upright, width, height)


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


def levels(array: np.ndarray) -> np.ndarray:
    """Convert an array of any type to (h, w), RGB or RGBA uint8, transparency on white."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ImageError(f"An array of shape {array.shape} is not an image: pass (h, w), (h, w, 3) or (h, w, 4).")
    if array.dtype.kind not in "buif":
        raise ImageError(f"An array of dtype {array.dtype} is not an image: pass integers, floats or booleans.")
    check_size(array.shape[1], array.shape[0], "the array")
    if array.dtype != np.uint8:
        array = to_bytes(array, "the array")
    return on_white(array) if array.ndim == 3 and array.shape[2] == 4 else array


def to_bytes(array: np.ndarray, name: str) -> np.ndarray:
    """Scale values of any numeric type to 0 to 255."""
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if not np.isfinite(lowest := array.min()) or not np.isfinite(highest := array.max()):
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


def decode(image: Image.Image, name: str) -> tuple[np.ndarray, tuple[int, int], tuple[bool, int]]:
    """Decode to uint8 (h, w) or (h, w, 3), shrunk; also gives the original size, and how to turn it upright."""
    size = image.size
    check_size(*size, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scale = WORKING_SIDE / max(size)
            if scale < 1:  # JPEG decodes to a half, a quarter or an eighth in a fraction of the time
                image.draft(None, (int(size[0] * scale) + 1, int(size[1] * scale) + 1))
            check_cost(image, size, name)
            turn = UPRIGHT.get(orientation(image), (False, 0))  # PNG is decoded for this
            return shrink(pixels_of(image), WORKING_SIDE), size, turn
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(f"{name} needs more memory than is available: shrink it first.") from error
    except Exception as error:  # as above
        raise ImageError(
            f"{name} is damaged or truncated (it cannot be decoded): download or save it again."
        ) from error


def pixels_of(image: Image.Image) -> np.ndarray:
    """The pixels of a Pillow image of any mode as uint8 (h, w) or RGB (h, w, 3), transparency on white."""
    image.load()
    if image.mode in DEEP:
        values = np.asarray(reduced(image))
        values = values.astype(np.float32) if values.dtype == np.int32 else values
        return to_bytes(shrink(values, WORKING_SIDE), "the image")
    if image.mode == "LAB":
        return np.asarray(reduced(image.getchannel(0)))
    times = max(image.size) // WORKING_SIDE
    # A large image in bands, so that the conversion takes little memory.
    height = 32 * times if times > 1 else image.height
    bands = [
        np.asarray(reduced(plain(image.crop((0, top, image.width, min(top + height, image.height)))), times))
        for top in range(0, image.height, height)
    ]
    pixels = np.concatenate(bands)
    return on_white(pixels) if pixels.ndim == 3 and pixels.shape[2] == 4 else pixels


def plain(image: Image.Image) -> Image.Image:
    """The same image as grey, RGB or, with transparency, RGBA."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def reduced(image: Image.Image, times: int | None = None) -> Image.Image:
    """Average blocks of pixels, by default so that the longer side is not much more than 1600 pixels."""
    times = max(image.size) // WORKING_SIDE if times is None else times
    return image.reduce(times) if times > 1 and ";" not in image.mode else image


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
