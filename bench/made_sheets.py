"""Sheets made by code with handwriting of held-out writers: tables, boxes, combs, sudokus, and what is in their cells.

They are drawn by the same hands, on the same paper and in the same light as the pages that the networks learn from, but
larger, and photographed from an angle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mnist_cnn.data.pages import writing
from mnist_cnn.data.pages.page import Box
from mnist_cnn.data.pages.scene import Scene, ellipse, line, rectangle
from mnist_cnn.data.pages.sources import Sources

SIDE = 1000  # pixels of a sheet
TILT = 0.08  # of the side, by which a corner is away from where it would be, from an angle
WORDS = ("Anna", "Ben", "Carla", "David", "Emma", "Felix", "Total", "Name", "Q1", "Mark", "Sum")


@dataclass(frozen=True, eq=False)
class MadeSheet:
    """A photograph (h, w) uint8 of a sheet, and the text of each cell, row by row; "" is blank, None is no digit.

    `matrix` (3, 3) leads from the sheet, in pixels, to the photograph.
    """

    grey: np.ndarray
    cells: list[list[str | None]]
    matrix: np.ndarray


def table(rng: np.random.Generator, sources: Sources, *, angle: float = TILT) -> MadeSheet:
    """A table of marks: names in words, a mark in each cell, some of them blank."""
    scene = Scene(rng, sources, SIDE)
    rows, columns = scene.whole(5, 14), scene.whole(3, 7)
    tall = min(0.8 * SIDE / rows, scene.between(44, 90))
    wide = min(0.88 * SIDE / (columns + 2.2), scene.between(1.4, 2.6) * tall)
    height = tall * scene.between(0.42, 0.62)
    hand = writing.some_hand(scene, height, "mnist" if scene.chance(0.3) else "ink")
    label = writing.some_hand(scene, 0.8 * height, "printed")
    left, top = (SIDE - columns * wide - 2.2 * wide) / 2 + 2.2 * wide, (SIDE - rows * tall) / 2
    width = scene.between(1.0, 3.0)
    layer = scene.form if scene.chance(0.7) else scene.ink
    texts: list[list[str | None]] = []
    for row in range(rows):
        y = top + row * tall
        rectangle(layer, Box(left - 2.2 * wide, y, left, y + tall), width)
        texts.append([None])
        writing.word(scene, label, WORDS[scene.whole(0, 5)], left - 2.1 * wide, y + (tall + 0.8 * height) / 2)
        for column in range(columns):
            x = left + column * wide
            rectangle(layer, Box(x, y, x + wide, y + tall), width)
            text = mark_of(scene)
            texts[-1].append(text)
            if text:
                write(scene, hand, text, x, y, wide, tall)
    return photographed(scene, texts, height, angle)


def exam(
    rng: np.random.Generator, sources: Sources, faces: Sequence[dict[str, tuple[np.ndarray, float]]]
) -> tuple[MadeSheet, list[list[bool]]]:
    """A table with printed and handwritten numbers, and which are printed: all, none, or the first row or column.

    Those are, of an exam, the numbers of its questions, or of students. `faces` are the typefaces to print with.
    """
    scene = Scene(rng, sources, SIDE)
    rows, columns = scene.whole(4, 10), scene.whole(3, 7)
    tall = min(0.85 * SIDE / rows, scene.between(44, 90))
    wide = min(0.88 * SIDE / columns, scene.between(1.4, 2.6) * tall)
    height = tall * scene.between(0.42, 0.62)
    pen = writing.some_hand(scene, height, "mnist" if scene.chance(0.3) else "ink")
    print_height = height * scene.between(0.7, 1.0)
    face = faces[int(rng.random() * len(faces))]
    print_ = replace(writing.some_hand(scene, print_height, "printed"), face=face)
    above, beside = bool(scene.chance(0.45)), bool(scene.chance(0.45))
    everything = bool(scene.chance(0.1))
    left, top = (SIDE - columns * wide) / 2, (SIDE - rows * tall) / 2
    width = scene.between(1.0, 3.0)
    texts: list[list[str | None]] = []
    printed: list[list[bool]] = []
    for row in range(rows):
        texts.append([])
        printed.append([])
        for column in range(columns):
            x, y = left + column * wide, top + row * tall
            rectangle(scene.form, Box(x, y, x + wide, y + tall), width)
            is_printed = everything or (above and row == 0) or (beside and column == 0)
            text = mark_of(scene) or ("7" if is_printed else "")
            texts[-1].append(text)
            printed[-1].append(is_printed)
            if text:
                write(scene, print_ if is_printed else pen, text, x, y, wide, tall)
    return photographed(scene, texts, height, TILT), printed


def boxes(rng: np.random.Generator, sources: Sources, *, width: float, height: float, kind: str) -> MadeSheet:
    """A row of "boxes", a comb ("combs"), "rings" or "lines", for a digit each.

    Some are empty, not all. `width` is that of the lines, `height` that of the digits, in pixels.
    """
    scene = Scene(rng, sources, 480)
    count = scene.whole(4, 8)
    wide, tall = height * scene.between(1.0, 1.5), height * scene.between(1.3, 1.6)
    wide = min(wide, 360 / count)
    if kind == "rings":  # which must be around all of a digit
        tall = min(1.25 * tall, 380 / count)
        wide, height = tall, min(height, 0.6 * tall)
    hand = writing.some_hand(scene, min(height, 0.9 * wide), "ink")
    left, top = (480 - count * wide) / 2, 240 - tall / 2
    apart = {"combs": 0.0, "rings": 0.2, "lines": 0.3}
    gap = apart[kind] * wide if kind in apart else 0.0 if scene.chance(0.5) else 0.2 * wide
    cells: list[str | None] = []
    for index in range(count):
        x = left + index * (wide + gap) - gap * count / 2
        if kind == "lines":
            line(scene.form, [(x, top + tall), (x + wide, top + tall)], width)
        elif kind == "rings":
            ellipse(scene.form, (x + wide / 2, top + tall / 2), (wide / 2, tall / 2), width)
        elif kind == "combs":
            line(scene.form, [(x, top + tall / 2), (x, top + tall), (x + wide, top + tall)], width)
            line(scene.form, [(x + wide, top + tall / 2), (x + wide, top + tall)], width)
        else:
            rectangle(scene.form, Box(x, top, x + wide, top + tall), width)
        none = scene.chance(0.25) and (any(cells) or index < count - 1)
        text = "" if none else str(scene.whole(0, 9))
        cells.append(text)
        if text:
            write(scene, hand, text, x, top, wide, tall)
    return photographed(scene, [cells], height, 0.02)


def sudoku(rng: np.random.Generator, sources: Sources, *, angle: float = TILT) -> MadeSheet:
    """A sudoku, printed or handwritten, with a third of the digits."""
    scene = Scene(rng, sources, SIDE)
    cell = scene.between(60, 95)
    hand = writing.some_hand(scene, cell * scene.between(0.5, 0.68), "printed" if scene.chance(0.6) else "ink")
    left = top = (SIDE - 9 * cell) / 2
    for index in range(10):
        width = scene.between(3.0, 5.0) if index % 3 == 0 else scene.between(1.0, 2.0)
        line(scene.form, [(left + index * cell, top), (left + index * cell, top + 9 * cell)], width)
        line(scene.form, [(left, top + index * cell), (left + 9 * cell, top + index * cell)], width)
    texts: list[list[str | None]] = [["" for _ in range(9)] for _ in range(9)]
    for row in range(9):
        for column in range(9):
            if scene.chance(0.38):
                texts[row][column] = text = str(scene.whole(1, 9))
                write(scene, hand, text, left + column * cell, top + row * cell, cell, cell)
    return photographed(scene, texts, hand.height, angle)


def mark_of(scene: Scene) -> str:
    """What is in a cell of a table of marks: nothing, a whole number, or one with a half."""
    if scene.chance(0.18):
        return ""
    if scene.chance(0.2):
        return f"{scene.whole(0, 19)}.{'5' if scene.chance(0.7) else scene.whole(0, 9)}"
    return str(scene.whole(0, 100) if scene.chance(0.3) else scene.whole(0, 20))


def write(scene: Scene, hand: writing.Hand, text: str, x: float, y: float, wide: float, tall: float) -> None:
    """A number, perhaps with a point, in the middle of a cell."""
    hand = replace(hand, gap=min(hand.gap, 0.16))
    left, base = x + max(0.06 * wide, (wide - 0.68 * hand.height * len(text)) / 2), y + (tall + hand.height) / 2
    for part in text.replace(".", " . ").split():
        how = writing.beside if part == "." else writing.number
        left = how(scene, hand, part, left, base).right + 0.1 * hand.height


def photographed(scene: Scene, cells: list[list[str | None]], height: float, angle: float) -> MadeSheet:
    """The scene on paper, in some light, on a desk, from an angle."""
    rng, side = scene.rng, scene.side
    ink = cv2.resize(np.maximum(scene.ink, scene.form), (side, side), interpolation=cv2.INTER_AREA) / np.float32(255)
    white, dark = rng.uniform(0.55, 0.95), rng.uniform(0.05, 0.3)
    grey = white - (white - dark) * ink
    light = cv2.resize(rng.uniform(0.75, 1.05, (3, 3)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    grey = (grey * light).astype(np.float32)
    square = np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float32)
    moved = square + scene.rng.uniform(-angle, angle, (4, 2)).astype(np.float32) * side
    moved += side * angle
    size = round(side * (1 + 2 * angle))
    matrix = cv2.getPerspectiveTransform(square, moved)
    turned = cv2.warpPerspective(
        grey, matrix, (size, size), flags=cv2.INTER_AREA,
        borderMode=cv2.BORDER_CONSTANT, borderValue=float(scene.between(0.05, 0.4)),
    )  # fmt: skip
    turned = cv2.GaussianBlur(turned, (0, 0), rng.uniform(0.3, 0.025 * height + 0.4))
    noisy = turned + rng.normal(0, rng.uniform(0.0, 0.03), turned.shape)
    levels = np.clip(255 * noisy, 0, 255).astype(np.uint8)
    coded = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(50, 96))])[1]
    return MadeSheet(np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)), cells, matrix)
