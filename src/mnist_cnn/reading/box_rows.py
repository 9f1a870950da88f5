"""What is in boxes that are drawn for digits: boxes, combs, rings, short lines, and the rows of tables."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mnist_cnn.reading.box_network import BLANK, OTHER, SEVERAL, box_images
from mnist_cnn.reading.cell_values import Value, values_of
from mnist_cnn.reading.digit import REJECTED, Digit
from mnist_cnn.reading.grids import Grid, LevelView, level_view
from mnist_cnn.reading.places_for_digits import place_rows
from mnist_cnn.reading.reading import Reading
from mnist_cnn.reading.temperature import softmax
from mnist_cnn.reading.weights import bundled_box_classifier

BoxRow = tuple[str | None, ...]

NO_DIGIT = "other"
MOST = 2000  # boxes of an image
NEAR = 3  # pixels by which the hole of a digit may reach beyond its box
FILLS = 0.8  # of a place: a digit covers less of it
LEAST = 1e-6  # of a probability, so that none excludes what the others say


def box_rows(
    grey: np.ndarray,
    read: Callable[[np.ndarray], Reading],
    digits: Sequence[Digit],
    boxes: Sequence[np.ndarray],
    least: float,
) -> tuple[BoxRow, ...]:
    """What is in the boxes of an image (h, w) uint8, in rows from the top; `read` reads an image.

    `digits` are those in it, and `boxes` (4,) where: the hole of a zero is no box, and what the model says of a digit
    counts in its box as well. A digit less probable than `least` is "?".

    An entry is what was read, "other" for what is no digit, and None for an empty box.
    """
    rows: list[BoxRow] = []
    known = list(zip(digits, boxes, strict=True))
    for grid in place_rows(grey):
        is_hole = len(grid.cells) == 1 and any(is_in(grid, box) for box in boxes)
        if not is_hole and len(grid.cells) <= MOST - sum(map(len, rows)):
            rows.append(row_of(level_view(grey, grid), read, known, least))
    return tuple(rows)


def is_in(grid: Grid, box: np.ndarray) -> bool:
    """Whether a grid is inside the box (4,) of a digit."""
    low, high = grid.corners.min(axis=0), grid.corners.max(axis=0)
    return bool((low >= box[:2] - NEAR).all() and (high <= box[2:] + NEAR).all())


def row_of(
    level: LevelView,
    read: Callable[[np.ndarray], Reading],
    known: Sequence[tuple[Digit, np.ndarray]],
    least: float,
) -> BoxRow:
    """What is in the places of a row, by its view, and by the digits `known` in the image."""
    values: list[Value] = []
    entries: list[str | None] = []
    for index, probable in enumerate(seen_in(level, known)):
        kind, digit = kind_of(probable), int(probable[:BLANK].argmax())
        if kind == SEVERAL:
            values = values or values_of(level, read(level.grey))
            entries.append(entry_of(values[index]))
        elif kind in (BLANK, OTHER):
            entries.append(None if kind == BLANK else NO_DIGIT)
        else:
            is_sure = probable[digit] >= max(LEAST, least * (1 - probable[SEVERAL]))
            entries.append(str(digit) if is_sure else REJECTED)
    return tuple(entries)


def seen_in(level: LevelView, known: Sequence[tuple[Digit, np.ndarray]]) -> np.ndarray:
    """How probable it is that each digit, nothing, something else or several are in each box of a view (n, 13).

    Where one digit is `known`, what is known of it counts as much as what is seen in the box.
    """
    found = softmax(bundled_box_classifier()(box_images(level.grey, level.boxes)))
    for probable, box in zip(found, level.boxes, strict=True):
        inside = known_in(level.in_image(box), known)
        if len(inside) == 1:
            both = probable[:BLANK] * (np.array(inside[0].probabilities) + LEAST)
            probable[:BLANK] = probable[:BLANK].sum() * both / both.sum()
    return found


def kind_of(probable: np.ndarray) -> int:
    """The most probable of 0 for any digit, `BLANK`, `OTHER` and `SEVERAL`, by the probabilities (13,)."""
    return max((0, BLANK, OTHER, SEVERAL), key=lambda kind: float(probable[kind] if kind else probable[:BLANK].sum()))


def known_in(outline: np.ndarray, known: Sequence[tuple[Digit, np.ndarray]]) -> list[Digit]:
    """The digits known in an image that are inside an outline (4, 2), unless they fill it: a ring was taken for one."""
    most = FILLS * cv2.contourArea(outline)
    return [
        digit
        for digit, (a, b, c, d) in known
        if (c - a) * (d - b) <= most and cv2.pointPolygonTest(outline, (float(a + c) / 2, float(b + d) / 2), False) > 0
    ]


def entry_of(value: Value) -> str | None:
    """A value as an entry: text, "other" or None."""
    if value.kind == "number":
        return value.text
    return None if value.kind == "blank" else NO_DIGIT
