"""Small files that cost much: refused by their headers, or stopped when they have taken too long or too much memory."""

import gzip
import io
import os
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from drawing import heavy, inked, mask
from mnist_cnn.bulk.local_reading import LocalReaders
from mnist_cnn.bulk.reader_process import ReaderOptions
from mnist_cnn.errors import ImageFormatError, ImageTooLargeError
from mnist_cnn.reading.picture import load
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.reading import Reading
from tally import note

sys.path.append(str(Path(__file__).parents[2] / "bench"))
from decoding_memory import WORKING, file_of, measured

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory a process has had")
posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such limits")
WHAT, OUTCOME = "small files that would cost much to decode", "rejected by their header, in less than a second"


def segment(marker: int, content: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def scan(first: int, last: int, high: int, low: int, data: bytes) -> bytes:
    """A scan of a progressive JPEG's only component."""
    return segment(0xDA, bytes([1, 1, 0, first, last, high << 4 | low])) + data


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """A white progressive JPEG whose coefficients are refined so often, each time by nothing."""
    blocks = (side + 7) // 8 * ((side + 7) // 8)
    nothing = (b"\x7f\xff" * (blocks // 32_767 + 1)).replace(b"\xff", b"\xff\x00")
    tables = segment(0xDB, b"\0" + bytes([1] * 64)) + segment(0xC4, bytes([0, 1, *[0] * 15, 0]))
    head = b"\xff\xd8" + tables + segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + bytes([1, 0x11, 0]))
    head += segment(0xC4, bytes([0x10, 1, *[0] * 15, 0xE0]))
    first = scan(0, 0, 0, 0, bytes(blocks // 8 + 1)) + scan(1, 63, 0, 1, nothing)
    return head + first + scan(1, 63, 1, 0, nothing) * scans + b"\xff\xd9"


def png(width: int, height: int, channels: int) -> bytes:
    """A white PNG of any size, in little time and memory."""
    packed = zlib.compressobj(1)
    row = b"\0" + b"\xff" * (channels * width)
    data = b"".join(packed.compress(row) for _ in range(height)) + packed.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def bmp_of_runs(width: int, height: int) -> bytes:
    """A BMP with run-length encoding that has hardly any runs."""
    palette = b"".join(bytes([grey, grey, grey, 0]) for grey in range(256))
    runs = b"\1\0\0\0" * 3 + b"\0\1"
    start = 14 + 40 + len(palette)
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 256)
    return b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start) + head + palette + runs


def icon_of(image: bytes) -> bytes:
    """An ICO that says it is 16 pixels wide, with a PNG inside."""
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(image), 22) + image


def mac_icon_of(image: bytes) -> bytes:
    """An ICNS with a PNG inside."""
    inner = b"ic07" + struct.pack(">I", 8 + len(image)) + image
    return b"icns" + struct.pack(">I", 8 + len(inner)) + inner


def fits(side: int) -> bytes:
    """A FITS with an image that gzip has packed."""

    def card(text: str) -> bytes:
        return text.encode().ljust(80)

    first = [
        card("SIMPLE  =                    T"),
        card("BITPIX  =                    8"),
        card("NAXIS   = 0"),
        card("END"),
    ]
    values = {"BITPIX": 8, "NAXIS": 2, "NAXIS1": 8, "NAXIS2": 1, "PCOUNT": 0}
    second = [card("XTENSION= 'BINTABLE'"), *(card(f"{name:8}= {value:20}") for name, value in values.items())]
    second += [card("ZIMAGE  = T"), card("ZCMPTYPE= 'GZIP_1  '"), card(f"ZNAXIS1 = {side}"), card("END")]
    return b"".join(first).ljust(2880) + b"".join(second).ljust(2880) + gzip.compress(bytes(1000))


def written(kind: str, mode: str, side: int, **options: Any) -> bytes:
    """A white file of Pillow's."""
    return file_of(kind, mode, options, side)


COSTLY = {
    "JPEG of 1,000 scans": (lambda: jpeg_of_scans(1040, 1_000), ImageTooLargeError, "is a JPEG of 1,002 scans"),
    "JPEG of 100,000 scans": (lambda: jpeg_of_scans(1040, 100_000), ImageTooLargeError, "is a JPEG of 100,002 scans"),
    "JPEG of 99 scans and 100 megapixels": (
        lambda: jpeg_of_scans(10_000, 97),
        ImageTooLargeError,
        "too long to decode",
    ),
    "JPEG, CMYK": (
        lambda: written("JPEG", "CMYK", 8200, progressive=True, quality=1),
        ImageTooLargeError,
        "8,200 × 8,200 pixels of JPEG in mode CMYK takes",
    ),
    "PNG of 100 megapixels with transparency": (
        lambda: png(10_000, 10_000, 4),
        ImageTooLargeError,
        "takes 858 MiB, limit 512 MiB): shrink it first.",
    ),
    "BMP with run-length encoding": (
        lambda: bmp_of_runs(33_000_000, 3),
        ImageTooLargeError,
        "limit 2 megapixels): save it as PNG or JPEG.",
    ),
    "WebP of 49 megapixels": (
        lambda: written("WEBP", "L", 7000, lossless=True, method=0, quality=0),
        ImageTooLargeError,
        "pixels of WEBP in mode RGB takes",
    ),
    "JPEG 2000 of 25 megapixels": (
        lambda: written("JPEG2000", "RGBA", 5000),
        ImageTooLargeError,
        "pixels of JPEG2000 in mode RGBA takes",
    ),
    "TIFF of floats": (
        lambda: written("TIFF", "F", 7500, compression="tiff_lzw"),
        ImageTooLargeError,
        "pixels of TIFF in mode F takes",
    ),
    "ICO with a PNG of 177 megapixels": (lambda: icon_of(png(13_300, 13_300, 1)), ImageFormatError, "not a supported"),
    "ICNS with a PNG of 177 megapixels": (
        lambda: mac_icon_of(png(13_300, 13_300, 1)),
        ImageFormatError,
        "not a supported",
    ),
    "FITS with gzip": (lambda: fits(10_000), ImageFormatError, "not a supported"),
    "QOI": (lambda: b"qoif" + struct.pack(">IIBB", 3160, 3160, 3, 0) + b"\x6a" * 999, ImageFormatError, "not a supp"),
}


@pytest.mark.parametrize("name", COSTLY)
def test_what_would_cost_much_is_rejected_by_its_header(name: str) -> None:
    make, kind, sentence = COSTLY[name]
    file = make()
    began = time.process_time()
    with pytest.raises(kind) as caught:
        load(file)
    assert time.process_time() - began < 1
    assert sentence in str(caught.value)
    note(WHAT, 1, OUTCOME)


def test_usual_files_of_these_kinds_are_read() -> None:
    page = Image.fromarray(inked(mask("42", height=24, pen=3), (250, 245, 230), (30, 40, 120)))
    for kind, mode, options in (
        ("JPEG", "RGB", {"progressive": True}),
        ("JPEG", "CMYK", {"progressive": True}),
        ("TIFF", "RGB", {"compression": "jpeg"}),
        ("WEBP", "RGBA", {}),
        ("BMP", "P", {}),
    ):
        stream = io.BytesIO()
        page.convert(mode).save(stream, kind, **options)
        assert load(stream.getvalue()).width == page.width
    assert load(jpeg_of_scans(200, 90)).width == 200
    many_strips = written("TIFF", "RGB", 4200, compression="jpeg")  # each is a JPEG with a scan of its own
    assert many_strips.count(b"\xff\xda") > 100
    assert load(many_strips).width == 4200


@linux
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("PNG", "RGBA", {}),
        ("JPEG", "CMYK", {"progressive": True}),
        ("JPEG", "RGB", {}),
        ("WEBP", "RGBA", {"lossless": True, "method": 0}),
        ("JPEG2000", "RGB", {}),
        ("TIFF", "F", {"compression": "tiff_lzw"}),
    ],
)
def test_decoding_takes_no_more_memory_than_was_expected(kind: str, mode: str, options: dict[str, Any]) -> None:
    peak, expected = measured(file_of(kind, mode, options, 3000))
    assert expected / 4 < peak < expected + WORKING


