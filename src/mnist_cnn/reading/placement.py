"""What was read in a region becomes what was read in the image: boxes in its pixels."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from mnist_cnn.reading.digit import Digit
from mnist_cnn.reading.mark import Mark
from mnist_cnn.reading.picture import Picture
from mnist_cnn.reading.reading import Reading, Row

T = TypeVar("T", Digit, Mark)


def placed(rows: Sequence[Row], picture: Picture, candidates: Sequence[Digit] = ()) -> Reading:
    """The reading of a picture with these rows, their boxes in pixels of the region that the picture shows."""
    width, height = picture.whole or (picture.width, picture.height)
    moved = tuple(placed_row(row, picture) for row in rows)
    others = tuple(placed_one(digit, picture) for digit in candidates)
    return Reading(moved, width, height, page=picture.page, pages=picture.pages, candidates=others)


def placed_row(row: Row, picture: Picture) -> Row:
    """A row, all its boxes in pixels of the whole page."""
    if not picture.left and not picture.top:
        return row
    marks, possible = ([placed_one(mark, picture) for mark in some] for some in (row.marks, row.possible_marks))
    return Row([placed_one(digit, picture) for digit in row], marks, possible)


def placed_one(item: T, picture: Picture) -> T:
    """The digit or mark, its box in pixels of the whole page."""
    box = item.box
    return replace(item, box=replace(box, left=box.left + picture.left, top=box.top + picture.top))
