"""Pages of TIFFs and frames of animations: counted, reached, read, and never left out in silence."""

import io
import itertools
import json
import struct
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

import mnist_cnn
from conftest import Cli
from drawing import inked, mask
from mnist_cnn.bulk import local_reading
from mnist_cnn.bulk.local_reading import LocalReaders
from mnist_cnn.bulk.reader_process import ReaderOptions
from mnist_cnn.errors import ImageError, ImageTooLargeError
from mnist_cnn.reading import file_pages
from mnist_cnn.reading.decoding_cost import check_animation_cost
from mnist_cnn.reading.file_pages import MOST
from mnist_cnn.reading.picture import Part, load
from mnist_cnn.reading.reading import Reading

SOME = ("11", "22", "33")


def page(text: str) -> Image.Image:
    return Image.fromarray(inked(mask(text, 40, 4), 240, 20) if text else np.full((80, 112), 240, np.uint8))


def document(kind: str, texts: Sequence[str] = SOME, **how: Any) -> bytes:
    """A file with a page for each text."""
    stream = io.BytesIO()
    first, *others = map(page, texts)
    first.save(stream, kind, save_all=True, append_images=others, **how)
    return stream.getvalue()


def texts_of(source: Any) -> list[str]:
    return [reading.text for reading in mnist_cnn.read_pages(source)]


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "PNG", "WEBP", "AVIF"])
def test_every_page_is_read_in_order(kind: str) -> None:
    file = document(kind)
    readings = list(mnist_cnn.read_pages(file))
    assert [(one.text, one.page, one.pages) for one in readings] == [("11", 1, 3), ("22", 2, 3), ("33", 3, 3)]
    assert [mnist_cnn.read(file, page=number).text for number in (3, 1, 2)] == ["33", "11", "22"]
    assert repr(mnist_cnn.read(file)).endswith(", page 1 of 3)")


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg", "packbits"])
def test_pages_of_every_kind_of_tiff_are_counted(big: bool, compression: str) -> None:
    file = document("TIFF", ["1", "", "2", "3"], compression=compression, big_tiff=big)
    assert texts_of(file) == ["1", "", "2", "3"]


def test_a_tiff_in_the_other_byte_order_has_pages() -> None:
    file = document("TIFF", ["1", "2"])
    assert file[:2] == b"II"
    frames = [Image.open(io.BytesIO(file))]
    assert len(file_pages.frames_of(frames[0])) == 2
    motorola = struct.pack(">2sHI", b"MM", 42, 8) + struct.pack(">HHHIII", 1, 254, 4, 1, 1, 26)
    motorola += struct.pack(">HHHIHHI", 1, 254, 3, 1, 0, 0, 44)  # a thumbnail, a page, and one that is cut off
    assert file_pages.pages_of_tiff(io.BytesIO(motorola)) == [1, 2]


def test_other_images_have_one_page() -> None:
    for source in (page("7"), np.asarray(page("7"))):
        assert [(one.text, one.page, one.pages) for one in mnist_cnn.read_pages(source)] == [("7", 1, 1)]
    stream = io.BytesIO()
    page("7").save(stream, "JPEG")
    assert texts_of(stream.getvalue()) == ["7"]
    preview = io.BytesIO()
    page("1").save(preview, "MPO", save_all=True, append_images=[page("2")])
    assert texts_of(preview.getvalue()) == ["1"]


def test_thumbnails_and_masks_are_no_pages() -> None:
    stream = io.BytesIO()
    kinds = []
    for kind in (0, 1, 2, 4):
        tags = ImageFileDirectory_v2()
        tags[254] = kind
        kinds.append(tags)
    frames = [page(text) for text in "1567"]
    for frame, tags in zip(frames, kinds, strict=True):
        frame.encoderinfo = {"tiffinfo": tags}
    frames[0].save(stream, "TIFF", save_all=True, append_images=frames[1:], tiffinfo=kinds[0])
    assert [(one.text, one.page, one.pages) for one in mnist_cnn.read_pages(stream.getvalue())] == [
        ("1", 1, 2),
        ("6", 2, 2),
    ]


