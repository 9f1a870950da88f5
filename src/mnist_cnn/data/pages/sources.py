"""What pages are written with: MNIST's digits, pen strokes of digits and letters, and typefaces, prepared to be quick.

Drawing a page takes a millisecond, so nothing is parsed or resampled then: strokes are points at equal distances in one
array, printed characters are small images.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from mnist_cnn.data import glyphs, strokes, variation
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.line import InkLine
from mnist_cnn.data.ink.writers import held_out
from mnist_cnn.data.pages import typefaces
from mnist_cnn.data.pages.typefaces import Typefaces
from mnist_cnn.errors import DataError

STEP = 0.045  # between two points of a stroke, in heights of the character
STROKES = ("digits", "letters", "phrases")
UNITS = 3072  # of a coordinate in a file for one height
LEFT_OUT = ("unipen/ibm/", "unipen/uqb/")  # some of their labels and segments are wrong
MOST_OF_A_LETTER = 700
MOST_OF_A_WRITER = 60  # phrases
ANYONE = -1  # instead of a writer's number
UNEVEN = 0.35  # deviation of the heights of a writer's digits, of their median: beyond it, no size is known
LOW, HIGH, BODY = 10, 88, 0.75  # per cent of a line's points above and below its middle part, and how high that is
SPREAD, LONGEST = 4.5, 10.0  # middle parts that one line is high at most, and heights that a phrase is wide at most
NARROWEST, WIDEST = 0.22, 3.0  # of a letter, in middle parts: otherwise it is not one line, or not what it says
GAP = 0.3  # heights between words
WAYS = 30  # how often each way to write a digit in `glyphs` is varied
T = TypeVar("T")
VALIDATION = 0.05  # the last part of MNIST's training images, for validation


class Glyph(NamedTuple):
    """One of `Strokes`: points (n, 2) float32, where its strokes begin and end in them, who wrote it and how large."""

    points: np.ndarray
    cuts: list[int]
    writer: int = ANYONE
    size: float = 0.0


class Piece(NamedTuple):
    """A character or phrase to be packed: resampled strokes, and the rest as in `Strokes`."""

    label: str
    strokes: list[np.ndarray]
    writer: int = ANYONE
    size: float = 0.0


@dataclass(frozen=True, eq=False)
class Strokes:
    """Characters, or phrases, as pen strokes.

    `points` (n, 2) float32: x to the right, y downwards, each character in a box of height 1 around (0, 0), or of width
    1 / 0.35 if it is flatter than that; a phrase stands on y = 0, as high as beside a digit of height 1. `stroke_ends`
    (strokes,) and `ends` (characters,) int32 say before which point each stroke ends, and before which stroke each
    character. `labels` (characters,) are single characters, sorted; those of phrases are empty. `writers` (characters,)
    int32 are the numbers of the people who wrote them, sorted within a label, -1 if that is not known; `sizes`
    (characters,) float32 say how large the boxes of height 1 were, in heights of that person's digits, 0 if that is not
    known.
    """

    points: np.ndarray
    stroke_ends: np.ndarray
    ends: np.ndarray
    labels: np.ndarray
    writers: np.ndarray
    sizes: np.ndarray

    def __post_init__(self) -> None:
        starts = np.concatenate([[0], self.stroke_ends])
        first = np.concatenate([[0], self.ends])
        cuts = starts.tolist()
        object.__setattr__(self, "_cuts", [cuts[a : b + 1] for a, b in pairwise(first.tolist())])
        ranges: dict[str | tuple[str, int], tuple[int, int]] = {}
        for place, (label, writer) in enumerate(zip(self.labels.tolist(), self.writers.tolist(), strict=True)):
            for key in (label, (label, writer)):
                ranges[key] = (ranges.get(key, (place,))[0], place + 1)
        object.__setattr__(self, "_ranges", ranges)

    def __contains__(self, label: str | tuple[str, int]) -> bool:
        """Whether there is one with this label, or with this label by this writer."""
        return label in self._ranges  # type: ignore[attr-defined]

    def some(self, label: str, rng: np.random.Generator, writer: int = ANYONE) -> Glyph:
        """A random one with this label, of this writer if there is one."""
        ranges: dict[Any, tuple[int, int]] = self._ranges  # type: ignore[attr-defined]
        low, high = ranges.get((label, writer), ranges[label]) if writer != ANYONE else ranges[label]
        return self[low + int(rng.random() * (high - low))]

    def __getitem__(self, place: int) -> Glyph:
        cuts = self._cuts[place]  # type: ignore[attr-defined]
        points = self.points[cuts[0] : cuts[-1]]
        return Glyph(points, [cut - cuts[0] for cut in cuts], int(self.writers[place]), float(self.sizes[place]))

    def all_of(self, label: str, writer: int) -> list[Glyph]:
        """Those with this label by this writer."""
        return [self[place] for place in range(*self._ranges.get((label, writer), (0, 0)))]  # type: ignore[attr-defined]


@dataclass(frozen=True, eq=False)
class Sources:
    """All that digits and letters on pages are made of.

    `images` (n, 28, 28) uint8 are MNIST's digits, sorted by their labels; those of digit d are from `starts[d]` to
    before `starts[d + 1]`. `digits` and `letters` are pen strokes, the latter with symbols, `phrases` a few handwritten
    words in a row, of which there may be none; `typefaces` is print. A writer's number is the same in all of them.
    `hands` are the writers of all ten digits.
    """

    images: np.ndarray
    starts: np.ndarray
    digits: Strokes
    letters: Strokes
    phrases: Strokes
    typefaces: Typefaces
    hands: list[int] = field(init=False)

    def __post_init__(self) -> None:
        wrote = [set(self.digits.writers[self.digits.labels == str(digit)].tolist()) for digit in range(10)]
        ones = {writer: self.digits.all_of("1", writer) for writer in sorted(wrote[1] - {ANYONE})}
        leans = {writer: float(np.median([lean_of(one.points) for one in some])) for writer, some in ones.items()}
        object.__setattr__(self, "hands", sorted(set.intersection(*wrote) - {ANYONE}))
        object.__setattr__(self, "_leans", leans | {ANYONE: float(np.mean([*leans.values()] or [0.0]))})

    def lean(self, writer: int) -> float:
        """By how much a writer's ones lean to the right, in widths per height; an average where that is not known."""
        leans: dict[int, float] = self._leans  # type: ignore[attr-defined]
        return leans.get(writer, leans[ANYONE])


