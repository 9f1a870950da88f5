import numpy as np
import pytest

from mnist_cnn.reading.ensemble import average, mean
from mnist_cnn.reading.network import Classifier

IMAGES = np.zeros((3, 28, 28), np.uint8)


def always(digit: int, confidence: float) -> Classifier:
    """A classifier that reads one digit in whatever it sees and shares the rest among the others."""
    row = np.full(10, (1 - confidence) / 9, np.float32)
    row[digit] = confidence
    return lambda images: np.tile(row, (len(images), 1))


def test_two_that_doubt_are_outvoted_by_one_that_is_sure() -> None:
    probabilities = average([always(7, 1.0), always(1, 0.55), always(1, 0.55)])(IMAGES)
    assert probabilities.argmax(axis=1).tolist() == [1, 1, 1]  # 1.10 against 1 + 2 × 0.05
    assert average([always(7, 1.0), always(1, 0.5), always(1, 0.5)])(IMAGES).argmax(axis=1).tolist() == [7, 7, 7]


def test_the_mean_is_of_probabilities() -> None:
    row = average([always(3, 0.9), always(4, 0.5)])(IMAGES)[0]
    assert row[3] == pytest.approx((0.9 + 0.5 / 9) / 2)
    assert row[4] == pytest.approx((0.5 + 0.1 / 9) / 2)


def test_an_ensemble_of_one_is_that_one_to_the_last_bit() -> None:
    alone = always(3, 0.9)(IMAGES)
    assert (mean([alone]) == alone).all()


def test_the_order_of_the_members_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    rows = [rng.random((1000, 10), dtype=np.float32) for _ in range(5)]
    assert (mean(rows) == mean(rows[::-1])).all()


def test_an_ensemble_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one classifier"):
        average([])
