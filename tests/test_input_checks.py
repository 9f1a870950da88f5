"""What `evaluate` accepts, and the sentence that it says about each thing that it does not."""

import re
from typing import Any

import numpy as np
import pytest

from mnist_cnn.errors import EvaluationError, MnistCnnError
from mnist_cnn.evaluation.metrics import evaluate

LABELS = np.arange(20) % 10
PROBABILITIES = np.full((20, 10), 0.05) + 0.5 * np.eye(10)[LABELS]
NAN, INFINITE, NEGATIVE, SHORT = (PROBABILITIES.copy() for _ in range(4))
NAN[3, 4], INFINITE[:2, 0], NEGATIVE[0, :2], SHORT[5] = np.nan, np.inf, (-0.25, 0.8), 0.07
MASKED = np.ma.masked_array(PROBABILITIES, PROBABILITIES > 0.5)


class Tensor:
    """What PyTorch and TensorFlow give: an object that NumPy can convert, if it wants to."""

    def __init__(self, values: np.ndarray, error: Exception | None = None) -> None:
        self.values, self.error = values, error

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        if self.error:
            raise self.error
        return self.values


@pytest.mark.parametrize(
    ("probabilities", "labels"),
    [
        (PROBABILITIES.tolist(), LABELS.tolist()),
        (tuple(map(tuple, PROBABILITIES)), tuple(LABELS)),
        (PROBABILITIES.astype(np.float16), LABELS.astype(np.uint8)),
        (PROBABILITIES.astype(np.longdouble), LABELS.astype(np.uint64)),
        (PROBABILITIES.round(2), LABELS),
        (np.eye(10, dtype=int)[LABELS], LABELS),
        (Tensor(PROBABILITIES), Tensor(LABELS)),
        (np.ma.masked_array(PROBABILITIES), np.ma.masked_array(LABELS)),
    ],
    ids=["lists", "tuples", "float16", "longdouble", "rounded", "one-hot predictions", "tensors", "nothing masked"],
)
def test_whatever_numpy_converts_to_probabilities_and_labels_is_evaluated(probabilities: Any, labels: Any) -> None:
    evaluation = evaluate(probabilities, labels)
    assert (evaluation.correct, evaluation.count) == (20, 20)
    assert evaluation.brier_score == pytest.approx(np.square(np.asarray(probabilities) - np.eye(10)[LABELS])[0].sum())


