"""Crops of made pages: what is found in the middle, and of a digit its own ink alone."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mnist_cnn.data.negatives import NOT_A_DIGIT
from mnist_cnn.data.pages import sources
from mnist_cnn.data.pages.crop_process import CropsWanted, command, finding, wanted_crops
from mnist_cnn.data.pages.made import made_page, made_scene
from mnist_cnn.data.pages.mark_places import mark_places
from mnist_cnn.data.pages.page import Box
from mnist_cnn.data.pages.page_crops import Crop, Find, made_crops
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.reading.boxes import intersections_over_unions
from mnist_cnn.reading.crops import SIDE, crop, crops
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.segmenter_network import NO_DIGIT
from mnist_cnn.reading.weights import FINDER
from mnist_cnn.workers.made_ahead import made_ahead
from written_pages import WHOLE, page_sources, twelve_point_five


@pytest.fixture(scope="module")
def given() -> Sources:
    """What pages are made of."""
    return page_sources()


@pytest.fixture(scope="module")
def find() -> Find:
    """The bundled finder."""
    return finding(FINDER)


@pytest.fixture(scope="module")
def made(given: Sources, find: Find) -> list[Crop]:
    """Those of sixty pages."""
    return [one for seed in range(60) for one in made_crops(np.random.default_rng(seed), given, find)]


def test_places_between_digits_are_of_marks_and_of_gaps(given: Sources) -> None:
    scene, image, box, dot = twelve_point_five(given)
    found = mark_places(scene, image, (WHOLE, WHOLE), None)
    marks = found.labels > NO_DIGIT
    assert [MARKS[label - NO_DIGIT - 1] for label in found.labels[marks]] == ["."]
    [place] = found.places[marks]
    assert place[0] < dot.left < dot.right < place[2]
    assert place[3] == pytest.approx(100, abs=4)  # a hand is not steady
    assert 26 < place[3] - place[1] < 34
    # One gap is between 1 and 2; none is where the point is.
    between = (found.places[~marks, 0] + found.places[~marks, 2]) / 2
    assert any(box.left < middle < box.right for middle in between)
    assert (np.abs(between - (dot.left + dot.right) / 2) > 10).all()
    # What is not on the image is none, nor what cannot be seen.
    assert not len(mark_places(scene, image, (Box(0, 0, 200, 50), WHOLE), None).labels)
    assert not (mark_places(scene, np.full_like(image, 128), (WHOLE, WHOLE), None).labels > NO_DIGIT).any()
    scene.kinds.append("turned")
    assert not len(mark_places(scene, image, (WHOLE, WHOLE), None).labels)


def nothing(_: np.ndarray) -> np.ndarray:
    """A finder that sees nothing."""
    return np.zeros((0, 4))


def test_a_box_lies_in_the_middle_of_its_crop() -> None:
    image = np.zeros((90, 120), np.uint8)
    image[20:60, 30:50] = 255
    around = crop(Octaves(image), np.array([30.0, 20.0, 50.0, 60.0]))
    rows, columns = np.nonzero(around > 127)
    assert (rows.min(), rows.max()) == (16, 47)
    assert (columns.min(), columns.max()) == (24, 39)


def test_a_large_digit_is_averaged_and_beyond_the_border_it_goes_on() -> None:
    image = np.full((400, 400), 200, np.uint8)
    image[::2] = 0
    assert np.ptp(crop(Octaves(image), np.array([0.0, 0.0, 400.0, 400.0]))[20:44, 20:44]) < 40
    plain = Octaves(np.full((9, 9), 77, np.uint8))
    assert (crop(plain, np.array([-5.0, -5.0, 20.0, 20.0])) == 77).all()
    assert crops(plain, np.zeros((0, 4))).shape == (0, SIDE, SIDE, 2)


def test_ink_is_of_digits_and_lies_in_the_middle(made: list[Crop]) -> None:
    assert {one.label for one in made} >= {*range(11), 11, 13}  # also points and hyphens
    for one in made:
        assert one.grey.shape == (SIDE, SIDE, 2)
        assert one.ink.shape == (SIDE, SIDE)
        if one.label >= NOT_A_DIGIT:
            assert not one.ink.any()
            continue
        assert one.ink.any()
        rows, columns = np.nonzero(one.ink > 127)
        if len(rows) > 100:  # faint ink, of which little is left, may be at an edge
            assert abs((rows.min() + rows.max()) / 2 - (SIDE - 1) / 2) < 12
            assert abs((columns.min() + columns.max()) / 2 - (SIDE - 1) / 2) < 12


def test_ink_is_darker_or_lighter_than_what_is_around_it(made: list[Crop]) -> None:
    contrasts = []
    for one in made:
        ink, around = one.ink > 200, cv2.dilate(one.ink, np.ones((9, 9), np.uint8)) == 0
        if ink.sum() > 20 and around.sum() > 20:
            contrasts.append(abs(float(np.median(one.grey[ink, 0])) - float(np.median(one.grey[around, 0]))))
    assert len(contrasts) > 50
    assert np.median(contrasts) > 30


def test_digits_that_are_overlooked_are_shown_as_well(given: Sources) -> None:
    seen = [one for seed in range(30) for one in made_crops(np.random.default_rng(seed), given, nothing)]
    assert sum(one.label != NOT_A_DIGIT for one in seen) > 20
    assert any(one.label == NOT_A_DIGIT for one in seen)


def test_what_is_found_beside_the_digits_is_none(given: Sources) -> None:
    far = np.array([[-60.0, -60.0, -20.0, -20.0]])
    for seed in range(10):
        some = made_crops(np.random.default_rng(seed), given, lambda _: far)
        assert NOT_A_DIGIT in [one.label for one in some]  # marks of the page may follow


def test_the_share_of_boxes_is_of_what_either_covers() -> None:
    boxes = np.array([[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
    expected = np.array([[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 1]])
    assert intersections_over_unions(boxes, boxes) == pytest.approx(expected)


def test_crops_depend_on_the_request_only_in_this_process_and_in_another(
    given: Sources, find: Find, tmp_path: Path
) -> None:
    path = tmp_path / "pages.npz"
    sources.save(given, path)
    requests = [CropsWanted((1, 2), 20), CropsWanted((1, 3), 7)]
    there = list(made_ahead(command(path, FINDER), requests, processes=1, ahead=2))
    here = [wanted_crops(one, sources.load(path), find) for one in requests]
    for one, other, request in zip(here, there, requests, strict=True):
        assert one.images.shape == (request.count, SIDE, SIDE, 2)
        assert one.inks.shape == (request.count, 48, 48)
        assert (one.inks[one.labels == NOT_A_DIGIT] == 0).all()
        assert all((a == b).all() for a, b in zip(one, other, strict=True))
    assert not (here[0].images[:7] == here[1].images).all()


def test_ink_is_that_of_one_digit_only(given: Sources) -> None:
    for seed in range(40):
        made = made_scene(np.random.default_rng(seed), given, 96, keep_inks=True)
        scene = made.scene
        assert {index for index, label in enumerate(scene.labels) if label >= 0} <= set(scene.inks or {})
        for index, (left, top, patch) in (scene.inks or {}).items():
            box = scene.boxes[index]
            rows, columns = np.nonzero(patch)
            if len(rows):
                assert 2 * box.left - 6 <= left + columns.min() <= left + columns.max() <= 2 * box.right + 6
                assert 2 * box.top - 6 <= top + rows.min() <= top + rows.max() <= 2 * box.bottom + 6


def test_keeping_inks_changes_nothing_else(given: Sources) -> None:
    for seed in range(20):
        page = made_page(np.random.default_rng(seed), given, 96)
        made = made_scene(np.random.default_rng(seed), given, 96, keep_inks=True)
        assert (page.grey == made.grey).all()
        assert (page.boxes == made.marked.boxes).all()
