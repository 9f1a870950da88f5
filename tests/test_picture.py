import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawing import inked, mask
from mnist_cnn.errors import ImageError
from mnist_cnn.reading.picture import files_of, load, upright

PAGE = inked(mask("7", height=40, pen=4), 240, 20)  # (80, 64): taller than wide, dark on light


def saved(image: Image.Image, kind: str = "PNG", **how: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **how)
    return stream.getvalue()


def test_a_path_bytes_an_array_and_a_pillow_image_are_the_same_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(Image.fromarray(PAGE)))
    for source in (
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        saved(Image.fromarray(PAGE)),
        Image.fromarray(PAGE),
        PAGE,
    ):
        picture = load(source)
        np.testing.assert_array_equal(picture.grey, PAGE)
        assert (picture.width, picture.height) == PAGE.shape[::-1]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture_upright(orientation: int) -> None:
    ways = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM}
    ways |= {5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE}
    ways |= {8: Image.Transpose.ROTATE_270}
    image = Image.fromarray(PAGE)
    turned = image.transpose(ways[orientation]) if orientation > 1 else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = load(saved(turned, exif=exif))
    np.testing.assert_array_equal(picture.grey, PAGE)
    assert (picture.width, picture.height) == PAGE.shape[::-1]


def test_transparency_lies_on_white_and_white_ink_on_black() -> None:
    ink = 255 - inked(mask("7", height=40, pen=4), 255, 0)
    for colour, paper in ((0, 255), (255, 0)):
        rgba = np.full((*ink.shape, 4), colour, np.uint8)
        rgba[..., 3] = ink
        grey = load(rgba).grey
        assert grey[0, 0] == paper
        assert abs(int(grey[ink > 250].mean()) - colour) < 8


def test_every_mode_of_pillow_gives_dark_ink_on_light_paper() -> None:
    image = Image.fromarray(PAGE)
    modes = {
        mode: image.convert(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "HSV")
    }
    modes["1"] = image.convert("1", dither=Image.Dither.NONE)
    modes["I;16"] = Image.fromarray(PAGE.astype(np.uint16) * 257)
    modes["12 bits in 16"] = Image.fromarray(PAGE.astype(np.uint16) * 16)
    modes["LAB"] = Image.frombytes("LAB", image.size, np.repeat(PAGE[..., None], 3, axis=2).tobytes())
    for mode, one in modes.items():
        grey = load(one).grey.astype(int)
        assert np.corrcoef(grey.ravel(), PAGE.astype(int).ravel())[0, 1] > 0.95, mode


@pytest.mark.parametrize("scale", [1, 255, 65535])
def test_arrays_of_any_type_are_scaled_by_their_white(scale: int) -> None:
    kinds = {1: [float, np.float32, bool], 255: [np.uint8, np.int64, float], 65535: [np.uint16, np.int32]}[scale]
    page = np.where(PAGE > 128, 1.0, 0.0)
    for kind in kinds:
        np.testing.assert_array_equal(load((page * scale).astype(kind)).grey, (page * 255).astype(np.uint8))


def test_of_several_frames_the_first_is_read() -> None:
    frames = [Image.fromarray(PAGE), Image.fromarray(255 - PAGE)]
    for kind in ("GIF", "TIFF", "WEBP"):
        grey = load(saved(frames[0], kind, save_all=True, append_images=frames[1:])).grey
        assert grey[0, 0] > 200, kind


def test_large_pictures_are_shrunk_and_keep_their_own_size() -> None:
    picture = load(saved(Image.new("RGB", (4000, 3000), "white"), "JPEG"))
    assert picture.grey.shape == (1200, 1600)
    assert (picture.width, picture.height, picture.scale) == (4000, 3000, (2.5, 2.5))
    assert upright(np.zeros((3, 5000), np.uint8))[0].shape == (1, 1600)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels."""
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


WHOLE = saved(Image.fromarray(PAGE), "JPEG")
BAD: dict[str, tuple[object, str]] = {
    "nothing": (b"", "empty"),
    "text": (b"seven", "not a supported image file"),
    "cut off": (WHOLE[: len(WHOLE) // 2], "damaged or truncated"),
    "bomb": (png_of_size(100_000, 100_000), "megapixels"),
    "too large": (png_of_size(10_001, 10_000), "too large .* limit 100 megapixels"),
    "one pixel": (saved(Image.new("L", (1, 1))), "too small .1 × 1 pixels"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0", "is in HEIC format, .* convert it to PNG or JPEG"),
    "PDF": (b"%PDF-1.7\n", "is in PDF format, .* convert it"),
    "SVG": (b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "is in SVG format, .* convert it"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "is in PostScript format, .* convert it"),
    "NaN": (np.full((28, 28), np.nan), "NaN or infinite"),
    "infinite": (np.full((28, 28), np.inf), "NaN or infinite"),
    "negative": (np.full((28, 28), -1.0), "negative values"),
    "five dimensions": (np.zeros((1, 28, 28, 1, 1)), r"shape \(1, 28, 28, 1, 1\)"),
    "two channels": (np.zeros((28, 28, 2)), r"shape \(28, 28, 2\)"),
    "no pixels": (np.zeros((0, 28)), "too small .28 × 0 pixels"),
    "words": (np.full((28, 28), "a"), "array of dtype <U1"),
    "a number": (7, "int is not supported as an image"),
    "nowhere": ("nowhere.png", "No such file"),
    "no name": ("a\0b", "invalid file name"),
    "a folder": (".", "is a folder"),
    "a device": ("/dev/null", "is not a regular file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_an_image_gets_one_clear_sentence(name: str) -> None:
    source, sentence = BAD[name]
    with pytest.raises(ImageError, match=sentence) as caught:
        load(source)  # type: ignore[arg-type]
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="file permissions are not enforced here")
def test_a_file_without_permission_gets_one_clear_sentence(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(saved(Image.fromarray(PAGE)))
    path.chmod(0)
    with pytest.raises(ImageError, match="Permission denied"):
        load(path)


def test_a_folder_gives_its_pictures_by_name(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in files_of(tmp_path)] == ["a.JPG", "b.png"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="contains no images"):
        files_of(tmp_path / "empty")


@pytest.mark.parametrize(
    ("paper", "colour"),
    [((255, 255, 255), (250, 220, 30)), ((60, 140, 60), (190, 60, 60)), ((240, 200, 120), (30, 60, 160))],
    ids=["yellow on white", "red on green", "blue on orange"],
)
def test_ink_of_any_colour_stands_out_from_its_paper(paper: tuple[int, ...], colour: tuple[int, ...]) -> None:
    ink = mask("7", height=40, pen=4)
    grey = load(inked(ink, paper, colour)).grey.astype(float)
    assert abs(grey[ink > 250].mean() - grey[ink == 0].mean()) > 60
    assert grey[ink == 0].std() < 1
