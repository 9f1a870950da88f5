"""Whole images as people take them, drawn by code: what was misread once, as a kind, with what is right."""

import cv2
import numpy as np
import pytest

from drawing import grain, inked, lit, mask, ruled, shadow, strokes
from mnist_cnn import Reader

Image = np.ndarray


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def text(reader: Reader, image: Image, single: bool = False) -> str:
    return reader.read(image, single).digits_text.replace("\n", "/")


def photographed(image: Image, seed: int = 0) -> Image:
    return grain(cv2.GaussianBlur(image, (0, 0), 0.8), 3, seed)


def on_a_desk(sheet: Image, desk: int = 45) -> Image:
    """A sheet that lies askew on something dark with a grain of its own."""
    height, width = sheet.shape
    ground = grain(np.full((height + 240, width + 300), float(desk)), 7, 1).astype(np.uint8)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -5, 1)
    turn[:, 2] += 150, 120
    size = ground.shape[::-1]
    there = cv2.warpAffine(np.full_like(sheet, 255), turn, size)
    return np.where(there > 127, cv2.warpAffine(sheet, turn, size), ground)


def vignette(shape: tuple[int, ...]) -> Image:
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    far = np.hypot(x / shape[1] - 0.5, y / shape[0] - 0.5)
    return np.asarray(1 - 1.1 * far**2)


def panel_in_a_panel() -> Image:
    image = np.full((320, 420), 245, np.uint8)
    image[60:260, 100:320] = 25
    ink = np.zeros_like(image)
    strokes(ink, "2", 170, 105, 110, 12)
    return inked(ink, image, 240)


def with_lines_across() -> Image:
    image = inked(mask("3", height=140, pen=20), 250, 20)
    for row in range(60, 260, 45):
        image[row : row + 2] = 90
    return image


def words_and_a_number() -> Image:
    image = np.full((160, 640), 240, np.uint8)
    cv2.putText(image, "Total marks", (20, 95), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 30, 3, cv2.LINE_AA)
    ink = np.zeros_like(image)
    strokes(ink, "74", 400, 45, 60, 5)
    return inked(ink, image, 40)


def two_sizes() -> Image:
    large, small = mask("35", height=120, pen=11), mask("86", height=40, pen=4)
    return inked(
        np.vstack([large, cv2.copyMakeBorder(small, 20, 20, 60, large.shape[1] - small.shape[1] - 60, 0)]), 240, 30
    )


ROWS = mask("139245/020878/510", height=70, pen=6)
ONE_ROW = mask("5318", height=90, pen=8)
SCENES = {
    "a note on a desk": ("139245/020878/510", photographed(on_a_desk(inked(ROWS, 225, 50)))),
    "a vignette": ("139245/020878/510", photographed(lit(inked(ROWS, 240, 60), vignette(ROWS.shape)))),
    "a hard shadow": ("5318", photographed(lit(inked(ONE_ROW, 230, 60), shadow(ONE_ROW.shape, 0.6, 0.5)))),
    "faint ink": ("5318", inked(ONE_ROW, 240, 225)),
    "small digits": ("407/1592", inked(mask("407/1592", height=14, pen=2, margin=6), 245, 40)),
    "small and large digits": ("35/86", two_sizes()),
    "beside words": ("74", words_and_a_number()),
    "touching": ("5318", inked(mask("5318", height=90, pen=8, gap=-0.12), 250, 30)),
    "two columns": ("12/34", inked(mask("12/34", height=60, pen=5, gap=2.0), 240, 30)),
}


@pytest.mark.parametrize("scene", SCENES)
def test_the_digits_of_a_scene_are_read_and_nothing_else(reader: Reader, scene: str) -> None:
    right, image = SCENES[scene]
    assert text(reader, image) == right


def test_the_lines_of_squared_paper_are_no_digits(reader: Reader) -> None:
    cases = [
        (word, mask(word, height=70, pen=6), pitch) for word in ("5318", "407", "1592") for pitch in range(24, 88, 8)
    ]
    right = sum(
        text(reader, inked(ink, ruled(ink.shape, pitch, 170, 235, squared=True), 50)) == word
        for word, ink, pitch in cases
    )
    assert right >= 0.9 * len(cases)


SINGLE = {
    "a panel in a panel": ("2", panel_in_a_panel()),
    "thin lines across": ("3", with_lines_across()),
    "faint": ("4", inked(mask("4", height=120, pen=10), 200, 188)),
    "cropped to its ink": ("1", inked(mask("1", height=60, pen=10, margin=0.1), 250, 20)[4:-4, 12:-24]),
    "a mask of 0 and 1": ("6", (mask("6", height=90, pen=9) > 127).astype(np.uint8)),
}


@pytest.mark.parametrize("kind", SINGLE)
def test_a_digit_is_read_where_it_was_not_once(reader: Reader, kind: str) -> None:
    right, image = SINGLE[kind]
    assert text(reader, image, single=True) == right


