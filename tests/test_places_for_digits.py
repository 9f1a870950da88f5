"""Rings and short lines that are drawn for digits: what is in them, and what is taken for none of them."""

import cv2
import numpy as np
import pytest

from mnist_cnn import read
from mnist_cnn.reading.cells import lines_of
from mnist_cnn.reading.grids import Grid, enlarged
from mnist_cnn.reading.places_for_digits import ring_rows, underline_rows
from sheets import INK, PAPER, written

SIDE, GAP = 70, 20


def row_of(text: str, kind: str) -> np.ndarray:
    """A row of rings, or of lines, with a character in or on each; a space is nothing."""
    image = np.full((200, len(text) * (SIDE + GAP) + 120), PAPER, np.uint8)
    for index, char in enumerate(text):
        left = 60 + index * (SIDE + GAP)
        if kind == "rings":
            cv2.circle(image, (left + SIDE // 2, 100), SIDE // 2, INK, 2, cv2.LINE_AA)
        else:
            cv2.line(image, (left, 130), (left + SIDE - 10, 130), INK, 2)
        top = 100 - 0.27 * SIDE if kind == "rings" else 130 - 0.64 * SIDE
        if char != " ":
            written(image, char, left + 0.32 * SIDE, top, 0.55 * SIDE)
    return image


def drawn(image: np.ndarray) -> tuple[np.ndarray, int]:
    """What is drawn in an image, enlarged by a factor."""
    larger, factor = enlarged(image)
    return lines_of(larger), factor


@pytest.mark.parametrize("kind", ["rings", "lines"])
@pytest.mark.parametrize("text", ["80 14", " 7 3"])
def test_each_place_has_an_entry(kind: str, text: str) -> None:
    wanted = tuple(None if char == " " else char for char in text)
    assert read(row_of(text, kind), boxes=True).boxes == (wanted,)


def test_they_are_found_in_light_writing_on_a_dark_page_as_well() -> None:
    image = 255 - row_of("4 2", "rings")
    assert read(image, boxes=True).boxes == (("4", None, "2"),)


def test_zeros_are_no_rings_and_dashes_no_lines() -> None:
    image = np.full((160, 420), PAPER, np.uint8)
    written(image, "0800", 40, 50, 50)
    assert read(image, boxes=True).boxes == ()
    for left in (60, 160, 260):
        cv2.line(image, (left, 140), (left + 40, 140), INK, 3)
    assert underline_rows(*drawn(image), np.zeros((0, 4))) == []
    empty = np.full((200, 400), PAPER, np.uint8)
    for left in (80, 180, 280):
        cv2.circle(empty, (left, 100), 35, INK, 2, cv2.LINE_AA)
    assert ring_rows(*drawn(empty), np.array([[250.0, 20, 260, 40]])) == []


def test_the_line_under_a_whole_number_is_no_place() -> None:
    image = np.full((160, 420), PAPER, np.uint8)
    written(image, "4711", 60, 40, 50)
    cv2.line(image, (50, 105), (260, 105), INK, 2)
    assert read(image, boxes=True).boxes == ()


def spans(grid: Grid) -> list[tuple[float, float]]:
    return [(float(grid.across[column, 1]), float(grid.across[column + 1, 0])) for column in range(grid.columns)]


def test_places_are_where_they_are_drawn() -> None:
    digit = np.array([[82.0, 81, 102, 120]])
    [grid] = ring_rows(*drawn(row_of("7  ", "rings")), digit)
    assert grid.corners[0] == pytest.approx([62, 66], abs=2)
    assert np.ravel(spans(grid)) == pytest.approx([0, 68, 90, 158, 180, 248], abs=2)
    [lines] = underline_rows(*drawn(row_of("7  ", "lines")), digit + np.array([0.0, 4, 0, 4]))
    assert np.ravel(spans(lines)) == pytest.approx([0, 60, 90, 150, 180, 240], abs=4)
