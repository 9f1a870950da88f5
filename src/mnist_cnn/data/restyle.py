"""MNIST's digits restyled: other handwriting, other pens, other cameras. Knows nothing about models.

A digit is enlarged to a canvas, may get an addition (a flag on a one, a bar through a seven) and another stroke width,
is degraded, and is brought back into MNIST's format by `to_mnist`, like every image that is read. Some are drawn from
strokes instead, by hand or in a typeface.
"""

import functools
from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np

from mnist_cnn.data import degrade, glyphs, pens, strokes, variation
from mnist_cnn.data.strokes import SIDE, Glyph
from mnist_cnn.reading.normalise import to_mnist

Ink: TypeAlias = np.ndarray
DRAWN = 0.25  # fraction of the restyled digits that are drawn from strokes
PRINTED = 0.35  # fraction of these that are in a typeface
PENNED = 0.7  # fraction with another stroke width
NEIGHBOUR = 0.06  # fraction with a piece of another digit at a side
MOVED = 0.25  # fraction that is a pixel or two off centre


def restyled(images: np.ndarray, labels: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Restyle a fraction `share` of the images (n, 28, 28) uint8 with the labels (n,); the others are only normalised.

    Returns as many images, with the same labels.
    """
    changed = np.empty_like(images)
    for index, (image, label, drawn) in enumerate(zip(images, labels.tolist(), rng.random(len(images)), strict=True)):
        changed[index] = restyled_digit(image, label, images[index - 1], rng) if drawn < share else to_mnist(image)
    return changed


def restyled_digit(image: np.ndarray, label: int, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One digit (28, 28) restyled at random; a piece of `other` may stand beside it."""
    ink = written(label, rng) if rng.random() < DRAWN else with_addition(enlarged(image), label, rng)
    if rng.random() < PENNED:
        ink = degrade.with_pen_width(ink, another_width(ink, rng), softness=rng.uniform(1, 6))
    if rng.random() < NEIGHBOUR:
        ink = with_neighbour(ink, enlarged(other), rng)
    return seen(ink, rng)


def seen(ink: Ink, rng: np.random.Generator) -> np.ndarray:
    """Ink degraded and brought into MNIST's format, (28, 28), perhaps a pixel or two off centre."""
    image = to_mnist(degrade.degraded(ink, rng))
    return degrade.degraded_image(moved(image, rng) if rng.random() < MOVED else image, rng)


def enlarged(image: np.ndarray) -> Ink:
    """An MNIST image on the canvas, three times as large."""
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))


def written(digit: int, rng: np.random.Generator) -> Ink:
    """A digit drawn from one of the strokes in `glyphs.DIGITS`, with random variation or in a random typeface."""
    ways = ways_to_write()[digit]
    if rng.random() < PRINTED:
        slant = rng.uniform(0, 0.3) if rng.random() < 0.3 else 0.0
        glyph = strokes.placed(ways[rng.integers(len(ways))], rng.uniform(0.45, 0.9), slant)
        return strokes.typeset(glyph, rng, strokes.OUTLINES)
    way = ways[rng.integers(len(ways))]
    narrow = [stroke * (rng.uniform(0.5, 0.9), 1) for stroke in way]
    return pens.written_with(variation.rewritten(variation.unit_box(narrow), rng), rng)


@functools.cache
def ways_to_write() -> dict[int, list[Glyph]]:
    """Every way to write each digit; parsed when first asked for, because most recipes draw none."""
    return {digit: [strokes.parsed(way) for way in ways] for digit, ways in glyphs.DIGITS.items()}


def another_width(ink: Ink, rng: np.random.Generator) -> float:
    """Another stroke width in pixels: from a hairline to 4 pixels wider, where loops begin to close."""
    width = degrade.pen_width(ink)
    return rng.uniform(1, max(1, width)) if rng.random() < 0.5 else width + rng.uniform(0, 4)


def with_addition(ink: Ink, label: int, rng: np.random.Generator) -> Ink:
    """The digit with the addition that some writers make, if there is one for it."""
    add, share = ADDITIONS.get(label, (None, 0.0))
    return add(ink, rng) if add and rng.random() < share else ink


