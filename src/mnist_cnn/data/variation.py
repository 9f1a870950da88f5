"""One way of writing a character becomes many: its strokes as other hands, and the same hand in a hurry, write them.

A character is a list of strokes, each (n, 2) float points, x to the right and y downwards, in a box whose longer side
is 1 and whose centre is (0, 0).
"""

from collections.abc import Sequence

import numpy as np

from mnist_cnn.data.strokes import Glyph

STEP = 0.025  # the distance between two points of a resampled stroke
HURRY = 0.05  # the most, in lengths of the box, over which a corner is rounded
WAVES = 3  # plane waves of which a smooth deformation of the paper is the sum


def unit_box(strokes: Sequence[np.ndarray]) -> Glyph:
    """The strokes moved and scaled into the box; a character without any extent becomes a dot in its centre."""
    points = np.concatenate(strokes)
    lowest, highest = points.min(axis=0), points.max(axis=0)
    size = float((highest - lowest).max()) or 1.0
    return [((stroke - (lowest + highest) / 2) / size).astype(np.float32) for stroke in strokes]


def resampled(stroke: np.ndarray, step: float = STEP) -> np.ndarray:
    """Points at equal distances of about `step` along a stroke, with its two ends; at least two."""
    lengths = np.hypot(*np.diff(stroke, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    places = np.linspace(0, along[-1], max(2, round(along[-1] / step) + 1))
    return np.stack([np.interp(places, along, stroke[:, axis]) for axis in (0, 1)], axis=1).astype(np.float32)


def smoothed(values: np.ndarray, width: float) -> np.ndarray:
    """Values (n, k) along a stroke, averaged by a Gaussian, `width` points wide, that ends where the stroke does."""
    if width < 0.3 or len(values) < 3:
        return values
    reach = min(int(3 * width) + 1, len(values) - 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    kernel /= kernel.sum()
    # Reflected through its ends, a stroke keeps them.
    before, after = 2 * values[:1] - values[reach:0:-1], 2 * values[-1:] - values[-2 : -reach - 2 : -1]
    extended = np.concatenate([before, values, after])
    return np.stack([np.convolve(column, kernel, "valid") for column in extended.T], axis=1)


def hurried(stroke: np.ndarray, width: float, drift: float, rng: np.random.Generator) -> np.ndarray:
    """A resampled stroke as the same hand writes it faster or slower.

    Corners are rounded over `width` lengths of the box, and the direction of the pen drifts by about `drift` radians,
    slowly along the stroke. That is what another speed does in the sigma-lognormal model of movements (Plamondon,
    Djioua 2006), in which each stroke is a vector and neighbouring ones overlap in time.
    """
    rounded = smoothed(stroke, width / STEP)
    if len(rounded) < 4:
        return rounded
    steps = np.diff(rounded, axis=0)
    turn = np.interp(np.linspace(0, 1, len(steps)), np.linspace(0, 1, 5), rng.normal(0, drift, 5))
    cos, sin = np.cos(turn), np.sin(turn)
    turned = np.stack([steps[:, 0] * cos - steps[:, 1] * sin, steps[:, 0] * sin + steps[:, 1] * cos], axis=1)
    turned *= 1 + np.interp(np.linspace(0, 1, len(steps)), np.linspace(0, 1, 4), rng.normal(0, drift, 4))[:, None]
    path = np.concatenate([np.zeros((1, 2)), np.cumsum(turned, axis=0)])
    return np.asarray(rounded[:1] + path + (rounded.mean(axis=0) - rounded[0] - path.mean(axis=0)))


def moved_by_itself(stroke: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """A stroke turned, stretched and moved by about `amount`, as pens land somewhere else each time."""
    centre = stroke.mean(axis=0)
    linear = np.eye(2) + rng.normal(0, amount, (2, 2))
    return np.asarray((stroke - centre) @ linear + centre + rng.normal(0, amount / 2, 2))


def bent(strokes: Glyph, amount: float, rng: np.random.Generator) -> Glyph:
    """All strokes after the same smooth deformation of the paper, by about `amount` lengths of the box."""
    directions = rng.normal(0, 4, (2, WAVES))
    phases = rng.uniform(0, 2 * np.pi, WAVES)
    reach = rng.normal(0, amount / np.sqrt(WAVES), (WAVES, 2))
    return [stroke + np.sin(stroke @ directions + phases) @ reach for stroke in strokes]


def slanted(strokes: Glyph, rng: np.random.Generator) -> Glyph:
    """All strokes slanted, turned, and narrower or wider."""
    angle, slant = rng.normal(0, np.deg2rad(6)), rng.normal(0, 0.15)
    width = np.exp(rng.normal(0, 0.15))
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.array([[width, 0], [-slant, 1]]) @ np.array([[cos, sin], [-sin, cos]])
    return [stroke @ linear for stroke in strokes]


def rewritten(strokes: Glyph, rng: np.random.Generator) -> Glyph:
    """A character in the box as another hand may write it: every kind of variation by a random amount."""
    width, drift = rng.uniform(0, HURRY), abs(rng.normal(0, 0.07))
    amount, bend = abs(rng.normal(0, 0.03)), abs(rng.normal(0, 0.035))
    own = [hurried(resampled(stroke), width, drift, rng) for stroke in strokes]
    if len(own) > 1:
        own = [moved_by_itself(stroke, amount, rng) for stroke in own]
    return unit_box(slanted(bent(own, bend, rng), rng))
