"""Temperature scaling: fit the temperature that calibrates probabilities. Plain arrays in, a number out."""

import math

import numpy as np

from mnist_cnn.evaluation.metrics import negative_log_likelihood
from mnist_cnn.reading.temperature import at

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0


def fit(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Temperature, 0.05 to 20, at which probabilities (n, 10) have the lowest negative log-likelihood of labels (n,).

    The images must not be those that the model was trained on. The method is that of Guo et al. (2017), as in
    `reading.temperature`.
    """
    from scipy.optimize import minimize_scalar  # here, because SciPy is not part of the base install

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(at(probabilities, math.exp(log_temperature)), labels)

    bounds = (math.log(MIN_TEMPERATURE), math.log(MAX_TEMPERATURE))
    return math.exp(float(minimize_scalar(loss, bounds=bounds, method="bounded").x))
