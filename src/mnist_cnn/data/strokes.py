"""Strokes become ink: curves through points, drawn with pens and in typefaces. Knows nothing about what they mean.

A point is (x, y), x to the right, y downwards; a stroke is (n, 2) float points, a glyph a list of strokes.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

SIDE = 84  # pixels of the canvas, three for each of an MNIST image
LETTER = 60  # pixels that a glyph is high on it, as a digit in MNIST is 20 of 28
FINE = 16  # OpenCV takes points in sixteenths of a pixel

Glyph = list[np.ndarray]
Decoration = Callable[[np.ndarray], np.ndarray]


def parsed(text: str) -> Glyph:
    """Strokes from "x,y x,y … | ~x,y x,y …", in a box from 0 to 1; "~" makes a stroke a curve, others have corners."""
    glyph = []
    for stroke in text.split("|"):
        points = np.array([pair.split(",") for pair in stroke.replace("~", "").split()], np.float32)
        glyph.append(smooth(points) if "~" in stroke else points)
    return glyph


def smooth(points: np.ndarray, steps: int = 8) -> np.ndarray:
    """A curve through all these points, `steps` per segment (Catmull, Rom, "A class of local splines", 1974)."""
    before = np.concatenate([2 * points[:1] - points[1:2], points[:-2]])
    after = np.concatenate([points[2:], 2 * points[-1:] - points[-2:-1]])
    first, second = points[:-1], points[1:]
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[:, None, None]
    pieces = (
        2 * first
        + (second - before) * t
        + (2 * before - 5 * first + 4 * second - after) * t**2
        + (3 * first - before - 3 * second + after) * t**3
    ) / 2
    return np.concatenate([pieces.swapaxes(0, 1).reshape(-1, 2), points[-1:]])


def handwritten(glyph: Glyph, wobble: float, rng: np.random.Generator) -> Glyph:
    """The glyph with the variation of handwriting: each stroke moved, rotated, stretched and bent by about `wobble`."""
    written = []
    for stroke in glyph:
        linear, shift = np.eye(2) + rng.normal(0, wobble, (2, 2)), rng.normal(0, wobble / 2, 2)
        swing = np.sin(np.linspace(0, rng.uniform(1, 6), len(stroke)) + rng.uniform(0, 6))
        written.append((stroke - 0.5) @ linear + 0.5 + shift + np.outer(swing, rng.normal(0, wobble / 2, 2)))
    return written


def placed(glyph: Glyph, width: float, slant: float) -> Glyph:
    """The glyph in the middle of the canvas, 60 pixels high, `width` times as wide, slanted to the right."""
    linear = np.array([[width, 0], [-slant, 1]])
    return [(stroke - 0.5) @ linear * LETTER + SIDE / 2 for stroke in glyph]


def draw(ink: np.ndarray, glyph: Glyph, thickness: float, value: int = 255) -> np.ndarray:
    """Draw a placed glyph on ink (height, width) uint8 with a round pen, `thickness` pixels; returns the same array."""
    lines = [np.rint(stroke * FINE).astype(np.int32) for stroke in glyph]
    # OpenCV's antialiased lines are about two pixels wider than asked (1.3, 3.4, 5.4, 5.4, 7.4 … for 1, 2, 3, 4, 5 …).
    asked = max(1, round(thickness - 1.9))
    return np.asarray(cv2.polylines(ink, lines, False, value, asked, cv2.LINE_AA, shift=4))


def blank() -> np.ndarray:
    """A canvas without ink."""
    return np.zeros((SIDE, SIDE), np.uint8)


def with_serifs(glyph: Glyph, length: float) -> Glyph:
    """The placed glyph with serifs at both ends of each stroke, `length` pixels, a third of it on horizontal ones."""
    bars = []
    for stroke in glyph:
        for end, inner in ((stroke[0], stroke[1]), (stroke[-1], stroke[-2])):
            level = abs(end[0] - inner[0]) > abs(end[1] - inner[1])
            half = np.array([0, length / 3] if level else [length / 2, 0])
            bars.append(np.stack([end - half, end + half]))
    return glyph + bars


def typeset(glyph: Glyph, rng: np.random.Generator, decorations: Sequence[Decoration]) -> np.ndarray:
    """A placed glyph in a random typeface: hairline to very bold, with or without contrast, serifs and `decorations`.

    Returns ink (84, 84) uint8. Strokes are drawn with a broad nib, so that their ends are square.
    """
    if rng.random() < 0.5:
        glyph = with_serifs(glyph, rng.uniform(10, 24))
    stem = rng.uniform(2, 20)
    nib = (max(1, round(stem)), max(1, round(stem * rng.uniform(0.25, 1.1))))
    shape = cv2.MORPH_RECT if rng.random() < 0.7 else cv2.MORPH_ELLIPSE
    ink = cv2.dilate(draw(blank(), glyph, 2), cv2.getStructuringElement(shape, nib))
    return np.asarray(decorations[int(rng.integers(len(decorations)))](ink) if rng.random() < 0.15 else ink)


def hollow(ink: np.ndarray) -> np.ndarray:
    """Only the outline of the ink, three pixels wide."""
    return np.asarray(cv2.morphologyEx(ink, cv2.MORPH_GRADIENT, np.ones((4, 4), np.uint8)))


def shadowed(ink: np.ndarray) -> np.ndarray:
    """An outline with a shadow at its lower right."""
    return np.asarray(np.maximum(hollow(ink), np.roll(ink, (5, 5), (0, 1)) & ~ink))


def striped(ink: np.ndarray) -> np.ndarray:
    """Every other three rows of the ink."""
    return np.where(np.arange(SIDE)[:, None] % 6 < 3, ink, 0).astype(np.uint8)


def reversed_out(ink: np.ndarray) -> np.ndarray:
    """Inverted: background on a box of ink."""
    return np.pad(255 - ink[6:-6, 6:-6], 6)


OUTLINES: tuple[Decoration, ...] = (hollow, shadowed, striped)
DECORATIONS: tuple[Decoration, ...] = (*OUTLINES, reversed_out)