def test_a_pillow_image_is_its_frame_until_a_page_is_asked_for() -> None:
    image = Image.open(io.BytesIO(document("GIF")))
    image.seek(1)
    reading = mnist_cnn.read(image)
    assert (reading.text, reading.page, reading.pages) == ("22", 1, 1)
    assert mnist_cnn.read(image, page=3).text == "33"
    assert texts_of(image) == list(SOME)


def test_a_reading_shows_the_page_that_was_read() -> None:
    file = document("TIFF", ["", "2"])
    first, second = mnist_cnn.read_pages(file)
    assert (first.source, second.source) == (Part(file, 1), Part(file, 2))
    assert first._repr_html_().split(">")[0] != second._repr_html_().split(">")[0]
    assert mnist_cnn.read(file).source is file


@pytest.mark.parametrize("number", [0, 4, MOST])
def test_a_page_that_is_not_there_is_one_sentence(number: int) -> None:
    with pytest.raises(ImageError, match=f"the file has 3 pages: there is no page {number}"):
        mnist_cnn.read(document("TIFF"), page=number)
    with pytest.raises(ImageError, match="An array has 1 page: there is no page 2"):
        mnist_cnn.read(np.zeros((28, 28), np.uint8), page=2)


def damaged(file: bytes, number: int) -> bytes:
    """A TIFF whose page, counted from 1, says that it is compressed in a way that there is none of."""
    place = struct.unpack_from("<I", file, 4)[0]
    for _ in range(number - 1):
        (count,) = struct.unpack_from("<H", file, place)
        (place,) = struct.unpack_from("<I", file, place + 2 + 12 * count)
    (count,) = struct.unpack_from("<H", file, place)
    changed = bytearray(file)
    for at in range(place + 2, place + 2 + 12 * count, 12):
        if struct.unpack_from("<H", file, at)[0] == 259:
            struct.pack_into("<H", changed, at + 8, 60_000)
    return bytes(changed)


@pytest.mark.parametrize("number", [2, 4])
def test_a_damaged_page_is_named_and_costs_no_other(cli: Cli, tmp_path: Path, number: int) -> None:
    path = tmp_path / "a.tiff"
    path.write_bytes(damaged(document("TIFF", "1234"), number))
    others = [text for text in "1234" if text != str(number)]
    for workers in (1, 2):
        done = cli("read", path, "--json", "--workers", workers)
        documents = json.loads(done.stdout)["images"]
        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert [one["text"] for one in documents if "text" in one] == others
        assert f"page {number} of {path} is damaged or truncated" in line
        failed = documents[number - 1]
        assert (failed["page"], failed["pages"], failed["path"]) == (number, 4, str(path))


