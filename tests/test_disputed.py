import numpy as np
import pytest

from mnist_cnn.data import source
from mnist_cnn.evaluation import disputed
from mnist_cnn.evaluation.disputed import DISPUTED, EXCLUDED, RELABELLED, UNDECIDED
from mnist_cnn.evaluation.metrics import accuracy, evaluate

ALL_FIVES = np.full(10_000, 5, np.uint8)


def test_of_fifteen_disputed_labels_ten_are_corrected() -> None:
    assert (len(DISPUTED), RELABELLED, UNDECIDED) == (15, 10, 5)
    assert list(DISPUTED) == sorted(DISPUTED)


def test_only_the_disputed_labels_change() -> None:
    after = disputed.corrected(ALL_FIVES)
    assert np.flatnonzero(after != 5).tolist() == list(DISPUTED)
    assert (after[947], after[1621], after[2130], after[9729]) == (9, 6, EXCLUDED, 6)
    assert (ALL_FIVES == 5).all()


def test_disputed_labels_beyond_the_last_image_are_ignored() -> None:
    assert disputed.corrected(ALL_FIVES[:948]).tolist() == [5] * 947 + [9]
    assert disputed.corrected(ALL_FIVES[:8]).tolist() == [5] * 8


def test_predicting_all_labels_as_given_makes_ten_errors_of_9995() -> None:
    evaluation = evaluate(np.eye(10, dtype=np.float32)[ALL_FIVES], ALL_FIVES, disputed.corrected(ALL_FIVES))
    assert evaluation.accuracy == 1
    assert evaluation.corrected is not None
    assert (evaluation.corrected.correct, evaluation.corrected.count) == (9_985, 9_995)


def test_excluded_images_count_neither_as_correct_nor_as_errors() -> None:
    found = accuracy(np.eye(10, dtype=np.float32)[[1, 2, 3, 4]], np.array([1, EXCLUDED, 3, 5]))
    assert (found.correct, found.count) == (2, 3)


@pytest.mark.mnist
@pytest.mark.usefixtures("mnist_path")
def test_every_corrected_label_differs_from_the_given_one() -> None:
    labels = source.load("mnist").test.labels
    assert len(labels) == 10_000
    for index, digit in DISPUTED.items():
        assert digit != labels[index]
    assert [int(labels[index]) for index in DISPUTED] == [8, 0, 9, 4, 2, 5, 6, 6, 5, 5, 0, 1, 4, 6, 5]
