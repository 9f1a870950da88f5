import json

import numpy as np
import pytest

from mnist_cnn.evaluation.confident_learning import (
    LabelError,
    LabelErrors,
    confident_joint,
    estimated_errors,
    label_errors_of,
    rank,
)


def rows(*pairs: tuple[int, float]) -> np.ndarray:
    """Probabilities that give this one to a digit and divide the rest among the other nine."""
    made = np.empty((len(pairs), 10), np.float32)
    for row, (digit, share) in zip(made, pairs, strict=True):
        row[:] = (1 - share) / 9
        row[digit] = share
    return made


def test_the_least_probable_label_comes_first() -> None:
    errors = rank(rows((3, 0.9), (4, 0.99), (5, 0.6)), np.array([3, 9, 3]))
    assert [error.index for error in errors] == [1, 2, 0]
    assert (errors[0].label, errors[0].suggested) == (9, 4)
    assert errors[0].label_probability == pytest.approx(0.01 / 9)
    assert errors[0].suggested_probability == pytest.approx(0.99)


def test_the_suggested_digit_is_never_the_label_itself() -> None:
    probabilities = np.zeros((1, 10), np.float32)
    probabilities[0, [3, 8]] = 0.7, 0.3
    assert rank(probabilities, np.array([3]))[0] == LabelError(0, 3, 8, pytest.approx(0.7), pytest.approx(0.3))


def test_no_more_are_listed_than_asked_for_and_ties_keep_their_order() -> None:
    assert [error.index for error in rank(rows(*[(1, 0.8)] * 5), np.ones(5, int), most=2)] == [0, 1]


def test_the_probabilities_are_not_modified() -> None:
    probabilities = rows((3, 0.9))
    before = probabilities.copy()
    rank(probabilities, np.array([3]))
    assert (probabilities == before).all()


def test_an_image_as_probable_of_another_digit_as_that_digits_own_is_a_label_error() -> None:
    # Four clear threes, one of them labelled 8; eights have a probability of 0.6 on average where they are the label.
    probabilities = rows((3, 0.9), (3, 0.9), (3, 0.9), (3, 0.95), (8, 0.9), (8, 0.9))
    joint = confident_joint(probabilities, np.array([3, 3, 3, 8, 8, 8]))
    assert joint[8, 3] == 1
    assert joint.sum() - np.trace(joint) == 1
    assert estimated_errors(probabilities, np.array([3, 3, 3, 8, 8, 8])) == 1


def test_predictions_below_the_average_probability_are_left_out() -> None:
    # Predicted as 3, but with a lower probability than threes have: no reason to call the label wrong.
    assert estimated_errors(rows((3, 0.99), (3, 0.99), (3, 0.5), (8, 0.9)), np.array([3, 3, 8, 8])) == 0


def test_a_digit_without_labels_causes_no_label_errors() -> None:
    assert estimated_errors(rows((7, 0.9), (1, 0.9)), np.array([1, 1])) == 0


def test_planted_mislabels_are_found_first() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 10, 1000)
    given = truth.copy()
    planted = rng.choice(1000, 20, replace=False)
    given[planted] = (truth[planted] + rng.integers(1, 10, 20)) % 10
    probabilities = rows(*zip(truth.tolist(), rng.uniform(0.8, 1, 1000).tolist(), strict=True))
    assert {error.index for error in rank(probabilities, given, 20)} == set(planted.tolist())
    assert 5 <= estimated_errors(probabilities, given) <= 20


def test_label_errors_survive_json() -> None:
    found = label_errors_of(rows((3, 0.9), (3, 0.9), (3, 0.95)), np.array([3, 3, 8]))
    assert (found.count, found.estimated, len(found.ranked)) == (3, 1, 3)
    assert LabelErrors.from_dict(json.loads(json.dumps(found.to_dict()))) == found
