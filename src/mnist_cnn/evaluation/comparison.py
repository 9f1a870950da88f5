"""What do several networks' numbers say together, and is a difference more than chance? Plain arrays: no files.

Every difference is B less A in shares (0.01 is a percentage point), and every interval is a 95 % interval.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

LEVEL = 0.05  # a difference is called real where chance alone would make one as large less often than this
ROUNDS = 10_000  # random changes of sign in a permutation test: a p of 0.05 is then known to ± 0.004
NO_SPREAD = 1e-20  # a variance below this is rounding: accuracies on n images come in steps of 1/n


@dataclass(frozen=True)
class Summary:
    """Several accuracies in a few numbers; `sd` (of the sample) and `interval` (of the mean) need at least two."""

    count: int
    mean: float
    sd: float | None
    interval: tuple[float, float] | None
    smallest: float
    largest: float

    def to_dict(self) -> dict[str, Any]:
        """The summary as JSON has it."""
        return asdict(self)


@dataclass(frozen=True)
class Difference:
    """How much more B is right than A; `interval` and `p` (two-sided) are None where nothing can be said about them."""

    value: float
    interval: tuple[float, float] | None
    p: float | None

    @property
    def is_real(self) -> bool:
        """Whether chance is an unlikely explanation."""
        return self.p is not None and self.p < LEVEL

    def to_dict(self) -> dict[str, Any]:
        """The difference as JSON has it."""
        return asdict(self)


@dataclass(frozen=True)
class Discordance:
    """On how many images two networks were both right, one of them, or neither."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @classmethod
    def of(cls, right_a: np.ndarray, right_b: np.ndarray) -> "Discordance":
        """Count two arrays (n,) of booleans over the same images."""
        return cls(
            both=int((right_a & right_b).sum()),
            only_a=int((right_a & ~right_b).sum()),
            only_b=int((right_b & ~right_a).sum()),
            neither=int((~right_a & ~right_b).sum()),
        )

    @property
    def count(self) -> int:
        """How many images there were."""
        return self.both + self.only_a + self.only_b + self.neither

    def to_dict(self) -> dict[str, Any]:
        """The counts as JSON has them."""
        return asdict(self)


def summarise(values: Sequence[float]) -> Summary:
    """Mean, standard deviation, and the interval of the mean by the t distribution (Student 1908)."""
    from scipy.stats import t

    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return Summary(count, mean, None, None, min(values), max(values))
    sd = float(np.std(values, ddof=1))
    half = float(t.ppf(0.975, count - 1)) * sd / math.sqrt(count)
    return Summary(count, mean, sd, (mean - half, mean + half), min(values), max(values))


def mcnemar(counts: Discordance) -> Difference:
    """Two networks on the same images: the exact test of McNemar (1947, Psychometrika 12:153), a binomial one.

    The interval is Wald's with one observation added to each kind of disagreement (Bonett and Price 2012, J. Educ.
    Behav. Stat. 37:479), which Fagerland, Lydersen and Laake (2014, Stat. Med. 33:2850) recommend.
    """
    from scipy.stats import binomtest

    discordant = counts.only_a + counts.only_b
    p = float(binomtest(counts.only_b, discordant).pvalue) if discordant else 1.0
    size = counts.count + 2
    share_a, share_b = (counts.only_a + 1) / size, (counts.only_b + 1) / size
    middle = share_b - share_a
    half = NormalDist().inv_cdf(0.975) * math.sqrt((share_a + share_b - middle**2) / size)
    return Difference((counts.only_b - counts.only_a) / counts.count, (middle - half, middle + half), p)


def welch(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Two sets of seeds, at least two each, whose spreads may differ: Welch's t-test (1947, Biometrika 34:28).

    Where neither set has any spread there is nothing to measure the difference with, so it has no interval and no p.
    """
    from scipy.stats import t

    parts = [float(np.var(values, ddof=1)) / len(values) for values in (a, b)]
    value, variance = float(np.mean(b) - np.mean(a)), sum(parts)
    if variance < NO_SPREAD:
        return Difference(value, None, None)
    freedom = variance**2 / sum(part**2 / (len(values) - 1) for part, values in zip(parts, (a, b), strict=True))
    error = math.sqrt(variance)
    half = float(t.ppf(0.975, freedom)) * error
    return Difference(value, (value - half, value + half), float(2 * t.sf(abs(value) / error, freedom)))


def paired_permutation(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> Difference:
    """Two sets of networks on the same images: `a` and `b` (n,) are the shares of each set that read an image rightly.

    If the sets were alike, each image's difference could as well have the other sign: p is the share of random changes
    of sign that give at least the difference seen (Fisher 1935, The Design of Experiments, § 21), the data as they
    are counted in (Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39). The interval is that of a mean of n
    differences.
    """
    from scipy.stats import t

    differences = b - a
    moved = differences[differences != 0]  # the others keep their nought whatever their sign
    seen = abs(moved.sum()) - 1e-9  # sums of the same numbers in another order differ in their last bits
    extreme = 1
    for _ in range(10):  # in parts, because the signs of one round for 1,000 images take 8 kB
        signs = rng.choice((-1.0, 1.0), (ROUNDS // 10, len(moved)))
        extreme += int((np.abs(signs @ moved) >= seen).sum())
    value, count = float(differences.mean()), len(differences)
    half = float(t.ppf(0.975, count - 1) * differences.std(ddof=1) / math.sqrt(count))
    return Difference(value, (value - half, value + half), extreme / (ROUNDS + 1))
