"""What pages are written with: MNIST's digits, pen strokes of digits and letters, and typefaces, prepared to be quick.

Drawing a page takes a millisecond, so nothing is parsed or resampled then: strokes are points at equal distances in one
array, printed characters are small images.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np

from mnist_cnn.data import glyphs, strokes, variation
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.line import InkLine
from mnist_cnn.data.ink.writers import held_out
from mnist_cnn.data.pages import typefaces
from mnist_cnn.data.pages.typefaces import Typefaces

STEP = 0.045  # between two points of a stroke, in heights of the character
STROKES = ("digits", "letters", "phrases")
UNITS = 3072  # of a coordinate in a file for one height
LEFT_OUT = ("unipen/ibm/", "unipen/uqb/")  # some of their labels and segments are wrong
MOST_OF_A_LETTER = 700
MOST_OF_A_WRITER = 60  # phrases
LOW, HIGH, BODY = 10, 88, 0.75  # per cent of a line's points above and below its middle part, and how high that is
SPREAD, LONGEST = 4.5, 10.0  # middle parts that one line is high at most, and heights that a phrase is wide at most
NARROWEST, WIDEST = 0.22, 3.0  # of a letter, in middle parts: otherwise it is not one line, or not what it says
GAP = 0.3  # heights between words
WAYS = 30  # how often each way to write a digit in `glyphs` is varied
T = TypeVar("T")
VALIDATION = 0.05  # the last part of MNIST's training images, for validation


@dataclass(frozen=True, eq=False)
class Strokes:
    """Characters, or phrases, as pen strokes.

    `points` (n, 2) float32: x to the right, y downwards, each character in a box of height 1 around (0, 0), or of width
    1 / 0.35 if it is flatter than that; a phrase stands on y = 0, as high as beside a digit of height 1. `stroke_ends`
    (strokes,) and `ends` (characters,) int32 say before which point each stroke ends, and before which stroke each
    character. `labels` (characters,) are single characters, sorted; those of phrases are empty.
    """

    points: np.ndarray
    stroke_ends: np.ndarray
    ends: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        starts = np.concatenate([[0], self.stroke_ends])
        first = np.concatenate([[0], self.ends])
        cuts = starts.tolist()
        object.__setattr__(self, "_cuts", [cuts[a : b + 1] for a, b in pairwise(first.tolist())])
        names, begins = np.unique(self.labels, return_index=True)
        stops = [*begins[1:].tolist(), len(self.labels)][: len(names)]
        object.__setattr__(self, "_ranges", {str(n): (int(a), b) for n, a, b in zip(names, begins, stops, strict=True)})

    def __contains__(self, label: str) -> bool:
        return label in self._ranges  # type: ignore[attr-defined]

    def some(self, label: str, rng: np.random.Generator) -> tuple[np.ndarray, list[int]]:
        """A random one with this label: its points (n, 2) float32, and where its strokes begin and end in them."""
        low, high = self._ranges[label]  # type: ignore[attr-defined]
        cuts = self._cuts[low + int(rng.random() * (high - low))]  # type: ignore[attr-defined]
        return self.points[cuts[0] : cuts[-1]], [cut - cuts[0] for cut in cuts]


@dataclass(frozen=True, eq=False)
class Sources:
    """All that digits and letters on pages are made of.

    `images` (n, 28, 28) uint8 are MNIST's digits, sorted by their labels; those of digit d are from `starts[d]` to
    before `starts[d + 1]`. `digits` and `letters` are pen strokes, the latter with symbols, `phrases` a few handwritten
    words in a row, of which there may be none; `typefaces` is print.
    """

    images: np.ndarray
    starts: np.ndarray
    digits: Strokes
    letters: Strokes
    phrases: Strokes
    typefaces: Typefaces


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
    return Sources(
        images[order],
        starts,
        packed([(one.label, unit_height(one.strokes)) for one in mine if one.is_digit] + drawn_digits(rng)),
        packed([(one.label, unit_height(one.strokes)) for one in fewer(mine, rng)]),
        packed([("", one) for one in phrases([line for line in lines if held_out(line.writer) == validation], rng)]),
        typefaces.drawn(rng),
    )


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


def drawn_digits(rng: np.random.Generator) -> list[tuple[str, list[np.ndarray]]]:
    """Each way to write a digit in `glyphs`, also those that are rare among the writers, as many hands write it."""
    drawn = []
    for digit, ways in glyphs.DIGITS.items():
        for way in ways:
            glyph = [stroke * (0.7, 1) for stroke in strokes.parsed(way)]
            box = variation.unit_box(glyph)
            drawn += [(str(digit), unit_height(variation.rewritten(box, rng))) for _ in range(WAYS)]
    return drawn


def unit_height(pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Strokes resampled, in a box of height 1 around (0, 0); of a character flatter than 0.35, the width counts."""
    points = np.concatenate(pieces)
    lowest, highest = points.min(axis=0), points.max(axis=0)
    width, height = (highest - lowest).tolist()
    size = max(height, 0.35 * width) or 1.0
    return [variation.resampled((piece - (lowest + highest) / 2) / size, STEP) for piece in pieces]


def packed(characters: list[tuple[str, list[np.ndarray]]]) -> Strokes:
    """Labelled characters in one array, sorted by their labels."""
    characters = sorted(characters, key=lambda one: one[0])
    pieces = [piece for _, some in characters for piece in some]
    return Strokes(
        np.concatenate(pieces).astype(np.float32) if pieces else np.zeros((0, 2), np.float32),
        np.cumsum([len(piece) for piece in pieces], dtype=np.int32),
        np.cumsum([len(some) for _, some in characters], dtype=np.int32),
        np.array([label for label, _ in characters], dtype="<U1"),
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
    """Prepared sources from a file that `save` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        all_of: dict[str, Strokes] = {}
        for name in STROKES:
            values = {one.name: arrays[f"{name}.{one.name}"] for one in fields(Strokes)}
            values["points"] = values["points"].astype(np.float32) / UNITS
            all_of[name] = Strokes(**values)
        printed = Typefaces(**{one.name: arrays[f"typefaces.{one.name}"] for one in fields(Typefaces)})
        return Sources(arrays["images"], arrays["starts"], **all_of, typefaces=printed)
