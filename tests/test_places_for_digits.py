"""Places that are drawn for a digit each: boxes, combs, rings and short lines: where they are, and what is none."""

import cv2
import numpy as np
import pytest

from mnist_cnn import read
from mnist_cnn.reading.grids import Grid
from mnist_cnn.reading.places_for_digits import place_rows, places_in
from mnist_cnn.reading.recognised_lines import Found
from mnist_cnn.reading.rings import still_beside
from sheets import INK, PAPER, table, written

SIDE, GAP = 70, 20
KINDS = ("boxes", "joined boxes", "combs", "rings", "lines")


def row_of(text: str, kind: str, *, slope: float = 0.0, side: int = SIDE) -> np.ndarray:
    """A row of places with a character in or on each; a space is nothing. The upper left corner is at (60, 60)."""
    gap = 0 if kind in ("joined boxes", "combs") else GAP * side // SIDE
    image = np.full((side + 130, len(text) * (side + gap) + 120), PAPER, np.uint8)
    for index, char in enumerate(text):
        left, right = 60 + index * (side + gap), 60 + index * (side + gap) + side
        top = 60
        bottom = top + side
        if kind == "rings":
            cv2.circle(image, (left + side // 2, top + side // 2), side // 2, INK, 2, cv2.LINE_AA)
        elif kind == "lines":
            cv2.line(image, (left, bottom), (right, bottom), INK, 2)
        elif kind == "combs":
            cv2.polylines(
                image,
                [
                    np.array(
                        [
                            (x, y)
                            for x, y in ((left, bottom - 25), (left, bottom), (right, bottom), (right, bottom - 25))
                        ]
                    )
                ],
                False,
                INK,
                2,
            )
        else:
            cv2.rectangle(image, (left, top), (right, bottom), INK, 2)
        if char != " ":
            above = 0.05 if kind in ("lines", "combs") else 0.23
            written(image, char, left + 0.32 * side, bottom - (0.55 + above) * side, 0.55 * side)
    height, width = image.shape
    matrix = np.array([[1, -slope, slope * height / 2], [slope, 1, -slope * width / 2]])
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderValue=PAPER))


def entries(text: str) -> tuple[str | None, ...]:
    return tuple(None if char == " " else char for char in text)


def spans(grid: Grid) -> list[tuple[float, float]]:
    return [(float(grid.across[column, 1]), float(grid.across[column + 1, 0])) for column in range(grid.columns)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["80 14", " 7 3 2"])
def test_each_place_has_an_entry(kind: str, text: str) -> None:
    assert read(row_of(text, kind), boxes=True).boxes == (entries(text),)


@pytest.mark.parametrize("kind", ["joined boxes", "combs"])
@pytest.mark.parametrize("slope", [-0.06, 0.06])
def test_a_row_that_climbs_or_falls_is_one_row(kind: str, slope: float) -> None:
    assert read(row_of("4 27 83", kind, slope=slope), boxes=True).boxes == (entries("4 27 83"),)


@pytest.mark.parametrize("side", [24, 120])
def test_small_and_large_places_are_found(side: int) -> None:
    assert [grid.columns for grid in place_rows(row_of("5 19", "boxes", side=side))] == [4]


def test_places_are_found_in_light_writing_on_a_dark_page_and_in_a_shadow() -> None:
    image = row_of("4 2 7", "rings")
    assert read(255 - image, boxes=True).boxes == (entries("4 2 7"),)
    shadow = (image * np.linspace(1, 0.4, image.shape[1])[None]).astype(np.uint8)
    assert read(shadow, boxes=True).boxes == (entries("4 2 7"),)


def test_gaps_in_lines_and_writing_across_them_change_nothing() -> None:
    image = row_of("  35 8", "joined boxes")
    image[57:63, 100:112] = image[125:133, 215:225] = PAPER
    cv2.line(image, (120, 75), (145, 110), INK, 3)  # across the line between the first two boxes
    assert [grid.columns for grid in place_rows(image)] == [6]


def test_each_row_of_a_table_is_a_row_of_places() -> None:
    image = table([["12", "7", ""], ["3", "", "9"]])
    assert [grid.columns for grid in place_rows(image)] == [3, 3]
    assert read(image, boxes=True).boxes == (("12", "7", None), ("3", None, "9"))


