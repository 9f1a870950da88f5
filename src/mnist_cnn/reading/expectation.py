"""What a row says if it must fit a pattern: the most probable of the texts that fit (a beam search)."""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mnist_cnn.reading.digit import REJECTED, Digit
from mnist_cnn.reading.mark import Mark
from mnist_cnn.reading.number import Item
from mnist_cnn.reading.patterns import Pattern, pattern_of

BEAM = 4000  # texts that are kept after each digit
UNLIKELY = 1e-4  # the least probability of any digit, or of nothing, where something was seen
SLASH, PASSES_FOR, OFTEN = "/", ("1", "7"), 0.05  # digits that a slash passes for, and how often in what has marks
GIVEN = 0.98  # how probably a row fits at all, before it is seen: some are not what is expected
LEAST = 0.6  # the probability that anything fits, below which nothing does

Choice = tuple[str, float]
"""A text that something may be, and its probability."""


@dataclass(frozen=True)
class Expectation:
    """The most probable text of a row that fits a pattern, and its probability; "?" if probably none does."""

    text: str
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        """As a JSON document."""
        return {"text": self.text, "confidence": self.confidence}


def expected(
    rows: Sequence[Sequence[Item]], candidates: Sequence[Digit], pattern: str | Pattern
) -> tuple[Expectation, ...]:
    r"""What each row of digits and marks says if it fits a pattern, such as `date`, `0-20` or `\d{10}`.

    Digits may be others than the most probable ones, candidates that were not shown may be digits, and what was read
    may be nothing, all by their probabilities. Raises ReaderError as `pattern_of`.
    """
    wanted = pattern if isinstance(pattern, Pattern) else pattern_of(pattern)
    return tuple(expected_of(items, wanted) for items in with_candidates(rows, candidates))


def expected_of(items: Sequence[Item], pattern: Pattern) -> Expectation:
    """What items in their order say if it fits a pattern."""
    texts: dict[str, float] = {"": 1.0}
    for item in items:
        longer: dict[str, float] = {}
        for text, probability in texts.items():
            for more, share in choices(item, pattern):
                longer[text + more] = longer.get(text + more, 0.0) + probability * share
        kept = heapq.nlargest(BEAM, longer.items(), key=lambda one: one[1])
        texts = dict(kept)
    whole = math.fsum(texts.values())
    fitting = {text: share / whole for text, share in texts.items() if text and pattern.fits(text)}
    if not fitting:
        return Expectation(REJECTED, 0.0)
    total, best = math.fsum(fitting.values()), max(fitting, key=lambda text: fitting[text])
    # What does not fit may also be right, if the row is not what is expected.
    any_fits = GIVEN * total / (GIVEN * total + (1 - GIVEN) * (1 - total))
    return Expectation(best if any_fits >= LEAST else REJECTED, any_fits * fitting[best] / total)


def choices(item: Item, pattern: Pattern) -> list[Choice]:
    """What one item may be: a digit, a mark if the pattern has any, or nothing."""
    if isinstance(item, Mark):
        text = item.text if pattern.marks else ""
        return [(text, item.confidence), ("", 1 - item.confidence + UNLIKELY)] if text else [("", 1.0)]
    least = min(item.probabilities)
    ten = [(str(digit), share - least + UNLIKELY) for digit, share in enumerate(item.probabilities)]
    nothing = [("", item.non_digit_probability + UNLIKELY)]
    may_be_slash = pattern.marks and str(item.digit) in PASSES_FOR
    return ten + nothing + ([(SLASH, OFTEN)] if may_be_slash else [])


def with_candidates(rows: Sequence[Sequence[Item]], candidates: Sequence[Digit]) -> list[list[Item]]:
    """The items of each row, with the candidates that stand in it, from the left, where rows are level."""
    filled = [list(items) for items in rows]
    for one in candidates:
        middle = one.box.top + one.box.height / 2
        for row, items in zip(rows, filled, strict=True):
            digits = [item for item in row if isinstance(item, Digit)]
            near = min(digits, key=lambda digit: abs(centre(digit) - centre(one)))
            if abs(near.box.top + near.box.height / 2 - middle) < near.box.height / 3 and alike(near, one):
                items.insert(sum(centre(item) < centre(one) for item in items), one)
                break
    return filled


def centre(item: Item) -> float:
    """The middle of an item from left to right."""
    return item.box.left + item.box.width / 2


def alike(one: Digit, other: Digit) -> bool:
    """Whether two digits are about of the same height."""
    return 0.6 < one.box.height / other.box.height < 1.6
