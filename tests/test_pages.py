"""Made pages: what is on them, and where their digits are."""

import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn_ink import SEEN, UNSEEN, ink_of
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.line import InkLine
from mnist_cnn.data.pages import furniture, layouts, sources, writing
from mnist_cnn.data.pages.camera import moved_boxes
from mnist_cnn.data.pages.made import HIGHEST, Marked, cut, made_page, turned, without_invisible
from mnist_cnn.data.pages.page import IGNORED, Box, Page
from mnist_cnn.data.pages.scene import MOST_BOXES, TWICE, Scene
from mnist_cnn.data.pages.sources import ANYONE, BODY, Sources, lean_of
from mnist_cnn.errors import DataError

SIDE = 96
LEFT, RIGHT = "pendigits/tra/2", "pendigits/tra/3"  # writers whose ones lean there


def digit_images() -> tuple[np.ndarray, np.ndarray]:
    """Twenty images of each digit, as MNIST has them: a bar whose length says which."""
    images = np.zeros((200, 28, 28), np.uint8)
    labels = np.arange(200) % 10
    for image, label in zip(images, labels.tolist(), strict=True):
        image[4:24, 12:16] = 255
        image[4 : 6 + label, 12:20] = 255
    return images, labels.astype(np.uint8)


def line_of(writer: str, label: str, words: int) -> InkLine:
    """A line of words of three strokes each, a wave from the line to a height of 10, with a gap of 20 between words."""
    x = np.linspace(0, 20, 40, dtype=np.float32)
    wave = np.stack([x, 5 * np.sin(x) - 5], axis=1)
    strokes = [wave + np.array([80 * word + 20 * stroke, 300]) for word in range(words) for stroke in range(3)]
    return InkLine(label, writer, tuple(stroke.astype(np.float32) for stroke in strokes))


@pytest.fixture(scope="module")
def given() -> Sources:
    lines = [line_of(SEEN, "wave upon wave upon wave", 4), line_of(UNSEEN, "other waves", 2)]
    return sources.sources(*digit_images(), ink_of(SEEN, UNSEEN, each=2).characters, lines)


@pytest.fixture(scope="module")
def pages(given: Sources) -> list[Page]:
    rng = np.random.default_rng(3)
    return [made_page(rng, given, SIDE) for _ in range(1500)]


def scene(given: Sources, seed: int = 1) -> Scene:
    return Scene(np.random.default_rng(seed), given, SIDE)


def leaning(label: str, writer: str, lean: float, height: float = 30) -> InkCharacter:
    """A straight stroke that leans to the right by so many widths per height."""
    return InkCharacter(label, writer, (np.array([[lean * height, 0], [0, height]], np.float32),))


@pytest.fixture(scope="module")
def two_hands() -> Sources:
    """Two writers whose digits are straight strokes 30 high; only the second wrote slashes and commas."""
    digits = [leaning(str(digit), who, lean) for digit in range(10) for who, lean in ((LEFT, -0.3), (RIGHT, 0.4))]
    return sources.sources(*digit_images(), [*digits, leaning("/", RIGHT, 0.9, 42), leaning(",", RIGHT, 0.2, 15)])


def hand_of(page: Scene, writer: int, height: float = 40.0) -> writing.Hand:
    """A steady hand of one writer with a thin pen."""
    hand = replace(writing.some_hand(page, height, "ink"), linear=np.eye(2, dtype=np.float32), unsteady=0.0, pen=1.0)
    return replace(hand, writer=writer, gap=0.2)


def lean_of_ink(layer: np.ndarray) -> float:
    """By how much what is drawn on a layer leans to the right."""
    return lean_of(np.argwhere(layer)[:, ::-1].astype(np.float32))


def inked(layer: np.ndarray) -> Box:
    """The box of the ink of a layer, in pixels of the page."""
    left, top, width, height = cv2.boundingRect(layer)
    return Box(left / TWICE, top / TWICE, (left + width) / TWICE, (top + height) / TWICE)


def test_a_page_is_an_image_with_boxes_in_it(pages: list[Page]) -> None:
    for page in pages:
        assert page.grey.shape == (SIDE, SIDE)
        assert page.grey.dtype == np.uint8
        assert page.boxes.shape == (len(page.labels), 4)
        assert len(page.labels) <= MOST_BOXES + 6
        assert ((page.labels >= IGNORED) & (page.labels <= 9)).all()
        if len(page.boxes):
            assert page.boxes.min() >= -0.01
            assert page.boxes.max() <= SIDE + 0.01
            assert (page.boxes[:, 2:] > page.boxes[:, :2]).all()
            assert (page.boxes[:, 3] - page.boxes[:, 1])[page.labels >= 0].max(initial=0) <= 1.2 * HIGHEST


