import math

import numpy as np
import pytest

from mnist_cnn.evaluation.metrics import negative_log_likelihood
from mnist_cnn.evaluation.temperature import fitted
from mnist_cnn.reading.temperature import at

CERTAIN_TO_80 = np.array([0.8] + [0.2 / 9] * 9, np.float32)


def sure(share: float) -> np.ndarray:
    """A thousand readings of 0, 800 of them right, by a network that says it is right in this share."""
    return np.tile(np.array([share] + [(1 - share) / 9] * 9, np.float32), (1000, 1))


LABELS = np.repeat([0, 1], [800, 200])


def test_at_a_temperature_of_one_nothing_changes() -> None:
    assert at(CERTAIN_TO_80[None], 1.0) == pytest.approx(CERTAIN_TO_80[None], abs=1e-6)


def test_a_higher_temperature_is_less_sure_of_the_same_digit() -> None:
    assert at(CERTAIN_TO_80[None], 2.0)[0, 0] == pytest.approx(
        math.sqrt(0.8) / (math.sqrt(0.8) + 9 * math.sqrt(0.2 / 9)), rel=1e-5
    )
    assert at(CERTAIN_TO_80[None], 0.5)[0, 0] > 0.99
    assert at(CERTAIN_TO_80[None], 20).argmax() == 0


def test_what_shares_out_evenly_does_so_at_any_temperature() -> None:
    assert at(np.full((1, 10), 0.1, np.float32), 3.0) == pytest.approx(np.full((1, 10), 0.1))


def test_impossible_digits_stay_nearly_so_and_nothing_is_divided_by_zero() -> None:
    certain = np.eye(10, dtype=np.float32)[:2]
    assert at(certain, 2.0) == pytest.approx(certain, abs=1e-6)


def test_an_oversure_network_is_cooled_until_it_says_what_it_does() -> None:
    temperature = fitted(sure(0.99), LABELS)
    assert temperature > 1
    calibrated = at(sure(0.99), temperature)
    least = min(negative_log_likelihood(at(sure(0.99), t), LABELS) for t in np.linspace(1, 5, 81))
    assert negative_log_likelihood(calibrated, LABELS) <= least + 1e-6


def test_a_network_that_is_too_careful_becomes_surer() -> None:
    assert fitted(sure(0.4), LABELS) < 1


def test_mistakes_that_are_spread_evenly_give_back_the_share_of_right_ones() -> None:
    labels = np.concatenate([np.zeros(810, int), np.repeat(np.arange(1, 10), 21)])
    probabilities = np.tile(sure(0.99)[:1], (len(labels), 1))
    assert at(probabilities, fitted(probabilities, labels))[0, 0] == pytest.approx(810 / len(labels), abs=1e-3)
