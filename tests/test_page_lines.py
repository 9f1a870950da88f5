"""Lines of text of made pages: what is written where on each, and that the labels stand where the characters are."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mnist_cnn.data.pages import sources
from mnist_cnn.data.pages.line_process import Lines, LinesWanted, command, wanted_lines
from mnist_cnn.data.pages.made import Made, in_view
from mnist_cnn.data.pages.mark_places import stands_out
from mnist_cnn.data.pages.page import Box
from mnist_cnn.data.pages.page_lines import (
    COLUMNS,
    GONE,
    UNKNOWN,
    WIDTH,
    Written,
    cut,
    labels_in,
    line_at,
    written_on,
)
from mnist_cnn.data.pages.scene import Scene
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.evaluation.recogniser_evaluation import NAMES
from mnist_cnn.evaluation.recognition import KINDS, characters
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.recogniser_network import DIGITS, MARK, NOTHING, OTHER, STRIDE, TALL
from mnist_cnn.reading.text_lines import DIGIT, TextLine, line_image, line_through
from mnist_cnn.workers.made_ahead import made_ahead
from written_pages import WHOLE, page_sources, twelve_point_five

SCALE_1 = TextLine(0.0, WIDTH, TALL / 2, 0.0, DIGIT)  # a pixel of the page is one of the line
POINT = MARK + MARKS.index(".")


@pytest.fixture(scope="module")
def given() -> Sources:
    """What pages are made of."""
    return page_sources()


@pytest.fixture(scope="module")
def lines(given: Sources) -> Lines:
    """A hundred lines."""
    return wanted_lines(LinesWanted((5,), 100), given)


def written(*characters: tuple[float, int]) -> Written:
    """Characters in the middle of a line of 40 pixels, 16 wide and 24 high: the middle of each, and its class."""
    middles = np.array([(x, TALL / 2) for x, _ in characters])
    half = np.array([8, DIGIT / 2])
    boxes = np.concatenate([middles - half, middles + half], axis=1)
    return Written(boxes, middles, np.array([label for _, label in characters]))


def test_labels_stand_where_the_digits_and_marks_of_a_page_are(given: Sources) -> None:
    scene, grey, *_ = twelve_point_five(given)
    found = written_on(Made(scene, grey, in_view(scene, WHOLE), None, (WHOLE, WHOLE)))
    assert sorted(found.classes.tolist()) == [DIGITS + 1, DIGITS + 2, DIGITS + 5, POINT]
    digits = found.boxes[found.digits].astype(float)
    row = line_through(digits, digits, 0.0, 1.0)
    labels, image = labels_in(row, found), line_image(Octaves(grey), row, WIDTH)
    every = sorted(one for kind in KINDS.values() for one in characters(labels, kind))
    assert [NAMES[one.label] for one in every] == ["1", "2", ".", "5"]
    inked = (image < 160).any(axis=0).reshape(COLUMNS, STRIDE).any(axis=1)
    for first, last, _ in every:
        assert inked[first : last + 1].any()
    beyond = every[-1].last + 5
    assert (labels[beyond:] == NOTHING).all()
    assert not inked[beyond:].any()


def test_a_character_is_in_the_columns_at_its_middle_and_beside_them_nothing_is_known() -> None:
    labels = labels_in(SCALE_1, written((98, DIGITS + 3), (160, POINT), (220, OTHER)))
    assert labels[22:27].tolist() == [NOTHING, UNKNOWN, DIGITS + 3, UNKNOWN, NOTHING]
    assert labels[38:42].tolist() == [UNKNOWN, POINT, POINT, UNKNOWN]
    assert np.flatnonzero(labels == OTHER).tolist() == [53, 54, 55, 56]


def test_what_may_be_of_the_line_is_not_known_and_what_is_above_it_is_nothing() -> None:
    row = written((60, DIGITS), (120, DIGITS), (180, UNKNOWN))
    row.middles[0, 1] += 0.6 * DIGIT
    row.boxes[1, 1] += 0.6 * DIGIT  # too small a digit
    for x in (60, 120, 180):
        assert labels_in(SCALE_1, row)[x // STRIDE] == UNKNOWN
    row.middles[0, 1] += DIGIT
    assert labels_in(SCALE_1, row)[60 // STRIDE] == NOTHING


def test_of_what_is_cut_in_half_the_class_is_not_known_unless_it_is_a_letter() -> None:
    row = written((4, DIGITS + 1), (-4, DIGITS + 2), (-4, OTHER), (-40, DIGITS + 3))
    assert cut(row, Box(0, 0, 200, 200)).classes.tolist() == [DIGITS + 1, UNKNOWN, OTHER, GONE]


def seen(given: Sources, *, apart: float = 6.0, noise: float = 0.0, paper: int = 200) -> bool:
    """Whether a point 4 pixels wide is seen so far after a stroke of the same pen, in noise of so many levels."""
    scene = Scene(np.random.default_rng(0), given, 96)
    cv2.rectangle(scene.ink, (40, 40), (47, 119), 255, -1)
    left = 24 + apart
    cv2.rectangle(scene.ink, (round(2 * left), 112), (round(2 * left) + 7, 119), 255, -1)
    grey = paper - 60 * (cv2.resize(scene.ink, (96, 96), interpolation=cv2.INTER_AREA) / 255)
    grey += noise * scene.rng.standard_normal(grey.shape)
    return stands_out(scene, ".", Box(left, 56, left + 4, 60), np.clip(grey, 0, 255).astype(np.uint8), None)


def test_a_point_is_seen_if_it_stands_apart_and_is_not_hidden_by_noise(given: Sources) -> None:
    assert seen(given)
    assert not seen(given, apart=0)
    assert not seen(given, noise=200)
    assert not seen(given, paper=0)


def test_a_mark_is_seen_where_a_photograph_shows_it(given: Sources) -> None:
    scene = Scene(np.random.default_rng(0), given, 96)
    cv2.rectangle(scene.ink, (20, 20), (27, 27), 255, -1)
    grey = np.full((96, 96), 200, np.uint8)
    grey[50:54, 70:74] = 90
    moved = np.array([[1, 0, 60], [0, 1, 40], [0, 0, 1.0]])
    assert stands_out(scene, ".", Box(10, 10, 14, 14), grey, moved)
    assert not stands_out(scene, ".", Box(10, 10, 14, 14), grey, None)


@pytest.mark.parametrize("slope", [0.0, -0.2])
def test_a_line_follows_its_digits_about_as_exactly_as_a_readers(slope: float) -> None:
    row = written(*((x, DIGITS + 1) for x in range(20, 180, 20)), (110, POINT))
    for part in (row.middles[:, 1:], row.boxes[:, 1::2]):
        part += 60 + slope * row.middles[:, :1]
    for seed in range(20):
        line = line_at(row, 8, 200, np.random.default_rng(seed))
        assert line.slope == pytest.approx(slope, abs=0.1)
        assert line.height == pytest.approx(DIGIT, rel=0.5)
        x, y = line.places(row.middles[8:])[0]
        assert 0 < x < WIDTH
        assert y == pytest.approx(TALL / 2, abs=0.35 * DIGIT)


def test_lines_have_everything_that_a_recogniser_should_know(lines: Lines) -> None:
    there = set(np.unique(lines.labels).tolist())
    assert {UNKNOWN, NOTHING, OTHER} < there
    assert len(there & set(KINDS["digits"])) == 10
    assert len(there & set(KINDS["marks"])) > 5
    assert there <= set(range(UNKNOWN, len(NAMES)))


def test_where_a_digit_is_the_line_has_more_contrast_than_where_nothing_is(lines: Lines) -> None:
    middle = lines.images[:, 8:32].astype(np.float32).reshape(-1, 24, COLUMNS, STRIDE)
    contrast = middle.std(axis=(1, 3))
    digits = (lines.labels >= DIGITS) & (lines.labels < OTHER)
    nothing = lines.labels == NOTHING
    assert np.median(contrast[digits]) > 2 * np.median(contrast[nothing])


def test_lines_depend_on_the_request_only_in_this_process_and_in_another(given: Sources, tmp_path: Path) -> None:
    path = tmp_path / "pages.npz"
    sources.save(given, path)
    requests = [LinesWanted((1, 2), 9), LinesWanted((1, 3), 4)]
    there = list(made_ahead(command(path), requests, processes=1, ahead=2))
    here = [wanted_lines(one, sources.load(path)) for one in requests]
    for one, other, request in zip(here, there, requests, strict=True):
        assert (one.images.shape, one.images.dtype) == ((request.count, TALL, WIDTH), np.uint8)
        assert (one.labels.shape, one.labels.dtype) == ((request.count, COLUMNS), np.int8)
        assert all((a == b).all() for a, b in zip(one, other, strict=True))
    assert not (here[0].images[:4] == here[1].images).all()
