import numpy as np
import pytest

from mnist_cnn.data import glyphs, strokes


def test_a_stroke_has_the_corners_that_are_written_down() -> None:
    [corner, line] = strokes.parsed("0,0 1,0 .5,1|0,.5 1,.5")
    assert corner.tolist() == [[0, 0], [1, 0], [0.5, 1]]
    assert line.tolist() == [[0, 0.5], [1, 0.5]]


def test_a_curve_goes_through_its_points_without_corners() -> None:
    [arch] = strokes.parsed("~0,.3 .5,0 1,.3")
    for point in ([0, 0.3], [0.5, 0], [1, 0.3]):
        assert np.abs(arch - point).sum(axis=1).min() < 1e-6
    angles = np.unwrap(np.arctan2(*np.diff(arch, axis=0).T[::-1]))
    assert np.abs(np.diff(angles)).max() < 0.4  # of 1.1 where two straight lines would meet


def test_a_placed_glyph_is_sixty_pixels_high_in_the_middle_and_leans_right() -> None:
    [upright], [leaning] = (strokes.placed(strokes.parsed(".5,0 .5,1"), 1.0, slant) for slant in (0.0, 0.5))
    assert upright.tolist() == [[42, 12], [42, 72]]
    assert leaning.tolist() == [[57, 12], [27, 72]]


@pytest.mark.parametrize("thickness", [1, 4, 11])
def test_a_line_is_as_thick_as_its_pen(thickness: int) -> None:
    ink = strokes.draw(strokes.blank(), strokes.placed(strokes.parsed(".5,0 .5,1"), 1.0, 0.0), thickness)
    assert (ink[42].astype(float) / 255).sum() == pytest.approx(thickness, abs=1.6)


def test_serifs_are_level_bars_at_the_ends_of_an_upright_stroke() -> None:
    [_, top, foot] = strokes.with_serifs(strokes.placed(strokes.parsed(".5,0 .5,1"), 1.0, 0.0), length=12)
    assert top.tolist() == [[36, 12], [48, 12]]
    assert foot.tolist() == [[36, 72], [48, 72]]


def test_an_unsteady_hand_writes_the_same_stroke_a_little_otherwise() -> None:
    glyph = strokes.parsed("~0,1 .5,0 1,1")
    written = [strokes.handwritten(glyph, 0.03, np.random.default_rng(seed))[0] for seed in (0, 0, 1)]
    assert (written[0] == written[1]).all()
    assert 0.001 < np.abs(written[0] - written[2]).max() < 0.5
    assert strokes.handwritten(glyph, 0.0, np.random.default_rng(0))[0] == pytest.approx(glyph[0])


def test_typefaces_go_from_hairlines_to_very_bold() -> None:
    glyph = strokes.placed(strokes.parsed(".5,0 .5,1"), 1.0, 0.0)
    rng = np.random.default_rng(0)
    widths = [int((strokes.typeset(glyph, rng, strokes.DECORATIONS)[42] > 127).sum()) for _ in range(100)]
    assert min(widths) <= 4
    assert max(widths) >= 16


@pytest.mark.parametrize("decorate", strokes.DECORATIONS, ids=lambda one: one.__name__)
def test_a_decoration_changes_a_letter_and_leaves_a_canvas(decorate: object) -> None:
    ink = strokes.draw(strokes.blank(), strokes.placed(strokes.parsed("0,0 0,1 1,1"), 0.7, 0.0), 14)
    changed = decorate(ink)  # type: ignore[operator]
    assert (changed.shape, changed.dtype) == ((strokes.SIDE, strokes.SIDE), np.uint8)
    assert changed.any()
    assert (changed != ink).mean() > 0.03


def test_no_letter_looks_like_a_digit() -> None:
    assert set(glyphs.DIGITS) == set(range(10))
    assert not set("IlOoSsZzbgqy") & set(glyphs.LETTERS)
    assert {"A", "B", "C", "D", "E", "F", "G", "H", "J"} <= set(glyphs.LETTERS)


@pytest.mark.parametrize("way", [way for ways in (*glyphs.DIGITS.values(), *glyphs.LETTERS.values()) for way in ways])
def test_every_glyph_can_be_drawn_within_its_box(way: str) -> None:
    glyph = strokes.parsed(way)
    points = np.concatenate(glyph)
    assert -0.15 < points.min() < 0.2
    assert 0.5 < points.max() < 1.15
    assert strokes.draw(strokes.blank(), strokes.placed(glyph, 0.8, 0.0), 3).any()
