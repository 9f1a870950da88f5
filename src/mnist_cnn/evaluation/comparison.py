"""Summaries of several models, and tests of whether a difference is statistically significant. Plain arrays only.

Every difference is B minus A, as a fraction (0.01 is one percentage point); every confidence interval is a 95% one.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

ALPHA = 0.05  # significance level
PERMUTATIONS = 10_000  # random sign flips in a permutation test: a p of 0.05 is then known to ± 0.004
ZERO_VARIANCE = 1e-20  # a variance below this is rounding: accuracies on n images come in steps of 1/n


@dataclass(frozen=True)
class Summary:
    """Summary statistics of several accuracies, each 0 to 1.

    `sd` is the sample standard deviation, `confidence_interval` that of the mean; both are None for a single value, and
    the interval also where all values are equal, because they then say nothing about their spread.
    """

    count: int
    mean: float
    sd: float | None
    confidence_interval: tuple[float, float] | None
    min: float
    max: float

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Difference:
    """Accuracy of B minus accuracy of A; `confidence_interval` and `p` (two-sided) are None if they are undefined."""

    value: float
    confidence_interval: tuple[float, float] | None
    p: float | None

    @property
    def is_significant(self) -> bool:
        """Whether p is below 0.05."""
        return self.p is not None and self.p < ALPHA

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class ContingencyTable:
    """Number of images that two models both classify correctly, that only one of them does, or that neither does."""

    both_correct: int
    only_a_correct: int
    only_b_correct: int
    neither_correct: int

    @classmethod
    def of(cls, correct_a: np.ndarray, correct_b: np.ndarray) -> "ContingencyTable":
        """Count two boolean arrays (n,) over the same images."""
        return cls(
            both_correct=int((correct_a & correct_b).sum()),
            only_a_correct=int((correct_a & ~correct_b).sum()),
            only_b_correct=int((correct_b & ~correct_a).sum()),
            neither_correct=int((~correct_a & ~correct_b).sum()),
        )

    @property
    def count(self) -> int:
        """Number of images."""
        return self.both_correct + self.only_a_correct + self.only_b_correct + self.neither_correct

    def to_dict(self) -> dict[str, Any]:
        """The counts as JSON."""
        return asdict(self)


def summarize(values: Sequence[float]) -> Summary:
    """Mean, standard deviation, and the confidence interval of the mean by the t distribution (Student 1908)."""
    from scipy.stats import t

    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return Summary(count, mean, None, None, min(values), max(values))
    sd = float(np.std(values, ddof=1))
    half = float(t.ppf(0.975, count - 1)) * sd / math.sqrt(count)
    interval = None if sd**2 < ZERO_VARIANCE else (mean - half, mean + half)
    return Summary(count, mean, sd, interval, min(values), max(values))


def mcnemar(counts: ContingencyTable) -> Difference:
    """Two models on the same images: the exact (binomial) test of McNemar (1947, Psychometrika 12:153).

    The confidence interval is Wald's with one observation added to each kind of disagreement (Bonett and Price 2012, J.
    Educ. Behav. Stat. 37:479), which Fagerland, Lydersen and Laake (2014, Stat. Med. 33:2850) recommend.
    """
    from scipy.stats import binomtest

    discordant = counts.only_a_correct + counts.only_b_correct
    p = float(binomtest(counts.only_b_correct, discordant).pvalue) if discordant else 1.0
    size = counts.count + 2
    rate_a, rate_b = (counts.only_a_correct + 1) / size, (counts.only_b_correct + 1) / size
    middle = rate_b - rate_a
    half = NormalDist().inv_cdf(0.975) * math.sqrt((rate_a + rate_b - middle**2) / size)
    value = (counts.only_b_correct - counts.only_a_correct) / counts.count
    return Difference(value, (middle - half, middle + half), p)


def welch(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Two sets of seeds, at least two each, with possibly unequal variances: Welch's t-test (1947, Biometrika 34:28).

    If neither set has any variance, the difference has neither a confidence interval nor a p.
    """
    from scipy.stats import t

    parts = [float(np.var(values, ddof=1)) / len(values) for values in (a, b)]
    value, variance = float(np.mean(b) - np.mean(a)), sum(parts)
    if variance < ZERO_VARIANCE:
        return Difference(value, None, None)
    freedom = variance**2 / sum(part**2 / (len(values) - 1) for part, values in zip(parts, (a, b), strict=True))
    error = math.sqrt(variance)
    half = float(t.ppf(0.975, freedom)) * error
    return Difference(value, (value - half, value + half), float(2 * t.sf(abs(value) / error, freedom)))


def paired_permutation(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> Difference:
    """Two sets of models on the same images; `a` and `b` (n,) are the fractions of each set that are correct.

    Under the null hypothesis the sign of each image's difference is arbitrary: p is the fraction of random sign flips
    that give at least the observed difference (Fisher 1935, The Design of Experiments, § 21), the observed signs
    included (Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39). The confidence interval is that of a mean of
    n differences, None if all of them are equal.
    """
    from scipy.stats import t

    differences = b - a
    nonzero = differences[differences != 0]  # a sign flip leaves zeros as they are
    observed = abs(nonzero.sum()) - 1e-9  # sums of the same numbers in another order differ in their last bits
    extreme = 1
    for _ in range(10):  # in parts, because the signs of one permutation for 1,000 images take 8 kB
        signs = rng.choice((-1.0, 1.0), (PERMUTATIONS // 10, len(nonzero)))
        extreme += int((np.abs(signs @ nonzero) >= observed).sum())
    value, count = float(differences.mean()), len(differences)
    variance = float(differences.var(ddof=1))
    half = float(t.ppf(0.975, count - 1)) * math.sqrt(variance / count)
    interval = None if variance < ZERO_VARIANCE else (value - half, value + half)
    return Difference(value, interval, extreme / (PERMUTATIONS + 1))
