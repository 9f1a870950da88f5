"""What was read in a region becomes what was read in the image: boxes in its pixels."""

from collections.abc import Sequence
from dataclasses import replace

from mnist_cnn.reading.digit import Digit
from mnist_cnn.reading.picture import Picture
from mnist_cnn.reading.reading import Reading, Row


def placed(rows: Sequence[Row], picture: Picture, candidates: Sequence[Digit] = ()) -> Reading:
    """The reading of a picture with these rows, their boxes in pixels of the region that the picture shows."""
    width, height = picture.whole or (picture.width, picture.height)
    moved = tuple(Row(placed_digit(digit, picture) for digit in row) for row in rows)
    others = tuple(placed_digit(digit, picture) for digit in candidates)
    return Reading(moved, width, height, page=picture.page, pages=picture.pages, candidates=others)


def placed_digit(digit: Digit, picture: Picture) -> Digit:
    """The digit, its box in pixels of the whole page."""
    if not picture.left and not picture.top:
        return digit
    box = digit.box
    return replace(digit, box=replace(box, left=box.left + picture.left, top=box.top + picture.top))
