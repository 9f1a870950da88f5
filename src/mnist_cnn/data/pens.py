"""Strokes become ink: drawn by ball pens, felt pens, brushes and pencils. Knows nothing about what they mean.

Strokes are those of `variation`, in a box whose longer side is 1; ink is a canvas as in `degrade`.
"""

import cv2
import numpy as np

from mnist_cnn.data.strokes import LETTER, SIDE, Glyph

FINE = 4  # OpenCV's shift: points in sixteenths of a pixel
PLAIN_WIDTH = 0.1  # of the box: near the median of MNIST's digits (reading/pen.py)
THINNEST, WIDEST = 0.025, 0.22


def on_canvas(strokes: Glyph) -> Glyph:
    """The box in the middle of the canvas, 60 pixels large."""
    return [stroke * LETTER + SIDE / 2 for stroke in strokes]


def in_plain_pen(strokes: Glyph) -> np.ndarray:
    """The strokes as a round pen of MNIST's usual width draws them: ink (84, 84) uint8."""
    return drawn(on_canvas(strokes), [np.full(len(stroke), PLAIN_WIDTH * LETTER) for stroke in strokes])


def drawn(strokes: Glyph, widths: list[np.ndarray]) -> np.ndarray:
    """Strokes in pixels with a width in pixels at each point: ink (84, 84) uint8.

    It is drawn twice as large and averaged: OpenCV's lines are whole pixels wide.
    """
    canvas = np.zeros((2 * SIDE, 2 * SIDE), np.uint8)
    for stroke, width in zip(strokes, widths, strict=True):
        points = np.rint(stroke * (2 << FINE)).astype(np.int32)
        whole = np.maximum(1, np.rint(2 * width)).astype(int)
        if (whole == whole[0]).all():
            cv2.polylines(canvas, [points], False, 255, int(whole[0]), cv2.LINE_8, shift=FINE)
            continue
        edges = np.flatnonzero(np.diff(whole)) + 1
        for part in np.split(np.arange(len(points)), edges):
            some = points[part[0] : part[-1] + 2]
            cv2.polylines(canvas, [some], False, 255, int(whole[part[0]]), cv2.LINE_8, shift=FINE)
    return np.asarray(cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def written_with(strokes: Glyph, rng: np.random.Generator) -> np.ndarray:
    """The strokes as a random pen draws them: ink (84, 84) uint8."""
    placed = on_canvas(strokes)
    width = LETTER * min(max(float(np.exp(rng.normal(np.log(0.085), 0.5))), THINNEST), WIDEST)
    kind = rng.random()
    if kind < 0.45:  # a ball pen or felt pen
        widths = [np.full(len(stroke), width) for stroke in placed]
    elif kind < 0.75:  # pressed more and less
        widths = [width * pressure(len(stroke), rng) for stroke in placed]
    else:  # a brush or a broad nib
        widths = broad_nib(placed, width, rng)
    if rng.random() < 0.06:
        placed, widths = with_gaps(placed, widths, rng)
    return drawn(placed, widths)


def pressure(count: int, rng: np.random.Generator) -> np.ndarray:
    """The pressure at `count` points of a stroke, 1 on average: it changes slowly, and the pen may lift at the end."""
    places = np.linspace(0, 1, count)
    changes = np.interp(places, np.linspace(0, 1, 4), rng.normal(0, 0.2, 4))
    lift = np.minimum(1, (1 - places) / rng.uniform(0.1, 0.5) + 0.4) if rng.random() < 0.5 else 1.0
    return np.asarray(np.exp(changes) * lift)


def broad_nib(strokes: Glyph, width: float, rng: np.random.Generator) -> list[np.ndarray]:
    """The widths of a pen that is broad in one direction: thick across it and thin along it."""
    angle, thin = rng.uniform(0, np.pi), rng.uniform(0.3, 0.8)
    widths = []
    for stroke in strokes:
        way = np.gradient(stroke, axis=0) if len(stroke) > 1 else np.ones((1, 2))
        across = np.abs(np.sin(np.arctan2(way[:, 1], way[:, 0]) - angle))
        widths.append(1.3 * width * (thin + (1 - thin) * across))
    return widths


def with_gaps(strokes: Glyph, widths: list[np.ndarray], rng: np.random.Generator) -> tuple[Glyph, list[np.ndarray]]:
    """The strokes without a short part each, where the ink did not flow."""
    parts: Glyph = []
    parts_widths: list[np.ndarray] = []
    for stroke, width in zip(strokes, widths, strict=True):
        gap = int(rng.integers(1, 4))
        start = int(rng.integers(1, max(2, len(stroke) - gap)))
        for some in (slice(0, start), slice(start + gap, None)):
            if len(stroke[some]):
                parts.append(stroke[some])
                parts_widths.append(width[some])
    return parts, parts_widths
