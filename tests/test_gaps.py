"""Marks: where they are looked for between digits, and what is done with what the segmenter says there."""

import numpy as np
import pytest

from mnist_cnn.reading.gaps import BEYOND, Found, contrast_in, gaps, marks, places_of
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.segmenter_network import CLASSES, INK, NO_DIGIT, Segmented

HEIGHT = 40


def boxes(*lefts: float) -> np.ndarray:
    return np.array([(left, 60, left + 24, 60 + HEIGHT) for left in lefts], float)


def page(*dots: int) -> Octaves:
    """White paper with black zeros at 100 and 160, and a dot at each of these columns."""
    grey = np.full((160, 300), 255, np.uint8)
    for left in (100, 160):
        grey[60:100, left : left + 24] = 0
        grey[66:94, left + 6 : left + 18] = 255
    for column in dots:
        grey[94:100, column : column + 6] = 0
    return Octaves(grey)


class Says:
    """A segmenter that sees the same mark in each crop whose middle has some ink below it."""

    def __init__(self, mark: str, probability: float = 0.9) -> None:
        self.mark, self.probability, self.crops = mark, probability, 0

    def __call__(self, crops: np.ndarray) -> Segmented:
        self.crops += len(crops)
        classes = np.zeros((len(crops), CLASSES), np.float32)
        classes[:, NO_DIGIT] = 1
        for index, crop in enumerate(crops[..., 0]):
            if crop[40:48, 28:36].min() < 128:
                classes[index] = 0
                classes[index, NO_DIGIT + 1 + MARKS.index(self.mark)] = self.probability
                classes[index, NO_DIGIT] = 1 - self.probability
        return Segmented(classes, np.zeros((len(crops), INK, INK), np.float32))


def found(octaves: Octaves, segment: Says, *rows: np.ndarray) -> list[list[Found]]:
    return marks(octaves, rows, segment)


def test_a_dot_between_two_digits_is_found_once_and_says_after_which() -> None:
    [[one]] = found(page(139), Says("."), boxes(100, 160))
    assert (one.text, one.after) == (".", 1)
    assert one.probability == pytest.approx(0.9)
    left, top, right, bottom = one.box
    assert left < 142 < right
    assert top < 97 < bottom


def test_marks_before_and_after_a_row_count() -> None:
    [some] = found(page(80, 210), Says("-"), boxes(100, 160))
    assert [one.after for one in some] == [0, 2]


def test_where_nothing_is_drawn_nothing_is_looked_at() -> None:
    segment = Says(".")
    assert found(page(), segment, boxes(100, 160)) == [[]]
    assert segment.crops == 0
    assert found(page(), segment) == []


def test_an_improbable_mark_is_kept_in_mind_and_what_is_hardly_one_is_not() -> None:
    assert len(found(page(139), Says(".", 0.3), boxes(100, 160))[0]) == 1
    assert found(page(139), Says(".", 0.03), boxes(100, 160)) == [[]]


def test_two_marks_in_a_wide_gap_are_two() -> None:
    octaves = page()
    octaves.at(0)[60:100, 160:184] = 255
    octaves.at(0)[60:100, 240:264] = 0
    octaves.at(0)[94:100, 140:146] = 0
    octaves.at(0)[94:100, 205:211] = 0
    [some] = found(octaves, Says("="), boxes(100, 240))
    assert [one.after for one in some] == [1, 1]


def test_gaps_are_between_digits_and_beside_them_within_the_image() -> None:
    octaves = page()
    found_gaps = gaps(octaves, boxes(20, 160))
    assert [(one.left, one.right) for one in found_gaps] == [(0, 20), (44, 160), (184, 184 + BEYOND * HEIGHT)]
    far = [(one.left, one.right) for one in gaps(octaves, boxes(20, 240))]
    assert far == [(0, 20), (44, 44 + BEYOND * HEIGHT), (240 - BEYOND * HEIGHT, 240), (264, 300)]
    assert len(gaps(octaves, boxes(100, 124.5))) == 2  # touching digits have no gap
    middles = [(place[0] + place[2]) / 2 for place in places_of(found_gaps[-1])]
    assert middles == sorted(middles)
    assert 184 < middles[0] < middles[-1] < 184 + BEYOND * HEIGHT


def test_outside_the_image_there_is_no_contrast() -> None:
    octaves = page()
    for box in ((-50, 0, -10, 20), (0, -30, 20, -5), (310, 0, 330, 20)):
        assert contrast_in(octaves, np.array(box, float)) == 0
