"""Ink comes in, pieces of it in rows go out: digits, parts of digits, or several that touch. Knows no network."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mnist_cnn.reading.components import components
from mnist_cnn.reading.ink import Ink

LEAST = 0.04  # of all ink that what may be writing must have: noise has less
MOST = 600  # pieces of an image that are considered, the largest ones


@dataclass(frozen=True, eq=False)
class Piece:
    """Some ink. `mask` is (h, w) uint8, 1 where it is, its corner at column `x`, row `y`; `strength` mean contrast."""

    x: int
    y: int
    mask: np.ndarray
    strength: float
    at_border: bool = False

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.mask.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.mask.shape[0])

    @property
    def right(self) -> int:
        """The first column to the right of it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.y + self.height

    @property
    def flat(self) -> bool:
        """Whether it is a dash: no digit, but perhaps part of one."""
        return self.width > 3 * self.height

    @property
    def size(self) -> int:
        """Its longer side."""
        return max(self.width, self.height)


def pieces_of(ink: Ink) -> list[Piece]:
    """Connected ink that may be writing: specks, weak traces and remains of the surroundings are dropped."""
    found = without_cells(connected(ink))
    size = usual_size(found)
    large = [piece for piece in found if piece.size >= 0.4 * size and not piece.flat]
    if not large:
        return []
    enough = 0.5 * max(piece.strength for piece in large)
    large = [piece for piece in large if piece.strength >= enough]
    small = [piece for piece in found if piece.size >= 0.08 * size and piece.strength >= enough and piece not in large]
    pieces = attached(large, small, reach=0.12 * size)
    written = sum(int(piece.mask.sum()) for piece in pieces)
    return pieces if written >= LEAST * cv2.countNonZero(ink.mask) else []


def connected(ink: Ink) -> list[Piece]:
    """The connected components of the mask, largest first."""
    labels, stats = components(ink.mask)
    height, width = ink.mask.shape
    sizes = np.maximum(stats[1:, 2], stats[1:, 3])
    least = max(3, 0.02 * min(height, width))
    order = [label + 1 for label in np.argsort(-sizes, kind="stable")[:MOST] if sizes[label] >= least]
    pieces = []
    for label in order:
        x, y, w, h, _ = (int(value) for value in stats[label])
        mask = (labels[y : y + h, x : x + w] == label).astype(np.uint8)
        at_border = x == 0 or y == 0 or x + w == width or y + h == height
        pieces.append(Piece(x, y, mask, strength_of(ink.contrast[y : y + h, x : x + w], mask), at_border))
    return pieces


def without_cells(pieces: list[Piece]) -> list[Piece]:
    """Drop the lines between the cells of a form: thin, upright, of one level, and higher than all between them."""
    thin = [piece for piece in pieces if piece.width < 0.12 * piece.height]
    for one in thin:
        level = [piece for piece in thin if abs(piece.y - one.y) + abs(piece.bottom - one.bottom) <= 0.08 * one.height]
        between = [
            piece for piece in pieces if piece not in level and min(piece.bottom, one.bottom) > max(piece.y, one.y)
        ]
        if len(level) >= 3 and between and max(piece.height for piece in between) < 0.9 * one.height:
            return without_cells([piece for piece in pieces if piece not in level])
    return pieces


def strength_of(contrast: np.ndarray, mask: np.ndarray) -> float:
    """The mean contrast under a mask, weighted by contrast, so that soft edges count little."""
    inside = contrast[mask > 0].astype(np.float64)
    return float((inside**2).sum() / max(inside.sum(), 1.0))


def usual_size(pieces: Sequence[Piece]) -> float:
    """The size of most of the writing: the median, each piece weighing its size squared; the border's if no others."""
    upright = [piece for piece in pieces if not piece.flat]
    inside = [piece for piece in upright if not piece.at_border] or upright
    if not inside:
        return 0.0
    sizes = np.sort([piece.size for piece in inside])
    weights = (sizes.astype(np.float64) ** 2).cumsum()
    return float(sizes[np.searchsorted(weights, weights[-1] / 2)])


def gap(a: Piece, b: Piece) -> float:
    """Pixels of paper between two pieces' boxes; 0 if they overlap."""
    across = max(a.x - b.right, b.x - a.right, 0)
    down = max(a.y - b.bottom, b.y - a.bottom, 0)
    return float(np.hypot(across, down))