def with_flag(ink: Ink, rng: np.random.Generator) -> Ink:
    """A one with a flag (European style), 0.2 to 0.95 of the stem long, and sometimes with a base."""
    ends = stem(ink)
    if ends is None:
        return ink
    top, foot = ends
    size, width = float(np.linalg.norm(foot - top)), degrade.pen_width(ink)
    share = rng.uniform(0.2, 0.95)
    # Degrees from vertical: a flatter flag, above all a long one, would make a seven.
    lean = np.rad2deg(np.arctan2(top[0] - foot[0], foot[1] - top[1]))
    least, most = max(lean + 18, 15), 80 - 30 * share
    if least < most:
        angle = np.deg2rad(rng.uniform(least, most))
        tip = top + np.array([-np.sin(angle), np.cos(angle)]) * size * share
        bend = np.array([np.cos(angle), np.sin(angle)]) * size * share * rng.normal(0, 0.08)
        ink = strokes.draw(ink.copy(), [strokes.smooth(np.stack([top, (top + tip) / 2 + bend, tip]))], width)
    if share < 0.6 and rng.random() < 0.4:  # with a longer flag it would close a triangle
        half = np.array([1, rng.normal(0, 0.1)]) * size * rng.uniform(0.12, 0.55)
        ink = strokes.draw(ink.copy(), [np.stack([foot - half, foot + half])], width)
    return ink


def stem(ink: Ink) -> tuple[np.ndarray, np.ndarray] | None:
    """Top and foot (x, y) of a one: the ends of its ink along its longest direction; None if there is no ink."""
    points = np.argwhere(ink > 127)[:, ::-1].astype(np.float32)
    if len(points) < 10:
        return None
    centre = points.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov((points - centre).T))
    along = axes[:, 1] * np.sign(axes[1, 1] or 1)
    far = (points - centre) @ along
    return centre + along * np.percentile(far, 3), centre + along * np.percentile(far, 97)


def with_bar(ink: Ink, rng: np.random.Generator) -> Ink:
    """A seven with a bar through its stem."""
    _, top, width, height = cv2.boundingRect(ink)
    row = round(top + height * rng.uniform(0.48, 0.66))
    columns = np.flatnonzero(ink[min(row, SIDE - 1)] > 127)
    if not len(columns):
        return ink
    centre = np.array([columns.mean(), row])
    half = np.array([1, rng.normal(-0.1, 0.15)]) * max(width, height / 2) * rng.uniform(0.18, 0.4)
    return strokes.draw(ink.copy(), [np.stack([centre - half, centre + half])], degrade.pen_width(ink))


def with_slash(ink: Ink, rng: np.random.Generator) -> Ink:
    """A zero with a slash from its lower left to its upper right, or a little beyond."""
    left, top, width, height = cv2.boundingRect(ink)
    centre = np.array([left + width / 2, top + height / 2])
    half = np.array([width, -height]) / 2 * rng.uniform(0.6, 1.15)
    return strokes.draw(ink.copy(), [np.stack([centre - half, centre + half])], degrade.pen_width(ink) * 0.8)


# The fraction of these digits that gets the addition.
ADDITIONS: dict[int, tuple[Callable[[Ink, np.random.Generator], Ink], float]] = {
    0: (with_slash, 0.15),
    1: (with_flag, 0.5),
    7: (with_bar, 0.4),
}


def with_neighbour(ink: Ink, other: Ink, rng: np.random.Generator) -> Ink:
    """A digit with a narrow piece of another one at its left or right, as after cutting touching digits apart."""
    left, _, width, _ = cv2.boundingRect(ink)
    edge, _, reach, _ = cv2.boundingRect(other)
    piece = int(rng.integers(3, 9))
    gap = int(rng.integers(0, 5))
    joined = ink.copy()
    if rng.random() < 0.5:  # the right edge of the one before
        strip, start = other[:, edge + reach - piece : edge + reach], left - gap - piece
    else:
        strip, start = other[:, edge : edge + piece], left + width + gap
    if strip.shape[1] == piece and 0 <= start <= SIDE - piece:
        joined[:, start : start + piece] = np.maximum(joined[:, start : start + piece], strip)
    return joined


def moved(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An image (28, 28) moved by up to two pixels in each direction, without losing ink."""
    left, top, width, height = cv2.boundingRect(image)
    right, down = rng.integers(-2, 3, 2).tolist()
    right, down = np.clip(right, -left, 28 - left - width), np.clip(down, -top, 28 - top - height)
    return np.roll(image, (down, right), (0, 1))
