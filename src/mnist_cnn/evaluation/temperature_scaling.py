"""Temperature scaling: fit the temperature that calibrates probabilities. Plain arrays in, a number out."""

import math
from collections.abc import Callable

import numpy as np

from mnist_cnn.evaluation.metrics import negative_log_likelihood
from mnist_cnn.reading.temperature import at

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0
GOLDEN = (math.sqrt(5) - 1) / 2
EXACT = 1e-5


def fit(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Temperature, 0.05 to 20, at which probabilities (n, 10) have the lowest negative log-likelihood of labels (n,).

    The images must not be those that the model was trained on. The method is that of Guo et al. (2017), as in
    `reading.temperature`.
    """

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(at(probabilities, math.exp(log_temperature)), labels)

    return math.exp(lowest(loss, math.log(MIN_TEMPERATURE), math.log(MAX_TEMPERATURE)))


def lowest(loss: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one minimum between two numbers is lowest, to 1e-5, by golden-section search.

    Kiefer, "Sequential minimax search for a maximum" (1953). SciPy, which has it, is not part of the base install.
    """
    inner = [low + (high - low) * (1 - GOLDEN), low + (high - low) * GOLDEN]
    losses = [loss(one) for one in inner]
    while high - low > EXACT:
        if losses[0] <= losses[1]:
            high = inner[1]
            inner = [low + (high - low) * (1 - GOLDEN), inner[0]]
            losses = [loss(inner[0]), losses[0]]
        else:
            low = inner[0]
            inner = [inner[1], low + (high - low) * GOLDEN]
            losses = [losses[1], loss(inner[1])]
    return (low + high) / 2
