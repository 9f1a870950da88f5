import json

import numpy as np
import pytest

from mnist_cnn.evaluation.risk_coverage import RiskCoverage, cumulative_errors, risk_coverage

CONFIDENCE = np.array([0.9, 0.8, 0.7, 0.6])


def test_errors_are_counted_from_the_most_confident_prediction_on() -> None:
    correct = np.array([True, True, False, True])
    assert cumulative_errors(CONFIDENCE, correct).tolist() == [0, 0, 0, 1, 1]


def test_the_order_of_the_predictions_does_not_matter() -> None:
    correct = np.array([True, False, True, False])
    turned = [2, 0, 3, 1]
    assert risk_coverage(CONFIDENCE[turned], correct[turned]) == risk_coverage(CONFIDENCE, correct)


def test_predictions_of_equal_confidence_share_their_errors_evenly() -> None:
    confidence = np.array([1.0, 1.0, 1.0, 1.0, 0.5])
    for wrong in range(4):
        correct = np.arange(5) != wrong
        assert cumulative_errors(confidence, correct).tolist() == [0, 0.25, 0.5, 0.75, 1, 1]


def test_the_aurc_is_the_mean_error_rate_over_all_coverages() -> None:
    found = risk_coverage(CONFIDENCE, np.array([True, False, True, True]))
    assert found.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert found.selective_accuracy[1.0] == 0.75
    assert found.selective_accuracy[0.5] == 0.5


def test_the_aurc_is_low_if_errors_have_low_confidence() -> None:
    correct = np.arange(100) < 90
    knows = risk_coverage(np.linspace(1, 0.5, 100), correct)
    does_not = risk_coverage(np.linspace(0.5, 1, 100), correct)
    assert knows.aurc < 0.01 < does_not.aurc
    assert knows.selective_accuracy[0.9] == 1
    assert does_not.selective_accuracy[0.9] == pytest.approx(8 / 9)


def test_the_aurc_without_errors_is_zero() -> None:
    found = risk_coverage(CONFIDENCE, np.ones(4, bool))
    assert found.aurc == 0
    assert set(found.selective_accuracy.values()) == {1.0}


def test_a_coverage_of_a_fraction_of_a_prediction_counts_that_fraction() -> None:
    found = risk_coverage(CONFIDENCE, np.array([True, True, True, False]))
    assert found.selective_accuracy[0.98] == pytest.approx(1 - 0.92 / 3.92)  # 98% of 4 is 3.92: 0.92 of the error


def test_risk_coverage_survives_json() -> None:
    found = risk_coverage(CONFIDENCE, np.array([True, True, False, True]))
    document = json.loads(json.dumps(found.to_dict()))
    assert list(document["selective_accuracy"]) == ["0.5", "0.8", "0.9", "0.95", "0.98", "0.99", "1.0"]
    assert RiskCoverage.from_dict(document) == found
