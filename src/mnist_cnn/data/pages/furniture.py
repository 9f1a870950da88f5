"""What pages have beside writing: lines, boxes, tables, circles, ticks, crossings-out, stamps. No digit is drawn here.

Each function draws one kind onto a scene. Those in `AROUND` are drawn after the writing and need some; those in
`PAPERS` are the paper's own lines; those in `ALONE` stand anywhere.
"""

import math
from collections.abc import Callable

import numpy as np

from mnist_cnn.data.pages import writing
from mnist_cnn.data.pages.page import Box, around
from mnist_cnn.data.pages.scene import Scene, ellipse, line, rectangle

Draw = Callable[[Scene, float], None]
"""Draws on a scene whose digits are about so many pixels high."""


def thin(scene: Scene, height: float) -> float:
    """The width of a printed line in pixels: from a hairline to about that of a pen."""
    return scene.growing(0.5, max(1.0, 0.11 * height))


def grid(scene: Scene, spacing: float, width: float, rows: bool, columns: bool, layer: np.ndarray) -> None:
    """Parallel lines over the whole page, slightly turned."""
    side, lean = scene.side, scene.rng.normal(0, 0.03)
    offset = scene.between(0, spacing)
    for index in range(-1, int(side / spacing) + 2):
        at = offset + index * spacing
        if rows:
            line(layer, [(-4, at - lean * side / 2), (side + 4, at + lean * side / 2)], width)
        if columns:
            line(layer, [(at + lean * side / 2, -4), (at - lean * side / 2, side + 4)], width)


def ruled(scene: Scene, height: float) -> None:
    """Ruled paper, perhaps with a margin."""
    grid(scene, max(5.0, height * scene.between(0.7, 2.2)), scene.growing(0.4, 1.6), True, False, scene.ruling)
    if scene.chance(0.3):
        x = scene.between(0, scene.side)
        line(scene.ruling, [(x, -4), (x + scene.rng.normal(0, 2), scene.side + 4)], scene.growing(0.5, 1.5))


def squared(scene: Scene, height: float) -> None:
    """Squared paper, of squares smaller than a digit up to larger ones."""
    grid(scene, max(4.0, height * scene.growing(0.25, 1.7)), scene.growing(0.4, 1.6), True, True, scene.ruling)


