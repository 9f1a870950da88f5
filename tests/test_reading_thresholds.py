"""Thresholds of the reader, each with an image or a piece just below it and one just above."""

from collections.abc import Callable

import numpy as np
import pytest

from drawing import inked, mask
from mnist_cnn import Reader
from mnist_cnn.errors import ImageError, ImageTooLargeError
from mnist_cnn.reading.ink import Ink
from mnist_cnn.reading.lattice import Lattice, best_way, lattice_of
from mnist_cnn.reading.pen import to_usual_pen, widen
from mnist_cnn.reading.picture import check_size, upright
from mnist_cnn.reading.ruling import without_ruling
from mnist_cnn.reading.segment import Piece, connected, pieces_of

HEIGHT = 40


# What the model says


@pytest.mark.parametrize(("confidence", "text"), [(0.49, "?"), (0.5, "7")])
def test_a_digit_is_read_from_a_confidence_of_one_half_on(confidence: float, text: str) -> None:
    either = np.zeros(10, np.float32)
    either[7], either[1], either[2] = confidence, 0.3, 0.7 - confidence
    assert Reader(lambda images: np.tile(either, (len(images), 1))).read(inked(mask("7"), 255, 0)).text == text


def spread(non_digit: float) -> Callable[[np.ndarray], np.ndarray]:
    """A model that finds this share of every image to be no digit, and the rest a 4."""
    row = np.full(10, non_digit / 10, np.float32)
    row[4] += 1 - non_digit
    return lambda images: np.tile(row, (len(images), 1))


@pytest.mark.parametrize(("non_digit", "digits"), [(0.48, 1), (0.52, 0)])
def test_a_row_is_one_if_something_in_it_is_rather_a_digit(non_digit: float, digits: int) -> None:
    assert len(Reader(spread(non_digit)).read(inked(mask("4"), 255, 0)).digits) == digits


def of_mnists_size(height: int = 20) -> np.ndarray:
    image = np.full((28, 28), 255, np.uint8)
    image[4 : 4 + height, 12:15] = 0
    return image


def looks_at(image: np.ndarray, row: np.ndarray) -> int:
    """How many images a model that always says this is shown of one."""
    calls: list[int] = []

    def classify(images: np.ndarray) -> np.ndarray:
        calls.append(len(images))
        return np.tile(row.astype(np.float32), (len(images), 1))

    Reader(classify).read(image, single=True)
    return sum(calls)


@pytest.mark.parametrize(("confidence", "looks"), [(0.88, 9), (0.92, 1)])
def test_an_image_of_mnists_size_is_looked_at_again_below_a_confidence_of_nine_tenths(
    confidence: float, looks: int
) -> None:
    row = confidence * np.eye(10)[1] + (1 - confidence) * np.eye(10)[7]
    assert looks_at(of_mnists_size(), row) == looks


@pytest.mark.parametrize(("height", "looks"), [(17, 1), (18, 9)])
def test_a_digit_of_eighteen_pixels_may_have_been_fitted_to_a_model(height: int, looks: int) -> None:
    row = 0.6 * np.eye(10)[1] + 0.4 * np.eye(10)[7]
    assert looks_at(of_mnists_size(height), row) == looks


@pytest.mark.parametrize(("non_digit", "looks"), [(0.08, 1), (0.12, 9)])
def test_a_small_digit_is_fitted_only_if_it_is_plainly_one(non_digit: float, looks: int) -> None:
    row = np.full(10, non_digit / 10) + (1 - non_digit) * (0.6 * np.eye(10)[1] + 0.4 * np.eye(10)[7])
    assert looks_at(of_mnists_size(16), row) == looks


@pytest.mark.parametrize(("contrast", "again"), [(11, False), (12, True)])
def test_twelve_levels_of_contrast_may_be_a_digit_of_mnists_size(contrast: int, again: bool) -> None:
    image = np.full((28, 28), 255, np.uint8)
    image[4:24, 12:15] -= np.uint8(contrast)
    assert (looks_at(image, 0.6 * np.eye(10)[1] + 0.4 * np.eye(10)[7]) > 1) is again


