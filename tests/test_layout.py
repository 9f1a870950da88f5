"""Boxes in rows: the order in which a person reads them."""

import numpy as np
import pytest

from mnist_cnn.reading.layout import falling, rows, slope, wide_gaps


def page(counts: list[int], climb: float = 0.0, seed: int = 0) -> tuple[np.ndarray, list[list[int]]]:
    """Boxes (n, 4) of rows with so many digits each, in a random order, and their true order."""
    rng = np.random.default_rng(seed)
    boxes, true = [], []
    for line, count in enumerate(counts):
        true.append([])
        x = rng.uniform(0, 40)
        for _ in range(count):
            width, height = rng.uniform(8, 24), rng.uniform(26, 34)
            y = 60 * line + climb * x + rng.uniform(-4, 4)
            true[-1].append(len(boxes))
            boxes.append((x, y - height / 2, x + width, y + height / 2))
            x += width + rng.uniform(-2, 25)
    order = rng.permutation(len(boxes))
    places = np.argsort(order)
    return np.array(boxes)[order], [[int(places[index]) for index in row] for row in true]


@pytest.mark.parametrize("climb", [-0.3, -0.1, 0.0, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(10))
def test_rows_are_read_from_the_top_and_from_the_left_also_if_they_climb(climb: float, seed: int) -> None:
    boxes, true = page([8, 3, 10, 6], climb, seed)
    assert rows(boxes) == true


def test_one_digit_is_a_row_and_nothing_has_none() -> None:
    assert rows(np.zeros((0, 4))) == []
    assert rows(np.array([[3.0, 4.0, 9.0, 20.0]])) == [[0]]


def test_a_column_of_numbers_is_a_row_for_each_number() -> None:
    boxes, true = page([2] * 8)
    assert rows(boxes) == true


def grid(left: float, top: float, rows: int, columns: int, pitch: float = 50) -> np.ndarray:
    """The boxes of a block of digits 30 high, from the left in each row from the top."""
    corners = [(left + 28 * column, top + pitch * row) for row in range(rows) for column in range(columns)]
    return np.array([(x, y, x + 18, y + 30) for x, y in corners], float)


@pytest.mark.parametrize("climb", [0.0, 0.15])
def test_blocks_whose_rows_are_not_level_are_read_one_after_the_other(climb: float) -> None:
    title, one, other = grid(150, -120, 1, 4), grid(0, 0, 4, 3), grid(300, 22, 3, 4)
    boxes = np.concatenate([other, title, one])
    boxes[:, 1::2] += climb * boxes[:, :1]
    upper = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    lower = [[16 + 3 * row + column for column in range(3)] for row in range(4)]
    assert rows(boxes) == [[12, 13, 14, 15], *lower, *upper]


@pytest.mark.parametrize("uneven", [0, 5])
def test_the_rows_of_a_table_go_on_beyond_wide_gaps(uneven: float) -> None:
    boxes = np.concatenate([grid(0, 0, 4, 2), grid(300, uneven, 4, 2), grid(600, 2 * uneven, 4, 1)])
    expected = [[2 * row, 2 * row + 1, 8 + 2 * row, 9 + 2 * row, 16 + row] for row in range(4)]
    assert rows(boxes) == expected


@pytest.mark.parametrize("seed", range(20))
def test_a_grid_written_by_hand_and_photographed_at_an_angle_is_read_by_its_rows(seed: int) -> None:
    boxes, rng = (
        np.concatenate([grid(150 * column, 0, 5, 1, pitch=50) for column in range(6)]),
        np.random.default_rng(seed),
    )
    boxes[:, 1::2] += rng.normal(0, 3, (len(boxes), 1))
    boxes[:, 1::2] += 0.0002 * boxes[:, :1] * (boxes[:, 1:2] - 100)  # rows fan out
    assert rows(boxes) == [[5 * column + row for column in range(6)] for row in range(5)]


@pytest.mark.parametrize("seed", range(20))
def test_a_table_of_numbers_written_by_hand_is_read_by_its_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = np.concatenate([grid(250 * column, rng.uniform(-6, 6), 4, 3, pitch=50) for column in range(3)])
    boxes[:, 1::2] += rng.normal(0, 2, (len(boxes), 1))
    expected = [[12 * column + 3 * row + place for column in range(3) for place in range(3)] for row in range(4)]
    assert rows(boxes) == expected


def test_a_single_row_beside_a_block_is_read_where_it_stands() -> None:
    boxes = np.concatenate([grid(0, 0, 3, 3), grid(300, 75, 1, 2)])
    assert rows(boxes) == [[0, 1, 2], [3, 4, 5], [9, 10], [6, 7, 8]]


def test_how_much_rows_climb_is_the_median_over_neighbours() -> None:
    boxes, _ = page([12, 12, 12], 0.2)
    assert slope(boxes) == pytest.approx(0.2, abs=0.05)
    assert slope(boxes[:1]) == 0.0


def in_a_row(*lefts: float) -> np.ndarray:
    return np.array([(left, 0, left + 18, 30) for left in lefts], float)


@pytest.mark.parametrize(
    ("lefts", "begins"),
    [
        ((0, 25, 50, 75), []),
        ((0, 25, 120, 145), [2]),
        ((0, 25, 120, 145, 170, 300), [2, 5]),
        ((0, 80, 160, 240), []),  # as in boxes: all gaps are alike
        ((0, 25), []),
        ((0, 70), [1]),
        ((0,), []),
        ((), []),
    ],
)
def test_a_wide_gap_separates_numbers(lefts: tuple[float, ...], begins: list[int]) -> None:
    assert wide_gaps(in_a_row(*lefts).reshape(-1, 4), 30) == begins


def test_a_wide_gap_is_one_also_in_a_row_that_lies_on_its_side_or_head() -> None:
    row = in_a_row(0, 25, 120, 145, 170, 300)
    down = row[:, [1, 0, 3, 2]]
    assert wide_gaps(down, 30) == [2, 5]
    assert wide_gaps(row[::-1], 30) == [1, 4]


@pytest.mark.parametrize("angle", [-0.9, -0.4, 0.3, 0.8])
def test_a_row_that_falls_steeply_says_by_how_much(angle: float) -> None:
    along = 40 * np.arange(6)
    middles = np.stack([along * np.cos(angle), along * np.sin(angle)], axis=1)
    half = np.array([10, 15])
    boxes = np.concatenate([middles - half, middles + half], axis=1)
    assert falling(boxes) == pytest.approx(angle, abs=0.02)


def test_level_rows_columns_and_single_digits_do_not_fall() -> None:
    boxes, _ = page([8, 3, 10, 6])
    assert falling(boxes) == 0
    column, _ = page([1] * 6)
    assert falling(column) == 0
    assert falling(boxes[:1]) == falling(boxes[:0]) == 0
