import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix

from mnist_cnn.evaluation.metrics import (
    MEASURES,
    Accuracy,
    Evaluation,
    brier_score,
    calibration_bins,
    confidence_intervals,
    evaluate,
    expected_calibration_error,
    negative_log_likelihood,
    wilson_interval,
)


def predictions(*digits: int, confidence: float = 1.0) -> np.ndarray:
    """Probabilities that give `confidence` to each of these digits and divide the rest among the others."""
    rows = np.full((len(digits), 10), (1 - confidence) / 9, dtype=np.float32)
    rows[np.arange(len(digits)), digits] = confidence
    return rows


def test_three_of_four_correct_is_75_percent() -> None:
    evaluation = evaluate(predictions(0, 1, 2, 3), np.array([0, 1, 2, 4]))
    assert (evaluation.correct, evaluation.count, evaluation.accuracy) == (3, 4, 0.75)
    assert evaluation.confusion_matrix[4, 3] == 1


def test_rows_of_the_confusion_matrix_are_true_digits_even_absent_ones() -> None:
    evaluation = evaluate(predictions(7, 7), np.array([1, 7]))
    assert evaluation.confusion_matrix.shape == (10, 10)
    assert evaluation.confusion_matrix[1, 7] == 1
    assert evaluation.recall[5] == 0
    assert evaluation.precision[7] == 0.5
    assert evaluation.recall[7] == 1
    assert evaluation.f1[7] == pytest.approx(2 / 3)


def test_the_confidence_interval_is_wilsons() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3: 81 of 263.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(10, 10)[1] == 1
    assert wilson_interval(0, 10)[0] == 0


@pytest.mark.parametrize(
    ("correct", "count"), [(0, 1), (1, 1), (0, 7), (7, 7), (81, 263), (9_990, 9_995), (9_999, 10_000), (10_000, 10_000)]
)
def test_the_confidence_interval_equals_scipys(correct: int, count: int) -> None:
    expected = binomtest(correct, count).proportion_ci(0.95, method="wilson")
    assert wilson_interval(correct, count) == pytest.approx((expected.low, expected.high), abs=1e-14)


def test_certain_and_correct_has_no_loss_and_certain_and_incorrect_the_highest() -> None:
    correct, incorrect = predictions(3), predictions(4)
    label = np.array([3])
    assert negative_log_likelihood(correct, label) == 0
    assert brier_score(correct, label) == 0
    assert brier_score(incorrect, label) == 2
    assert math.isfinite(negative_log_likelihood(incorrect, label))


def test_uniform_probabilities_have_a_loss_of_ln_10() -> None:
    uniform = np.full((5, 10), 0.1, dtype=np.float32)
    assert negative_log_likelihood(uniform, np.arange(5)) == pytest.approx(math.log(10))
    assert brier_score(uniform, np.arange(5)) == pytest.approx(0.9)


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = predictions(0, 0, 0, 0, confidence=0.75)
    assert expected_calibration_error(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(0, abs=1e-6)
    assert expected_calibration_error(probabilities, np.array([1, 1, 1, 1])) == pytest.approx(0.75)


def test_full_confidence_falls_into_the_last_bin() -> None:
    assert calibration_bins(predictions(1, 2), np.array([1, 3])) == [(2, 1.0, 0.5)]


def test_an_evaluation_survives_json() -> None:
    evaluation = evaluate(predictions(0, 1, 2, confidence=0.9), np.array([0, 1, 9]))
    again = Evaluation.from_dict(json.loads(json.dumps(evaluation.to_dict())))
    assert again.to_dict() == evaluation.to_dict()
    assert "corrected" not in evaluation.to_dict()


def test_an_evaluation_of_format_1_has_no_confidence_intervals_and_no_risk_coverage() -> None:
    document = evaluate(predictions(0, 1, 2, confidence=0.9), np.array([0, 1, 9])).to_dict()
    old = {name: value for name, value in document.items() if name not in ("confidence_intervals", "risk_coverage")}
    assert Evaluation.from_dict(old).to_dict() == old
    assert Evaluation.from_dict(old).risk_coverage is None


@pytest.mark.parametrize("folder", ["format-1", "format-2"])
def test_the_evaluation_of_an_older_model_card_has_the_new_names(folder: str) -> None:
    card = json.loads((Path(__file__).parent / "fixtures" / folder / "card.json").read_text())
    old = card["evaluation"]
    assert "interval" in old
    new = Evaluation.from_dict(old).to_dict()
    assert new["confidence_interval"] == pytest.approx(old["interval"])
    assert new.get("confidence_intervals") == old.get("intervals")
    if "coverage" in old:
        expected = {"aurc": old["coverage"]["area"], "selective_accuracy": old["coverage"]["accuracy"]}
        assert new["risk_coverage"] == expected
    assert ("coverage" in old) == (folder == "format-2")


def test_each_metric_lies_in_its_confidence_interval() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 2000)
    predicted = np.where(rng.random(2000) < 0.85, labels, (labels + 1) % 10)  # 95% confidence, 85% accuracy
    evaluation = evaluate(predictions(*predicted, confidence=0.95), labels)
    for name in MEASURES:
        low, high = evaluation.confidence_intervals[name]
        assert low < getattr(evaluation, name) < high
    low, high = evaluation.confidence_intervals["expected_calibration_error"]
    assert 0.05 < low < 0.1 < high < 0.15