def sources(
    images: np.ndarray,
    labels: np.ndarray,
    ink: Sequence[InkCharacter],
    lines: Sequence[InkLine] = (),
    *,
    validation: bool = False,
    seed: int = 0,
) -> Sources:
    """Prepare MNIST's training `images` (n, 28, 28) uint8 with `labels` (n,), and `ink` and `lines` to draw pages.

    Of the images the last 5% and of the ink the held-out writers are for validation only, and are what is taken if
    `validation`. The seed is that of the typefaces and of the digits drawn by code; validation should have another.
    """
    rng = np.random.default_rng([seed, validation])
    cut = round(len(images) * (1 - VALIDATION))
    part = slice(cut, None) if validation else slice(0, cut)
    images, labels = images[part], labels[part]
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(11))
    mine = [one for one in ink if held_out(one.writer) == validation and not one.writer.startswith(LEFT_OUT)]
    numbers = {writer: number for number, writer in enumerate(sorted({one.writer for one in mine}))}
    heights = digit_heights(mine)

    def piece(one: InkCharacter) -> Piece:
        size = size_of(one.strokes) / heights[one.writer] if one.writer in heights else 0.0
        return Piece(one.label, unit_height(one.strokes), numbers[one.writer], size)

    return Sources(
        images[order],
        starts,
        packed([piece(one) for one in mine if one.is_digit] + drawn_digits(rng)),
        packed([piece(one) for one in fewer(mine, rng)]),
        packed(
            [Piece("", one) for one in phrases([line for line in lines if held_out(line.writer) == validation], rng)]
        ),
        typefaces.drawn(rng),
    )


def digit_heights(characters: Sequence[InkCharacter]) -> dict[str, float]:
    """How high each writer's digits are in the middle, in units of the tablet; without those who keep to no size."""
    sizes: dict[str, list[float]] = {}
    for one in characters:
        if one.is_digit:
            sizes.setdefault(one.writer, []).append(size_of(one.strokes))
    return {writer: float(np.median(some)) for writer, some in sizes.items() if np.std(some) < UNEVEN * np.median(some)}


def lean_of(points: np.ndarray) -> float:
    """By how much a stroke (n, 2) leans to the right, in widths per height."""
    x, y = (points - points.mean(axis=0)).T
    return float(-(x @ y) / max(float(y @ y), 1e-6))


def fewer(characters: Sequence[InkCharacter], rng: np.random.Generator) -> list[InkCharacter]:
    """The letters and symbols among the characters, a random choice of those that are very frequent."""
    by_label: dict[str, list[InkCharacter]] = {}
    for one in characters:
        if not one.is_digit:
            by_label.setdefault(one.label, []).append(one)
    chosen = []
    for some in by_label.values():
        chosen += at_most(MOST_OF_A_LETTER, some, rng)
    return chosen


def at_most(most: int, some: Sequence[T], rng: np.random.Generator) -> list[T]:
    """A random choice of so many, in their order."""
    return [some[index] for index in sorted(rng.permutation(len(some))[:most].tolist())]


def phrases(lines: Sequence[InkLine], rng: np.random.Generator) -> list[list[np.ndarray]]:
    """Lines cut into phrases between words, a random choice of those of people who wrote a great many."""
    by_writer: dict[str, list[list[np.ndarray]]] = {}
    for line in lines:
        by_writer.setdefault(line.writer, []).extend(phrases_of(line))
    chosen = []
    for some in by_writer.values():
        chosen += at_most(MOST_OF_A_WRITER, some, rng)
    return chosen


