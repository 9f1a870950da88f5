"""What pens, paper and cameras do to ink: stroke widths, gaps, blots, noise, blur. Knows nothing about digits.

Ink is a canvas (84, 84) uint8, background 0 to foreground 255, on which a digit is 60 pixels high; lengths are in
pixels of the canvas, three for each pixel of an MNIST image.
"""

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np

from mnist_cnn.data import strokes
from mnist_cnn.data.strokes import SIDE
from mnist_cnn.reading.pen import mean_width

Ink: TypeAlias = np.ndarray
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def pen_width(ink: Ink) -> float:
    """The mean stroke width in pixels; 0 without ink."""
    return mean_width((ink > 127).view(np.uint8))


def distance_to_paper(ink: Ink) -> np.ndarray:
    """The distance of each pixel of ink from the background; 0 on the background."""
    return np.asarray(cv2.distanceTransform((ink > 127).view(np.uint8), cv2.DIST_L2, 3))


def with_pen_width(ink: Ink, width: float, softness: float) -> Ink:
    """The same strokes with another width, in pixels: a wider pen adds ink, a thinner one follows the skeleton.

    `softness` is the width of an edge in pixels. The skeleton is where the distance to the background is largest among
    a pixel's neighbours.
    """
    inside = distance_to_paper(ink)
    if not inside.any():
        return ink
    if width < pen_width(ink):
        middle = (inside > 0.5) & (inside >= cv2.dilate(inside, np.ones((3, 3), np.uint8)))
        beyond = cv2.distanceTransform((~middle).view(np.uint8), cv2.DIST_L2, 3) - width / 2
    else:
        outside = cv2.distanceTransform((ink <= 127).view(np.uint8), cv2.DIST_L2, 3)
        beyond = np.where(ink > 127, 0.5 - inside, outside - 0.5) - (width - pen_width(ink)) / 2
    return np.asarray(np.clip(127.5 - beyond * (255 / softness), 0, 255), np.uint8)


def some_ink(ink: Ink, rng: np.random.Generator) -> tuple[float, float]:
    """A random point (x, y) on the ink; the centre of the canvas without ink."""
    rows, columns = np.nonzero(ink > 127)
    if not len(rows):
        return SIDE / 2, SIDE / 2
    index = rng.integers(len(rows))
    return float(columns[index]), float(rows[index])


def crossing(ink: Ink, length: float, thickness: int, value: int, rng: np.random.Generator) -> Ink:
    """A short straight line in a random direction across some ink, as ink or (value 0) as background."""
    x, y = some_ink(ink, rng)
    angle = rng.uniform(0, np.pi)
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    ends = [np.rint(np.array([x, y]) + side * reach).astype(int).tolist() for side in (-1, 1)]
    return np.asarray(cv2.line(ink.copy(), ends[0], ends[1], value, thickness, cv2.LINE_AA))


def broken(ink: Ink, rng: np.random.Generator) -> Ink:
    """One or two gaps in the strokes."""
    for _ in range(rng.integers(1, 3)):
        ink = crossing(ink, 1.6 * pen_width(ink), int(rng.integers(2, 7)), 0, rng)
    return ink


def blotted(ink: Ink, rng: np.random.Generator) -> Ink:
    """One or two blots on the strokes, a little wider than they are."""
    ink, radius = ink.copy(), pen_width(ink) / 2
    for _ in range(rng.integers(1, 3)):
        x, y = some_ink(ink, rng)
        cv2.circle(ink, (round(x), round(y)), max(2, round(radius * rng.uniform(1.1, 1.7))), 255, -1, cv2.LINE_AA)
    return ink


def specked(ink: Ink, rng: np.random.Generator) -> Ink:
    """A few specks, at most two pixels of an MNIST image wide."""
    ink = ink.copy()
    for x, y in rng.integers(8, SIDE - 8, (rng.integers(1, 6), 2)).tolist():
        cv2.circle(ink, (x, y), int(rng.integers(1, 3)), int(rng.integers(60, 256)), -1, cv2.LINE_AA)
    return ink


