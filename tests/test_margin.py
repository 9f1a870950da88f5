"""Images that their ink fills: read as if they had a margin, with boxes in their own pixels; no others are touched."""

import cv2
import numpy as np
import pytest

from drawing import grain, inked, mask, ruled
from mnist_cnn import Reader
from mnist_cnn.reading.digit import Box
from mnist_cnn.reading.ink import find_ink
from mnist_cnn.reading.margin import with_margin
from mnist_cnn.reading.normalise import crop_to_ink
from mnist_cnn.reading.picture import load
from mnist_cnn.reading.reader import Row, prepare


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(min_confidence=0.0)


def cut_out(text: str, size: int, bitmap: bool = False) -> np.ndarray:
    """Digits cropped to their ink, 0 to 255, with a pen as thick as MNIST's thicker ones."""
    drawn = crop_to_ink(mask(text, height=200, pen=34))
    scale = size / max(drawn.shape)
    height, width = (max(3, round(side * scale)) for side in drawn.shape)
    small = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA)
    return np.where(small > 127, 255, 0).astype(np.uint8) if bitmap else np.asarray(small)


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("size", [12, 16, 20, 60, 400, 1000])
def test_digits_without_any_margin_are_read(reader: Reader, size: int, single: bool, light: bool) -> None:
    paper, ink = (30, 220) if light else (220, 30)
    images = [inked(cut_out(digit, size), paper, ink) for digit in "0235689"]
    assert "".join(reading.text for reading in reader.read_many(images, single)) == "0235689"


@pytest.mark.parametrize("light", [False, True])
def test_a_bitmap_that_is_mostly_ink_is_read(reader: Reader, light: bool) -> None:
    bold = cv2.dilate(cut_out("3", 32, bitmap=True), np.ones((3, 3), np.uint8))
    assert (bold > 0).mean() > 0.55
    image = bold if light else 255 - bold
    assert reader.read(image).text == reader.read(np.pad(image, 16, constant_values=image[8, 0])).text == "3"


def test_paper_is_found_where_more_than_half_of_a_bitmap_is_ink() -> None:
    image = np.full((16, 16), 255, np.uint8)
    image[1:15, 2:13] = 0
    assert (find_ink(image).mask == (image == 0)).all()


def test_a_photo_without_a_margin_is_read(reader: Reader) -> None:
    photo = grain(inked(cv2.GaussianBlur(cut_out("5", 300), (0, 0), 4), 200, 70), 4)
    assert reader.read(photo).text == reader.read(photo, single=True).text == "5"


@pytest.mark.parametrize("size", [16, 100, 640])
def test_boxes_are_in_pixels_of_the_image(reader: Reader, size: int) -> None:
    image = inked(cut_out("8", size, bitmap=True), 255, 0)
    (digit,) = reader.read(image, single=True).digits
    height, width = image.shape
    reach = size // 80 + 1
    box = digit.box
    assert max(box.left, box.top) <= reach
    assert min(box.left, box.top) >= 0
    assert abs(box.left + box.width - width) <= reach
    assert abs(box.top + box.height - height) <= reach


NOT_FILLED = {
    "a margin": inked(mask("4", height=20, pen=3, margin=0.2), 255, 0),
    "a page": inked(mask("314/159", height=60, pen=6), 255, 0),
    "squared paper": ruled((400, 400), 40, squared=True),
    "grain": grain(np.full((120, 90), 200.0), 8),
    "noise": np.random.default_rng(0).integers(0, 256, (300, 40)).astype(np.uint8),
    "blank": np.full((60, 60), 255, np.uint8),
}


@pytest.mark.parametrize("what", NOT_FILLED)
def test_other_images_are_not_given_a_margin(what: str) -> None:
    assert with_margin(NOT_FILLED[what]) == []


@pytest.mark.parametrize(("gap", "filled"), [(8, 1), (9, 0)])
def test_ink_within_eight_hundredths_of_all_borders_fills_an_image(gap: int, filled: int) -> None:
    page = np.full((100, 100), 255, np.uint8)
    page[:, 40:50] = page[50:60, gap:] = 0
    assert len(with_margin(page)) == filled


@pytest.mark.parametrize(("pen", "filled"), [(3, 0), (7, 1)])
def test_strokes_thinner_than_a_twentieth_of_the_image_fill_none(pen: int, filled: int) -> None:
    page = np.full((100, 100), 255, np.uint8)
    page[:, 50 : 50 + pen] = page[50 : 50 + pen] = 0
    assert len(with_margin(page)) == filled


@pytest.mark.parametrize(("share", "filled"), [(58, 1), (62, 0)])
def test_what_has_more_than_six_tenths_of_the_border_is_no_ink(share: int, filled: int) -> None:
    page = np.full((100, 100), 255, np.uint8)
    page[:, 40:50] = page[50:60] = 0
    page[0, :share] = page[-1, :share] = page[:share, 0] = page[:share, -1] = 0
    assert [one.ink.light for one in with_margin(page)].count(False) == filled


def test_a_border_that_is_half_dark_leaves_both_polarities() -> None:
    page = np.full((100, 100), 255, np.uint8)
    page[:50, :50] = page[50:, 50:] = 0
    assert [one.ink.light for one in with_margin(page)] == [False, True]


@pytest.mark.parametrize(("digits", "text"), [(0, "8"), (1, "8"), (2, "11")])
def test_a_margin_does_not_make_one_digit_of_two(digits: int, text: str) -> None:
    reader = Reader(lambda images: np.tile(0.01 + 0.9 * np.eye(10, dtype=np.float32)[8], (len(images), 1)))
    page = prepare(load(inked(cut_out("0", 200), 255, 0)), single=False)
    one = reader.decided(Box(0, 0, 9, 9), np.zeros((28, 28), np.uint8), 0.05 + 0.5 * np.eye(10)[1])
    decided: list[list[Row]] = [[(one,) * digits] if digits else []]
    reader.look_with_margin([page], decided, single=False)
    assert "".join(str(digit.digit) for row in decided[0] for digit in row) == text


@pytest.mark.parametrize(
    ("without", "margin", "text"), [(0.8, 0.7, "3"), (0.8, 0.85, "5"), (0.99, 0.95, "5"), (0.99, 0.89, "3")]
)
def test_a_margin_is_used_if_the_model_is_more_confident_with_it_or_convinced(
    without: float, margin: float, text: str
) -> None:
    calls: list[int] = []

    def classify(images: np.ndarray) -> np.ndarray:
        calls.append(len(images))
        row = np.zeros(10, np.float32)
        row[3 if len(calls) == 1 else 5] = 1
        row = row * (without if len(calls) == 1 else margin) + 0.001
        return np.tile(row, (len(images), 1))

    image = inked(cut_out("0", 200), 255, 0)
    assert Reader(classify).read(image, single=True).text == text
    assert len(calls) == 2