@pytest.mark.parametrize(("images", "calls"), [(64, [64]), (65, [64, 1])])
def test_sixty_four_images_are_read_together(images: int, calls: list[int]) -> None:
    shown: list[int] = []

    def classify(images: np.ndarray) -> np.ndarray:
        shown.append(len(images))
        return np.tile(np.eye(10, dtype=np.float32)[1], (len(images), 1))

    page = inked(mask("1", height=40, pen=4), 255, 0)
    assert len(list(Reader(classify).read_many([page] * images))) == images
    assert shown == calls


@pytest.mark.parametrize(("confidence", "text"), [(0.88, ""), (0.93, "11")])
def test_what_is_no_digit_is_cut_finer_if_that_convinces(confidence: float, text: str) -> None:
    page = np.full((200, 200), 255, np.uint8)
    page[60:140, 70:78] = page[60:140, 112:120] = 0  # two strokes, joined into what is 0.6 times as wide as high
    page[98:102, 70:120] = 0

    def classify(images: np.ndarray) -> np.ndarray:
        wide = (images.max(axis=1) > 0).sum(axis=1) > 9
        part = confidence * np.eye(10)[1] + (1 - confidence) * np.eye(10)[7]
        return np.where(wide[:, None], np.full(10, 0.1), part).astype(np.float32)

    assert Reader(classify).read(page).text == text


# What could be one digit


def block(x: int, width: int, height: int = HEIGHT) -> Piece:
    return Piece(x, 0, np.ones((height, width), np.uint8), 200.0)


def runs(lattice: Lattice) -> set[tuple[int, int]]:
    return {(one.first, one.last) for one in lattice.hypotheses}


def joined(width: int) -> Piece:
    """Two strokes with a thin bar between them."""
    ink = np.zeros((HEIGHT, width), np.uint8)
    ink[:, :4] = ink[:, -4:] = ink[19:21] = 1
    return Piece(0, 0, ink, 200.0)


@pytest.mark.parametrize(("width", "cut"), [(36, False), (37, True)])
def test_what_is_wider_than_nine_tenths_of_its_height_may_be_several_digits(width: int, cut: bool) -> None:
    assert (lattice_of([joined(width)]).count > 1) is cut
    assert (lattice_of([joined(width), block(200, 12)]).count > 2) is cut


@pytest.mark.parametrize(("space", "one"), [(14, True), (15, False)])
def test_pieces_more_than_a_third_of_the_height_apart_are_never_one_digit(space: int, one: bool) -> None:
    assert ((0, 1) in runs(lattice_of([block(0, 12), block(12 + space, 12)]))) is one


@pytest.mark.parametrize(("right", "one"), [(100, True), (101, False)])
def test_what_is_wider_than_two_and_a_half_heights_is_not_one_digit(right: int, one: bool) -> None:
    row = [block(0, 30), block(34, 30), block(right - 30, 30)]
    assert ((0, 2) in runs(lattice_of(row))) is one


def digits_in(row: list[Piece], confidence: Callable[[int, int], float]) -> int:
    """How many digits the cheapest way has, where the model is this confident of a run of pieces."""
    lattice = lattice_of(row)
    return len(best_way(lattice, [confidence(one.first, one.last) for one in lattice.hypotheses]))


@pytest.mark.parametrize(("whole", "digits"), [(0.49, 2), (0.52, 1)])
def test_joining_two_pieces_costs_as_much_as_half_the_confidence(whole: float, digits: int) -> None:
    row = [block(0, 12), block(12, 12)]  # e to the 0.7 is two
    assert digits_in(row, lambda first, last: whole if last > first else 0.5) == digits


@pytest.mark.parametrize(("space", "digits"), [(4, 1), (6, 2)])
def test_joining_costs_more_with_paper_between(space: int, digits: int) -> None:
    row = [block(0, 12), block(12 + space, 12)]
    assert digits_in(row, lambda first, last: 0.78 if last > first else 0.5) == digits


@pytest.mark.parametrize(("third", "digits"), [(28, 4), (None, 2)])
def test_three_spaces_of_a_row_say_what_is_usual_in_it(third: int | None, digits: int) -> None:
    row = [block(0, 12), block(12, 12)]  # no paper between these, and much between the others
    row += [block(24 + 28, 12)] + ([block(64 + third, 12)] if third else [])
    count = digits_in(row, lambda first, last: 0.35 if last > first else 0.5)
    assert count == (digits - 1 if third else digits + 1)


