from collections.abc import Callable

import cv2
import numpy as np
import pytest

from mnist_cnn.data import degrade
from mnist_cnn.data.strokes import SIDE

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
CHANGES = [change for change, _ in degrade.DEGRADATIONS]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def bar(width: int = 9, value: int = 255) -> np.ndarray:
    """An upright stroke, 60 pixels long."""
    ink = np.zeros((SIDE, SIDE), np.uint8)
    left = (SIDE - width) // 2
    ink[12:72, left : left + width] = value
    return ink


def parts(ink: np.ndarray) -> int:
    return cv2.connectedComponents((ink > 127).astype(np.uint8))[0] - 1


def outcomes(change: Change, ink: np.ndarray, times: int = 40) -> list[np.ndarray]:
    generator = rng()
    return [change(ink, generator) for _ in range(times)]


@pytest.mark.parametrize("width", [4, 9, 15])
def test_the_width_of_a_pen_is_measured(width: int) -> None:
    assert degrade.pen_width(bar(width)) == pytest.approx(width, abs=0.15 * width)


def test_a_blank_canvas_has_no_pen() -> None:
    assert degrade.pen_width(np.zeros((SIDE, SIDE), np.uint8)) == 0


@pytest.mark.parametrize("width", [2, 5, 9, 14])
def test_another_pen_draws_the_same_stroke_as_wide_as_asked(width: int) -> None:
    drawn = degrade.with_pen_width(bar(9), width, softness=1)
    assert (drawn[42] > 127).sum() == pytest.approx(width, abs=1.6)
    assert abs(np.flatnonzero(drawn[42] > 127).mean() - 41) <= 1
    assert parts(drawn) == 1


