"""Which numbers of a table are printed and which handwritten."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from mnist_cnn import read_tables
from mnist_cnn.data import source
from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.digit import Box, Digit
from mnist_cnn.reading.grids import Cell
from mnist_cnn.reading.print_network import onnx_print_detector
from mnist_cnn.reading.weights import FINDER, PRINT, bundled_print_detector
from mnist_cnn.sheets import print_or_hand
from mnist_cnn.sheets.print_or_hand import features_of, writing_of

WIDE, TALL = 110, 70


@dataclass(frozen=True)
class Exam:
    """A sheet with the numbers of questions, printed, above people's digits of MNIST."""

    grey: np.ndarray
    columns: int


@pytest.fixture(scope="module")
def exam(mnist_path: Path) -> Exam:
    rows, columns = 5, 6
    grey = np.full(((rows + 1) * TALL + 100, columns * WIDE + 100), 225, np.uint8)
    images = iter(source.load(str(mnist_path)).test.images)
    for row in range(rows + 1):
        for column in range(columns):
            x, y = 50 + column * WIDE, 50 + row * TALL
            cv2.rectangle(grey, (x, y), (x + WIDE, y + TALL), 40, 2)
            if row == 0:
                cv2.putText(grey, str(column + 2), (x + 42, y + 50), cv2.FONT_HERSHEY_TRIPLEX, 1.3, 40, 2, cv2.LINE_AA)
                continue
            ink = cv2.resize(next(images), (48, 48), interpolation=cv2.INTER_CUBIC)
            part = grey[y + 11 : y + 59, x + 30 : x + 78]
            np.minimum(part, 225 - (ink * (180 / 255)).astype(np.uint8), out=part)
    return Exam(grey, columns)


@pytest.mark.mnist
def test_printed_numbers_of_questions_are_told_from_handwritten_marks(exam: Exam) -> None:
    [table] = read_tables(exam.grey)
    assert (table.rows, table.columns) == (6, exam.columns)
    above = [cell.writing for cell in table.cells if cell.place.row == 0]
    below = [cell.writing for cell in table.cells if cell.place.row > 0 and cell.value.kind == "number"]
    assert len(below) >= 25
    assert "handwritten" not in above
    assert above.count("printed") >= 5
    assert below.count("printed") <= 1
    assert below.count("handwritten") >= 0.8 * len(below)
    assert {cell.to_dict()["writing"] for cell in table.cells} <= {"printed", "handwritten", None}


def digit() -> Digit:
    return Digit(7, 1.0, (0.0,) * 7 + (1.0, 0.0, 0.0), Box(0, 0, 9, 9), False, np.zeros((28, 28), np.uint8))


def test_others_of_a_row_and_a_column_count_and_nothing_is_asked_without_digits() -> None:
    places = [Cell(0, 0), Cell(0, 1), Cell(1, 0), Cell(1, 1)]
    own = np.array([4.0, 2.0, -3.0, 0.0])
    features = features_of(places, own, np.array([True, True, True, False]))
    assert features.tolist() == [[4, 2, -3], [2, 4, 0], [-3, 0, 4], [0, -3, 2]]

    def never() -> None:
        raise AssertionError

    assert writing_of(places, [(), (), (), ()], never) == [None] * 4  # type: ignore[arg-type]
    sure, bias = 40.0, print_or_hand.WEIGHTS[-1]
    said = writing_of(places, [[digit()], [], [digit()], []], lambda: lambda _: np.array([sure, sure]))
    assert said == ["printed", None, "printed", None]
    said = writing_of(places, [[digit()], [], [digit()], []], lambda: lambda _: np.array([-sure, -sure]))
    assert said == ["handwritten", None, "handwritten", None]
    doubtful = -bias / sum(print_or_hand.WEIGHTS[:3:2])
    said = writing_of(places, [[digit()], [], [digit()], []], lambda: lambda _: np.full(2, doubtful))
    assert said == [None] * 4


def test_the_network_takes_digits_in_batches_and_no_other_file_is_taken(tmp_path: Path) -> None:
    detect = bundled_print_detector()
    images = np.random.default_rng(0).integers(0, 256, (300, 28, 28), np.uint8)
    together = detect(images)
    assert together.shape == (300,)
    assert together[256:] == pytest.approx(detect(images[256:]), abs=1e-4)
    assert detect(images[:0]).shape == (0,)
    with pytest.raises(ArtifactError, match="does not take n×28×28×1 uint8 images"):
        onnx_print_detector(FINDER)
    broken = tmp_path / "print.onnx"
    broken.write_bytes(PRINT.read_bytes()[:1000])
    with pytest.raises(ArtifactError, match="is damaged or not an ONNX model"):
        onnx_print_detector(broken)