def test_the_same_seed_makes_the_same_page(given: Sources) -> None:
    for seed in range(40):
        one, other = (made_page(np.random.default_rng(seed), given, SIDE) for _ in range(2))
        assert (one.grey == other.grey).all()
        assert (one.boxes == other.boxes).all()
        assert one.kinds == other.kinds


def test_more_than_a_third_of_the_pages_have_no_digit(pages: list[Page]) -> None:
    assert 0.35 < np.mean([page.digits == 0 for page in pages]) < 0.6
    some = np.concatenate([page.labels[page.labels >= 0] for page in pages])
    assert (np.bincount(some, minlength=10) > len(some) / 20).all()


def test_every_kind_of_layout_furniture_and_light_occurs(pages: list[Page]) -> None:
    seen = {kind for page in pages for kind in page.kinds}
    expected = {one.__name__ for one, _ in layouts.LAYOUTS}
    expected |= {one.__name__ for one in (*furniture.PAPERS, *furniture.AROUND, *furniture.ALONE)}
    expected |= {
        "panel",
        "desk",
        "gradient",
        "vignette",
        "shadow",
        "fold",
        "perspective",
        "cropped",
        "turned",
        "texture",
    }
    expected |= {"dark-mode", "jpeg", "screen", "two-levels", "few-pixels", "motion", "faint", "clean", "show-through"}
    expected |= {"surface", "blobs", "scenery"}
    assert expected - seen == set()


def test_digits_are_of_all_sizes(pages: list[Page]) -> None:
    heights = np.concatenate([(page.boxes[:, 3] - page.boxes[:, 1])[page.labels >= 0] for page in pages])
    assert np.percentile(heights, 5) < 16
    assert np.percentile(heights, 95) > 40


def test_a_page_takes_a_few_milliseconds(given: Sources) -> None:
    rng = np.random.default_rng(0)
    begin = time.perf_counter()
    for _ in range(200):
        made_page(rng, given, 128)
    assert (time.perf_counter() - begin) / 200 < 0.02


@pytest.mark.parametrize("kind", ["mnist", "ink", "printed"])
def test_the_box_of_a_digit_lies_around_its_ink(given: Sources, kind: str) -> None:
    for seed in range(60):
        page = scene(given, seed)
        hand = writing.some_hand(page, 30.0, kind)
        box = writing.character(page, hand, str(seed % 10), 20.0, 70.0)
        found = inked(hand.layer)
        assert np.allclose(box, found, atol=3.0), (box, found)


def test_touching_digits_overlap_by_at_most_a_third(given: Sources) -> None:
    page = scene(given)
    hand = writing.some_hand(page, 30.0, "ink")
    writing.number(page, hand, "250", 10.0, 60.0, gap=-0.5)
    for left, right in zip(page.boxes[:-1], page.boxes[1:], strict=True):
        assert 0.2 * left.width < left.right - right.left <= 0.34 * left.width


def test_letters_alone_are_ignored_where_they_resemble_digits_and_in_words_they_are_not(given: Sources) -> None:
    page = scene(given)
    hand = writing.some_hand(page, 20.0, "printed")
    writing.word(page, hand, "O", 10.0, 40.0)
    assert page.labels == [IGNORED]
    writing.word(page, hand, "HELLO", 10.0, 40.0)
    writing.beside(page, hand, "/", 10.0, 40.0)
    assert page.labels == [IGNORED]
    assert page.digits == []


def test_a_digit_that_is_cut_too_much_is_ignored_and_one_outside_is_nowhere() -> None:
    boxes = np.array([[-3, 20, 7, 40], [-6, 20, 4, 40], [-20, 20, -5, 40], [30, 20, 40, 28]], np.float32)
    kept = cut(Marked(boxes, np.array([1, 2, 3, 4], np.int8), np.arange(4)), Box(0, 0, SIDE, SIDE))
    assert kept.labels.tolist() == [1, IGNORED, IGNORED]  # the last is too small
    assert kept.origins.tolist() == [0, 1, 3]
    assert kept.boxes.tolist() == [[0, 20, 7, 40], [0, 20, 4, 40], [30, 20, 40, 28]]


