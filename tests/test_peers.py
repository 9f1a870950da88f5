"""What bench/peers.py makes of the answers of another reader; without that reader."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.evaluation.labelled_images import LabelledImage
from mnist_cnn.reading.digit import Box, Digit
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.reading import Reading

sys.path.append(str(Path(__file__).parents[1] / "bench"))
import peers
from peers import ACCEPTED, OURS, RAPIDOCR, RECOGNITION, Answer, by_layout, digits_in, label_of, rows_of, table


def box(left: float, top: float, width: float = 20, height: float = 20, slope: float = 0) -> list[list[float]]:
    """The corners of a box whose right end is so much lower."""
    right, bottom = left + width, top + height
    return [[left, top], [right, top + slope], [right, bottom + slope], [left, bottom]]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("12:45", "1245"),
        ("Nr. 7", "7"),
        ("３４", "34"),
        ("O l I S B", ""),
        ("①²½", ""),
        ("٣", "3"),
        ("", ""),
    ],
)
def test_a_text_is_reduced_to_its_digits(text: str, digits: str) -> None:
    assert digits_in(text) == digits


def test_texts_are_read_in_rows_from_left_to_right() -> None:
    texts = ["d", "b", "a", "c", "e"]
    boxes = [box(50, 42), box(60, 4), box(0, 0), box(10, 40), box(90, 44, height=10)]
    assert rows_of(texts, boxes) == [["a", "b"], ["c", "d", "e"]]


def test_a_small_text_beside_a_large_one_is_in_its_row() -> None:
    assert rows_of(["small", "large"], [box(80, 2, height=10), box(0, 0, height=60)]) == [["large", "small"]]


def test_rows_that_slope_and_nearly_touch_stay_apart() -> None:
    boxes = [box(0, 0, 100, 20, slope=6), box(0, 24, 100, 20, slope=6), box(110, 8), box(110, 32)]
    assert rows_of(["1", "3", "2", "4"], boxes) == [["1", "2"], ["3", "4"]]


def test_texts_without_boxes_are_one_row_and_nothing_is_none() -> None:
    assert rows_of(["12", "3"], []) == [["12", "3"]]
    assert rows_of([], []) == []


def test_rows_without_digits_are_no_rows_of_the_label() -> None:
    assert label_of(["Total", "12", "x", "3 4"], [box(0, 0), box(0, 40), box(0, 80), box(0, 120)]) == "12/34"
    assert label_of(["words"], [box(0, 0)]) == ""
    assert label_of([], []) == ""


def test_a_reading_is_a_label_with_or_without_rejected_digits() -> None:
    def digit(number: int, rejected: bool) -> Digit:
        return Digit(number, 0.4, (0.1,) * 10, Box(0, 0, 9, 9), rejected, np.zeros((28, 28), np.uint8))

    reading = Reading(((digit(4, False), digit(2, True)), (digit(7, True),)), 99, 99)
    assert peers.label_of_reading(reading, True) == "42/7"
    assert peers.label_of_reading(reading, False) == "4"


def image(label: str, layout: str) -> LabelledImage:
    return LabelledImage(Path("x.png"), label, layout=layout)


def test_a_sample_has_some_images_of_each_layout_in_order() -> None:
    images = [image(str(number % 10), "single" if number % 3 else "line") for number in range(30)]
    some = peers.sample_of(images, 4, 0)
    assert [sum(one.layout == layout for one in some) for layout in ("single", "line")] == [4, 4]
    assert some == peers.sample_of(images, 4, 0) != peers.sample_of(images, 4, 1)
    places = [next(at for at, other in enumerate(images) if other is one) for one in some]
    assert places == sorted(places)
    assert peers.sample_of(images, None, 0) == images
    assert len(peers.sample_of(images, 15, 0)) == 10 + 15


def test_the_table_has_each_reader_in_each_layout() -> None:
    single, rows, none = image("4", "single"), image("12/34", "rows"), image("", "none")
    answers = {
        OURS: [Answer(single, "4", 0.25), Answer(rows, "12/34", 0.5), Answer(none, "7", 0.5)],
        RAPIDOCR: [Answer(single, "", None), Answer(rows, "1234", 1.5), Answer(none, "", 0.5)],
        RECOGNITION: [Answer(single, "4", 0.125)],
    }
    groups = by_layout(answers)
    assert list(groups) == ["none", "rows", "single", "all"]
    assert list(groups["single"]) == [OURS, RAPIDOCR, RECOGNITION]
    assert list(groups["all"]) == [OURS, RAPIDOCR]
    failed = groups["single"][RAPIDOCR]
    assert (failed["images"]["correct"], failed["failed"], failed["seconds"]) == (0, 1, None)
    assert groups["rows"][RAPIDOCR]["digits"]["f1"] == 1
    assert groups["rows"][RAPIDOCR]["images"]["correct"] == 0
    lines = list(table(groups))
    assert lines[0] == (
        "| layout | reader | images | whole images correct, 95% CI | precision | recall | F1 | s per image |"
    )
    assert lines[2] == "| none | mnist-cnn | 1 | 0: 0.00% (0.00 to 79.35) | 0.00% | – | 0.00% | 0.500 |"
    assert lines[3] == "| none | RapidOCR | 1 | 1: 100.00% (20.65 to 100.00) | – | – | – | 0.500 |"
    assert "| all | RapidOCR | 3 | 1: 33.33% (6.15 to 79.23) | 100.00% | 80.00% | 88.89% | 1.000 |" in lines
    assert {len(one.split("|")) for one in lines} == {10}


def test_an_image_that_cannot_be_read_is_no_correct_answer(tmp_path: Path) -> None:
    missing = LabelledImage(tmp_path / "none.png", "")
    ours, accepted = peers.read_ours(Reader(), missing)
    assert (ours.seconds, accepted.seconds) == (None, None)
    groups = by_layout({OURS: [ours], ACCEPTED: [accepted]})
    assert groups["no layout"][OURS]["images"]["correct"] == 0
