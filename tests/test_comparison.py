"""The statistics of studies, against published values and values computed by hand."""

import numpy as np
import pytest
from scipy import stats

from mnist_cnn.evaluation.comparison import ContingencyTable, mcnemar, paired_permutation, summarize, welch

# The first pair of samples in Wikipedia's "Welch's t-test": t = -2.46, 25.0 degrees of freedom, p = 0.021.
WELCH_A = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4]
WELCH_B = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 20.5, 24.4]


def test_a_summary_has_the_sample_sd_and_students_confidence_interval() -> None:
    summary = summarize([2, 4, 4, 4, 5, 5, 7, 9])
    assert (summary.count, summary.mean, summary.min, summary.max) == (8, 5, 2, 9)
    assert summary.sd == pytest.approx(np.sqrt(32 / 7))
    # A table of the t distribution has 2.365 for 7 degrees of freedom.
    assert summary.confidence_interval == pytest.approx(
        (5 - 2.365 * np.sqrt(32 / 7 / 8), 5 + 2.365 * np.sqrt(32 / 7 / 8)), abs=1e-3
    )


def test_a_single_value_has_no_sd_and_no_confidence_interval() -> None:
    summary = summarize([0.98])
    assert (summary.mean, summary.sd, summary.confidence_interval) == (0.98, None, None)


def test_equal_values_have_no_confidence_interval_rather_than_one_of_no_width() -> None:
    summary = summarize([0.98, 0.98, 0.98])
    assert summary.sd == pytest.approx(0)
    assert summary.confidence_interval is None


def test_images_are_counted_by_which_model_is_correct() -> None:
    a = np.array([True, True, False, False, True])
    b = np.array([True, False, True, False, True])
    assert ContingencyTable.of(a, b) == ContingencyTable(
        both_correct=2, only_a_correct=1, only_b_correct=1, neither_correct=1
    )


def test_mcnemars_test_is_exact() -> None:
    """The example of Fagerland, Lydersen and Laake (2014): 1, 1, 7 and 12 of 21 pairs."""
    found = mcnemar(ContingencyTable(both_correct=1, only_a_correct=1, only_b_correct=7, neither_correct=12))
    assert found.p == pytest.approx(2 * (1 + 8) / 2**8)  # at most one head in eight throws, on either side
    assert found.value == pytest.approx(6 / 21)
    # Bonett and Price by hand: shares 2/23 and 8/23, so 0.261 ± 1.96 · sqrt((0.435 - 0.068) / 23).
    assert found.confidence_interval == pytest.approx((0.0134, 0.5084), abs=1e-4)


def test_swapping_two_models_changes_the_sign_of_the_difference() -> None:
    there, back = (
        mcnemar(ContingencyTable(both_correct=90, only_a_correct=a, only_b_correct=b, neither_correct=1))
        for a, b in ((6, 3), (3, 6))
    )
    assert there.confidence_interval
    assert back.confidence_interval
    assert (there.value, there.p) == (-back.value, back.p)
    assert there.confidence_interval == pytest.approx((-back.confidence_interval[1], -back.confidence_interval[0]))


def test_models_that_never_disagree_have_a_confidence_interval_around_zero() -> None:
    found = mcnemar(ContingencyTable(both_correct=99, only_a_correct=0, only_b_correct=0, neither_correct=1))
    assert (found.value, found.p) == (0, 1)
    assert found.confidence_interval
    assert found.confidence_interval[0] < 0 < found.confidence_interval[1]


def test_welchs_test_has_the_published_value() -> None:
    found = welch(WELCH_A, WELCH_B)
    assert found.p == pytest.approx(0.021, abs=5e-4)
    assert found.is_significant


def test_welchs_test_equals_scipys() -> None:
    rng = np.random.default_rng(7)
    a, b = rng.normal(0.98, 0.002, 5), rng.normal(0.982, 0.0005, 9)
    theirs = stats.ttest_ind(b, a, equal_var=False)
    found = welch([*a], [*b])
    assert found.p == pytest.approx(theirs.pvalue)
    assert found.confidence_interval == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert found.value == pytest.approx(b.mean() - a.mean())


def test_studies_without_variance_have_no_p() -> None:
    found = welch([0.97, 0.97], [0.972, 0.972])
    assert found.value == pytest.approx(0.002)
    assert (found.confidence_interval, found.p, found.is_significant) == (None, None, False)


def permuted(a: list[float], b: list[float]) -> float:
    found = paired_permutation(np.array(a), np.array(b), np.random.default_rng(0)).p
    assert found is not None
    return found


def test_a_permutation_test_counts_changes_of_sign() -> None:
    # All five images favour B: of the 32 ways to set the signs, 2 are as extreme.
    assert permuted([0, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1]) == pytest.approx(2 / 32, abs=0.01)
    # One model against one: McNemar's test.
    a = np.array([1.0] + [0] * 7 + [1] * 20)
    b = np.array([0.0] + [1] * 7 + [1] * 20)
    assert permuted([*a], [*b]) == pytest.approx(2 * 9 / 2**8, abs=0.01)


def test_a_permutation_test_never_gives_a_p_of_zero() -> None:
    assert 0 < permuted([0] * 50, [1] * 50) < 0.001


def test_sets_of_models_without_differences_have_a_p_of_one_and_no_confidence_interval() -> None:
    found = paired_permutation(np.full(10, 0.5), np.full(10, 0.5), np.random.default_rng(0))
    assert (found.value, found.confidence_interval, found.p) == (0, None, 1)


def test_a_permutation_test_is_deterministic() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random(40), rng.random(40)
    assert permuted([*a], [*b]) == permuted([*a], [*b])


def test_the_confidence_interval_over_images_is_that_of_a_mean_of_differences() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.random(30), rng.random(30)
    theirs = stats.ttest_rel(b, a).confidence_interval(0.95)
    found = paired_permutation(a, b, np.random.default_rng(0)).confidence_interval
    assert found == pytest.approx((theirs.low, theirs.high))