def ruled(ink: Ink, rng: np.random.Generator) -> Ink:
    """Remains of one or two ruled lines, horizontal or vertical: faint, thin, with gaps, about as long as the ink."""
    left, top, width, height = cv2.boundingRect(ink)
    if not width:
        return ink
    lines = np.zeros_like(ink)
    for _ in range(rng.integers(1, 3)):
        value, thickness = int(rng.integers(50, 200)), int(rng.integers(1, 4))
        if rng.random() < 0.7:
            y = top + int(rng.integers(0, height))
            cv2.line(lines, (left - 4, y), (left + width + 4, y + int(rng.integers(-2, 3))), value, thickness)
        else:
            x = left + int(rng.integers(0, width))
            cv2.line(lines, (x, top - 4), (x + int(rng.integers(-2, 3)), top + height + 4), value, thickness)
    gaps = cv2.resize(rng.random((14, 14), np.float32), (SIDE, SIDE)) < rng.uniform(0.3, 0.9)
    return np.asarray(np.maximum(ink, np.where(gaps, lines, 0).astype(np.uint8)))


def uneven(ink: Ink, rng: np.random.Generator) -> Ink:
    """Ink of uneven strength, as of a pencil on rough paper or a dry pen."""
    cells = int(rng.integers(5, 43))
    cover = cv2.resize(rng.uniform(rng.uniform(0, 0.6), 1, (cells, cells)).astype(np.float32), (SIDE, SIDE))
    return np.asarray(ink * np.minimum(cover * 1.3, 1), np.uint8)


def fainter(ink: Ink, rng: np.random.Generator) -> Ink:
    """All ink lighter by the same factor, or so dark that its edges are hard."""
    return np.asarray(np.minimum(ink * rng.uniform(0.4, 2.5), 255), np.uint8)


def noisy(ink: Ink, rng: np.random.Generator) -> Ink:
    """Pixel noise of a camera; background that stays faint is cleaned again."""
    noise = cv2.resize(rng.normal(0, rng.uniform(10, 50), (42, 42)).astype(np.float32), (SIDE, SIDE))
    seen = np.clip(ink + noise, 0, 255)
    return np.asarray(np.where(seen < 60, 0, seen), np.uint8)


def blurred(ink: Ink, rng: np.random.Generator) -> Ink:
    """Out of focus."""
    return np.asarray(cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.8, 4)))


def coarse(ink: Ink, rng: np.random.Generator) -> Ink:
    """Low resolution: shrunk so that the digit is 8 to 20 pixels high, then enlarged."""
    side = int(rng.integers(12, 29))
    small = cv2.resize(ink, (side, side), interpolation=cv2.INTER_AREA)
    method = cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(small, (SIDE, SIDE), interpolation=method))


def through_jpeg(ink: Ink, rng: np.random.Generator) -> Ink:
    """JPEG artefacts at low quality; background that stays faint is cleaned again."""
    _, content = cv2.imencode(".jpg", ink, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(5, 50))])
    seen = np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE))
    return np.asarray(np.where(seen < 40, 0, seen), np.uint8)


def stretched(ink: Ink, rng: np.random.Generator) -> Ink:
    """Narrower or flatter: one side is shrunk."""
    shrunk = [SIDE, SIDE]
    shrunk[rng.integers(2)] = round(SIDE * rng.uniform(0.65, 0.95))
    return in_the_middle(cv2.resize(ink, shrunk, interpolation=cv2.INTER_AREA))


def in_the_middle(small: np.ndarray) -> Ink:
    """A smaller image, (h, w) uint8, in the middle of a blank canvas."""
    above, before = (SIDE - small.shape[0]) // 2, (SIDE - small.shape[1]) // 2
    whole = strokes.blank()
    whole[above : above + small.shape[0], before : before + small.shape[1]] = small
    return whole


