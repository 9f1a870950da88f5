"""A region of an image is read, and boxes come back in the whole image's pixels, as a viewer shows it."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mnist_cnn
from conftest import Cli
from drawing import inked, mask
from mnist_cnn.errors import ImageError, ReaderError
from mnist_cnn.reading.picture import Part, load
from mnist_cnn.reading.region import Region

FORM = inked(mask("17/42/95", 60, 6), 240, 20)  # (312, 176): three rows, 96 pixels from one to the next
MIDDLE = (0, 110, FORM.shape[1], 92)
WAYS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def saved(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **how)
    return stream.getvalue()


def cut(source: Any, region: tuple[int, int, int, int]) -> np.ndarray:
    return load(Part(source, None, Region(*region))).grey


def test_only_the_region_is_read_and_boxes_are_those_of_the_whole_image() -> None:
    whole, part = mnist_cnn.read(FORM), mnist_cnn.read(FORM, region=MIDDLE)
    assert (whole.text, part.text) == ("17\n42\n95", "42")
    assert (part.width, part.height) == FORM.shape[::-1]
    for digit, other in zip(part.digits, whole.rows[1], strict=True):
        near = (abs(getattr(digit.box, side) - getattr(other.box, side)) for side in ("left", "top", "width", "height"))
        assert max(near) <= 2  # ink is marked to half a pixel, at either side
    assert part.source is FORM
    assert mnist_cnn.Reader().read(FORM, region=Region(*MIDDLE)).text == "42"


@pytest.mark.parametrize("orientation", WAYS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_the_region_is_that_of_the_image_as_a_viewer_shows_it(kind: str, orientation: int) -> None:
    turn = WAYS[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(FORM)
    how = {"quality": 100} if kind == "JPEG" else {}
    file = saved(image if turn is None else image.transpose(turn), kind, exif=exif, **how)
    x, y, w, h = region = (30, 100, 70, 50)
    assert np.abs(cut(file, region).astype(int) - FORM[y : y + h, x : x + w]).max() <= 12
    reading = mnist_cnn.read(file, region=MIDDLE)
    assert (reading.text, reading.width, reading.height) == ("42", *FORM.shape[::-1])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "HSV", "I;16", "LAB"])
def test_a_region_of_every_mode_is_the_same_part_of_the_whole(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(FORM.astype(np.uint16) * 16)
    elif mode == "LAB":
        image = Image.frombytes("LAB", FORM.shape[::-1], np.repeat(FORM[..., None], 3, axis=2).tobytes())
    else:
        image = Image.fromarray(FORM).convert(mode)
    whole = load(image).grey.astype(int)
    assert np.abs(cut(image, (30, 100, 70, 50)) - whole[100:150, 30:100]).max() <= 2


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, bool])
@pytest.mark.parametrize("channels", [0, 1, 3, 4])
def test_a_region_of_an_array_is_scaled_as_the_whole(kind: type, channels: int) -> None:
    page = np.where(FORM > 128, 1, 0).astype(kind) * (1 if kind is bool else kind(200))
    array = page if not channels else np.repeat(page[..., None], channels, axis=2)
    if channels == 4:
        array[..., 3] = 1 if kind is bool else 200
    dark = array.copy()
    np.testing.assert_array_equal(cut(dark, (30, 100, 70, 50)), load(array).grey[100:150, 30:100])


def test_a_dark_region_of_a_deep_image_stays_dark() -> None:
    deep = np.full((100, 100), 4000, np.uint16)
    deep[:50] = 100
    for image in (deep, Image.fromarray(deep), Image.fromarray(deep.astype(np.int32))):
        assert cut(image, (10, 10, 20, 20)).max() < 10


def test_a_region_of_a_large_image_is_not_shrunk_as_the_whole_is() -> None:
    large = Image.new("RGB", (6400, 4800), "white")
    digit = Image.fromarray(inked(mask("7", 24, 3), 255, 0))
    large.paste(digit, (5000, 4000))
    for kind in ("JPEG", "PNG"):
        file = saved(large, kind)
        picture = load(Part(file, None, Region(4900, 3900, 400, 300)))
        assert (picture.grey.shape, picture.scale, picture.whole) == ((300, 400), (1, 1), (6400, 4800))
        [digit_read] = mnist_cnn.read(file, region=(4900, 3900, 400, 300)).digits
        box = digit_read.box
        assert digit_read.digit == 7
        assert 5000 <= box.left < box.left + box.width <= 5000 + digit.width
        assert 4000 <= box.top < box.top + box.height <= 4000 + digit.height


def test_a_region_is_read_where_the_whole_image_can_only_be_decoded_reduced() -> None:
    file = saved(Image.new("L", (9000, 9000), 255), "JPEG", progressive=True, quality=1)
    whole = load(file)
    part = load(Part(file, None, Region(100, 100, 800, 800)))
    assert (whole.width, part.width, part.whole) == (9000, 800, (9000, 9000))


@pytest.mark.parametrize(
    "region",
    [(0, 0, 10), (0, 0, 10, 10, 10), (-1, 0, 10, 10), (0, 0, 0, 10), (0, 0, 10, -3), (0.5, 0, 10, 10), "abcd", 7],
)
def test_a_malformed_region_is_one_sentence(region: Any) -> None:
    with pytest.raises(ReaderError, match=r"^A region is x,y,width,height: four whole numbers of pixels, .*\)\.$"):
        mnist_cnn.read(FORM, region=region)


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "1,2,3,-4", "1,2,0,4", "a,b,c,d", "1.5,2,3,4", "1 2 3 4", "²,1,1,1"]
)
def test_a_malformed_text_is_one_sentence(text: str) -> None:
    with pytest.raises(ReaderError, match=r"^A region is x,y,width,height"):
        Region.parse(text)


def test_a_text_is_a_region() -> None:
    assert Region.parse(" 10, 20,300,200") == Region(10, 20, 300, 200) == Region.of(np.array([10, 20, 300, 200]))
    assert str(Region(10, 20, 300, 200)) == "10,20,300,200"


@pytest.mark.parametrize("region", [(100, 0, 77, 50), (0, 300, 50, 13), (500, 500, 10, 10)])
def test_a_region_that_is_not_inside_is_one_sentence(region: tuple[int, int, int, int]) -> None:
    for source in (FORM, saved(Image.fromarray(FORM))):
        with pytest.raises(
            ImageError, match=r"The region .* is not inside the (array|file) \(176 × 312 pixels\): give"
        ):
            mnist_cnn.read(source, region=region)


def test_a_region_that_is_too_small_is_one_sentence() -> None:
    with pytest.raises(ImageError, match=r"the region 5,5,7,4 of the file is too small \(7 × 4 pixels\): it must be"):
        mnist_cnn.read(saved(Image.fromarray(FORM)), region=(5, 5, 7, 4))


def test_the_command_line_reads_a_region(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "form.png"
    path.write_bytes(saved(Image.fromarray(FORM)))
    words = ["read", path, "--region", ",".join(map(str, MIDDLE))]
    assert cli(*words).stdout == "42\n"
    for workers in (1, 2):
        [document] = json.loads(cli(*words, "--json", "--workers", workers).stdout)["images"]
        assert document == {"path": str(path), **mnist_cnn.read(path, region=MIDDLE).to_dict()}
    assert cli(*words, "--annotate", tmp_path / "drawn").returncode == 0
    with Image.open(tmp_path / "drawn" / "form.png") as drawn:
        assert drawn.height / drawn.width == pytest.approx(FORM.shape[0] / FORM.shape[1], rel=0.01)
    done = cli("read", path, "--region", "1,2,3")
    assert (done.returncode, done.stdout) == (2, "")
    assert "A region is x,y,width,height" in done.stderr
    done = cli("read", path, "--region", "0,0,999,9")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"The region 0,0,999,9 is not inside {path} (176 × 312 pixels)" in done.stderr


def test_the_same_region_of_each_page_is_read(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "forms.tiff"
    pages = [Image.fromarray(inked(mask(text, 60, 6), 240, 20)) for text in ("17/42/95", "00/63/11")]
    path.write_bytes(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    assert [one.text for one in mnist_cnn.read_pages(path, region=MIDDLE)] == ["42", "63"]
    said = cli("read", path, "--region", ",".join(map(str, MIDDLE))).stdout
    assert said == f"{path}, page 1: 42\n{path}, page 2: 63\n"
