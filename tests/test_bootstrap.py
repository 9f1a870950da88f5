import numpy as np
import pytest

from mnist_cnn.evaluation.bootstrap import confidence_interval, resampled_means


def first(means: np.ndarray) -> np.ndarray:
    return means[:, 0]


def gap(means: np.ndarray) -> np.ndarray:
    return np.abs(means).sum(axis=1)


def test_resampled_means_have_the_standard_error_of_a_mean() -> None:
    values = np.random.default_rng(1).normal(3, 2, (2500, 1))
    means = resampled_means(values)
    assert means.shape == (1000, 1)
    assert means.mean() == pytest.approx(values.mean(), abs=0.01)
    assert means.std() == pytest.approx(2 / 50, rel=0.1)


def test_the_values_of_an_image_are_resampled_together() -> None:
    values = np.random.default_rng(1).normal(0, 1, (30, 1))
    means = resampled_means(np.hstack([values, 5 * values]), resamples=70)
    assert means[:, 1] == pytest.approx(5 * means[:, 0])


def test_resampling_is_deterministic() -> None:
    values = np.arange(10.0)[:, np.newaxis]
    assert (resampled_means(values, 60) == resampled_means(values, 60)).all()
    assert (resampled_means(values, 60) != resampled_means(values, 60, seed=1)).any()


def test_the_interval_of_a_mean_is_the_normal_one() -> None:
    values = np.random.default_rng(2).normal(3, 2, (2500, 1))
    low, high = confidence_interval(values, resampled_means(values), first)
    assert (low, high) == pytest.approx((values.mean() - 1.96 / 25, values.mean() + 1.96 / 25), abs=0.01)


def test_a_constant_has_an_interval_of_no_width() -> None:
    values = np.full((20, 1), 0.25)
    assert confidence_interval(values, resampled_means(values, 50), first) == pytest.approx((0.25, 0.25))


def test_the_interval_of_absolute_gaps_that_are_noise_begins_at_zero() -> None:
    # Ten bins of a calibrated classifier: each true gap is zero, and none of the observed ones is.
    values = np.random.default_rng(3).normal(0, 1, (1000, 10))
    means = resampled_means(values)
    assert confidence_interval(values, means, gap)[0] == 0
    assert np.quantile(gap(means), 0.025) > 0.1  # so the plain percentile interval excludes it


def test_the_observed_value_is_always_inside() -> None:
    for seed in range(20):
        values = np.random.default_rng(seed).normal(0, 1, (50, 10))
        low, high = confidence_interval(values, resampled_means(values, 50), gap)
        assert low <= float(gap(values.mean(axis=0, keepdims=True))[0]) <= high


def test_no_end_is_negative() -> None:
    values = np.zeros((10, 1))
    values[0] = 1.0
    low, high = confidence_interval(values, resampled_means(values), first)
    assert low == 0 < high
