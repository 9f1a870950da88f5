"""What decoding an image would cost, told from its header: memory, and passes over its pixels. Decodes nothing.

The bytes per pixel are peaks of Pillow 13 and this reader, measured with `bench/decoding_memory.py` and rounded up.
"""

from typing import Any

from PIL import Image

from mnist_cnn.errors import ImageTooLargeError

MEMORY = 512 * 2**20  # bytes that decoding may take
SCANS = 100  # of a JPEG; usual ones have up to 12
WORK = 2_000_000_000  # pixels that all scans of a JPEG may have together: two seconds where they are quick
IN_PYTHON = 2_000_000  # pixels for the decoders that Pillow has in Python, which take a second for a million
# Bytes per pixel, by mode.
PER_PIXEL = {"1": 2.0, "L": 2.0, "P": 2.5, "RGB": 5.5, "CMYK": 5.5, "YCbCr": 5.5, "LAB": 5.5, "I": 6.5, "F": 6.5}
DEEP, WITH_ALPHA = 6.5, 9.0  # I;16 in its varieties; everything else
# Formats whose libraries need more than that, whatever the mode.
BY_FORMAT = {"WEBP": 17.0, "AVIF": 14.0}
PER_BAND = {"JPEG2000": 7.0}
LATER_FRAME = 20.0  # of an animation: it is put on those before it, which Pillow keeps
COEFFICIENT = 2  # bytes: a JPEG with several scans is kept as coefficients until the last
BITS_PER_SAMPLE, PARTS = 258, (273, 324)  # tags of TIFF; the second are where its strips and tiles begin
JPEG_IN_TIFF = ("jpeg", "tiff_jpeg")
SCAN = b"\xff\xda"
CHUNK = 2**20


def check_cost(image: Image.Image, size: tuple[int, int], name: str) -> None:
    """Reject an image file, opened and not yet decoded, if decoding it would take too much memory or time.

    `size` is that of the whole image, (width, height); the image's own is smaller if JPEG is to reduce it. Raises
    ImageTooLargeError.
    """
    if image.format is None:  # an image of somebody's program, in memory already
        return
    width, height = size
    pixels = width * height
    scans = scans_of(image)
    if scans > SCANS or scans * pixels > WORK:
        raise ImageTooLargeError(
            f"{name} is a JPEG of {scans:,} scans, which would take too long to decode: save it again as a usual JPEG."
        )
    if pixels > IN_PYTHON and slow_decoders(image):
        raise ImageTooLargeError(
            f"{name} is too large for {image.format} with this compression ({width:,} × {height:,} pixels, "
            f"limit {IN_PYTHON / 10**6:g} megapixels): save it as PNG or JPEG."
        )
    if (needed := memory_for(image, pixels, scans)) > MEMORY:
        raise ImageTooLargeError(
            f"{name} is too large (decoding {width:,} × {height:,} pixels of {image.format} in mode {image.mode} "
            f"takes {needed >> 20:,} MiB, limit {MEMORY >> 20} MiB): shrink it first."
        )


def check_animation_cost(image: Image.Image, frame: int, name: str) -> None:
    """Reject going on to a later frame of an animation, counted from 0, if that would take too much memory or time.

    All frames before it are decoded. Raises ImageTooLargeError.
    """
    pixels = image.width * image.height
    if (needed := int(LATER_FRAME * pixels)) > MEMORY:
        raise ImageTooLargeError(
            f"{name} is too large (decoding frames of {image.width:,} × {image.height:,} pixels takes "
            f"{needed >> 20:,} MiB, limit {MEMORY >> 20} MiB): shrink it first."
        )
    if (frame + 1) * pixels > WORK:
        raise ImageTooLargeError(
            f"{name} would take too long to decode ({frame + 1:,} frames of {image.width:,} × {image.height:,} "
            "pixels): shrink it first."
        )


def memory_for(image: Image.Image, pixels: int, scans: int) -> int:
    """An upper bound for the bytes that decoding takes."""
    mode = image.mode
    per_pixel = PER_PIXEL.get(mode, DEEP if mode.startswith("I;") else WITH_ALPHA)
    if image.format in ("JPEG", "MPO"):
        kept = COEFFICIENT * samples_per_pixel(image) * pixels if scans > 1 else 0
        return int(per_pixel * image.width * image.height + kept)
    if image.format == "TIFF":  # a strip may be the whole image, and is held as it is in the file
        per_pixel += raw_bytes_per_pixel(image)
    per_pixel = BY_FORMAT.get(image.format or "", per_pixel)
    per_pixel = max(per_pixel, PER_BAND.get(image.format or "", 0) * len(image.getbands()))
    return int(per_pixel * pixels)


def scans_of(image: Image.Image) -> int:
    """How many scans a JPEG has at most, or more than one a strip inside a TIFF; 1 for other formats.

    Their marker cannot occur in the data of a scan; what it may be in besides, such as a thumbnail, is counted as well.
    """
    stream: Any = getattr(image, "fp", None)
    in_tiff = image.format == "TIFF" and image.info.get("compression") in JPEG_IN_TIFF
    if stream is None or not (in_tiff or image.format in ("JPEG", "MPO")):
        return 1
    before, count, last = stream.tell(), 0, b""
    stream.seek(0)
    while chunk := stream.read(CHUNK):
        count += (last + chunk).count(SCAN)
        last = chunk[-1:]
    stream.seek(before)
    tags: Any = getattr(image, "tag_v2", {})
    strips = max((len(tags[tag]) for tag in PARTS if isinstance(tags.get(tag), tuple)), default=1)
    return max(1, count - strips + 1)


def samples_per_pixel(image: Image.Image) -> float:
    """How many samples a JPEG has for each pixel, after subsampling."""
    layers: list[tuple[int, int, int, int]] = getattr(image, "layer", [])
    factors = [across * down for _, across, down, _ in layers] or [1]
    return sum(factors) / max(factors)


def raw_bytes_per_pixel(image: Image.Image) -> float:
    """The bytes of a pixel of a TIFF as its file has it, uncompressed."""
    bits: Any = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (8,))
    return sum(bits) / 8 if isinstance(bits, tuple) else float(bits) / 8


def slow_decoders(image: Image.Image) -> bool:
    """Whether one of Pillow's decoders that are written in Python decodes it."""
    tiles: list[tuple[Any, ...]] = getattr(image, "tile", [])
    return any(tile[0] in Image.DECODERS for tile in tiles)