def test_the_confidence_intervals_are_deterministic() -> None:
    probabilities, labels = predictions(0, 1, 2, 3, 4, confidence=0.7), np.array([0, 1, 2, 3, 9])
    assert confidence_intervals(probabilities, labels) == confidence_intervals(probabilities, labels)


def test_the_confidence_intervals_of_ten_thousand_images_take_less_than_a_second_of_cpu_time() -> None:
    labels = np.arange(10_000) % 10
    started = time.process_time()
    confidence_intervals(predictions(*labels, confidence=0.9), labels)
    assert time.process_time() - started < 1


def test_the_corrected_accuracy_is_separate_and_survives_json() -> None:
    evaluation = evaluate(predictions(0, 1, 2, 3), np.array([0, 1, 2, 4]), np.array([0, 7, -1, 3]))
    assert (evaluation.uncorrected, evaluation.corrected) == (Accuracy(3, 4), Accuracy(2, 3))
    document = json.loads(json.dumps(evaluation.to_dict()))
    assert list(document["corrected"]) == ["count", "correct", "accuracy", "confidence_interval"]
    assert document["corrected"]["accuracy"] == pytest.approx(2 / 3)
    assert Evaluation.from_dict(document).corrected == Accuracy(2, 3)


def test_accuracy_and_confusion_matrix_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 10, (2, 500))
    labels[labels == 3] = 4  # a class without images
    evaluation = evaluate(predictions(*predicted), labels.astype(np.uint8))
    assert evaluation.accuracy == pytest.approx(accuracy_score(labels, predicted))
    assert (evaluation.confusion_matrix == confusion_matrix(labels, predicted, labels=range(10))).all()


def test_an_evaluation_prints_short_and_shows_its_confusion_matrix_in_a_notebook() -> None:
    evaluation = evaluate(predictions(0, 1, 2, 3), np.array([0, 1, 2, 4]))
    assert repr(evaluation) == "Evaluation(75.00% (3 of 4 correct; 95% CI 30.06% to 95.44%))"
    page = evaluation._repr_html_()
    assert "3 of 4 correct" in page
    assert page.count(">1</td>") == 4
    assert page.count("></td>") == 96


def test_confidence_is_compared_with_accuracy_in_fifteen_bins() -> None:
    rows = np.full((2, 10), 0.0)
    rows[0, :2], rows[1, :2] = (0.61, 0.39), (0.65, 0.35)  # one bin of fifteen, two of sixteen, and of fourteen
    evaluation = evaluate(rows, np.array([0, 1]))
    assert evaluation.expected_calibration_error == pytest.approx(0.63 - 0.5)
    rows[0, :2] = (0.73, 0.27)  # a bin further
    assert evaluate(rows, np.array([0, 1])).expected_calibration_error == pytest.approx((0.27 + 0.65) / 2)


@pytest.mark.parametrize(
    ("predicted", "labels", "is_at_chance"),
    [
        ([3] * 100, list(range(10)) * 10, True),  # one answer for everything
        (list(range(10)) * 10, list(range(10)) * 10, False),
        ([0, 1, 2, 3, 3, 3, 3, 3, 3, 3] * 50, list(range(10)) * 50, False),  # 40%
        ([1, 0] * 50, [0, 1] * 50, True),  # worse than any constant
        ([7] * 100, [7] * 100, False),  # a single digit shows nothing
        ([0] * 100, [0] * 95 + [1] * 5, True),
        ([0] * 495 + [1] * 5, [0] * 495 + [1] * 5, False),
    ],
)
def test_chance_is_what_the_best_constant_answer_would_reach(
    predicted: list[int], labels: list[int], is_at_chance: bool
) -> None:
    evaluation = evaluate(predictions(*predicted), np.array(labels))
    assert evaluation.is_at_chance is is_at_chance
    assert evaluation.most_common.correct == max(map(labels.count, set(labels)))
