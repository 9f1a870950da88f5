"""What a training takes of ink: characters of some writers, and how often each is drawn."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_cnn.data.dataset import Examples
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.rendering import as_examples, varied

# Letters and symbols that cannot be told from a digit, or from part of one: no evidence against a reader.
LIKE_DIGITS = frozenset("OoIlSsZzgqb|!/\\'`()1")
RAREST = 3.0  # times as often as a digit that is recognised without having seen its writer


@dataclass(frozen=True, eq=False)
class TrainingInk:
    """Characters to train on.

    `digits` are characters 0 to 9, `shares` (n,) how often each of these is drawn, with the sum 1; `others` are
    characters that are no digit, each drawn equally often. Both are of writers to train on.
    """

    digits: Sequence[InkCharacter]
    shares: np.ndarray
    others: Sequence[InkCharacter]

    def draw_digits(self, count: int, rng: np.random.Generator) -> Examples:
        """`count` images of digits with their labels, each in another hand, pen and light."""
        drawn = [self.digits[index] for index in rng.choice(len(self.digits), count, p=self.shares).tolist()]
        return as_examples(varied(drawn, rng), drawn)

    def draw_others(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """`count` images (n, 28, 28) uint8 of characters that are no digit, likewise."""
        return varied([self.others[index] for index in rng.integers(0, len(self.others), count).tolist()], rng)


def shares(digits: Sequence[InkCharacter], recognised: np.ndarray) -> np.ndarray:
    """How often each digit is drawn (n,), with the sum 1.

    All ten digits are drawn equally often. Within one, a writer counts with the square root of the number of examples
    of it, or the few who wrote hundreds would outweigh everybody else. And the rarer a way of writing, the more often:
    up to `RAREST` times, by the probability `recognised` (n,) that a model gave it without knowing its writer.
    """
    by_writer = Counter((one.label, one.writer) for one in digits)
    of_writer = np.array([by_writer[one.label, one.writer] for one in digits]) ** -0.5
    weights = of_writer * (1 + (RAREST - 1) * (1 - recognised))
    labels = np.array([one.label for one in digits])
    for label in np.unique(labels):
        weights[labels == label] /= weights[labels == label].sum()
    return np.asarray(weights / weights.sum())
