"""The statistics of studies, against values that others have published or that can be counted by hand."""

import numpy as np
import pytest
from scipy import stats

from mnist_cnn.evaluation.comparison import Discordance, mcnemar, paired_permutation, summarise, welch

# The first pair of samples in Wikipedia's "Welch's t-test": t = -2.46, 25.0 degrees of freedom, p = 0.021.
WELCH_A = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4]
WELCH_B = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 20.5, 24.4]


def test_a_summary_has_the_spread_of_a_sample_and_students_interval() -> None:
    summary = summarise([2, 4, 4, 4, 5, 5, 7, 9])
    assert (summary.count, summary.mean, summary.smallest, summary.largest) == (8, 5, 2, 9)
    assert summary.sd == pytest.approx(np.sqrt(32 / 7))
    # A table of the t distribution has 2.365 for 7 degrees of freedom.
    assert summary.interval == pytest.approx(
        (5 - 2.365 * np.sqrt(32 / 7 / 8), 5 + 2.365 * np.sqrt(32 / 7 / 8)), abs=1e-3
    )


def test_one_value_has_no_spread() -> None:
    summary = summarise([0.98])
    assert (summary.mean, summary.sd, summary.interval) == (0.98, None, None)


def test_images_are_counted_by_who_was_right() -> None:
    a = np.array([True, True, False, False, True])
    b = np.array([True, False, True, False, True])
    assert Discordance.of(a, b) == Discordance(both=2, only_a=1, only_b=1, neither=1)


def test_mcnemars_test_is_exact() -> None:
    """The example of Fagerland, Lydersen and Laake (2014): 1, 1, 7 and 12 of 21 pairs."""
    found = mcnemar(Discordance(both=1, only_a=1, only_b=7, neither=12))
    assert found.p == pytest.approx(2 * (1 + 8) / 2**8)  # at most one head in eight throws, on either side
    assert found.value == pytest.approx(6 / 21)
    # Bonett and Price by hand: shares 2/23 and 8/23, so 0.261 ± 1.96 · sqrt((0.435 - 0.068) / 23).
    assert found.interval == pytest.approx((0.0134, 0.5084), abs=1e-4)


def test_exchanging_two_networks_turns_the_difference_round() -> None:
    there, back = (mcnemar(Discordance(both=90, only_a=a, only_b=b, neither=1)) for a, b in ((6, 3), (3, 6)))
    assert there.interval
    assert back.interval
    assert (there.value, there.p) == (-back.value, back.p)
    assert there.interval == pytest.approx((-back.interval[1], -back.interval[0]))


def test_networks_that_never_disagree_do_not_differ_but_might_on_other_images() -> None:
    found = mcnemar(Discordance(both=99, only_a=0, only_b=0, neither=1))
    assert (found.value, found.p) == (0, 1)
    assert found.interval
    assert found.interval[0] < 0 < found.interval[1]


def test_welchs_test_is_that_of_the_literature() -> None:
    found = welch(WELCH_A, WELCH_B)
    assert found.p == pytest.approx(0.021, abs=5e-4)
    assert found.is_real


def test_welchs_test_is_scipys() -> None:
    rng = np.random.default_rng(7)
    a, b = rng.normal(0.98, 0.002, 5), rng.normal(0.982, 0.0005, 9)
    theirs = stats.ttest_ind(b, a, equal_var=False)
    found = welch([*a], [*b])
    assert found.p == pytest.approx(theirs.pvalue)
    assert found.interval == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert found.value == pytest.approx(b.mean() - a.mean())


def test_studies_without_any_spread_say_nothing_about_chance() -> None:
    found = welch([0.97, 0.97], [0.972, 0.972])
    assert found.value == pytest.approx(0.002)
    assert (found.interval, found.p, found.is_real) == (None, None, False)


def permuted(a: list[float], b: list[float]) -> float:
    found = paired_permutation(np.array(a), np.array(b), np.random.default_rng(0)).p
    assert found is not None
    return found


def test_a_permutation_test_counts_changes_of_sign() -> None:
    # All five images speak for B: of the 32 ways to set the signs, 2 are as extreme.
    assert permuted([0, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1]) == pytest.approx(2 / 32, abs=0.01)
    # One network against one: McNemar's test.
    a = np.array([1.0] + [0] * 7 + [1] * 20)
    b = np.array([0.0] + [1] * 7 + [1] * 20)
    assert permuted([*a], [*b]) == pytest.approx(2 * 9 / 2**8, abs=0.01)


def test_a_permutation_test_never_gives_a_p_of_zero() -> None:
    assert 0 < permuted([0] * 50, [1] * 50) < 0.001


def test_sets_of_networks_that_are_alike_have_a_p_of_one() -> None:
    found = paired_permutation(np.full(10, 0.5), np.full(10, 0.5), np.random.default_rng(0))
    assert (found.value, found.interval, found.p) == (0, (0, 0), 1)


def test_a_permutation_test_gives_the_same_twice() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random(40), rng.random(40)
    assert permuted([*a], [*b]) == permuted([*a], [*b])


def test_the_interval_over_images_is_that_of_a_mean_of_differences() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.random(30), rng.random(30)
    theirs = stats.ttest_rel(b, a).confidence_interval(0.95)
    found = paired_permutation(a, b, np.random.default_rng(0)).interval
    assert found == pytest.approx((theirs.low, theirs.high))