# What no header tells is stopped while it happens


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "heavy.png").write_bytes(heavy())
    for digit in "123":
        cv2.imwrite(str(tmp_path / f"{digit}.png"), inked(mask(digit, 30, 3), 240, 30))
    return tmp_path


def texts(options: ReaderOptions, names: list[Path], workers: int = 1) -> list[str]:
    results = LocalReaders(options, workers).read(names)
    return [one.text if isinstance(one, Reading) else str(one) for one in results]


@posix
@pytest.mark.parametrize("workers", [1, 2])
def test_an_image_that_takes_too_long_is_one_sentence_and_costs_no_other(folder: Path, workers: int) -> None:
    names = sorted(folder.iterdir())
    one, two, three, slow = texts(ReaderOptions(seconds=0.2), names, workers)
    assert [one, two, three] == ["1", "2", "3"]
    assert slow == f"{folder / 'heavy.png'} cannot be read (it takes longer than 0.2 s): crop it or shrink it."
    note("images that take too long to read", 1, "one-sentence error, the others are read")


@linux
def test_an_image_that_takes_too_much_memory_is_one_sentence_and_costs_no_other(folder: Path) -> None:
    results = texts(ReaderOptions(memory=50 * 2**20), sorted(folder.iterdir()))
    assert results[:3] == ["1", "2", "3"]
    assert "memory" in results[3]
    note("images that take too much memory", 1, "one-sentence error, the others are read")


FORKED = """
import sys
from mnist_cnn.bulk.local_reading import LocalReaders
from mnist_cnn.bulk.reader_process import ReaderOptions
options = ReaderOptions(seconds=0.2)
for result in LocalReaders(options, 1, by_fork=True).read(sys.argv[1:]):
    print(getattr(result, "text", result))
"""


@linux
def test_the_command_lines_own_copy_is_killed_as_well_and_replaced(folder: Path) -> None:
    words = [str(folder / name) for name in ("1.png", "heavy.png", "2.png")]
    done = subprocess.run([sys.executable, "-c", FORKED, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "1",
        f"{words[1]} cannot be read (it takes longer than 0.2 s): crop it or shrink it.",
        "2",
    ]


def test_a_page_of_touching_digits_is_not_cut_without_end() -> None:
    page = np.full((1040, 1040), 255, np.uint8)
    for top in range(10, 1000, 44):
        cv2.putText(page, "8" * 60, (0, top + 28), 0, 1, (0,), 9)
    reader, classified = Reader(), list[int]()
    classify = reader.classify

    def counted(images: np.ndarray) -> np.ndarray:
        classified.append(len(images))
        return classify(images)

    reader.classify = counted
    assert len(reader.read(page).rows) > 5
    assert sum(classified) < 8_000  # 30,000 without a limit