@pytest.mark.parametrize(
    ("probabilities", "labels", "sentence"),
    [
        (
            *(LABELS, PROBABILITIES),
            "probabilities and labels are swapped (their shapes are (20,) and (20, 10)): "
            "call evaluate(probabilities, labels).",
        ),
        (
            *(PROBABILITIES.argmax(axis=1), LABELS),
            "probabilities must have the shape (n, 10), not (20,): these look like predicted digits; "
            "pass the probability of each digit (model.predict_proba).",
        ),
        (
            *(PROBABILITIES.max(axis=1), LABELS),
            "probabilities must have the shape (n, 10), not (20,): "
            "pass one row per image, with the probability of each digit.",
        ),
        (PROBABILITIES[:, :1], LABELS, "probabilities must have the shape (n, 10), not (20, 1): pass one row per"),
        (PROBABILITIES[None], LABELS, "probabilities must have the shape (n, 10), not (1, 20, 10): pass one row per"),
        (0.5, LABELS, "probabilities must have the shape (n, 10), not (): pass one row per image"),
        ([], [], "probabilities must have the shape (n, 10), not (0,): pass one row per image"),
        (PROBABILITIES[:0], LABELS[:0], "probabilities has no rows, so there is nothing to evaluate: pass at least"),
        (
            *(np.log(PROBABILITIES), LABELS),
            "probabilities has negative values (down to -2.996), as logits have: apply softmax first.",
        ),
        (
            *(np.eye(10)[LABELS] * 8, LABELS),
            "Each row of probabilities must sum to 1, and row 0 sums to 8: apply softmax to logits, "
            "or divide each row by its sum.",
        ),
        (PROBABILITIES * 100, LABELS, "The rows of probabilities sum to 100, as percentages do: divide them by 100."),
        (SHORT, LABELS, "Each row of probabilities must sum to 1, and row 5 sums to 0.7: "),
        (NEGATIVE, LABELS, "probabilities has negative values (down to -0.25), as logits have: apply softmax first."),
        (NAN, LABELS, "probabilities has NaN or infinite values in 1 of 20 rows: check the model's output."),
        (INFINITE, LABELS, "probabilities has NaN or infinite values in 2 of 20 rows: check the model's output."),
        (MASKED, LABELS, "probabilities has 20 masked values: remove these images, or fill the values."),
        (
            PROBABILITIES.astype(complex),
            LABELS,
            "probabilities has the type complex128: pass an array of real numbers.",
        ),
        (PROBABILITIES.astype(object), LABELS, "probabilities has the type object: pass an array of real numbers."),
        (PROBABILITIES.astype(str), LABELS, "probabilities has text, such as '0.55': convert it to numbers first."),
        ("runs/quick", LABELS, "probabilities has text, such as 'runs/quick': convert it to numbers first."),
        (None, LABELS, "probabilities is of type NoneType: pass an array of real numbers."),
        ({3: 0.5}, LABELS, "probabilities is of type dict: pass an array of real numbers."),
        (
            *([[0.5, 0.5], [1.0]], LABELS),
            "probabilities cannot be converted to a NumPy array (its rows differ in length): pass an array of numbers.",
        ),
        (
            *(Tensor(PROBABILITIES, TypeError("can't convert cuda:0 device type tensor.\nMore")), LABELS),
            "probabilities cannot be converted to a NumPy array (can't convert cuda:0 device type tensor): pass an",
        ),
        (
            *(PROBABILITIES, np.eye(10)[LABELS]),
            "labels must have the shape (20,), not (20, 10): these look one-hot encoded; pass labels.argmax(axis=1).",
        ),
        (PROBABILITIES, LABELS[:, None], "labels must have the shape (20,), not (20, 1): pass labels.ravel()."),
        (PROBABILITIES, 7, "labels must have the shape (20,), not (): pass one digit per image."),
        (PROBABILITIES, LABELS[:19], "There are 20 rows of probabilities and 19 labels: pass one label per row."),
        (PROBABILITIES, LABELS + 1, "labels must be 0 to 9 and ranges from 1 to 10: map each label to the digit"),
        (PROBABILITIES, LABELS - 1, "labels must be 0 to 9 and ranges from -1 to 8: map each label to the digit"),
        (
            *(PROBABILITIES, LABELS.astype(float)),
            "labels must be integers, not float64: pass digits, for example labels.astype(int).",
        ),
        (PROBABILITIES, LABELS > 4, "labels must be integers, not bool: pass digits, for example labels.astype(int)."),
        (PROBABILITIES, LABELS.astype(str), "labels has text, such as '0': convert it to numbers first."),
        (PROBABILITIES, [*"0123456789"] * 2, "labels has text, such as '0': convert it to numbers first."),
        (PROBABILITIES, LABELS.astype("S1"), "labels has text, such as b'0': convert it to numbers first."),
        (PROBABILITIES, [None] * 20, "labels has the type object: pass an array of real numbers."),
        (PROBABILITIES, LABELS.astype("M8[D]"), "labels has the type datetime64[D]: pass an array of real numbers."),
        (PROBABILITIES, np.ma.masked_equal(LABELS, 3), "labels has 2 masked values: remove these images, or fill"),
    ],
)
def test_a_wrong_argument_gets_one_clear_sentence(probabilities: Any, labels: Any, sentence: str) -> None:
    with pytest.raises(EvaluationError, match=rf"^{re.escape(sentence)}") as caught:
        evaluate(probabilities, labels)
    assert isinstance(caught.value, MnistCnnError)
    assert isinstance(caught.value, ValueError)
    assert re.fullmatch(r"[^\n]+: [^\n]+\.", str(caught.value))  # what was received: what to do


def test_corrected_labels_may_be_minus_1_and_nothing_lower() -> None:
    corrected = LABELS.copy()
    corrected[0] = -1
    found = evaluate(PROBABILITIES, LABELS, corrected.tolist()).corrected
    assert found
    assert (found.correct, found.count) == (19, 19)
    corrected[0] = -2
    with pytest.raises(EvaluationError, match=r"^corrected_labels must be -1 to 9 and ranges from -2 to 9: "):
        evaluate(PROBABILITIES, LABELS, corrected)


def test_the_arguments_are_not_modified() -> None:
    probabilities, labels = PROBABILITIES.astype(np.float32), LABELS.copy()
    evaluate(probabilities, labels)
    assert (probabilities == PROBABILITIES.astype(np.float32)).all()
    assert (labels == LABELS).all()


@pytest.mark.parametrize(
    ("total", "sentence"),
    [
        (100.0, "as percentages do"),
        (101.0, "as percentages do"),
        (101.5, "row 0 sums to 101.5"),
        (1.02, "sums to 1.02"),
    ],
)
def test_rows_are_percentages_if_they_sum_to_100_within_a_hundredth(total: float, sentence: str) -> None:
    rows = np.zeros((1, 10))
    rows[0, 3] = total
    with pytest.raises(EvaluationError, match=sentence):
        evaluate(rows, [3])
    rows[0, 3] = 1.0099
    assert evaluate(rows, [3]).accuracy == 1