def test_a_soft_edge_has_greys_and_a_hard_one_has_hardly_any() -> None:
    soft, hard = (degrade.with_pen_width(bar(9), 12, softness) for softness in (6, 1))
    assert ((soft[42] > 0) & (soft[42] < 255)).sum() >= 8
    assert ((hard[42] > 0) & (hard[42] < 255)).sum() <= 4


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_whatever_happens_to_ink_leaves_a_canvas_and_repeats_with_its_seed(change: Change) -> None:
    grey = np.maximum(bar(value=180), bar(31, value=180) * (np.arange(SIDE) % 30 < 5)[:, None])
    first, again = (outcomes(change, grey) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert all((ink.shape, ink.dtype) == ((SIDE, SIDE), np.uint8) for ink in first)
    assert len({ink.tobytes() for ink in first}) > 10
    assert sum((ink != grey).any() for ink in first) > 20


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_whatever_happens_to_a_blank_canvas_is_no_error(change: Change) -> None:
    for ink in outcomes(change, np.zeros((SIDE, SIDE), np.uint8)):
        assert ink.shape == (SIDE, SIDE)


def test_no_change_writes_into_what_it_was_given() -> None:
    ink = bar()
    for change in CHANGES:
        outcomes(change, ink, times=5)
    assert (ink == bar()).all()


def test_a_gap_takes_ink_away_and_may_part_a_stroke() -> None:
    broken = outcomes(degrade.broken, bar(5))
    assert all(ink.sum() < bar(5).sum() for ink in broken)
    assert max(map(parts, broken)) > 1


def test_a_blot_lies_on_the_stroke_and_is_wider_than_it() -> None:
    for ink in outcomes(degrade.blotted, bar()):
        assert parts(ink) == 1
        assert cv2.boundingRect(ink)[2] > 9


def test_specks_are_small_and_on_the_paper_or_the_ink() -> None:
    for ink in outcomes(degrade.specked, np.zeros((SIDE, SIDE), np.uint8)):
        assert 0 < (ink > 0).sum() < 5 * 50


def test_ruled_lines_are_fainter_than_ink_and_no_longer_than_the_digit() -> None:
    wide = np.zeros((SIDE, SIDE), np.uint8)
    wide[20:60, 20:60] = 200
    for ink in outcomes(degrade.ruled, np.where(wide > 0, 1, 0).astype(np.uint8)):
        left, top, width, height = cv2.boundingRect(ink)
        assert ink.max() < 200
        assert left >= 14
        assert top >= 14
        assert left + width <= 67
        assert top + height <= 67


def test_dry_ink_is_fainter_and_only_where_there_was_ink() -> None:
    dry = outcomes(degrade.uneven, bar())
    assert all((ink <= bar()).all() for ink in dry)
    assert np.mean([ink.sum() < 0.95 * bar().sum() for ink in dry]) > 0.5


def test_one_side_of_a_stretched_digit_is_shorter() -> None:
    square = np.zeros((SIDE, SIDE), np.uint8)
    square[22:62, 22:62] = 255
    shapes = [cv2.boundingRect((ink > 127).astype(np.uint8))[2:] for ink in outcomes(degrade.stretched, square)]
    assert all(max(shape) == 40 and 25 <= min(shape) <= 39 for shape in shapes)
    assert {width < height for width, height in shapes} == {True, False}


def test_a_blur_keeps_the_ink_and_lowers_its_peak_in_thin_strokes() -> None:
    for ink in outcomes(degrade.blurred, bar(3)):
        assert int(ink.sum()) == pytest.approx(int(bar(3).sum()), rel=0.05)
    assert min(int(ink.max()) for ink in outcomes(degrade.blurred, bar(3))) < 120


def test_what_was_small_once_has_lost_its_detail() -> None:
    checks = np.zeros((SIDE, SIDE), np.uint8)
    checks[::2, ::2] = 255
    for ink in outcomes(degrade.coarse, checks):
        assert ink[10:-10, 10:-10].std() < 0.3 * checks.std()


def test_some_of_it_happens_to_most_canvases_and_nothing_to_some() -> None:
    unchanged = [(ink == bar()).all() for ink in outcomes(degrade.degraded, bar(), times=200)]
    nothing = np.prod([1 - share for _, share in degrade.DEGRADATIONS])
    assert np.mean(unchanged) == pytest.approx(nothing, abs=0.1)


def test_ragged_edges_go_to_and_fro_and_keep_the_stroke() -> None:
    for ink in outcomes(degrade.ragged, bar()):
        columns = np.argmax(ink[20:64] > 127, axis=1)
        assert abs(columns.mean() - np.argmax(bar()[40] > 127)) < 3
        assert parts(ink) >= 1
    assert np.mean([np.ptp(np.argmax(ink[20:64] > 127, axis=1)) >= 2 for ink in outcomes(degrade.ragged, bar())]) > 0.5


def test_an_outline_is_hollow_where_the_stroke_was_wide() -> None:
    for ink in outcomes(degrade.outlined, bar(21)):
        assert ink[42, SIDE // 2] == 0
        assert (ink[42] > 127).any()


def image() -> np.ndarray:
    return np.ascontiguousarray(cv2.resize(bar(), (28, 28), interpolation=cv2.INTER_AREA))


def test_grain_lies_on_paper_and_ink_and_leaves_the_digit_on_average() -> None:
    grainy = outcomes(degrade.grainy, image(), times=200)
    assert all(seen.dtype == np.uint8 and seen.shape == (28, 28) for seen in grainy)
    assert np.mean([(seen != image()).any() for seen in grainy]) > 0.95
    mean = np.mean(grainy, axis=0)
    assert mean[14, 14] > 180 > 60 > mean[14, 2]


def test_a_strike_is_one_line_from_side_to_side_and_takes_no_ink_away() -> None:
    for seen in outcomes(degrade.struck, np.zeros((28, 28), np.uint8)):
        drawn = np.argwhere(seen > 20)
        assert np.ptp(drawn, axis=0).max() >= 26
        assert len(drawn) < 28 * 6
    assert all((seen >= image()).all() for seen in outcomes(degrade.struck, image()))


def test_what_a_network_sees_is_worn_now_and_then() -> None:
    unchanged = [(seen == image()).all() for seen in outcomes(degrade.degraded_image, image(), times=300)]
    assert np.mean(unchanged) == pytest.approx(
        np.prod([1 - share for _, share in degrade.IMAGE_DEGRADATIONS]), abs=0.06
    )