def test_a_crossed_out_digit_is_ignored(given: Sources) -> None:
    page = scene(given)
    writing.number(page, writing.some_hand(page, 30.0, "ink"), "7", 30.0, 60.0)
    furniture.crossed_out(page, 30.0)
    assert page.labels == [IGNORED]


def test_digits_that_noise_hides_are_ignored(given: Sources) -> None:
    page = scene(given)
    image = np.full((SIDE, SIDE), 200, np.uint8)
    image[20:40, 10:20:3] = 90
    boxes = np.array([[10, 20, 20, 40], [50, 20, 60, 40]], np.float32)
    assert without_invisible(page, image, boxes, np.array([1, 2], np.int8)).tolist() == [1, IGNORED]


def test_on_a_page_lying_on_its_side_no_digit_is_to_be_found(given: Sources) -> None:
    for seed in range(6):
        page = scene(given, seed)
        grey = np.zeros((SIDE, SIDE), np.float32)
        grey[20:40, 10:22] = 1
        boxes = np.array([[10, 20, 22, 40], [10, 20, 22, 40]], np.float32)
        image, marked = turned(page, grey, Marked(boxes, np.array([3, 0], np.int8), np.array([0, 1])))
        assert marked.labels.tolist() == [IGNORED]  # a three is none any more
        assert marked.origins.tolist() == [1]
        left, top, right, bottom = marked.boxes[0].astype(int).tolist()
        assert image[top:bottom, left:right].all()
        assert image.sum() == 240


def test_boxes_follow_a_view() -> None:
    boxes = np.array([[10, 20, 30, 60]], np.float32)
    assert np.allclose(moved_boxes(boxes, np.array([[1, 0, 5], [0, 1, -3], [0, 0, 1.0]])), [[15, 17, 35, 57]])
    quarter = np.array([[0, -1, 96], [1, 0, 0], [0, 0, 1.0]])
    assert np.allclose(moved_boxes(boxes, quarter), [[36, 10, 76, 30]])
    twice = np.diag([2.0, 2.0, 1.0]) * 7
    assert np.allclose(moved_boxes(boxes, twice), 2 * boxes)


def test_validation_has_other_images_and_writers(given: Sources) -> None:
    other = sources.sources(*digit_images(), ink_of(SEEN, UNSEEN, each=2).characters, validation=True)
    assert len(given.images) == 190
    assert len(other.images) == 10
    drawn = sources.WAYS * sum(map(len, sources.glyphs.DIGITS.values()))
    assert len(given.digits.labels) == len(other.digits.labels) == drawn + 20
    assert len(given.letters.labels) == len(other.letters.labels) == 4


def test_lines_are_cut_into_phrases_between_words_that_stand_on_their_line(given: Sources) -> None:
    assert len(given.phrases.labels) == 4  # a word is 6 times as wide as it is high
    points, cuts, *_ = given.phrases.some("", np.random.default_rng(0))
    assert len(cuts) == 4
    assert np.ptp(points[:, 0]) == pytest.approx(60 / 10 * BODY, rel=0.15)
    assert points[:, 1].max() == pytest.approx(0, abs=0.1)
    assert -1.1 < points[:, 1].min() < -0.7


@pytest.mark.parametrize(("label", "words"), [("one", 9), ("far too many letters for this width" * 4, 1)])
def test_what_is_not_one_line_of_what_it_says_is_left_out(label: str, words: int) -> None:
    assert sources.phrases([line_of(SEEN, label, words)], np.random.default_rng(0)) == []


def test_a_phrase_is_written_from_the_left_on_its_line(given: Sources) -> None:
    drawn = scene(given)
    hand = replace(writing.some_hand(drawn, 20, "ink"), linear=np.eye(2, dtype=np.float32), pen=2.0)
    box = writing.phrase(drawn, hand, 5, 60)
    ink = inked(hand.layer)
    assert box.left == 5
    assert ink.left == pytest.approx(5, abs=2)
    assert ink.bottom == pytest.approx(60, abs=4)
    assert 10 < ink.height < 35
    assert not drawn.digits


def test_without_lines_handwriting_is_of_single_letters() -> None:
    given = sources.sources(*digit_images(), ink_of(SEEN, UNSEEN, each=2).characters)
    drawn = scene(given)
    layouts.handwriting(drawn)
    assert drawn.written