@pytest.mark.parametrize(("height", "digits"), [(20, 3), (19, 2)])
def test_a_digit_of_less_than_half_the_height_is_rather_a_part_of_one(height: int, digits: int) -> None:
    row = [block(0, 12), block(12, 12, height), block(200, 12)]
    assert digits_in(row, lambda first, last: 0.4 if last > first else 0.6) == digits


@pytest.mark.parametrize(("whole", "halves", "digits"), [(0.06, 0.2, 1), (0.15, 0.28, 2)])
def test_a_confidence_of_less_than_a_tenth_counts_as_a_tenth(whole: float, halves: float, digits: int) -> None:
    row = [block(0, 12), block(12, 12)]
    assert digits_in(row, lambda first, last: whole if last > first else halves) == digits


# What may be writing


def ink_of(ink: np.ndarray) -> Ink:
    return Ink(ink * np.uint8(200), ink, 200.0, 0.0, False)


@pytest.mark.parametrize(("length", "pieces"), [(240, 1), (241, 0)])
def test_writing_is_at_least_a_twenty_fifth_of_all_ink(length: int, pieces: int) -> None:
    page = np.zeros((400, 400), np.uint8)
    page[50:60, 50:60] = 1  # 100 pixels
    page[300:310, 50 : 50 + length] = 1  # a dash, which is no digit
    assert len(pieces_of(ink_of(page))) == pieces


def test_six_hundred_pieces_of_an_image_are_looked_at() -> None:
    page = np.zeros((300, 300), np.uint8)
    for index in range(625):
        page[6 + 11 * (index // 25) :, 6 + 11 * (index % 25) :][:6, :6] = 1
    assert len(connected(ink_of(page[: 6 + 11 * 24]))) == 600
    assert len(connected(ink_of(page))) == 600
    assert len(connected(ink_of(page[: 6 + 11 * 23]))) == 575


@pytest.mark.parametrize(("height", "kept"), [(63, True), (64, False)])
def test_ruled_lines_are_looked_for_from_sixty_four_pixels_on(height: int, kept: bool) -> None:
    ink = np.zeros((height, 200), np.uint8)
    ink[20:22] = ink[50:52] = 1
    assert without_ruling(ink, ink * np.uint8(200)).any() == kept


# What an image must be


@pytest.mark.parametrize(("pen", "widened"), [(17, True), (18, False)])
def test_strokes_thinner_than_eight_hundredths_of_a_digit_are_widened(pen: int, widened: bool) -> None:
    stroke = np.full((200, pen), 255, np.uint8)  # whose mean width, with its short ends, is 15.7 or 16.5
    assert (widen(stroke) is not stroke) is widened


@pytest.mark.parametrize(("width", "shrunk"), [(10, False), (14, True)])
def test_a_drawing_with_a_pen_twice_as_wide_as_usual_is_shrunk(width: int, shrunk: bool) -> None:
    page = np.full((200, 200), 255, np.uint8)
    page[40:160, 90 : 90 + width] = 0
    assert (to_usual_pen(page).shape != page.shape) is shrunk


@pytest.mark.parametrize(("alike", "shrunk"), [(0.49, False), (0.51, True)])
def test_only_where_half_the_pixels_are_alike_it_is_a_drawing(alike: float, shrunk: bool) -> None:
    page = np.full((200, 200), 255, np.uint8)
    page[40:160, 90:110] = 0
    others = 200 * 200 - round(alike * 200 * 200) - 120 * 20
    free = np.flatnonzero(page.ravel() == 255)[:others]
    page.ravel()[free] = 254 - np.arange(others, dtype=np.uint8) % 8  # nearly white: no ink
    assert (to_usual_pen(page).shape != page.shape) is shrunk


def test_an_image_may_have_a_hundred_megapixels_and_must_have_three_by_eight() -> None:
    check_size(10_000, 10_000, "it")
    check_size(3, 8, "it")
    check_size(8, 3, "it")
    with pytest.raises(ImageTooLargeError):
        check_size(10_000, 10_001, "it")
    for size in ((2, 8), (3, 7), (8, 2)):
        with pytest.raises(ImageError):
            check_size(*size, "it")


@pytest.mark.parametrize(("side", "length"), [(1600, 1600), (1601, 1600), (3200, 1600)])
def test_an_image_is_shrunk_to_sixteen_hundred_pixels(side: int, length: int) -> None:
    pixels, width, _ = upright(np.full((20, side), 255, np.uint8))
    assert (pixels.shape[1], width) == (length, side)
