"""What is in places for a digit each: what a network sees in them, and what is already known of the digits there."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from mnist_cnn.reading.box_network import BLANK, OTHER, SEVERAL, box_images
from mnist_cnn.reading.cell_values import SURE, Value, text_of
from mnist_cnn.reading.digit import Box, Digit
from mnist_cnn.reading.grids import LevelView
from mnist_cnn.reading.normalise import SIDE
from mnist_cnn.reading.reading import Reading, Row
from mnist_cnn.reading.temperature import softmax
from mnist_cnn.reading.weights import bundled_box_classifier

Known = tuple[Digit, np.ndarray]
"""A digit that was read in an image, and its box (4,) there."""

DIGIT = 0  # any, beside `BLANK`, `OTHER` and `SEVERAL`
FILLS = 0.8  # of a place: a digit covers less of it
LEAST = 1e-6  # of a probability, so that none excludes what the others say


def contents_of(level: LevelView, known: Sequence[Known]) -> np.ndarray:
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
    """The most probable of `DIGIT` for any, `BLANK`, `OTHER` and `SEVERAL`, by the probabilities (13,)."""
    return max(
        (DIGIT, BLANK, OTHER, SEVERAL), key=lambda kind: float(probable[kind] if kind else probable[:BLANK].sum())
    )


def known_in(outline: np.ndarray, known: Sequence[Known]) -> list[Digit]:
    """The digits known in an image that are inside an outline (4, 2), unless they fill it: a ring was taken for one."""
    most = FILLS * cv2.contourArea(outline)
    return [
        digit
        for digit, (a, b, c, d) in known
        if (c - a) * (d - b) <= most and cv2.pointPolygonTest(outline, (float(a + c) / 2, float(b + d) / 2), False) > 0
    ]


def known_by(reading: Reading) -> list[Known]:
    """The digits of a reading with their boxes."""
    boxes = ((digit, digit.box) for digit in reading.digits)
    return [(digit, np.array([b.left, b.top, b.left + b.width, b.top + b.height], float)) for digit, b in boxes]


def digit_in(probable: np.ndarray, grey: np.ndarray, box: np.ndarray, known: Sequence[Digit], least: float) -> Digit:
    """The digit in a box (4,) of a view (h, w), by how probable each content of it is (13,).

    Its image is that of the digit `known` there, or where the reader found none, the box itself. It is rejected if it
    is less probable than `least`.
    """
    digit = int(probable[:BLANK].argmax())
    confidence = float(probable[digit])
    shares = tuple((probable[:BLANK] + (1 - probable[:BLANK].sum()) / BLANK).tolist())
    rejected = confidence < least
    if len(known) == 1:
        return replace(known[0], digit=digit, confidence=confidence, probabilities=shares, rejected=rejected)
    left, top, right, bottom = np.rint(box).astype(int).tolist()
    seen = box_images(grey, box[None])[0]
    image = np.asarray(cv2.resize(cv2.bitwise_not(seen), (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    return Digit(digit, confidence, shares, Box(left, top, right - left, bottom - top), rejected, image)


def seen_too(values: Sequence[Value], level: LevelView, reading: Reading, least: float) -> list[Value]:
    """The values of the cells of a view, of which this is the reading, with what the network for boxes sees in them.

    It sees one digit or none better than the reader, to whom a neighbour's writing across a line is a digit, and lines
    are ink. Of longer numbers it knows nothing but that they are longer: one digit is doubtful where it sees several.
    """
    known = known_by(reading)
    seen = contents_of(level._replace(back=np.eye(3)), known)
    return [
        one_seen_too(value, probable, level.grey, box, least)
        for value, probable, box in zip(values, seen, level.boxes, strict=True)
    ]


def one_seen_too(value: Value, probable: np.ndarray, grey: np.ndarray, box: np.ndarray, least: float) -> Value:
    """The value of one box (4,), with what is seen in it (13,)."""
    kind, is_number = kind_of(probable), value.kind == "number"
    if kind == SEVERAL and is_number and len(value.row) == 1:
        return replace(value, confidence=value.confidence * float(1 - probable[SEVERAL]))
    if is_number and len(value.text) > 1:
        return value
    if kind == BLANK and is_number and probable[BLANK] >= SURE:
        return Value("blank", "", float(probable[BLANK]))
    if kind == DIGIT and (is_number or probable[:BLANK].max() >= SURE):
        row = Row([digit_in(probable, grey, box, value.row, least)], value.row.marks, value.row.possible_marks)
        return Value("number", *text_of(row), row)
    return value
