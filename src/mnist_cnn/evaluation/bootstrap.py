"""Bootstrap confidence intervals: resample the images, look at how the statistic varies. Plain arrays only."""

from collections.abc import Callable

import numpy as np

RESAMPLES = 1000  # the ends of a 95% interval then vary by about a thirtieth of its width from seed to seed
SEED = 20261123
BATCH = 50  # resamples: 50 × 10,000 weights are 4 MB, which stay in the processor's cache


def resampled_means(values: np.ndarray, resamples: int = RESAMPLES, seed: int = SEED) -> np.ndarray:
    """Means (resamples, k) of values (n, k), each over n of the n images drawn with replacement (Efron 1979)."""
    rng = np.random.default_rng(seed)
    count = len(values)
    means = []
    for start in range(0, resamples, BATCH):
        drawn = rng.integers(0, count, (min(BATCH, resamples - start), count))
        times_drawn = np.stack([np.bincount(one, minlength=count) for one in drawn])
        means.append(times_drawn.astype(np.float64) @ values / count)
    return np.concatenate(means)


def confidence_interval(
    values: np.ndarray, means: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, float]:
    """95% confidence interval of a statistic (resamples, k) → (resamples,), 0 or above, of the means of values (n, k).

    It is the basic bootstrap interval (Davison, Hinkley 1997, § 5.2): as far as resampling moves the statistic up, the
    true value may lie below it. A mean of absolute gaps, such as a calibration error, grows with any noise, including
    that of resampling, so the plain percentile interval lies too high (docs/log.md). The interval always contains the
    observed value.
    """
    observed = float(statistic(values.mean(axis=0, keepdims=True))[0])
    low, high = np.quantile(statistic(means), (0.025, 0.975))
    return float(np.clip(2 * observed - high, 0, observed)), float(max(2 * observed - low, observed))
