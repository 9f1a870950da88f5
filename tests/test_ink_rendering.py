"""Recorded strokes as other hands and pens write them, and what a training draws of them."""

from collections import Counter

import numpy as np
import pytest

from mnist_cnn.data import pens, strokes, variation
from mnist_cnn.data.glyphs import DIGITS, LETTERS
from mnist_cnn.data.ink import rendering
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.training_ink import LIKE_DIGITS, RAREST, TrainingInk, shares
from mnist_cnn.data.strokes import LETTER, SIDE
from mnist_cnn.reading.pen import mean_width
from mnist_cnn.reading.weights import calibrated_classifier


def character(label: str, way: str, writer: str = "nobody/1") -> InkCharacter:
    return InkCharacter(label, writer, tuple(1000 * stroke + 77 for stroke in strokes.parsed(way)))


EVERY_DIGIT = [character(str(digit), ways[0]) for digit, ways in DIGITS.items()]


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_a_character_fills_its_box_and_keeps_its_proportions() -> None:
    tall = variation.unit_box([np.array([[10, 100], [30, 500]], np.float32)])
    assert np.allclose(tall[0], [[-0.025, -0.5], [0.025, 0.5]], atol=0.026)
    assert np.ptp(tall[0][:, 1]) == pytest.approx(1)
    dot = variation.unit_box([np.array([[3, 3]], np.float32)])
    assert (dot[0] == 0).all()


def test_points_are_at_equal_distances_with_both_ends() -> None:
    corner = np.array([[0, 0], [0.5, 0], [0.5, 0.3]], np.float32)
    even = variation.resampled(corner)
    steps = np.hypot(*np.diff(even, axis=0).T)
    assert steps.max() <= 1.5 * variation.STEP
    assert np.allclose(even[[0, -1]], corner[[0, -1]])
    assert len(variation.resampled(corner[:1])) == 2, "a dot is a stroke of no length"


def test_smoothing_rounds_a_corner_and_keeps_the_ends() -> None:
    corner = variation.resampled(np.array([[0, 0], [0.5, 0], [0.5, 0.5]], np.float32))
    rounded = variation.smoothed(corner, 4)
    assert rounded.shape == corner.shape
    assert np.allclose(rounded[[0, -1]], corner[[0, -1]], atol=1e-5)
    at_corner = np.abs(corner - [0.5, 0]).sum(axis=1).argmin()
    assert np.hypot(*(rounded[at_corner] - corner[at_corner])) > variation.STEP


@pytest.mark.parametrize("one", EVERY_DIGIT, ids=lambda one: one.label)
def test_a_rewritten_digit_differs_each_time_and_stays_itself(one: InkCharacter) -> None:
    generator = rng()
    first, second = (variation.rewritten(variation.unit_box(one.strokes), generator) for _ in range(2))
    assert len(first) == len(second) == len(one.strokes)
    assert all(np.isfinite(stroke).all() for stroke in first)
    assert not np.allclose(first[0], second[0])
    images = rendering.varied([one] * 60, generator)
    read = calibrated_classifier()(images).argmax(axis=1)
    # Wear hides some digits from anybody; what varies the strokes must not make others of them.
    assert (read == int(one.label)).mean() > 0.7


def test_a_plain_pen_is_as_wide_as_asked() -> None:
    ink = pens.in_plain_pen(variation.unit_box([np.array([[0, 0], [0, 1]], np.float32)]))
    assert ink.shape == (SIDE, SIDE)
    assert ink.dtype == np.uint8
    assert mean_width((ink > 127).view(np.uint8)) == pytest.approx(pens.PLAIN_WIDTH * LETTER, abs=1.5)


def test_pens_differ_in_width_and_along_a_stroke() -> None:
    generator, line = rng(), variation.unit_box([variation.resampled(np.array([[0, 0], [0, 1]], np.float32))])
    drawn = [pens.written_with(line, generator) > 127 for _ in range(200)]
    widths = [mean_width(ink.view(np.uint8)) for ink in drawn if ink.any()]
    assert min(widths) < 3.5
    assert max(widths) > 8
    rows = [ink.sum(axis=1) for ink in drawn]
    uneven = [np.ptp(row[row > 0][5:-5]) > 1 for row in rows if (row > 0).sum() > 20]
    assert 0.1 < np.mean(uneven) < 0.9, "some pens are even and some are not"


def test_a_gap_takes_ink_away() -> None:
    line = [np.stack([np.linspace(10, 70, 40), np.full(40, 42)], axis=1)]
    parts, widths = pens.with_gaps(line, [np.full(40, 4.0)], rng())
    assert len(parts) == len(widths) == 2
    assert [len(part) for part in parts] == [len(width) for width in widths]
    assert (pens.drawn(parts, widths) > 127).sum() < (pens.drawn(line, [np.full(40, 4.0)]) > 127).sum()


def test_plain_images_are_read_by_any_model_of_digits() -> None:
    read = calibrated_classifier()(rendering.plain(EVERY_DIGIT)).argmax(axis=1)
    assert read.tolist() == list(range(10))


def test_rare_ways_and_small_writers_are_drawn_more_often() -> None:
    digits = [EVERY_DIGIT[0]] * 9 + [character("0", DIGITS[0][1], "nobody/2")] + [EVERY_DIGIT[1]] * 4
    drawn = shares(digits, np.array([1.0] * 9 + [1.0] + [1.0, 1.0, 1.0, 0.0]))
    assert drawn.sum() == pytest.approx(1)
    assert drawn[:10].sum() == pytest.approx(0.5), "each digit equally often"
    assert drawn[9] == pytest.approx(3 * drawn[0]), "one by one writer against nine by another"
    assert drawn[13] == pytest.approx(RAREST * drawn[12]), "what nobody else writes so"


def test_a_training_draws_by_share_and_letters_are_none() -> None:
    letters = [character(name, LETTERS[name][0]) for name in ("A", "E", "K")]
    ink = TrainingInk(EVERY_DIGIT, shares(EVERY_DIGIT, np.ones(10)), letters)
    examples = ink.draw_digits(300, rng())
    assert examples.images.shape == (300, 28, 28)
    assert examples.images.dtype == np.uint8
    counts = Counter(examples.labels.tolist())
    assert set(counts) == set(range(10))
    assert max(counts.values()) < 60
    again = ink.draw_digits(300, rng())
    assert (again.images == examples.images).all()
    negatives = ink.draw_others(40, rng())
    assert negatives.shape == (40, 28, 28)
    assert not LIKE_DIGITS & {one.label for one in letters}