def dotted(scene: Scene, height: float) -> None:
    """A grid of dots."""
    spacing = max(4.0, height * scene.between(0.3, 1.2))
    step = max(3, round(2 * spacing))
    size = scene.whole(1, max(1, round(0.06 * height)) + 1)
    for dy in range(size):
        for dx in range(size):
            scene.ruling[dy + step // 2 :: step, dx + step // 3 :: step] = 255


def boxes(scene: Scene, height: float) -> None:
    """A box around each thing that was written, as dark as the pen or fainter, perhaps touching it."""
    width = thin(scene, height)
    margin = scene.growing(0.02, 0.5) * height
    layer = scene.ink if scene.chance(0.4) else scene.form
    for box in scene.written[: scene.whole(1, 12)]:
        m = margin * scene.between(0.7, 1.3)
        if scene.chance(0.5):  # all of the same width
            middle = (box.left + box.right) / 2
            half = max(box.width, 0.7 * height) / 2
            box = Box(middle - half, box.top, middle + half, box.bottom)
        rectangle(layer, Box(box.left - m, box.top - m, box.right + m, box.bottom + m), width)


def frame(scene: Scene, height: float) -> None:
    """One box around everything, with square or round corners, perhaps doubled."""
    box = around(scene.written)
    m = scene.growing(0.05, 0.8) * height
    width = thin(scene, height) * scene.between(1, 1.6)
    for more in (0.0, 3 * width) if scene.chance(0.2) else (0.0,):
        rectangle(
            scene.form, Box(box.left - m - more, box.top - m - more, box.right + m + more, box.bottom + m + more), width
        )


def comb(scene: Scene, height: float) -> None:
    """A comb: one rectangle with dividers, or only short ticks between the places."""
    box = around(scene.written)
    m, width = scene.between(0.05, 0.4) * height, thin(scene, height)
    top = box.bottom - scene.between(0.2, 0.5) * height if scene.chance(0.4) else box.top - m
    bottom = box.bottom + m
    if scene.chance(0.6):
        rectangle(scene.form, Box(box.left - m, top, box.right + m, bottom), width)
    edges = sorted(one.left for one in scene.written[:14])
    for x in edges:
        line(scene.form, [(x - m / 2, top), (x - m / 2, bottom)], width)


def table(scene: Scene, height: float) -> None:
    """Cells over the whole page, as a table or a sudoku, every third line perhaps thicker."""
    wide, tall = height * scene.growing(0.9, 4), height * scene.growing(1.1, 2.5)
    width = thin(scene, height)
    every = 3 if scene.chance(0.4) else 99
    x0, y0 = scene.between(-wide, wide), scene.between(-tall, tall)
    for index in range(min(16, int(scene.side / wide) + 2)):
        x = x0 + index * wide
        line(scene.form, [(x, max(0, y0)), (x, scene.side + 4)], width * (2 if index % every == 0 else 1))
    for index in range(min(16, int(scene.side / tall) + 2)):
        y = y0 + index * tall
        line(scene.form, [(max(0, x0), y), (scene.side + 4, y)], width * (2 if index % every == 0 else 1))


def circled(scene: Scene, height: float) -> None:
    """A ring or an ellipse by hand around something, or a pale ring across it, as of a cup."""
    box = scene.written[scene.whole(0, len(scene.written) - 1)] if scene.chance(0.5) else around(scene.written)
    centre = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
    grow = scene.between(1.3, 2.2)
    axes = (max(box.width, 0.5 * box.height) / 2 * grow + 2, box.height / 2 * grow + 1)
    layer = (scene.ink, scene.form, scene.ruling)[scene.whole(0, 2)]
    if scene.chance(0.3):
        axes = (height * scene.between(0.5, 1.2),) * 2
        centre = (centre[0] + scene.rng.normal(0, height / 2), centre[1] + scene.rng.normal(0, height / 2))
    begin = scene.between(0, 360)
    ellipse(layer, centre, axes, thin(scene, height), scene.rng.normal(0, 8), (begin, begin + scene.between(330, 370)))


def underlined(scene: Scene, height: float) -> None:
    """A line below, once or twice, perhaps touching the feet."""
    box = around(scene.written[: scene.whole(1, 8)])
    layer = scene.ink if scene.chance(0.6) else scene.form
    for index in range(scene.whole(1, 2)):
        y = box.bottom + height * scene.between(-0.06, 0.3) + index * scene.between(2, 0.2 * height + 2)
        line(
            layer,
            [
                (box.left - height * scene.rng.random(), y),
                (box.right + height * scene.rng.random(), y + scene.rng.normal(0, 1.5)),
            ],
            thin(scene, height),
        )


def lines_across(scene: Scene, height: float) -> None:
    """Thin lines in any direction across the page and what is written."""
    width = scene.growing(0.4, max(0.8, 0.05 * height))
    layer = (scene.ink, scene.form, scene.ruling)[scene.whole(0, 2)]
    for _ in range(scene.whole(1, 5)):
        line(layer, scene.rng.uniform(-0.2, 1.2, (2, 2)) * scene.side, width)


def touching_line(scene: Scene, height: float) -> None:
    """A line that touches one side of something written."""
    box = scene.written[scene.whole(0, len(scene.written) - 1)]
    reach, width = height * scene.between(0.6, 3), thin(scene, height)
    side = scene.whole(0, 3)
    if side < 2:
        x = box.left if side else box.right
        line(
            scene.ink, [(x, box.top - reach * scene.rng.random()), (x, box.bottom + reach * scene.rng.random())], width
        )
    else:
        y = box.top if side == 2 else box.bottom
        line(
            scene.ink, [(box.left - reach * scene.rng.random(), y), (box.right + reach * scene.rng.random(), y)], width
        )


def crossed_out(scene: Scene, height: float) -> None:
    """Something crossed out heavily; digits under it are neither to be found nor a mistake."""
    box = scene.written[scene.whole(0, len(scene.written) - 1)]
    zigzag(scene, box, max(1.0, height * scene.between(0.05, 0.14)))
    for index, other in enumerate(scene.boxes):
        if other.left < box.right and box.left < other.right and other.top < box.bottom and box.top < other.bottom:
            scene.labels[index] = -1


def zigzag(scene: Scene, box: Box, width: float) -> None:
    """A scribbled zigzag that fills a box."""
    count = scene.whole(5, 14)
    across = scene.chance(0.7)
    t = np.linspace(0, 1, count)
    swing = np.arange(count) % 2 + scene.rng.normal(0, 0.1, count)
    x, y = (swing, t) if across else (t, swing)
    line(scene.ink, np.stack([box.left + x * box.width, box.top + y * box.height], axis=1), width)


def scribble(scene: Scene, height: float) -> None:
    """A scribble: a zigzag, or a line that wanders."""
    x, y = scene.rng.uniform(0, 0.9, 2) * scene.side
    if scene.chance(0.5):
        wide, tall = height * scene.growing(0.5, 3), height * scene.growing(0.4, 1.5)
        zigzag(scene, Box(x, y, x + wide, y + tall), height * scene.between(0.03, 0.12))
    else:
        steps = scene.rng.normal(0, height * 0.35, (scene.whole(12, 40), 2)).cumsum(axis=0)
        line(scene.ink, steps + np.array([x, y]), height * scene.between(0.03, 0.12))


def ticks(scene: Scene, height: float) -> None:
    """Check boxes, empty or with a tick or a cross, in a row or a column."""
    size = height * scene.between(0.4, 1.1)
    x, y = scene.rng.uniform(0, 0.8, 2) * scene.side
    down, width = scene.chance(0.6), thin(scene, height)
    for index in range(scene.whole(1, 5)):
        at = (x, y + 1.7 * index * size) if down else (x + 1.7 * index * size, y)
        kind = scene.rng.random()
        if scene.chance(0.8):
            rectangle(scene.form, Box(*at, at[0] + size, at[1] + size), width)
        jitter = scene.rng.normal(0, 0.1, (4, 2))
        if kind < 0.35:
            points = np.array([(0.1, 0.5), (0.4, 0.9), (1.1, 0.0)]) + jitter[:3]
            line(scene.ink, points * size + at, 1.3 * width)
        elif kind < 0.7:
            points = np.array([(0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)]) + jitter
            line(scene.ink, points[:2] * size + at, 1.3 * width)
            line(scene.ink, points[2:] * size + at, 1.3 * width)


def circles(scene: Scene, height: float) -> None:
    """Rings in a row, as on answer sheets, some of them filled, too round and regular to be zeros."""
    size = height * scene.growing(0.15, 0.6)
    x, y = scene.rng.uniform(0, 0.7, 2) * scene.side
    width, pitch = scene.growing(0.5, 0.15 * height + 0.6), size * scene.between(2.3, 4)
    count = scene.whole(2, 6)
    for row in range(scene.whole(1, 3)):
        for column in range(count):
            centre = (x + column * pitch, y + row * pitch)
            filled = scene.chance(0.25)
            ellipse(scene.form, centre, (size, size), -1 if filled else width)
            if filled or size < 0.3 * height:
                continue
            r = size + width
            scene.ignore(Box(centre[0] - r, centre[1] - r, centre[0] + r, centre[1] + r))


def stamp(scene: Scene, height: float) -> None:
    """A stamp: rings or a frame with a word in it."""
    x, y = scene.rng.uniform(0.1, 0.9, 2) * scene.side
    radius, width = height * scene.growing(0.9, 2.5), thin(scene, height)
    if scene.chance(0.6):
        for share in (1.0, scene.between(0.7, 0.9)):
            ellipse(scene.form, (x, y), (radius * share,) * 2, width)
    else:
        rectangle(scene.form, Box(x - 1.5 * radius, y - 0.6 * radius, x + 1.5 * radius, y + 0.6 * radius), 1.5 * width)
    hand = writing.some_hand(scene, max(8.0, radius * scene.between(0.25, 0.5)), "printed")
    writing.word(scene, hand, writing.some_word(scene).upper(), x - 0.8 * radius, y + hand.height / 2)


def brackets(scene: Scene, height: float) -> None:
    """Vertical bars, brackets, braces and arrows beside what is written, taller than a digit."""
    x, y = scene.rng.uniform(0.05, 0.95, 2) * scene.side
    reach, width = height * scene.between(1.6, 4), thin(scene, height)
    serif = scene.rng.choice([-1.0, 0.0, 1.0]) * height * scene.between(0.1, 0.5)
    line(
        scene.form,
        [(x + serif, y - reach / 2), (x, y - reach / 2), (x, y + reach / 2), (x + serif, y + reach / 2)],
        width,
    )


def chart(scene: Scene, height: float) -> None:
    """Axes with bars or a curve."""
    x0, y0 = scene.between(0, 0.4) * scene.side, scene.between(0.5, 0.95) * scene.side
    wide, tall = scene.between(0.3, 0.6) * scene.side, scene.between(0.2, 0.5) * scene.side
    width = thin(scene, height)
    line(scene.form, [(x0, y0 - tall), (x0, y0), (x0 + wide, y0)], width)
    count = scene.whole(3, 8)
    heights = scene.rng.uniform(0.1, 0.9, count) * tall
    if scene.chance(0.5):
        for index, one in enumerate(heights.tolist()):
            left = x0 + wide * (index + 0.2) / count
            box = Box(left, y0 - one, left + 0.6 * wide / count, y0)
            rectangle(scene.form, box, -1 if scene.chance(0.5) else width)
    else:
        line(scene.form, np.stack([x0 + np.linspace(0, wide, count), y0 - heights], axis=1), width)


def shapes(scene: Scene, height: float) -> None:
    """Drawings: triangles, houses, polygons, stars, arrows."""
    corners = scene.whole(3, 7)
    x, y = scene.rng.uniform(0.1, 0.9, 2) * scene.side
    angles = np.linspace(0, 2 * math.pi, corners + 1) + scene.between(0, 6)
    radius = height * scene.growing(0.5, 2) * np.where(np.arange(corners + 1) % 2, 1, scene.between(0.4, 1))
    radius[-1] = radius[0]
    line(scene.ink, np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1), thin(scene, height))