def framed(ink: Ink, rng: np.random.Generator) -> Ink:
    """A small bitmap whose frame the ink fills, mostly with two levels only, as some datasets store digits.

    Both sides are stretched to that of a square; ink narrower than a quarter of its height is stretched four times.
    """
    left, top, width, height = cv2.boundingRect(ink)
    if not width:
        return ink
    side = int(rng.integers(8, 33))
    within = [min(side, max(2, 4 * side * length // max(width, height))) for length in (width, height)]
    small = cv2.resize(ink[top : top + height, left : left + width], within, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.6:
        small = np.where(small > rng.uniform(60, 180), 255, 0).astype(np.uint8)
    size = [strokes.LETTER * length // side for length in within]
    method = cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_NEAREST
    return in_the_middle(cv2.resize(small, size, interpolation=method))


def ragged(ink: Ink, rng: np.random.Generator) -> Ink:
    """Edges that waver by a pixel or two, as of a felt pen on rough paper."""
    aside = rng.normal(0, rng.uniform(2, 9), (2, SIDE, SIDE)).astype(np.float32)
    x, y = (cv2.GaussianBlur(some, (0, 0), 1.5) for some in aside)
    columns, rows = np.meshgrid(np.arange(SIDE, dtype=np.float32), np.arange(SIDE, dtype=np.float32))
    return np.asarray(cv2.remap(ink, columns + x, rows + y, cv2.INTER_LINEAR))


def outlined(ink: Ink, rng: np.random.Generator) -> Ink:
    """Only the outline, two to six pixels wide, perhaps of wider strokes: hollow digits."""
    wider = np.ones((int(rng.integers(1, 6)),) * 2, np.uint8)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (int(rng.integers(3, 7)),) * 2)
    return np.asarray(cv2.morphologyEx(cv2.dilate(ink, wider), cv2.MORPH_GRADIENT, brush))


def grainy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise on all pixels of an image, or on a fraction of them: a poor sensor in poor light."""
    noise = rng.normal(0, rng.uniform(8, 120), image.shape) * (rng.random(image.shape) < rng.uniform(0.05, 1))
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def struck(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An image struck through by one curved line from side to side."""
    length = len(image)
    across = np.array([[0, rng.random()], [rng.uniform(0.3, 0.7), rng.random()], [1, rng.random()]]) * (length - 1)
    line = strokes.smooth((across if rng.random() < 0.5 else across[:, ::-1]).astype(np.float32))
    points = [np.rint(line * 16).astype(np.int32)]
    drawn = cv2.polylines(np.zeros_like(image), points, False, int(rng.integers(120, 256)), 1, cv2.LINE_AA, shift=4)
    return np.asarray(np.maximum(image, drawn))


# In this order; each is applied to this fraction of the images, independently of the others.
DEGRADATIONS = (
    (stretched, 0.25),
    (framed, 0.06),
    (broken, 0.07),
    (blotted, 0.07),
    (specked, 0.05),
    (ruled, 0.07),
    (uneven, 0.12),
    (outlined, 0.05),
    (ragged, 0.1),
    (blurred, 0.15),
    (coarse, 0.2),
    (noisy, 0.1),
    (fainter, 0.2),
    (through_jpeg, 0.05),
)
# The same for an image (28, 28), the input of the model.
IMAGE_DEGRADATIONS = ((struck, 0.03), (grainy, 0.1))


def degraded(ink: Ink, rng: np.random.Generator) -> Ink:
    """The ink after a random selection of `DEGRADATIONS`."""
    return apply_some(DEGRADATIONS, ink, rng)


def degraded_image(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An image (28, 28) uint8 after a random selection of `IMAGE_DEGRADATIONS`."""
    return apply_some(IMAGE_DEGRADATIONS, image, rng)


def apply_some(changes: tuple[tuple[Change, float], ...], pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The pixels after a random selection of these changes."""
    for drawn, (change, share) in zip(rng.random(len(changes)), changes, strict=True):
        if drawn < share:
            pixels = change(pixels, rng)
    return pixels
