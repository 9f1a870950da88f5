from collections.abc import Iterable

import numpy as np
import pytest

from mnist_cnn.reading import detector
from mnist_cnn.reading.boxes import intersections_over_unions, shares_of_the_smaller
from mnist_cnn.reading.detector import CLASSES, candidates, peaks
from mnist_cnn.reading.octaves import Octaves

NOWHERE = -12.0


def maps(shape: tuple[int, int], seen: Iterable[tuple[int, int, int, float, float, float]]) -> np.ndarray:
    """Outputs of a finder that sees digits: (row, column, digit, logit, width, height)."""
    places = np.zeros((*shape, CLASSES + 4), np.float32)
    places[..., :CLASSES] = NOWHERE
    for row, column, digit, logit, width, height in seen:
        places[row, column, digit] = logit
        places[row, column, CLASSES:] = np.log(width), np.log(height), 0.25, -0.25
    return places


class SquareFinder:
    """In place of a network: sees a seven where a bright square has 20 to 40 pixels, most surely at 28."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.shapes.append(images.shape)
        _, height, width = images.shape
        rows, columns = np.nonzero(images[0] > 127)
        size = len(rows) ** 0.5
        seen = []
        if 20 <= size <= 40:
            y, x = rows.mean() + 0.5, columns.mean() + 0.5
            seen = [(int(y // 4), int(x // 4), 7, 3 - abs(size - 28) / 4, size, size)]
        places = maps((height // 4, width // 4), seen)
        for row, column, *_ in seen:
            places[row, column, CLASSES + 2 :] = x / 4 - column - 0.5, y / 4 - row - 0.5
        return places[None]


@pytest.mark.parametrize("size", [12, 30, 57, 120, 300])
def test_a_digit_of_any_size_is_found_where_it_is(size: int) -> None:
    side = 200 if size < 60 else 900
    image = np.zeros((side, side), np.uint8)
    image[60 : 60 + size, 80 : 80 + size] = 255
    finder = SquareFinder()
    found = candidates(Octaves(image), finder)
    assert all(height % 16 == 0 and width % 16 == 0 for _, height, width in finder.shapes)
    assert len(found) == 1
    assert found.boxes[0] == pytest.approx([80, 60, 80 + size, 60 + size], abs=max(3, size / 10))
    assert found.scores[0].argmax() == 7


def test_what_two_octaves_see_is_one_candidate_that_is_seconded() -> None:
    image = np.zeros((200, 200), np.uint8)
    image[60:100, 80:120] = 255  # 40 pixels, 20 at a half
    found = candidates(Octaves(image), SquareFinder())
    assert len(found) == 1
    assert 0.1 < found.seconded[0] <= found.scores[0].max()


def test_an_image_of_mnists_size_is_looked_at_once_and_enlarged() -> None:
    finder = SquareFinder()
    candidates(Octaves(np.zeros((28, 28), np.uint8)), finder)
    assert finder.shapes == [(1, 80, 80)]


def test_a_large_image_is_not_looked_at_in_full() -> None:
    finder = SquareFinder()
    candidates(Octaves(np.zeros((2400, 1200), np.uint8)), finder)
    assert max(max(shape) for shape in finder.shapes) < detector.LARGEST


def test_nothing_is_found_on_nothing() -> None:
    found = candidates(Octaves(np.zeros((60, 90), np.uint8)), SquareFinder())
    assert len(found) == 0
    assert found.scores.shape == (0, CLASSES)


def test_the_highest_of_neighbouring_places_is_the_peak() -> None:
    boxes, scores = peaks(maps((8, 8), [(3, 4, 5, 2.0, 20, 24), (3, 5, 5, 1.0, 20, 24), (7, 0, 1, 0.0, 8, 16)]))
    assert len(boxes) == 2
    assert boxes[0] == pytest.approx([19 - 10, 13 - 12, 19 + 10, 13 + 12])  # the middle of the place and the offset
    assert scores[0, 5] == pytest.approx(1 / (1 + np.exp(-2)))


def test_what_is_too_small_or_too_large_is_left_to_other_octaves() -> None:
    assert len(peaks(maps((8, 8), [(3, 4, 5, 2.0, 4, 6)]))[0]) == 0
    assert len(peaks(maps((8, 8), [(3, 4, 5, 2.0, 90, 130)]))[0]) == 0


def test_overlaps_are_of_the_union_and_of_the_smaller() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 5], [20, 20, 30, 30]], float)
    unions, within = intersections_over_unions(boxes, boxes), shares_of_the_smaller(boxes)
    assert unions[0].tolist() == pytest.approx([1, 0.5, 0])
    assert within[0].tolist() == pytest.approx([1, 1, 0])
