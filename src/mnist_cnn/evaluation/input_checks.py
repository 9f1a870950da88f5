"""Check what `evaluate` is given: anything array-like in, clean arrays or one clear sentence out."""

from typing import Any

import numpy as np

from mnist_cnn.card import MOST_CLASSES
from mnist_cnn.errors import EvaluationError
from mnist_cnn.evaluation.disputed import EXCLUDED

CLASSES = 10  # of digits; there may be others
ROW_SUM_TOLERANCE = 0.01  # rounded to two digits or computed in bfloat16, a row may be this far from 1
NUMBERS = "buif"  # NumPy's codes of Booleans, unsigned and signed integers, and floats


def checked(
    probabilities: Any, labels: Any, corrected_labels: Any = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Probabilities (n, classes) float, labels (n,) int64, and corrected labels (n,) int64 or None.

    Each may be anything that NumPy can convert: arrays, lists, tensors, data frames. Raises EvaluationError.
    """
    rows, digits = as_array(probabilities, "probabilities"), as_array(labels, "labels")
    if rows.ndim == 1 and digits.ndim == 2 and digits.shape[1] > 1:
        raise EvaluationError(
            f"probabilities and labels are swapped (their shapes are {rows.shape} and {digits.shape}): "
            "call evaluate(probabilities, labels)."
        )
    rows = checked_probabilities(rows)
    digits = checked_labels(digits, "labels", len(rows), classes=rows.shape[1])
    if corrected_labels is None:
        return rows, digits, None
    corrected = checked_labels(
        as_array(corrected_labels, "corrected_labels"), "corrected_labels", len(rows), EXCLUDED, rows.shape[1]
    )
    return rows, digits, corrected


def as_array(value: Any, name: str) -> np.ndarray:
    """The value as an array of numbers; raises EvaluationError if it is none."""
    try:
        array = np.asarray(value)
    except Exception as error:  # whatever the object's own conversion raises, such as that of a tensor on a GPU
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(value, list | tuple) and isinstance(error, ValueError):
            reason = "its rows differ in length"
        raise EvaluationError(
            f"{name} cannot be converted to a NumPy array ({reason.rstrip('.')}): pass an array of numbers."
        ) from error
    if isinstance(value, np.ma.MaskedArray) and (masked := int(np.ma.getmaskarray(value).sum())):
        raise EvaluationError(f"{name} has {masked:,} masked values: remove these images, or fill the values.")
    if array.dtype.kind in "USO" and array.size and isinstance(first := array.ravel()[:1].tolist()[0], str | bytes):
        raise EvaluationError(f"{name} has text, such as {first!r}: convert it to numbers first.")
    if array.dtype.kind not in NUMBERS:
        received = f"has the type {array.dtype}" if array.ndim else f"is of type {type(value).__name__}"
        raise EvaluationError(f"{name} {received}: pass an array of real numbers.")
    return array


def checked_probabilities(rows: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) as float32 or float64; raises EvaluationError if they are something else."""
    if rows.ndim != 2 or not 2 <= rows.shape[1] <= MOST_CLASSES:
        advice = "pass one row per image, with the probability of each digit"
        if rows.ndim == 1 and rows.dtype.kind in "ui":
            advice = "these look like predicted digits; pass the probability of each digit (model.predict_proba)"
        raise EvaluationError(f"probabilities must have the shape (n, {CLASSES}), not {rows.shape}: {advice}.")
    if not len(rows):
        raise EvaluationError("probabilities has no rows, so there is nothing to evaluate: pass at least one image.")
    rows = rows.astype(np.float32 if rows.dtype in (np.float16, np.float32) else np.float64, copy=False)
    if not np.isfinite(rows).all():
        bad = int((~np.isfinite(rows)).any(axis=1).sum())
        raise EvaluationError(
            f"probabilities has NaN or infinite values in {bad:,} of {len(rows):,} rows: check the model's output."
        )
    if rows.min() < 0:
        raise EvaluationError(
            f"probabilities has negative values (down to {rows.min():.4g}), as logits have: apply softmax first."
        )
    sums = rows.sum(axis=1, dtype=np.float64)
    if np.abs(sums - 1).max() <= ROW_SUM_TOLERANCE:
        return rows
    if np.abs(sums - 100).max() <= 100 * ROW_SUM_TOLERANCE:
        raise EvaluationError("The rows of probabilities sum to 100, as percentages do: divide them by 100.")
    row = int(np.abs(sums - 1).argmax())
    raise EvaluationError(
        f"Each row of probabilities must sum to 1, and row {row} sums to {sums[row]:.4g}: "
        "apply softmax to logits, or divide each row by its sum."
    )


def checked_labels(digits: np.ndarray, name: str, count: int, lowest: int = 0, classes: int = CLASSES) -> np.ndarray:
    """Labels (count,) as int64, `lowest` to the last class; raises EvaluationError if they are something else."""
    if digits.shape != (count,):
        advice = "pass one digit per image"
        if digits.ndim == 2 and digits.shape[1] > 1:
            advice = f"these look one-hot encoded; pass {name}.argmax(axis=1)"
        elif digits.shape == (count, 1):
            advice = f"pass {name}.ravel()"
        elif digits.ndim == 1:
            raise EvaluationError(
                f"There are {count:,} rows of probabilities and {len(digits):,} {name}: pass one label per row."
            )
        raise EvaluationError(f"{name} must have the shape ({count},), not {digits.shape}: {advice}.")
    if digits.dtype.kind not in "ui":
        raise EvaluationError(
            f"{name} must be integers, not {digits.dtype}: pass digits, for example {name}.astype(int)."
        )
    if digits.min() < lowest or digits.max() >= classes:
        raise EvaluationError(
            f"{name} must be {lowest} to {classes - 1} and ranges from {digits.min()} to {digits.max()}: "
            "map each label to the "
            + ("digit" if classes == CLASSES else "number of the class")
            + " that it stands for."
        )
    return digits.astype(np.int64)
