import dataclasses
import io
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import mnist_cnn
from drawing import grain, inked, lit, mask, ruled, shadow
from mnist_cnn import Reader, card
from mnist_cnn.errors import ArtifactError, ImageError, ReaderError
from mnist_cnn.reading.annotate import annotate
from mnist_cnn.reading.model_names import BUNDLED

FIXTURE = Path(__file__).parent / "fixtures" / "format-1"
TEXT = "407/1592/86"
PAGE = mask(TEXT)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def text(reader: Reader, picture: np.ndarray, single: bool = False) -> str:
    return reader.read(picture, single).text.replace("\n", "/")


PAGES = {
    "pen on paper": inked(PAGE, 240, 30),
    "chalk": grain(inked(PAGE, 60, 220), 4),
    "a shadow": lit(inked(PAGE, 220, 50), shadow(PAGE.shape)),
    "ruled paper": inked(PAGE, ruled(PAGE.shape, 70), 40),
    "yellow on white": inked(PAGE, (255, 255, 255), (250, 220, 30)),
    "red on green": inked(PAGE, (60, 140, 60), (190, 60, 60)),
    "a thin pen": inked(mask(TEXT, pen=2), 255, 0),
    "a thick pen": inked(mask(TEXT, pen=14), 255, 0),
}


@pytest.mark.parametrize("page", PAGES)
def test_several_rows_are_read_on_any_paper(reader: Reader, page: str) -> None:
    assert text(reader, PAGES[page]) == TEXT


@pytest.mark.parametrize("digit", "0123456789")
def test_a_digit_reads_the_same_moved_scaled_inverted_tinted_and_turned_by_its_tag(reader: Reader, digit: str) -> None:
    plain = inked(mask(digit, height=80, pen=8), 235, 40)
    changed = {
        "plain": plain,
        "moved": np.pad(plain, ((0, 90), (130, 0)), constant_values=235),
        **{
            f"scaled {by}": cv2.resize(plain, None, fx=by, fy=by, interpolation=cv2.INTER_AREA)
            for by in (0.5, 0.75, 1.5, 3)
        },
        "inverted": 255 - plain,
        "tinted": inked(mask(digit, height=80, pen=8), (240, 225, 190), (90, 30, 40)),
    }
    for name, picture in changed.items():
        assert text(reader, picture) == digit, name
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(np.rot90(plain)).save(stream, "PNG", exif=exif)
    assert reader.read(stream.getvalue()).text == digit


def test_a_reading_says_what_where_and_how_sure(reader: Reader) -> None:
    reading = reader.read(inked(mask("42", height=100), 255, 0))
    four, two = reading.digits
    assert (reading.text, four.digit, two.digit) == ("42", 4, 2)
    assert four.probabilities[4] == max(four.probabilities) == four.confidence
    assert sum(four.probabilities) == pytest.approx(1, abs=1e-4)
    assert four.image.shape == (28, 28)
    assert abs(four.box.left - 60) <= 8
    assert abs(four.box.top - 50) <= 6
    assert abs(four.box.height - 100) <= 14
    assert four.box.left + four.box.width < two.box.left


def test_boxes_are_in_the_pictures_own_pixels(reader: Reader) -> None:
    page = inked(mask("7", height=1000, pen=90, margin=1.0), 255, 0)
    assert max(page.shape) > 1600
    box = reader.read(page).digits[0].box
    assert abs(box.top - 960) <= 30
    assert abs(box.height - 1090) <= 60


def test_what_the_reader_is_not_sure_of_is_refused() -> None:
    page = inked(mask("42"), 255, 0)
    one_of_five = np.repeat([0.2, 0.0], 5).astype(np.float32)
    strict = Reader(lambda images: np.tile(one_of_five, (len(images), 1)), min_confidence=0.3)
    assert strict.read(page).text == "??"
    assert strict.read(page).to_dict()["rows"][0][0]["digit"] is None
    assert Reader(strict.classify, min_confidence=0.0).read(page).text == "00"


NOTHING = {
    "blank": np.full((300, 400), 255, np.uint8),
    "colour": np.full((100, 100, 3), (20, 90, 200), np.uint8),
    "grain": grain(np.full((480, 640), 200.0), 8),
    "noise": np.random.default_rng(0).integers(0, 256, (480, 640, 3)).astype(np.uint8),
    "ruled": ruled((600, 800), 60),
    "shadow": lit(np.full((300, 400), 220, np.uint8), shadow((300, 400))),
}