def in_a_box(digit: str, height: int, line: int, pen: int = 0) -> Image:
    """A digit in a square as dark as the pen, with paper around it."""
    drawn = mask(digit, height=height, pen=pen or max(2, height // 12), margin=0.55, gap=0.3)
    size = max(drawn.shape)
    canvas = np.zeros((size + 60, size + 60), np.uint8)
    top, left = (size - drawn.shape[0]) // 2 + 30, (size - drawn.shape[1]) // 2 + 30
    canvas[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    cv2.rectangle(canvas, (28, 28), (size + 32, size + 32), 255, line)
    return inked(canvas, 245, 35)


def test_a_digit_in_a_box_as_dark_as_the_pen_is_read_alone(reader: Reader) -> None:
    cases = [
        (str((size + line) % 10), in_a_box(str((size + line) % 10), size, line))
        for size in (20, 28, 40, 56, 80, 110, 150, 200)
        for line in (1, 2, 4, 6)
    ]
    right = sum(text(reader, image) == digit for digit, image in cases)
    assert right >= 0.98 * len(cases)


def overlapping(digits: str, pixels: int, seed: int) -> Image:
    """Digits 200 high, drawn with a pen of 26, of which each overlaps the one before by so many pixels."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((320, 250 * len(digits)), np.uint8)
    right = 60
    for digit in digits:
        own = np.zeros_like(canvas)
        strokes(own, digit, 60, 60, 200, 26, slant=float(rng.normal(0, 0.08)))
        columns = np.flatnonzero(own.any(axis=0))
        shift = right - pixels - int(columns[0]) if canvas.any() else 0
        own = np.roll(own, shift, axis=1)
        canvas = np.maximum(canvas, own)
        right = int(np.flatnonzero(own.any(axis=0))[-1]) + 1
    return inked(canvas[:, : right + 60], 255, 0)


@pytest.mark.parametrize(("count", "pixels", "share"), [(2, 8, 0.95), (2, 16, 0.9), (3, 8, 0.9)])
def test_touching_digits_are_read(reader: Reader, count: int, pixels: int, share: float) -> None:
    rng = np.random.default_rng(count * pixels)
    cases = ["".join(map(str, rng.integers(0, 10, count))) for _ in range(40)]
    right = sum(text(reader, overlapping(one, pixels, seed)) == one for seed, one in enumerate(cases))
    assert right >= share * len(cases)


def scribble() -> Image:
    image = np.full((240, 320), 250, np.uint8)
    t = np.linspace(0, 40, 900)
    points = np.stack([160 + 90 * np.sin(t * 1.3) + 30 * np.sin(5 * t), 120 + 70 * np.cos(t * 1.7)], axis=1)
    cv2.polylines(image, [points.astype(np.int32)], False, 20, 3, cv2.LINE_AA)
    return image


def printed(*lines: str) -> Image:
    image = np.full((60 * len(lines) + 40, 560), 245, np.uint8)
    for index, line in enumerate(lines):
        cv2.putText(image, line, (20, 60 + 60 * index), cv2.FONT_HERSHEY_COMPLEX, 1.2, 20, 2, cv2.LINE_AA)
    return image


def boxes() -> Image:
    image = np.full((200, 600), 245, np.uint8)
    for left in range(40, 520, 80):
        cv2.rectangle(image, (left, 60), (left + 60, 130), 30, 3)
    return image


def flags() -> Image:
    image = np.zeros((240, 360, 3), np.uint8)
    image[:80], image[80:160], image[160:] = (200, 40, 40), (240, 240, 240), (40, 60, 180)
    return image


WITHOUT = {
    "words": printed("The quick brown fox", "jumps over many", "happy dogs and cats"),
    "empty boxes": boxes(),
    "squared paper": ruled((400, 500), 32, squared=True),
    "stripes": flags(),
    "a desk": grain(np.full((400, 500), 70.0), 12),
}


@pytest.mark.parametrize("kind", WITHOUT)
def test_nothing_is_read_where_there_is_no_digit_and_the_note_says_why(reader: Reader, kind: str) -> None:
    reading = reader.read(WITHOUT[kind])
    assert reading.text == ""
    assert reading.note == "nothing that resembles a digit" or "rejected: 0." in reading.note
    assert bool(reading.candidates) == ("rejected" in reading.note)


def test_what_is_doubtful_is_kept_as_a_candidate_in_the_json(reader: Reader) -> None:
    images = [scribble(), printed("Isle of Ill Sob"), printed("sOzZ Bg"), boxes()]
    readings = [reader.read(image) for image in images]
    assert any(reading.candidates for reading in readings)
    for reading in readings:
        document = reading.to_dict()
        assert [one["confidence"] for one in document["candidates"]] == [one.confidence for one in reading.candidates]
        assert document["note"] == reading.note


@pytest.mark.parametrize("quarters", [1, 3])
@pytest.mark.parametrize("number", ["5318", "407/1592", "139245/020878/510"])
def test_a_page_on_its_side_is_read(reader: Reader, number: str, quarters: int) -> None:
    page = inked(mask(number, height=60, pen=6), 240, 40)
    reading = reader.read(np.ascontiguousarray(np.rot90(page, quarters)))
    assert reading.text.replace("\n", "/") == number
    across = [digit.box.left + digit.box.width / 2 for digit in reading.digits[:2]]
    down = [digit.box.top + digit.box.height / 2 for digit in reading.digits[:2]]
    assert abs(across[0] - across[1]) < 10 < abs(down[0] - down[1])  # boxes are those of the image as it lies
