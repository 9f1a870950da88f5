"""Lines of text: what is cut from a page for a row of digits, and which marks are taken from what is said of it."""

import numpy as np
import pytest

from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.recognised_lines import BEYOND, WIDEST, Found, Line, marks, recognised
from mnist_cnn.reading.recogniser_network import CLASSES, DIGITS, MARK, NOTHING, STRIDE, TALL
from mnist_cnn.reading.text_lines import DIGIT, TextLine, line_image, line_through

HEIGHT = 40


def boxes(*lefts: float) -> np.ndarray:
    return np.array([(left, 60, left + 24, 60 + HEIGHT) for left in lefts], float)


def said(where: TextLine, **marks_at: tuple[float, float]) -> Line:
    """A line of nothing but these marks, by name: where along the image each is, and how probable."""
    columns = np.zeros((-(-where.width // STRIDE), CLASSES), np.float32)
    columns[:, NOTHING] = 1
    for name, (place, probability) in marks_at.items():
        column = int(where.across(np.array([place]))[0] // STRIDE)
        columns[column] = 0
        columns[column, MARK + MARKS.index({"point": ".", "comma": ",", "minus": "-", "slash": "/"}[name])] = (
            probability
        )
        columns[column, NOTHING] = 1 - probability
    return Line(where, columns)


def found(row: np.ndarray, **marks_at: tuple[float, float]) -> list[Found]:
    return marks(said(line_through(row, row, 0.0, 4.0), **marks_at), row)


def test_a_mark_says_what_it_is_where_and_after_which_digit() -> None:
    [one] = found(boxes(100, 160), point=(142, 0.9))
    assert (one.text, one.after) == (".", 1)
    assert one.probability == pytest.approx(6 / 7)  # odds of 9 times 2 / 3
    left, top, right, bottom = one.box
    assert left < 144 < right
    assert 80 < top < bottom <= 100


def test_marks_before_and_after_a_row_count_up_to_a_distance() -> None:
    row = boxes(100, 160)
    assert [(one.text, one.after) for one in found(row, minus=(70, 0.8), comma=(200, 0.7))] == [("-", 0), (",", 2)]
    assert found(row, minus=(100 - 1.2 * BEYOND * HEIGHT, 0.8), comma=(184 + 1.2 * BEYOND * HEIGHT, 0.7)) == []


def test_where_a_digit_is_there_is_no_mark_but_above_its_side_there_may_be_one() -> None:
    row = boxes(100, 126)
    assert found(row, slash=(112, 0.9)) == []
    assert [one.text for one in found(row, point=(124, 0.9))] == ["."]


def test_of_two_columns_that_see_the_same_mark_the_surer_one_counts() -> None:
    line = said(line_through(boxes(100, 180), boxes(100, 180), 0.0, 4.0), minus=(150, 0.6))
    column = int(line.columns[:, MARK:].sum(axis=1).argmax())
    line.columns[column + 1] = line.columns[column]
    line.columns[column + 1, MARK:] *= 0.5
    [one] = marks(line, boxes(100, 180))
    assert one.probability == pytest.approx(0.5)


def test_a_long_line_that_is_seen_twice_is_one_mark_and_two_different_ones_are_two() -> None:
    row = boxes(100, 200)
    assert [one.text for one in found(row, minus=(150, 0.9))] == ["-"]
    line = said(line_through(row, row, 0.0, 4.0), minus=(140, 0.9), comma=(162, 0.7))
    again = said(line.where, minus=(162, 0.6))
    line.columns[:] = np.where(again.columns[:, :1] < 1, again.columns, line.columns)
    assert [one.text for one in marks(line, row)] == ["-"]
    assert [one.text for one in found(row, minus=(140, 0.9), comma=(162, 0.7))] == ["-", ","]


def test_a_tall_mark_needs_more_room_beside_a_digit_than_a_point() -> None:
    row = boxes(100, 126)
    assert found(row, slash=(122, 0.9)) == []
    assert [one.text for one in found(row, point=(122, 0.9))] == ["."]


def test_hardly_possible_marks_are_left_out() -> None:
    assert [one.text for one in found(boxes(100, 180), point=(150, 0.08), minus=(165, 0.06))] == ["."]


def test_of_a_climbing_row_the_line_is_level_and_digits_are_in_the_middle() -> None:
    page, row = np.full((300, 400), 255, np.uint8), []
    for left in range(40, 340, 60):
        top = round(200 - 0.2 * left)
        page[top : top + 50, left : left + 20] = 0
        row.append((left, top, left + 20, top + 50))
    line = line_through(np.array(row, float), np.array(row, float), -0.2, 1.0)
    image = line_image(Octaves(page), line)
    assert image.shape == (TALL, line.width)
    assert line.width == pytest.approx((260 + 2 * 50) * DIGIT / 50, abs=1)
    inked = np.flatnonzero((image < 128).any(axis=1))
    assert (inked[0] + inked[-1] + 1) / 2 == pytest.approx(TALL / 2, abs=2)
    assert len(inked) == pytest.approx(DIGIT, abs=3)
    middles = line.places(np.array([((a + c) / 2, (b + d) / 2) for a, b, c, d in row]))
    assert middles[:, 1] == pytest.approx(TALL / 2, abs=0.5)
    assert all(image[TALL // 2, round(place)] < 64 for place in middles[:, 0])


def test_large_digits_are_taken_from_a_smaller_octave_and_stand_at_the_same_place() -> None:
    page = np.full((500, 900), 255, np.uint8)
    page[100:400, 200:320] = 0
    octaves = Octaves(page)
    box = np.array([[200.0, 100, 320, 400]])
    line = line_through(box, box, 0.0, 1.0)
    image = line_image(octaves, line)
    assert max(octaves.images) == 4
    columns = np.flatnonzero(image[TALL // 2] < 128)
    assert [columns[0], columns[-1] + 1] == pytest.approx(line.across(np.array([200.0, 320])).tolist(), abs=1)


def test_a_line_is_as_wide_as_whole_columns_and_no_wider_than_allowed() -> None:
    sizes: list[tuple[int, ...]] = []

    def recognise(line: np.ndarray) -> np.ndarray:
        sizes.append(line.shape)
        return np.zeros((line.shape[1] // STRIDE, CLASSES), np.float32)

    octaves = Octaves(np.zeros((40, 9000), np.uint8))
    for right in (130, 131.3, 8990):
        pair = np.array([[100.0, 10, 112, 22], [right - 12, 10, right, 22]])
        [(row, _)] = recognised(octaves, pair, np.array([0.9, 0.9]), recognise)
        assert row == [0, 1]
    assert [size[0] for size in sizes] == [TALL] * 3
    assert all(size[1] % STRIDE == 0 for size in sizes)
    assert sizes[-1][1] == WIDEST


def test_of_a_digit_the_highest_probabilities_near_its_middle_count() -> None:
    row = boxes(100, 160)
    line = said(line_through(row, row, 0.0, 4.0))
    column = int(line.where.across(np.array([172.0]))[0] // STRIDE)
    line.columns[column + 1, DIGITS + 7] = 0.8
    line.columns[column + 4, DIGITS + 3] = 0.9
    first, second = line.of(row)
    assert second[DIGITS + 7] == pytest.approx(0.8)
    assert (second[DIGITS + 3], first[DIGITS + 7], first[NOTHING]) == (0, 0, 1)


def test_rows_without_a_likely_digit_are_not_looked_at_and_sure_ones_say_how_high_a_line_is() -> None:
    seen: list[float] = []

    def recognise(line: np.ndarray) -> np.ndarray:
        seen.append(line.shape[1])
        return np.zeros((line.shape[1] // STRIDE, CLASSES), np.float32)

    octaves = Octaves(np.zeros((400, 400), np.uint8))
    digits, specks = [(40.0, 50, 60, 90), (70.0, 50, 90, 90), (110.0, 66, 118, 82)], [(40.0, 250, 60, 290)]
    row_boxes, exists = np.array(digits + specks), np.array([0.9, 0.8, 0.1, 0.1])
    [(row, line)] = recognised(octaves, row_boxes, exists, recognise)
    assert row == [0, 1, 2]
    assert line.where.height == 40
    assert len(seen) == 1
