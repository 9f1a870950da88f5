"""Logits as probabilities, and temperature scaling of these."""

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Logits (…, classes) as probabilities, each row summing to 1."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def at(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (n, 10) float32 with logits divided by a temperature: above 1 less confident, below 1 more.

    Dividing logits is taking probabilities to the power of 1 / temperature; the most probable digit stays the same
    (Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", 2017, arXiv:1706.04599).
    """
    return softmax(np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)) / np.float32(temperature))
