"""Negatives, images to be rejected: letters, symbols, several digits, rotated ones, halves, scribbles, textures.

They are drawn from strokes or made of MNIST's digits, and brought into MNIST's format by `to_mnist`, like every image
that is read.
"""

import functools
from collections.abc import Callable, Sequence
from typing import TypeAlias

import cv2
import numpy as np

from mnist_cnn.data import degrade, glyphs, strokes
from mnist_cnn.data.restyle import another_width, enlarged
from mnist_cnn.data.strokes import SIDE, Glyph
from mnist_cnn.reading.normalise import to_mnist

NOT_A_DIGIT = 10  # their label

Ink: TypeAlias = np.ndarray
Digits = list[np.ndarray]
"""Images (n, 28, 28) uint8 of each digit, 0 to 9, of which negatives are made."""

# What does not become another digit: upside down, lying on either side, mirrored.
UPSIDE_DOWN, LYING, MIRRORED = (3, 4, 7), (3, 6, 7, 9), (3, 6, 9)


def negatives(count: int, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make `count` negatives (28, 28) uint8 of the kinds in `KINDS`, with their frequencies.

    Some are made of these digit `images` (n, 28, 28) uint8 with their `labels` (n,).
    """
    digits = [images[labels == digit] for digit in range(10)]
    made = np.empty((count, 28, 28), np.uint8)
    shares = np.array([share for _, share in KINDS])
    for index, kind in enumerate(rng.choice(len(KINDS), count, p=shares / shares.sum()).tolist()):
        made[index] = degrade.degraded_image(to_mnist(degrade.degraded(KINDS[kind][0](digits, rng), rng)), rng)
    return made


def some_digit(digits: Digits, rng: np.random.Generator, among: Sequence[int] = range(10)) -> Ink:
    """A random image of these digits, or of any if there is none, on the canvas, perhaps with another stroke width."""
    found = [digits[digit] for digit in among if len(digits[digit])] or [some for some in digits if len(some)]
    images = found[rng.integers(len(found))]
    ink = enlarged(images[rng.integers(len(images))])
    return degrade.with_pen_width(ink, another_width(ink, rng), rng.uniform(1, 6)) if rng.random() < 0.4 else ink


@functools.cache
def letters() -> list[Glyph]:
    """Every way to write each letter or symbol; parsed when first asked for, because most recipes draw none."""
    return [strokes.parsed(way) for ways in glyphs.LETTERS.values() for way in ways]


def some_letter(rng: np.random.Generator) -> Glyph:
    """One way to write a letter or symbol."""
    return letters()[rng.integers(len(letters()))]


def letter(_digits: Digits, rng: np.random.Generator) -> Ink:
    """A handwritten letter or symbol."""
    glyph = strokes.handwritten(some_letter(rng), rng.uniform(0, 0.05), rng)
    placed = strokes.placed(glyph, rng.uniform(0.5, 1.1), rng.uniform(-0.2, 0.3))
    return strokes.draw(strokes.blank(), placed, rng.uniform(2, 12))


def printed_letter(_digits: Digits, rng: np.random.Generator) -> Ink:
    """A letter or symbol in a random typeface."""
    slant = rng.uniform(0, 0.4) if rng.random() < 0.4 else 0.0
    return strokes.typeset(strokes.placed(some_letter(rng), rng.uniform(0.4, 1.1), slant), rng, strokes.DECORATIONS)


def several(digits: Digits, rng: np.random.Generator) -> Ink:
    """Two or three digits in a row, or two above each other."""
    parts = [crop(some_digit(digits, rng)) for _ in range(2 if rng.random() < 0.8 else 3)]
    gap = int(rng.integers(-4, 12))
    if rng.random() < 0.15:
        parts = [part.T for part in parts[:2]]
        return np.ascontiguousarray(in_a_row(parts, gap).T)
    return in_a_row(parts, gap)


def crop(ink: Ink) -> Ink:
    """The bounding box of the ink."""
    left, top, width, height = cv2.boundingRect(ink)
    return ink[top : top + height, left : left + width] if width else ink


def in_a_row(parts: list[Ink], gap: int) -> Ink:
    """These parts in a row on a canvas, `gap` pixels apart (below 0 they overlap) before they are shrunk to fit."""
    width = sum(part.shape[1] + gap for part in parts)
    row = np.zeros((SIDE, max(width, SIDE)), np.uint8)
    x = 0
    for part in parts:
        y = (SIDE - part.shape[0]) // 2
        place = row[y : y + part.shape[0], x : x + part.shape[1]]
        np.maximum(place, part[:, : place.shape[1]], out=place)
        x = max(0, x + part.shape[1] + gap)
    height = max(1, round(SIDE * SIDE / row.shape[1]))
    ink = strokes.blank()
    ink[(SIDE - height) // 2 :][:height] = cv2.resize(row, (SIDE, height), interpolation=cv2.INTER_AREA)
    return ink


def rotated(digits: Digits, rng: np.random.Generator) -> Ink:
    """A digit upside down, on its side or mirrored, of those that do not become a digit again."""
    kind = rng.random()
    if kind < 0.4:
        return np.asarray(cv2.rotate(some_digit(digits, rng, UPSIDE_DOWN), cv2.ROTATE_180))
    if kind < 0.8:
        side = cv2.ROTATE_90_CLOCKWISE if rng.random() < 0.5 else cv2.ROTATE_90_COUNTERCLOCKWISE
        return np.asarray(cv2.rotate(some_digit(digits, rng, LYING), side))
    return np.asarray(cv2.flip(some_digit(digits, rng, MIRRORED), 1))


# Digits whose left, upper or lower half resembles no digit.
HALVES = {"left": (2, 8), "top": (0, 4, 5), "bottom": (0, 2)}


def half(digits: Digits, rng: np.random.Generator) -> Ink:
    """Half of a digit."""
    which = list(HALVES)[rng.integers(len(HALVES))]
    part = crop(some_digit(digits, rng, HALVES[which]))
    height, width = (int(side * rng.uniform(0.4, 0.55)) for side in part.shape)
    part = {"left": part[:, :width], "top": part[:height], "bottom": part[-height:]}[which]
    ink = strokes.blank()
    ink[12 : 12 + part.shape[0], 12 : 12 + part.shape[1]] = part[: SIDE - 12, : SIDE - 12]
    return ink


def scribble(_digits: Digits, rng: np.random.Generator) -> Ink:
    """A zigzag line, or lines across each other."""
    if rng.random() < 0.5:
        points = rng.uniform(0, 1, (rng.integers(7, 16), 2)).astype(np.float32)
        if rng.random() < 0.5:  # from left to right and back, as people cross something out
            points[:, 0] = np.arange(len(points)) % 2 + rng.normal(0, 0.1, len(points))
            points[:, 1] = np.linspace(0, 1, len(points))
        glyph = [strokes.smooth(points)]
    else:
        glyph = list(rng.uniform(0, 1, (rng.integers(4, 9), 2, 2)))
    placed = strokes.placed(glyph, rng.uniform(0.5, 1.1), 0.0)
    return strokes.draw(strokes.blank(), placed, rng.uniform(2, 9))


def texture(_digits: Digits, rng: np.random.Generator) -> Ink:
    """Noise, stripes, an edge, a gradient, a dot or nothing at all."""
    x, y = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    angle, phase = rng.uniform(0, 2 * np.pi, 2)
    across = x * np.cos(angle) + y * np.sin(angle)
    kind = rng.integers(6)
    if kind == 0:
        cells = int(rng.integers(4, 40))
        field = cv2.resize(rng.normal(0, 1, (cells, cells)), (SIDE, SIDE)) - rng.uniform(-0.5, 1)
    elif kind == 1:
        field = np.sin(across * rng.uniform(8, 40) + phase)
    elif kind == 2:
        field = across * 50 + rng.uniform(-10, 10)
    elif kind == 3:
        field = across + rng.uniform(-0.3, 0.3)
    elif kind == 4:
        field = 1 - (x**2 + y**2 * rng.uniform(0.3, 3)) * rng.uniform(2, 20)
    else:
        return strokes.blank()
    return np.asarray(np.clip(field * 255, 0, 255), np.uint8)


KINDS: tuple[tuple[Callable[[Digits, np.random.Generator], Ink], float], ...] = (
    (letter, 0.18),
    (printed_letter, 0.33),
    (several, 0.15),
    (rotated, 0.12),
    (half, 0.05),
    (scribble, 0.1),
    (texture, 0.07),
)