@pytest.mark.parametrize("what", NOTHING)
@pytest.mark.parametrize("single", [False, True])
def test_where_nothing_is_written_nothing_is_read(reader: Reader, what: str, single: bool) -> None:
    reading = reader.read(NOTHING[what], single)
    assert reading.text in ("", "?" if single and what == "noise" else "")  # where a digit is known to be, one is tried


def test_single_gives_one_digit_at_most(reader: Reader) -> None:
    assert len(reader.read(inked(mask("42"), 255, 0), single=True).digits) == 1


def test_many_are_read_like_one(reader: Reader) -> None:
    pages = [inked(mask(str(number % 90 + 10), height=40, pen=4), 255, 0) for number in range(70)]
    many = list(reader.read_many(pages))
    assert [reading.text for reading in many[:5]] == [reader.read(page).text for page in pages[:5]]
    assert len(many) == 70
    assert list(reader.read_many([])) == []


def test_the_json_of_a_reading_is_plain(reader: Reader) -> None:
    document = json.loads(json.dumps(reader.read(inked(mask("4/2"), 255, 0)).to_dict()))
    assert document["text"] == "4\n2"
    keys = {"page", "pages", "text", "width", "height", "note", "numbers", "rows", "marks", "candidates"}
    assert set(document) == keys
    digit = document["rows"][0][0]
    assert set(digit) == {"digit", "most_probable", "confidence", "probabilities", "non_digit_probability", "box"}
    assert digit["non_digit_probability"] == pytest.approx(10 * min(digit["probabilities"]))


def test_boxes_and_digits_are_drawn_onto_the_picture(reader: Reader) -> None:
    page = inked(mask("42"), 255, 0)
    drawn = annotate(page, reader.read(page).digits)
    assert drawn.ndim == 3
    assert ((drawn[..., 1] > drawn[..., 0]).any(axis=1)).sum() > 100


def test_the_confidence_is_drawn_below_the_box_and_in_the_image_even_at_its_edge(reader: Reader) -> None:
    page = inked(mask("42"), 255, 0)
    for cut in (page, page[: reader.read(page).digits[0].box.top + reader.read(page).digits[0].box.height + 1]):
        digits = reader.read(cut).digits
        box, height = digits[0].box, cut.shape[0]
        other = annotate(cut, [dataclasses.replace(digits[0], confidence=0.123)])
        differ = np.flatnonzero((annotate(cut, [digits[0]]) != other).any(axis=(1, 2)))
        assert len(differ) > 3
        scale = len(other) / height
        assert differ[0] >= (box.top + box.height / 2) * scale


def test_another_network_can_be_named() -> None:
    page = inked(mask("1"), 255, 0)
    assert (
        Reader(FIXTURE).read(page).digits[0].probabilities
        == Reader(FIXTURE / "model.onnx").read(page).digits[0].probabilities
    )
    with pytest.raises(ArtifactError, match="cannot be read"):
        Reader("nowhere.onnx")


def test_what_the_model_calls_no_digit_is_likelier_to_be_none() -> None:
    def nothing(images: np.ndarray) -> np.ndarray:
        return np.full((len(images), 10), 0.1, np.float32)

    page = grain(inked(mask("42"), 240, 40), 2)
    sure, doubtful = (
        reader.read(page)
        for reader in (Reader(lambda images: nothing(images) * 0 + np.eye(10, dtype=np.float32)[4]), Reader(nothing))
    )
    assert sure.text == "44"
    assert max(digit.confidence for digit in (*doubtful.digits, *doubtful.candidates)) < 0.5


