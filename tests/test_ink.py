import numpy as np
import pytest

from drawing import grain, inked, lit, mask, ruled, shadow
from mnist_cnn.reading.ink import find_ink, ink_is_light
from mnist_cnn.reading.normalise import crop_to_ink
from mnist_cnn.reading.pen import pen_width, widen
from mnist_cnn.reading.ruling import without_ruling

WRITING = mask("407/1592", height=100, pen=8)


def agreement(found: np.ndarray, drawn: np.ndarray) -> float:
    """Intersection of two masks by their union."""
    a, b = found > 0, drawn > 127
    return float((a & b).sum() / (a | b).sum())


PAPERS = {
    "dark on light": inked(WRITING, 230, 30),
    "light on dark": inked(WRITING, 30, 230),
    "faint": grain(inked(WRITING, 220, 170), 3),
    "a soft shadow": lit(inked(WRITING, 220, 60), shadow(WRITING.shape)),
    "a hard shadow": lit(inked(WRITING, 220, 60), shadow(WRITING.shape, soft=0.5)),
    "uneven light": lit(inked(WRITING, 250, 60), np.linspace(0.4, 1, WRITING.shape[1])[None].repeat(len(WRITING), 0)),
    "a blackboard": grain(inked(WRITING, 60, 200), 5),
    "ruled paper": inked(WRITING, ruled(WRITING.shape, 70), 40),
    "a line at its edge": np.pad(inked(WRITING, 220, 60), ((0, 1), (0, 0)), constant_values=255),
}


@pytest.mark.parametrize("paper", PAPERS)
def test_the_ink_found_is_the_ink_drawn(paper: str) -> None:
    found = find_ink(PAPERS[paper]).mask[: len(WRITING)]
    assert agreement(found, WRITING) > 0.75


BLANK = {
    "white": np.full((200, 300), 255, np.uint8),
    "black": np.zeros((28, 28), np.uint8),
    "grain": grain(np.full((480, 640), 200.0), 8),
    "noise": np.random.default_rng(0).integers(0, 256, (480, 640)).astype(np.uint8),
    "a slope of light": np.linspace(60, 250, 640).astype(np.uint8)[None].repeat(480, 0),
    "a shadow": lit(np.full((300, 400), 220, np.uint8), shadow((300, 400))),
    "ruled": ruled((600, 800), 60),
    "squared": ruled((600, 800), 40, squared=True),
}


@pytest.mark.parametrize("paper", BLANK)
def test_a_page_without_writing_has_no_ink(paper: str) -> None:
    assert find_ink(BLANK[paper]).mask.mean() < 0.002


def test_a_digit_that_fills_half_its_picture_is_still_the_ink() -> None:
    thick = inked(mask("8", height=20, pen=8, margin=0.2), 250, 20)
    assert (thick < 128).mean() > 0.35
    assert not ink_is_light(thick)
    assert ink_is_light(255 - thick)
    assert [find_ink(thick).light, find_ink(255 - thick).light] == [False, True]


@pytest.mark.parametrize("pitch", [40, 70, 100])
def test_ruled_lines_go_and_the_strokes_they_cross_stay(pitch: int) -> None:
    sheet = inked(WRITING, ruled(WRITING.shape, pitch), 40)
    dark = (sheet < 190).astype(np.uint8)
    cleared = without_ruling(dark, 255 - sheet)
    assert agreement(cleared, WRITING) > 0.85
    assert cleared[:, :20].sum() == 0  # margins, where only lines were


def test_the_bars_of_a_large_thin_digit_are_not_ruled_lines() -> None:
    for digit in "0247":
        large = mask(digit, height=400, pen=3, margin=0.1)
        dark = (large > 127).astype(np.uint8)
        np.testing.assert_array_equal(without_ruling(dark, large), dark)


@pytest.mark.parametrize("pen", [4, 8, 16])
def test_the_pens_width_is_measured(pen: int) -> None:
    assert pen_width(mask("1", height=200, pen=pen)) == pytest.approx(pen, abs=1.5)


def test_a_thin_pen_is_widened_and_others_are_left_alone() -> None:
    thin, usual = mask("3", height=200, pen=4, margin=0.0), mask("3", height=200, pen=24, margin=0.1)
    wide = crop_to_ink(widen(crop_to_ink(thin)))
    assert 0.08 <= pen_width(wide) / max(wide.shape) <= 0.13
    np.testing.assert_array_equal(widen(usual), usual)