def dividers(scene: Scene, height: float) -> None:
    """Straight lines from edge to edge, level or upright, thin or thick: edges of tables, paper and screens."""
    for _ in range(scene.whole(1, 3)):
        at, lean = scene.between(0, scene.side), scene.rng.normal(0, 2)
        ends = np.array([(-4, at - lean), (scene.side + 4, at + lean)])
        width = scene.growing(0.5, max(1.5, 0.25 * height))
        line(scene.form, ends if scene.chance(0.5) else ends[:, ::-1], width)


def speckles(scene: Scene, height: float) -> None:
    """Dots and short dashes: dirt, holes, fragments of ink."""
    for _ in range(scene.whole(2, 12)):
        at = scene.rng.uniform(0, scene.side, 2)
        ends = np.stack([at, at + scene.rng.normal(0, 0.07 * height, 2)])
        line(scene.ink, ends, scene.growing(0.5, max(0.8, 0.12 * height)))


PAPERS: tuple[Draw, ...] = (ruled, squared, dotted)
AROUND: tuple[Draw, ...] = (
    boxes, boxes, frame, comb, circled, underlined, lines_across, touching_line, crossed_out,
)  # fmt: skip
ALONE: tuple[Draw, ...] = (
    table, scribble, ticks, circles, stamp, brackets, chart, shapes, dividers, speckles, lines_across,
)  # fmt: skip


def add(scene: Scene, height: float, kinds: tuple[Draw, ...]) -> None:
    """Draw one of these kinds."""
    kind = kinds[scene.whole(0, len(kinds) - 1)]
    kind(scene, height)
    scene.kinds.append(kind.__name__)
