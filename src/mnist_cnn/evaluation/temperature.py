"""Which temperature makes these probabilities mean what they say? Plain arrays in, a number out."""

import math

import numpy as np

from mnist_cnn.evaluation.metrics import negative_log_likelihood
from mnist_cnn.reading.temperature import at

LOWEST, HIGHEST = 0.05, 20.0


def fitted(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature, 0.05 to 20, with which (n, 10) probabilities have the least negative log-likelihood.

    The images must not be those that the network was trained on. The method is that of Guo et al. (2017), as in
    `reading.temperature`.
    """
    from scipy.optimize import minimize_scalar  # here, because SciPy is not part of the light install

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(at(probabilities, math.exp(log_temperature)), labels)

    found = minimize_scalar(loss, bounds=(math.log(LOWEST), math.log(HIGHEST)), method="bounded")
    return math.exp(float(found.x))
