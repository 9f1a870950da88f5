"""Cells and grids: tables drawn straight, askew, by hand and with gaps."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from mnist_cnn.reading.grids import Cell, Grid, divided, grids_in, outline_of

PAPER, INK = 220, 40


def page(height: int = 500, width: int = 600) -> np.ndarray:
    return np.full((height, width), PAPER, np.uint8)


def line(image: np.ndarray, *points: tuple[float, float], width: int = 2) -> None:
    cv2.polylines(image, [np.rint(points).astype(np.int32)], False, INK, width, cv2.LINE_AA)


def table(rows: int = 4, columns: int = 5, width: int = 2) -> np.ndarray:
    """A table of cells 90 × 60, its upper left corner at (60, 80)."""
    image = page()
    for row in range(rows + 1):
        line(image, (60, 80 + 60 * row), (60 + 90 * columns, 80 + 60 * row), width=width)
    for column in range(columns + 1):
        line(image, (60 + 90 * column, 80), (60 + 90 * column, 80 + 60 * rows), width=width)
    return image


def only(image: np.ndarray) -> Grid:
    [grid] = grids_in(image)
    return grid


def shape(image: np.ndarray) -> tuple[int, int, int]:
    grid = only(image)
    return grid.rows, grid.columns, len(grid.cells)


def from_an_angle(image: np.ndarray) -> np.ndarray:
    height, width = image.shape
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    moved = np.array([(40, 50), (width - 10, 5), (width - 45, height - 35), (15, height - 5)], np.float32)
    return cv2.warpPerspective(image, cv2.getPerspectiveTransform(corners, moved), (width, height), borderValue=90)


def turned(image: np.ndarray) -> np.ndarray:
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 6, 0.8)
    return cv2.warpAffine(image, matrix, (width, height), borderValue=PAPER)


def shadowed(image: np.ndarray) -> np.ndarray:
    return (image * np.linspace(1, 0.4, image.shape[1])[None]).astype(np.uint8)


def noisy(image: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.clip(image + rng.normal(0, 8, image.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "taken",
    [lambda image: image, from_an_angle, turned, shadowed, noisy, lambda image: 255 - image],
    ids=["straight", "from an angle", "turned", "shadowed", "noisy", "inverted"],
)
@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_table_has_its_rows_and_columns(taken: Callable[[np.ndarray], np.ndarray], width: int) -> None:
    assert shape(taken(table(width=width))) == (4, 5, 20)


def test_the_cells_are_where_they_are_drawn() -> None:
    image = from_an_angle(table())
    grid = only(image)
    # The middle of the cell in the third row and second column, as the photograph shows it.
    left, top, right, bottom = grid.box(Cell(2, 1))
    middle = cv2.perspectiveTransform(np.array([[[(left + right) / 2, (top + bottom) / 2]]]), grid.from_view)[0, 0]
    corners = np.array([(0, 0), (600, 0), (600, 500), (0, 500)], np.float32)
    moved = np.array([(40, 50), (590, 5), (555, 465), (15, 495)], np.float32)
    true = cv2.perspectiveTransform(
        np.array([[[60 + 1.5 * 90, 80 + 2.5 * 60]]]), cv2.getPerspectiveTransform(corners, moved)
    )[0, 0]
    assert np.abs(middle - true).max() < 4


@pytest.mark.parametrize("hidden", [(0, 0), (0, 4), (-1, 0), (-1, 4)])
@pytest.mark.parametrize("tilt", [0.0, 30.0])
@pytest.mark.parametrize("rows", [4, 24])
def test_the_outline_of_a_grid_does_not_need_the_cells_at_its_corners(
    hidden: tuple[int, int], tilt: float, rows: int
) -> None:
    tall = 240 // rows
    whole = np.array([(0, 0), (500, 0), (500, 240), (0, 240)], np.float32)
    seen = whole + np.array([(0, 0), (-tilt, tilt), (tilt, 0), (tilt, -tilt)], np.float32)
    cells = [
        (100 * (column + x), tall * (row + y))
        for row in range(rows) for column in range(5) if (row, column) != (hidden[0] % rows, hidden[1])
        for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))
    ]  # fmt: skip
    points = cv2.perspectiveTransform(np.array([cells], np.float32), cv2.getPerspectiveTransform(whole, seen))[0]
    assert np.abs(outline_of(points, 0.4 * tall) - seen).max() < 1


def test_writing_in_cells_and_across_their_lines_changes_nothing() -> None:
    image = table()
    cv2.putText(image, "8", (90, 130), cv2.FONT_HERSHEY_SIMPLEX, 1.6, INK, 3)
    cv2.putText(image, "70", (165, 200), cv2.FONT_HERSHEY_SIMPLEX, 2.6, INK, 3)  # wider than its cell
    line(image, (260, 150), (285, 215), width=3)  # a stroke from one line to the next
    assert shape(image) == (4, 5, 20)


def test_gaps_in_lines_and_missing_sides_are_no_holes() -> None:
    image = table()
    image[78:83, 200:203] = PAPER  # a gap of three pixels
    assert shape(image) == (4, 5, 20)
    open_at_the_sides = table()
    for column in (60, 510):
        cv2.rectangle(open_at_the_sides, (column - 2, 83), (column + 2, 137), PAPER, -1)
        cv2.rectangle(open_at_the_sides, (column - 2, 143), (column + 2, 197), PAPER, -1)
        cv2.rectangle(open_at_the_sides, (column - 2, 203), (column + 2, 257), PAPER, -1)
        cv2.rectangle(open_at_the_sides, (column - 2, 263), (column + 2, 317), PAPER, -1)
    assert shape(open_at_the_sides) == (4, 5, 20)


def test_a_grid_drawn_by_hand_wobbles() -> None:
    image, rng = page(), np.random.default_rng(3)
    for row in range(5):
        points = [(60 + 45 * step, 80 + 60 * row + rng.normal(0, 2)) for step in range(9)]
        line(image, *points, width=3)
    for column in range(5):
        points = [(60 + 90 * column + rng.normal(0, 2), 76 + 30 * step) for step in range(9)]
        line(image, *points, width=3)
    assert shape(image) == (4, 4, 16)


def test_merged_cells_are_one() -> None:
    image = table()
    image[83:137, 148:153] = PAPER  # between the first two cells of the first row
    grid = only(image)
    assert (grid.rows, grid.columns, len(grid.cells)) == (4, 5, 19)
    assert grid.cells[0] == Cell(0, 0, 1, 2)


def test_several_tables_are_found_from_the_top() -> None:
    image = np.concatenate([table(2, 3), table(3, 4)])
    assert [(grid.rows, grid.columns) for grid in grids_in(image)] == [(2, 3), (3, 4)]


def test_a_frame_around_a_table_is_no_cell() -> None:
    image = table()
    cv2.rectangle(image, (20, 40), (560, 480), INK, 2)
    assert (4, 5) in [(grid.rows, grid.columns) for grid in grids_in(image)]


@pytest.mark.parametrize("drawn", ["nothing", "rules", "writing", "a line"])
def test_what_is_no_grid_is_none(drawn: str) -> None:
    image = page()
    if drawn == "rules":
        for row in range(10):
            line(image, (0, 40 + 45 * row), (600, 40 + 45 * row))
    elif drawn == "writing":
        cv2.putText(image, "0 860 98", (40, 200), cv2.FONT_HERSHEY_SIMPLEX, 3, INK, 6)
    elif drawn == "a line":
        line(image, (50, 300), (500, 300))
    assert [grid for grid in grids_in(image) if len(grid.cells) > 1] == []


def test_an_outline_can_be_divided_into_equal_cells() -> None:
    grid = divided(only(table(3, 3)), 9, 9)
    assert (grid.rows, grid.columns, len(grid.cells)) == (9, 9, 81)
    assert grid.box(Cell(0, 0))[2] * 9 == pytest.approx(grid.size[0])
