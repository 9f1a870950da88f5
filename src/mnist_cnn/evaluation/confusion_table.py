"""A confusion matrix as an HTML table, for a notebook. Standard library and NumPy only."""

from collections.abc import Sequence
from html import escape

import numpy as np

from mnist_cnn.card import DIGITS

ERROR, CORRECT = "194, 65, 12", "37, 99, 168"  # RGB


def confusion_table(title: str, matrix: np.ndarray, class_names: Sequence[str] = DIGITS) -> str:
    """The matrix (classes, classes), rows true classes and columns predicted ones, shaded by the share of each row."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    names = [escape(name) for name in class_names]
    heads = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(
        f"<tr><th>{name}</th>{''.join(cell(true, predicted, matrix, shares) for predicted in range(len(names)))}</tr>"
        for true, name in enumerate(names)
    )
    return f"<p>{escape(title)}</p><table><tr><th>true \\ predicted</th>{heads}</tr>{rows}</table>"


def cell(true: int, predicted: int, matrix: np.ndarray, shares: np.ndarray) -> str:
    """One count; zeros are left blank, so that errors stand out."""
    count, colour = int(matrix[true, predicted]), CORRECT if true == predicted else ERROR
    strength = 0.3 * shares[true, predicted] if true == predicted else min(1.0, 10 * shares[true, predicted])
    return f'<td style="background: rgba({colour}, {strength:.2f})">{count or ""}</td>'