def phrases_of(line: InkLine) -> list[list[np.ndarray]]:
    """The phrases of one line as strokes; none if it is plainly several lines, or something else than it says."""
    points = np.concatenate(line.strokes)
    low, high = np.percentile(points[:, 1], (LOW, HIGH))
    body, (width, height) = high - low, np.ptp(points, axis=0)
    if not (NARROWEST * body < width / len(line.label) < WIDEST * body and height < SPREAD * body):
        return []
    pieces = sorted(
        ((stroke - (points[:, 0].min(), high)) * (BODY / body) for stroke in line.strokes),
        key=lambda piece: float(piece[:, 0].min()),
    )
    found: list[list[np.ndarray]] = []
    begin = end = -np.inf
    for piece in pieces:
        left, right = float(piece[:, 0].min()), float(piece[:, 0].max())
        if left > end + GAP and (not found or right - begin > LONGEST / 2):
            found.append([])
            begin = left
        if right - begin <= LONGEST:  # of a line without gaps, the rest is left out
            found[-1].append(piece)
        end = max(end, right)
    return [around_the_middle(some) for some in found if some]


def around_the_middle(pieces: list[np.ndarray]) -> list[np.ndarray]:
    """Strokes resampled, with x = 0 in their middle."""
    middle = np.concatenate(pieces)[:, 0].mean()
    return [variation.resampled((piece - (middle, 0)).astype(np.float32), STEP) for piece in pieces]


def drawn_digits(rng: np.random.Generator) -> list[Piece]:
    """Each way to write a digit in `glyphs`, also those that are rare among the writers, as many hands write it."""
    drawn = []
    for digit, ways in glyphs.DIGITS.items():
        for way in ways:
            glyph = [stroke * (0.7, 1) for stroke in strokes.parsed(way)]
            box = variation.unit_box(glyph)
            drawn += [Piece(str(digit), unit_height(variation.rewritten(box, rng))) for _ in range(WAYS)]
    return drawn


def unit_height(pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Strokes resampled, in a box of height 1 around (0, 0); of a character flatter than 0.35, the width counts."""
    points = np.concatenate(pieces)
    middle, size = (points.min(axis=0) + points.max(axis=0)) / 2, size_of(pieces) or 1.0
    return [variation.resampled((piece - middle) / size, STEP) for piece in pieces]


def size_of(pieces: Sequence[np.ndarray]) -> float:
    """The height of a character's strokes, or 0.35 times its width if that is more."""
    width, height = np.ptp(np.concatenate(pieces), axis=0).tolist()
    return float(max(height, 0.35 * width))


def packed(characters: list[Piece]) -> Strokes:
    """Characters in one array, sorted by their labels and writers."""
    characters = sorted(characters, key=lambda one: (one.label, one.writer))
    pieces = [piece for one in characters for piece in one.strokes]
    return Strokes(
        np.concatenate(pieces).astype(np.float32) if pieces else np.zeros((0, 2), np.float32),
        np.cumsum([len(piece) for piece in pieces], dtype=np.int32),
        np.cumsum([len(one.strokes) for one in characters], dtype=np.int32),
        np.array([one.label for one in characters], dtype="<U1"),
        np.array([one.writer for one in characters], np.int32),
        np.array([one.size for one in characters], np.float32),
    )


def save(made: Sources, path: Path) -> None:
    """Write prepared sources as an .npz file, about 28 MB with MNIST and all ink."""
    arrays = {"images": made.images, "starts": made.starts}
    for name in STROKES:
        some: Strokes = getattr(made, name)
        arrays |= {f"{name}.{one.name}": getattr(some, one.name) for one in fields(some)}
        arrays[f"{name}.points"] = np.clip(np.rint(some.points * UNITS), -32767, 32767).astype(np.int16)
    arrays |= {f"typefaces.{one.name}": getattr(made.typefaces, one.name) for one in fields(made.typefaces)}
    np.savez_compressed(path, allow_pickle=False, **arrays)


def load(path: Path) -> Sources:
    """Prepared sources from a file that `save` wrote; raises DataError if that was an earlier version's."""
    with np.load(path, allow_pickle=False) as arrays:
        if "digits.writers" not in arrays:
            raise DataError(f"{path} does not say who wrote its digits, so an earlier version made it: make it again.")
        all_of: dict[str, Strokes] = {}
        for name in STROKES:
            values = {one.name: arrays[f"{name}.{one.name}"] for one in fields(Strokes)}
            values["points"] = values["points"].astype(np.float32) / UNITS
            all_of[name] = Strokes(**values)
        printed = Typefaces(**{one.name: arrays[f"typefaces.{one.name}"] for one in fields(Typefaces)})
        return Sources(arrays["images"], arrays["starts"], **all_of, typefaces=printed)