class Recorder:
    """A network that keeps what it is shown: a three, if a pixel in the corner is light, and else unsure."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.seen.extend(images)
        three = images[:, :2, :2].min(axis=(1, 2)) == 255
        return np.where(three[:, None], np.eye(10)[3], np.full(10, 0.1)).astype(np.float32)


def in_mnist_size(corner: int) -> np.ndarray:
    image = inked(cv2.resize(mask("2", height=20, pen=3, margin=0.2), (28, 28)), 0, 255)
    image[:4, :4] = corner
    return image


@pytest.mark.parametrize("levels", [(10, 245), (245, 10)])
def test_a_picture_of_mnists_size_that_leaves_no_doubt_is_not_looked_at(
    reader: Reader, levels: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = grain(inked(cv2.resize(mask("2", height=20, pen=3, margin=0.2), (28, 28)), *levels), 4)
    larger = cv2.copyMakeBorder(image, 4, 4, 4, 4, cv2.BORDER_REPLICATE)
    monkeypatch.setattr(Reader, "look", lambda *_: pytest.fail("looked at"))
    (digit,) = reader.read(image).digits
    assert digit.digit == 2
    assert digit.confidence >= 0.9
    assert tuple(dataclasses.astuple(digit.box)) == (0, 0, 28, 28)
    with pytest.raises(pytest.fail.Exception):
        reader.read(larger)  # of any other size, it is


@pytest.mark.parametrize("single", [False, True])
def test_a_doubtful_picture_of_mnists_size_is_also_read_as_it_is(single: bool) -> None:
    network = Recorder()
    image = in_mnist_size(255)
    digit = Reader(network).read(image, single).digits[0]
    assert digit.digit == 3
    np.testing.assert_array_equal(digit.image, image)
    assert any(np.array_equal(seen, image) for seen in network.seen)


def test_dark_ink_in_mnists_size_is_read_on_its_own_paper() -> None:
    network = Recorder()
    dark = 255 - in_mnist_size(255)  # whose negative has the light corner
    digit = Reader(network).read(dark, single=True).digits[0]
    assert digit.digit == 3
    np.testing.assert_array_equal(digit.image, 255 - dark)


def test_a_plain_drawing_that_the_model_is_sure_of_is_classified_once() -> None:
    sure = Recorder()
    Reader(lambda images: 0 * sure(images) + np.eye(10, dtype=np.float32)[4]).read(in_mnist_size(0))
    assert len(sure.seen) == 1


def test_a_larger_picture_is_not_read_as_it_is() -> None:
    larger = Recorder()
    Reader(larger).read(cv2.resize(in_mnist_size(255), (29, 28)), single=True)
    assert not any(seen[:2, :2].min() == 255 for seen in larger.seen)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_of_mnists_size_holds_nothing_whatever_the_network(level: int) -> None:
    always = np.eye(10, dtype=np.float32)[7]
    reader = Reader(lambda images: np.tile(always, (len(images), 1)))
    assert reader.read(np.full((28, 28), level, np.uint8), single=True).digits == ()


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan")])
def test_a_confidence_out_of_range_is_refused(confidence: float) -> None:
    with pytest.raises(ReaderError, match="from 0 to 1"):
        Reader(min_confidence=confidence)


def test_a_bad_picture_stops_many_with_its_sentence(reader: Reader) -> None:
    with pytest.raises(ImageError, match="empty"):
        list(reader.read_many([b""]))


def test_the_public_names_are_the_readers() -> None:
    assert mnist_cnn.Reader is Reader
    assert mnist_cnn.Reading.__doc__


def test_a_network_that_is_not_the_one_on_its_card_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FIXTURE, tmp_path / "changed"))
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"model.onnx is damaged or was changed"):
        Reader(folder)
    (folder / "model.onnx").unlink()
    with pytest.raises(ArtifactError, match=r"model.onnx cannot be read"):
        Reader(folder)


def test_the_network_that_ships_is_the_one_on_its_card() -> None:
    card.verify_file(BUNDLED, card.read(BUNDLED), card.ONNX_MODEL)
    assert (BUNDLED / card.ONNX_MODEL).stat().st_size <= 2_000_000


def test_a_reading_prints_short_and_shows_its_image_in_a_notebook(tmp_path: Path) -> None:
    picture = 255 - mask("475")
    Image.fromarray(picture).save(tmp_path / "475.png")
    reading = mnist_cnn.read(tmp_path / "475.png")
    low = min(digit.confidence for digit in reading.digits)
    assert repr(reading) == f"Reading('475', 3 digits, lowest confidence {low:.2%})"
    assert repr(reading.digits[0]).startswith(f"Digit(4, confidence {reading.digits[0].confidence:.2%}, at (")
    assert '<img alt="475"' in reading._repr_html_()
    assert reading.to_dict() == mnist_cnn.read(picture).to_dict()
    without = dataclasses.replace(reading, source=None)
    assert without._repr_html_() == "<pre>475</pre>"
    assert "source" not in reading.to_dict()


def test_read_takes_what_a_reader_does() -> None:
    picture = 255 - mask("7")
    assert mnist_cnn.read(picture, single=True).text == "7"
    assert mnist_cnn.read(picture, min_confidence=1.0).text == "?"
    ones = np.eye(10, dtype=np.float32)[1]
    assert mnist_cnn.read(picture, model=lambda images: np.repeat(ones[None], len(images), axis=0)).text == "1"
    with pytest.raises(ReaderError, match="The minimum confidence must be a number from 0 to 1"):
        mnist_cnn.read(picture, min_confidence=2)