def test_damaged_files_are_counted_as_far_as_they_go() -> None:
    for kind in ("TIFF", "GIF"):
        file = document(kind, "1234567")
        for end, zeroed in itertools.product(range(0, len(file), 97), (False, True)):
            stream = io.BytesIO(file[:end] + bytes(20 if zeroed else 0))
            image = Image.new("L", (9, 9))
            image.format, image.fp = kind, stream  # type: ignore[attr-defined]
            assert 1 <= len(file_pages.frames_of(image)) <= 8
    cut = document("GIF", "1234567")
    assert len(texts_of(cut)) == 7
    readings = mnist_cnn.read_pages(cut[: len(cut) // 2])
    with pytest.raises(ImageError, match=r"page \d of the file is damaged or truncated|ends before page \d"):
        list(readings)


def test_frames_that_are_claimed_and_missing_are_one_error(cli: Cli, tmp_path: Path) -> None:
    file = document("PNG", "12")
    at = file.index(b"acTL")
    path = tmp_path / "a.png"
    claim = file[at : at + 4] + struct.pack(">I", 900) + file[at + 8 : at + 12]
    path.write_bytes(file[:at] + claim + struct.pack(">I", zlib.crc32(claim)) + file[at + 16 :])
    done = cli("read", path)
    assert done.stdout.splitlines()[:2] == [f"{path}, page 1: 1", f"{path}, page 2: 2"]
    assert len(done.stderr.splitlines()) == 1
    assert "page 3 of" in done.stderr
    assert done.stderr.endswith("download or save it again. The pages after it are not read.\n")


def test_a_damaged_frame_ends_an_animation(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    whole = document("GIF", "1234567")
    path.write_bytes(whole[: len(whole) // 2])
    done = cli("read", path)
    read = [line.split()[-1] for line in done.stdout.splitlines()]
    assert (read, done.returncode) == (list("1234567")[: len(read)], 1)
    assert 0 < len(read) < 7
    assert len(done.stderr.splitlines()) == 1


def directories(count: int) -> bytes:
    """A TIFF that consists of empty directories."""
    start = struct.pack("<2sHI", b"II", 42, 8)
    return start + b"".join(struct.pack("<HI", 0, 8 + 6 * (number + 1)) for number in range(count))


def test_a_file_of_a_million_directories_takes_no_time() -> None:
    began = time.process_time()
    assert len(file_pages.pages_of_tiff(io.BytesIO(directories(1_000_000)))) == MOST + 1
    assert time.process_time() - began < 1
    loop = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<HI", 0, 8)
    assert file_pages.pages_of_tiff(io.BytesIO(loop)) == [0]


def many_pages(folder: Path) -> Path:
    path = folder / "many.gif"
    small = [Image.fromarray(np.full((8, 8), number % 251, np.uint8)) for number in range(MOST + 5)]
    small[0].save(path, save_all=True, append_images=small[1:])
    return path


def test_there_are_a_thousand_pages_at_most(tmp_path: Path) -> None:
    path = many_pages(tmp_path)
    assert mnist_cnn.read(path).pages == MOST + 1
    with pytest.raises(ImageTooLargeError, match="has more than 1,000 pages, of which the first 1,000 are read"):
        mnist_cnn.read(path, page=MOST + 1)


@pytest.mark.slow
@pytest.mark.extended
def test_after_a_thousand_pages_the_command_line_says_so(cli: Cli, tmp_path: Path) -> None:
    path = many_pages(tmp_path)
    done = cli("read", path, "--quiet")
    assert len(done.stdout.splitlines()) == MOST
    assert done.stderr.count("\n") == 1
    assert "many.gif has more than 1,000 pages, of which the first 1,000 are read: split it." in done.stderr


def test_large_frames_after_the_first_are_rejected_before_they_are_decoded() -> None:
    stream = io.BytesIO()
    frames = [Image.new("L", (6000, 5000), number) for number in (255, 0)]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    assert load(stream.getvalue()).width == 6000
    with pytest.raises(ImageTooLargeError, match=r"decoding frames of 6,000 × 5,000 pixels takes .* limit 512 MiB"):
        load(Part(stream.getvalue(), 2))


def test_frames_that_would_take_minutes_are_rejected_before_they_are_decoded() -> None:
    check_animation_cost(Image.new("L", (5000, 5000)), 79, "a.gif")
    with pytest.raises(ImageTooLargeError, match=r"would take too long to decode \(81 frames of 5,000 × 5,000 pixels"):
        check_animation_cost(Image.new("L", (5000, 5000)), 80, "a.gif")


def test_the_command_line_reads_all_pages(cli: Cli, tmp_path: Path) -> None:
    three, cover = tmp_path / "three.tiff", tmp_path / "cover.gif"
    three.write_bytes(document("TIFF"))
    cover.write_bytes(document("GIF", ["", "45"]))
    done = cli("read", three, cover)
    lines = [f"{three}, page 1: 11", f"{three}, page 2: 22", f"{three}, page 3: 33", f"{cover}, page 1:"]
    assert (done.returncode, done.stdout.splitlines()) == (0, [*lines, f"{cover}, page 2: 45"])
    assert done.stderr == f"{cover}, page 1: no digits found (nothing that resembles a digit)\n"
    assert cli("read", three).stdout.splitlines() == lines[:3]
    documents = json.loads(cli("read", three, "--json").stdout)["images"]
    assert [(one["path"], one["page"], one["pages"], one["text"]) for one in documents] == [
        (str(three), number, 3, text) for number, text in enumerate(SOME, start=1)
    ]
    assert cli("read", three, cover, "--json", "--workers", 2).stdout == cli("read", three, cover, "--json").stdout


def test_each_page_has_an_annotated_copy(cli: Cli, tmp_path: Path) -> None:
    three = tmp_path / "three.tiff"
    three.write_bytes(document("TIFF"))
    assert cli("read", three, "--annotate", tmp_path / "drawn").returncode == 0
    copies = sorted((tmp_path / "drawn").iterdir())
    assert [path.name for path in copies] == [f"three-page-{number}.png" for number in (1, 2, 3)]
    assert len({path.read_bytes() for path in copies}) == 3


def test_where_only_the_first_page_is_used_it_says_so(cli: Cli, tmp_path: Path) -> None:
    three = tmp_path / "three.tiff"
    three.write_bytes(document("TIFF"))
    (tmp_path / "labels.csv").write_text("path,label\nthree.tiff,11\n")
    done = cli("score", tmp_path / "labels.csv")
    assert "100.00% (1 of 1 correct" in done.stdout
    assert done.stderr == f"{three} has 3 pages: only the first is read\n"
    assert cli("score", tmp_path / "labels.csv", "--quiet").stderr == ""
    assert f"{three} has 3 pages: only the first is explained" in cli("explain", three).stderr
    [reading] = mnist_cnn.read_in_parallel([three], 1)
    assert isinstance(reading, Reading)
    assert (reading.text, reading.page, reading.pages) == ("11", 1, 3)


DIES = """
import os
from mnist_cnn.reading.reader import Reader
whole = Reader.read_many
def read_many(self, images, single=False):
    images = list(images)
    if any(getattr(image, "page", None) == 3 for image in images):
        os._exit(9)
    return whole(self, images, single)
Reader.read_many = read_many
from mnist_cnn.bulk.reader_process import main
main()
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_page_that_kills_its_process_ends_the_file_and_no_other(
    monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(local_reading, "COMMAND", (*local_reading.COMMAND[:1], "-c", DIES))
    readers = LocalReaders(ReaderOptions(), workers)
    results = list(readers.read_pages([document("TIFF", "12345"), document("GIF", "67")]))
    said = [one.text if isinstance(one, Reading) else str(one) for one in results]
    died = "page 3 of the image cannot be read (the process that reads it died 3 times): shrink it or save it again."
    assert said == ["1", "2", f"{died} The pages after it are not read.", "6", "7"]
    assert [one.page for one in results] == [1, 2, 3, 1, 2]


def test_results_may_be_left_at_any_page() -> None:
    results = LocalReaders(ReaderOptions(), 2).read_pages([document("TIFF", "12345")] * 3)
    assert [next(results).page for _ in range(7)] == [1, 2, 3, 4, 5, 1, 2]
    results.close()


def test_a_turned_page_of_a_tiff_is_turned_once() -> None:
    upright = np.asarray(page("7"))
    for orientation, turn in ((3, Image.Transpose.ROTATE_180), (6, Image.Transpose.ROTATE_90)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        stream = io.BytesIO()
        page("7").transpose(turn).save(stream, "TIFF", exif=exif)
        picture = load(stream.getvalue())
        np.testing.assert_array_equal(picture.grey, upright)
        assert (picture.width, picture.height) == upright.shape[::-1]
