"""Pen-Digits: digits by 44 people, as E. Alpaydin and F. Alimoglu recorded them (UCI, the unnormalised files).

Both files, `pendigits-orig.tra` and `pendigits-orig.tes`, are UNIPEN text. The comment after each segment holds the
digit, its writer's number and its own. Neither file says which it is, but writers 15 to 30 are in the first only.
"""

import re
from itertools import pairwise
from typing import NamedTuple

from mnist_cnn.data.ink import unipen_text
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.packed import beginning
from mnist_cnn.data.ink.unipen_text import Segment
from mnist_cnn.errors import DataError

NAME = "Pen-Digits"
LARGEST = 16 * 2**20  # bytes of a file, unpacked; the larger one has 3.6 million
LEVEL = re.compile(rb"^\.HIERARCHY\s+DIGIT\s*$", re.MULTILINE)
COMMENT = re.compile(r"\s*([0-9])\s+([0-9]{1,2})\s+[0-9]+\s*")


class Part(NamedTuple):
    """One of the two files: how many writers and digits it has."""

    name: str
    writers: int
    digits: int


TRAINING, TEST = Part("tra", 30, 7494), Part("tes", 14, 3498)


def is_one(start: bytes) -> bool:
    """Whether a file that begins with these bytes, plain or packed, is one of Pen-Digits."""
    return LEVEL.search(beginning(start)) is not None


def part(text: str) -> tuple[Part, list[InkCharacter]]:
    """Which file this is, and its digits in their order; raises DataError with a phrase if it is not one, and whole."""
    statements = unipen_text.statements(text)
    found: list[tuple[Segment, int]] = []
    for (keyword, value), (after, comment) in pairwise(statements):
        if keyword == "SEGMENT" and after == "COMMENT":
            segment, match = unipen_text.segment(value), COMMENT.fullmatch(comment)
            if segment is None or match is None or match[1] != segment.label:
                raise DataError(f"a segment is {value.strip()[:40]!r} with the comment {comment.strip()[:40]!r}")
            found.append((segment, int(match[2])))
    writers = {writer for _, writer in found}
    which = TRAINING if max(writers, default=0) > TEST.writers else TEST
    if len(found) != which.digits or writers != set(range(1, which.writers + 1)):
        raise DataError(
            f"it has {len(found):,} digits of {len(writers)} writers, and pendigits-orig.{which.name} has "
            f"{which.digits:,} of {which.writers}"
        )
    strokes = unipen_text.drawing(statements).strokes
    digits: list[InkCharacter] = []
    for segment, writer in found:
        pieces = unipen_text.cut(strokes, segment.components)
        if pieces is None:
            raise DataError(f"the strokes {segment.components[:40]} of a digit are missing")
        digits.append(InkCharacter(segment.label, f"pendigits/{which.name}/{writer}", pieces))
    return which, digits