def test_places_are_where_they_are_drawn() -> None:
    for kind in KINDS:
        [grid] = place_rows(row_of("7 43", kind))
        assert grid.corners[0] == pytest.approx([60, 60], abs=7 if kind != "lines" and kind != "combs" else 35)
        assert grid.corners[2, 1] == pytest.approx(60 + SIDE, abs=6)
        step = SIDE if kind in ("joined boxes", "combs") else SIDE + GAP
        centres = np.array(spans(grid)).mean(axis=1)
        assert np.diff(centres) == pytest.approx([step] * 3, abs=4)


@pytest.mark.parametrize("text", ["0800", "4711", "60986"])
def test_writing_alone_has_no_places_nor_has_a_line_below_it(text: str) -> None:
    image = np.full((200, 420), PAPER, np.uint8)
    written(image, text, 60, 60, 50)
    assert place_rows(image) == []
    cv2.line(image, (50, 120), (60 + 34 * len(text), 120), INK, 2)
    assert place_rows(image) == []


def test_ruled_and_blank_paper_have_none() -> None:
    image = np.full((400, 500), PAPER, np.uint8)
    assert place_rows(image) == []
    image[30::40] = 180
    written(image, "1852", 100, 120, 30)
    assert place_rows(image) == []


def test_a_speck_of_probability_is_no_place() -> None:
    probable = np.zeros((160, 120), np.uint8)
    cv2.rectangle(probable, (20, 20), (50, 60), 250, -1)
    cv2.rectangle(probable, (70, 20), (72, 22), 250, -1)  # too small
    cv2.rectangle(probable, (90, 20), (110, 60), 130, -1)  # nowhere likely
    cv2.line(probable, (20, 150), (90, 90), 250, 3)  # fills too little of its box
    assert [place.box for place in places_in(probable)] == [(20, 20, 51, 61)]


@pytest.mark.parametrize("text", ["80 24", " 7 3 2", "05  60", "921"])
@pytest.mark.parametrize("slope", [0.0, 0.05])
def test_a_ring_is_no_zero(text: str, slope: float) -> None:
    assert read(row_of(text, "rings", slope=slope)).digits_text == text.replace(" ", "")


def test_digits_in_rings_have_their_boxes_in_the_whole_image() -> None:
    image = cv2.copyMakeBorder(row_of(" 7 32", "rings"), 40, 0, 150, 0, cv2.BORDER_CONSTANT, value=PAPER)
    reading = read(image, region=(100, 20, image.shape[1] - 100, image.shape[0] - 20))
    assert reading.digits_text == "732"
    for digit, place in zip(reading.digits, (1, 3, 4), strict=True):
        left, top = 150 + 60 + place * (SIDE + GAP), 40 + 60
        x, y = digit.box.left + digit.box.width / 2, digit.box.top + digit.box.height / 2
        assert left < x < left + SIDE
        assert top < y < top + SIDE
        assert digit.box.height < SIDE


def test_zeros_without_rings_are_zeros() -> None:
    image = np.full((200, 600), PAPER, np.uint8)
    for index, char in enumerate("20000"):
        written(image, char, 60 + 90 * index, 50, 80)
    assert read(image).digits_text == "20000"


def test_what_is_written_beside_rings_is_read_as_well() -> None:
    rings = row_of("4 2 7", "rings")
    image = cv2.copyMakeBorder(rings, 0, 0, 240, 0, cv2.BORDER_CONSTANT, value=PAPER)
    for index, char in enumerate("35"):
        written(image, char, 60 + 60 * index, 75, 45)
    assert read(image).digits_text == "35427"


def test_marks_beside_rings_stay_and_those_of_rings_do_not() -> None:
    marks = [Found(text, 0.9, np.array([left, 0, left + 4, 4]), 5) for text, left in (("-", 20), ("(", 48), (".", 75))]
    still = still_beside(marks, np.array([4.0, 56.0]), 40, 70)
    assert [(mark.text, mark.after) for mark in still] == [("-", 1), (".", 2)]


@pytest.mark.parametrize("quarters", [1, 3])
def test_digits_in_rings_are_in_order_on_a_page_that_lies_on_its_side(quarters: int) -> None:
    image = np.ascontiguousarray(np.rot90(row_of("9 35 21", "rings"), quarters))
    assert read(image).digits_text == "93521"
