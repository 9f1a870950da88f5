import math

import numpy as np
import pytest

from mnist_cnn.evaluation.metrics import negative_log_likelihood
from mnist_cnn.evaluation.temperature_scaling import fit
from mnist_cnn.reading.temperature import at

CERTAIN_TO_80 = np.array([0.8] + [0.2 / 9] * 9, np.float32)


def predictions(confidence: float) -> np.ndarray:
    """A thousand predictions of 0, 800 of them correct, with this confidence."""
    return np.tile(np.array([confidence] + [(1 - confidence) / 9] * 9, np.float32), (1000, 1))


LABELS = np.repeat([0, 1], [800, 200])


def test_at_a_temperature_of_one_nothing_changes() -> None:
    assert at(CERTAIN_TO_80[None], 1.0) == pytest.approx(CERTAIN_TO_80[None], abs=1e-6)


def test_a_higher_temperature_lowers_the_confidence_in_the_same_digit() -> None:
    assert at(CERTAIN_TO_80[None], 2.0)[0, 0] == pytest.approx(
        math.sqrt(0.8) / (math.sqrt(0.8) + 9 * math.sqrt(0.2 / 9)), rel=1e-5
    )
    assert at(CERTAIN_TO_80[None], 0.5)[0, 0] > 0.99
    assert at(CERTAIN_TO_80[None], 20).argmax() == 0


def test_uniform_probabilities_stay_uniform_at_any_temperature() -> None:
    assert at(np.full((1, 10), 0.1, np.float32), 3.0) == pytest.approx(np.full((1, 10), 0.1))


def test_probabilities_of_zero_stay_near_zero_without_a_division_by_zero() -> None:
    certain = np.eye(10, dtype=np.float32)[:2]
    assert at(certain, 2.0) == pytest.approx(certain, abs=1e-6)


def test_an_overconfident_model_gets_the_temperature_of_the_lowest_loss() -> None:
    temperature = fit(predictions(0.99), LABELS)
    assert temperature > 1
    calibrated = at(predictions(0.99), temperature)
    least = min(negative_log_likelihood(at(predictions(0.99), t), LABELS) for t in np.linspace(1, 5, 81))
    assert negative_log_likelihood(calibrated, LABELS) <= least + 1e-6


def test_an_underconfident_model_gets_a_temperature_below_1() -> None:
    assert fit(predictions(0.4), LABELS) < 1


def test_with_evenly_spread_errors_the_calibrated_confidence_is_the_accuracy() -> None:
    labels = np.concatenate([np.zeros(810, int), np.repeat(np.arange(1, 10), 21)])
    probabilities = np.tile(predictions(0.99)[:1], (len(labels), 1))
    assert at(probabilities, fit(probabilities, labels))[0, 0] == pytest.approx(810 / len(labels), abs=1e-3)