def test_prepared_sources_are_the_same_from_a_file(given: Sources, tmp_path: Path) -> None:
    sources.save(given, tmp_path / "sources.npz")
    loaded = sources.load(tmp_path / "sources.npz")
    assert (loaded.images == given.images).all()
    assert (loaded.digits.labels == given.digits.labels).all()
    for one, other in ((loaded.letters, given.letters), (loaded.phrases, given.phrases)):
        assert np.abs(one.points - other.points).max() < 1e-3
    assert made_page(np.random.default_rng(5), loaded, SIDE).grey.shape == (SIDE, SIDE)
    assert (loaded.hands, loaded.digits.writers.tolist()) == (given.hands, given.digits.writers.tolist())
    assert (loaded.letters.sizes == given.letters.sizes).all()


def test_sources_that_do_not_say_who_wrote_what_are_rejected(given: Sources, tmp_path: Path) -> None:
    path = tmp_path / "sources.npz"
    sources.save(given, path)
    with np.load(path) as arrays:
        np.savez(path, **{name: arrays[name] for name in arrays.files if not name.endswith("writers")})
    with pytest.raises(DataError, match="an earlier version made it: make it again"):
        sources.load(path)


def test_most_hands_of_pen_strokes_are_of_one_writer_of_all_ten_digits(given: Sources, two_hands: Sources) -> None:
    assert (given.hands, two_hands.hands) == ([0], [0, 1])
    page = scene(two_hands)
    writers = [writing.some_hand(page, 20, "ink").writer for _ in range(300)]
    assert 0.6 < 1 - writers.count(ANYONE) / 300 < 0.8
    assert set(writers) == {ANYONE, 0, 1}
    assert writing.some_hand(page, 20, "mnist").writer == ANYONE


@pytest.mark.parametrize(("writer", "lean"), [(0, -0.3), (1, 0.4)])
def test_a_writers_slash_leans_more_than_that_writers_ones(two_hands: Sources, writer: int, lean: float) -> None:
    assert two_hands.lean(writer) == pytest.approx(lean, abs=0.02)
    leans: dict[str, list[float]] = {"1": [], "/": []}
    for char, found in leans.items():
        for seed in range(30):
            page = scene(two_hands, seed)
            writing.character(page, hand_of(page, writer), char, 30, 70)
            found.append(lean_of_ink(page.ink))
    assert np.median(leans["1"]) == pytest.approx(lean, abs=0.05)
    assert min(leans["/"]) > lean + 0.2
    assert lean + 0.3 < np.median(leans["/"]) < lean + 0.6


def test_a_mark_is_as_large_beside_the_digits_as_its_writer_made_it(two_hands: Sources) -> None:
    assert two_hands.letters.some("/", np.random.default_rng(0)).size == pytest.approx(1.4)
    boxes = []
    for seed in range(40):
        page = scene(two_hands, seed)
        boxes.append([writing.character(page, hand_of(page, 1), char, 30, 70) for char in "1/,"])
    digit, slash, comma = np.median(np.array(boxes), axis=0)
    heights = [bottom - top for _, top, _, bottom in (digit, slash, comma)]
    assert heights == pytest.approx([40, 1.4 * 40, 0.5 * 40], abs=2)
    assert 70 - 0.3 * 40 < comma[1] < 70 < comma[3]


def test_in_fluent_writing_characters_may_overlap_but_a_point_begins_after_the_digit(two_hands: Sources) -> None:
    page = scene(two_hands)
    hand, box = replace(hand_of(page, 1), gap=-0.15), Box(10, 20, 30, 60)
    for _ in range(50):
        assert writing.gap_between(page, hand, box, (writing.beside, ".")) > 0
        assert writing.gap_between(page, replace(hand, writer=ANYONE), box, (writing.beside, "-")) > 0
    overlapping = [writing.gap_between(page, hand, box, (writing.beside, char)) < 0 for char in "-," for _ in range(25)]
    assert sum(overlapping) > 40


def test_a_form_becomes_numbers_and_what_is_beside_them() -> None:
    tokens = writing.tokens_of("d/dd kg", lambda run: "7" * len(run))
    assert tokens == [(writing.number, "7"), (writing.beside, "/"), (writing.number, "77"), (writing.beside, "kg")]