def union(pieces: Sequence[Piece]) -> Piece:
    """Several pieces as one."""
    if len(pieces) == 1:
        return pieces[0]
    x, y = min(piece.x for piece in pieces), min(piece.y for piece in pieces)
    mask = np.zeros((max(piece.bottom for piece in pieces) - y, max(piece.right for piece in pieces) - x), np.uint8)
    for piece in pieces:
        mask[piece.y - y : piece.bottom - y, piece.x - x : piece.right - x] |= piece.mask
    areas = [int(piece.mask.sum()) for piece in pieces]
    strength = float(np.average([piece.strength for piece in pieces], weights=areas))
    return Piece(x, y, mask, strength, any(piece.at_border for piece in pieces))


def attached(large: Sequence[Piece], small: Sequence[Piece], reach: float) -> list[Piece]:
    """Join small pieces to the nearest large one within reach, drop the others; join what lies above one another."""
    parts: list[list[Piece]] = [[piece] for piece in large]
    for piece in small:
        distances = [gap(piece, owner) for owner in large]
        nearest = int(np.argmin(distances))
        if distances[nearest] <= reach:
            parts[nearest].append(piece)
    return stacked([union(group) for group in parts], reach)


def stacked(pieces: list[Piece], reach: float) -> list[Piece]:
    """Join pieces of one digit that lie above one another: they share columns, with hardly any paper between."""
    done: list[Piece] = []
    waiting = list(pieces)
    while waiting:
        piece = waiting.pop()
        other = next((other for other in waiting if above_one_another(piece, other, reach)), None)
        if other is None:
            done.append(piece)
        else:
            waiting.remove(other)
            waiting.append(union([piece, other]))
    return done


def above_one_another(a: Piece, b: Piece, reach: float) -> bool:
    """Whether two pieces share half the columns of the narrower, and no more paper than `reach` parts them."""
    shared = min(a.right, b.right) - max(a.x, b.x)
    return shared >= 0.5 * min(a.width, b.width) and max(a.y - b.bottom, b.y - a.bottom) <= reach


def rows_of(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Sort pieces into rows from top to bottom, each from left to right.

    A piece belongs to the row whose course so far it is most level with, so rows may climb or fall.
    """
    if len(pieces) < 2:
        return [[piece] for piece in pieces]
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: piece.x + piece.width / 2):
        nearest = max(rows, key=lambda row: level_with(row, piece), default=None)
        if nearest is not None and level_with(nearest, piece) >= 0.15:
            nearest.append(piece)
        else:
            rows.append([piece])
    inside = any(not piece.at_border for piece in pieces)
    rows = [row for row in map(without_dashes, rows) if not (inside and all(piece.at_border for piece in row))]
    return sorted(rows, key=lambda row: float(np.mean([piece.y + piece.height / 2 for piece in row])))


def level_with(row: Sequence[Piece], piece: Piece) -> float:
    """The share of the taller one's height that a piece has in common with a row's course; negative if it has none."""
    last = row[-1]
    fall = 0.0
    if len(row) > 1:
        before = row[-2]
        slope = (last.y + last.bottom - before.y - before.bottom) / max(
            1, last.x + last.right - before.x - before.right
        )
        fall = slope * min(piece.x - last.x, 2 * last.size)
    shared = min(last.bottom + fall, piece.bottom) - max(last.y + fall, piece.y)
    return shared / max(last.height, piece.height)


def without_dashes(row: list[Piece]) -> list[Piece]:
    """Drop what is much less high than the row's usual piece: dashes, commas, remains of lines."""
    usual = float(np.median([piece.height for piece in row]))
    return [piece for piece in row if piece.height >= 0.3 * usual]


def alternatives(pieces: Sequence[Piece]) -> list[Piece]:
    """What could be the only digit of an image, likeliest first: whole groups of neighbours, and the main piece alone.

    Large, dark pieces that the image border does not cut off are likelier.
    """
    groups = neighbours(pieces)
    return sorted((union(group) for group in groups), key=prominence, reverse=True)[:3]


def prominence(piece: Piece) -> float:
    """How likely a piece is the subject of the image."""
    return piece.size * piece.strength * (0.3 if piece.at_border else 1.0)


def neighbours(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Group pieces with no more paper between them than a quarter of the larger one."""
    groups: list[list[Piece]] = []
    for piece in pieces:
        near = [
            group for group in groups if any(gap(piece, other) <= 0.25 * max(piece.size, other.size) for other in group)
        ]
        groups = [group for group in groups if group not in near] + [[piece, *(one for group in near for one in group)]]
    return groups
