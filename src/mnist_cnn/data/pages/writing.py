"""Characters, words and numbers on a page, by a hand or in print; notes the boxes of digits."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from mnist_cnn.data import strokes
from mnist_cnn.data.pages.marks import DEEP, LIKE_DIGITS, MARKS, TALL, WORDS
from mnist_cnn.data.pages.page import Box, around
from mnist_cnn.data.pages.scene import FINE, TWICE, Mark, OwnInk, Scene, place_at, polylines
from mnist_cnn.data.pages.sources import ANYONE, Glyph
from mnist_cnn.data.pages.typefaces import HEIGHT
from mnist_cnn.reading.mark import MARKS as MARKS_READ

THINNEST, WIDEST = 0.03, 0.2  # of a pen, in heights of a digit
AROUND = 6  # pixels of a layer, around a digit's box, in which its own ink is kept
BY_WRITERS = 0.6  # of the marks that writers also wrote: those that are not drawn by code
BY_ONE = 0.7  # of the hands of pen strokes: those of one writer
NATURAL = 0.8  # of these: those with gaps as in fluent writing
LEAST_APART = 0.03  # heights: between a digit and a small mark, but for a comma, which begins below it
SMALL = ".:"
HIGHEST = 2.2  # of a mark, in heights of its writer's digits
INK = 100  # of 255: what counts as ink in an image of MNIST
LETTERS = "eeeaaoonniitttrrsshhuuldcpmmwwfgykvbjxqz"
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SAME_MARK = {"–": "-", "*": "×"}  # what is read as another mark
PARSED = {mark: [strokes.parsed(way) for way in ways] for mark, ways in MARKS.items()}


@dataclass(frozen=True)
class Hand:
    """How something is written.

    `kind` is "mnist" (digits are images of MNIST), "ink" (pen strokes) or "printed"; `layer` is where. `height` of a
    digit and `pen`, its width, are in pixels, `gap` between characters in heights. `linear` (2, 2) slants and
    stretches, `unsteady` is by how much each character differs from that. Of a `writer` all characters are that
    person's, as far as there are any, as large beside each other as that person wrote them.
    """

    kind: str
    layer: np.ndarray
    height: float
    pen: float
    gap: float
    linear: np.ndarray
    unsteady: float
    face: dict[str, tuple[np.ndarray, float]]
    level: int = 128
    writer: int = ANYONE


def some_hand(scene: Scene, height: float, kind: str | None = None) -> Hand:
    """A random hand or typeface for digits `height` pixels high."""
    rng = scene.rng
    if kind is None:
        kind = ("mnist", "ink", "printed")[int(rng.choice(3, p=(0.3, 0.5, 0.2)))]
    slant = rng.normal(0, 0.16) if kind != "printed" else 0.0
    linear = np.array([[np.exp(rng.normal(0, 0.13)), -slant], [rng.normal(0, 0.03), 1.0]], np.float32)
    pen = height * min(max(float(np.exp(rng.normal(np.log(0.085), 0.45))), THINNEST), WIDEST)
    gap = 0.12 if kind == "printed" else scene.growing(0.04, 0.9)
    if kind == "printed" and scene.chance(0.3):
        gap = scene.growing(0.1, 0.8)
    layer = scene.form if kind == "printed" else scene.ink
    face = scene.given.typefaces.some(rng)
    level = scene.whole(70, 165) if kind == "mnist" else 128
    hand = Hand(kind, layer, height, pen, gap, linear, scene.between(0.02, 0.09), face, level)
    return of_one_writer(scene, hand) if kind == "ink" and scene.given.hands and scene.chance(BY_ONE) else hand


def of_one_writer(scene: Scene, hand: Hand) -> Hand:
    """A hand of pen strokes that is one writer's: what leans more than the rest does so everywhere."""
    writer = scene.given.hands[scene.whole(0, len(scene.given.hands) - 1)]
    gap = scene.between(-0.15, 0.3) if scene.chance(NATURAL) else hand.gap
    return replace(hand, writer=writer, gap=gap, unsteady=0.5 * hand.unsteady)


def character(scene: Scene, hand: Hand, char: str, left: float, line: float) -> Box:
    """Write one character, its left edge at `left`, standing on `line`; notes its box only as written."""
    if hand.kind == "printed" and char in hand.face:
        box = printed(hand, *hand.face[char], left, line)
    elif hand.kind == "mnist" and char.isdigit():
        box = from_mnist(scene, hand, int(char), left, line)
    elif char.isdigit():
        glyph = scene.given.digits.some(char, scene.rng, hand.writer)
        height = min(max(glyph.size, 0.75), 1.3) if hand.writer != ANYONE and glyph.size else 1.0
        box = penned(scene, hand, glyph, height, 0.0, left, line)
    elif char in PARSED and not by_writer(scene, hand, char):
        box = mark(scene, hand, char, left, line)
    elif char in scene.given.letters:
        glyph = scene.given.letters.some(char, scene.rng, hand.writer)
        own = hand.writer != ANYONE and char in PARSED and glyph.size > 0
        height, sunk = in_proportion(scene, hand, char, glyph) if own else proportions(char)
        box = penned(scene, hand, glyph, height, sunk, left, line)
    else:
        box = mark(scene, hand, "-", left, line)
    scene.written.append(box)
    char = SAME_MARK.get(char, char)
    if char in MARKS_READ:
        scene.marks.append(Mark(char, box, place_at((box.left + box.right) / 2, line, hand.height)))
    return box


def by_writer(scene: Scene, hand: Hand, char: str) -> bool:
    """Whether a mark is to be one that a writer wrote: the hand's own, if there is any."""
    letters = scene.given.letters
    return (char, hand.writer) in letters or (char in letters and scene.chance(BY_WRITERS))


def in_proportion(scene: Scene, hand: Hand, char: str, glyph: Glyph) -> tuple[float, float]:
    """How high a mark is beside its writer's digits, and how much of that is below the line, as people place it."""
    size, pen = min(glyph.size, HIGHEST), hand.pen / hand.height
    tall = size * float(np.ptp(glyph.points[:, 1])) * (1 - pen) + pen
    if char in ".,":
        top = tall if char == "." else scene.between(0.1, 0.3)
    else:
        top = 1.0 if char in "'\"" else tall / 2 + (0.43 if char in "-+=:~" else 0.5)
    return size, tall - top + scene.rng.normal(0, 0.05)


def proportions(char: str) -> tuple[float, float]:
    """How high a character is, and how much of that is below the line, in heights of a digit."""
    if char in DEEP:
        return 0.9, 0.32
    if char.islower() and char not in TALL:
        return 0.6, 0.0
    if char in "-=+*~":
        return 0.4, -0.3
    if char == ",":
        return 0.3, 0.15
    if char in ".'\"`":
        return 0.15, 0.0 if char == "." else -0.85
    if char == ":":
        return 0.65, -0.1
    if char in "/()":
        return 1.15, 0.08
    return 1.0, 0.0


def printed(hand: Hand, ink: np.ndarray, top: float, left: float, line: float) -> Box:
    """A printed character."""
    scale = hand.height / HEIGHT
    height, width = ink.shape
    across, down = scale * width * float(hand.linear[0, 0]), scale * height
    upper = line - top * hand.height
    x, y = round(left * TWICE), round(upper * TWICE)
    size = (max(1, round(across * TWICE)), max(1, round(down * TWICE)))
    patch = cv2.resize(ink, size, interpolation=cv2.INTER_AREA if size[1] <= height else cv2.INTER_LINEAR)
    put(hand.layer, sharpened(patch, size[1] / height, 128), x, y)
    return Box(left, upper, left + across, upper + down)


def sharpened(patch: np.ndarray, factor: float, level: int) -> np.ndarray:
    """Ink enlarged by `factor`, its edges sharp again; `level` (0 to 255) is where they will be."""
    if factor <= 1.05 and level == 128:
        return patch
    factor = max(factor, 1.3)
    grey = np.arange(256, dtype=np.float32)
    table = np.clip((grey - level) * factor + 127.5, 0, 255)
    table[0] = 0
    return np.asarray(cv2.LUT(patch, table.astype(np.uint8)))


def put(layer: np.ndarray, patch: np.ndarray, x: int, y: int) -> None:
    """Add ink to a layer with the upper left corner at a pixel of the layer; what is outside is cut."""
    side = layer.shape[0]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + patch.shape[1], side), min(y + patch.shape[0], side)
    if x0 < x1 and y0 < y1:
        place = layer[y0:y1, x0:x1]
        np.maximum(place, patch[y0 - y : y1 - y, x0 - x : x1 - x], out=place)


def own_linear(scene: Scene, hand: Hand, writer: int | None = ANYONE) -> np.ndarray:
    """The hand's transformation with what is special to one character: turned and stretched a little.

    What another `writer` wrote, or none, leans as much more than that writer's ones as it did, or than upright ones.
    """
    noise = scene.rng.standard_normal((2, 2), np.float32)
    linear = hand.linear + hand.unsteady * (hand.linear @ noise)
    if hand.writer not in (ANYONE, writer):
        more = scene.given.lean(hand.writer) - (0.0 if writer is None else scene.given.lean(writer))
        linear[:, 1] -= more * linear[:, 0]
    return np.asarray(linear)


def resized(scene: Scene, hand: Hand) -> Hand:
    """The hand for one character, which is a little larger or smaller."""
    if hand.kind == "printed":
        return hand
    spread = 0.12 if hand.writer == ANYONE else 0.04
    return replace(hand, height=hand.height * scene.between(1 - spread, 1 + spread))


def from_mnist(scene: Scene, hand: Hand, digit: int, left: float, line: float) -> Box:
    """A digit of MNIST."""
    given = scene.given
    low, high = given.starts[digit], given.starts[digit + 1]
    image = given.images[low + int(scene.rng.random() * (high - low))]
    at = np.flatnonzero(image > INK)
    rows, columns = np.divmod(at, 28)
    height = int(rows[-1] - rows[0]) + 1
    linear = own_linear(scene, hand) * (hand.height * TWICE / height)
    points = np.stack([columns, rows]).astype(np.float32)
    moved = linear @ points
    half = hand.height * TWICE / height / 2
    lowest, highest = moved.min(axis=1) - half, moved.max(axis=1) + half
    width, tall = (int(one) + 4 for one in highest - lowest)
    # In a patch with a margin of two pixels.
    matrix = np.concatenate([linear, (2.0 - lowest)[:, None]], axis=1)
    patch = cv2.warpAffine(image, matrix, (width, tall), flags=cv2.INTER_LINEAR)
    x, y = round(left * TWICE - 2), round(line * TWICE - tall + 2)
    put(hand.layer, sharpened(patch, hand.height * TWICE / height, hand.level), x, y)
    return Box((x + 2) / TWICE, (y + 2) / TWICE, (x + width - 2) / TWICE, (y + tall - 2) / TWICE)


def penned(
    scene: Scene,
    hand: Hand,
    glyph: Glyph,
    height: float,
    sunk: float,
    left: float,
    line: float,
) -> Box:
    """A character of pen strokes, `height` heights of a digit high, of which `sunk` are below the line."""
    points, cuts = glyph.points, glyph.cuts
    moved = points @ own_linear(scene, hand, glyph.writer).T
    if scene.chance(0.5):  # the paper, or the hand, bends
        wave = scene.rng.standard_normal(6).astype(np.float32)
        moved = moved + np.sin(points @ (3 * wave[:2]) + 3 * wave[2])[:, None] * (0.03 * wave[3:5])
    moved *= (hand.height - hand.pen) * height
    lowest, highest = moved.min(axis=0) - hand.pen / 2, moved.max(axis=0) + hand.pen / 2
    foot = line + sunk * hand.height
    moved += np.array([left - lowest[0], foot - highest[1]], np.float32)
    fixed = np.rint(moved * FINE).astype(np.int32)
    polylines(hand.layer, [fixed[a:b] for a, b in pairwise(cuts)], hand.pen)
    width, tall = (highest - lowest).tolist()
    return Box(left, foot - tall, left + width, foot)


def mark(scene: Scene, hand: Hand, char: str, left: float, line: float) -> Box:
    """A mark drawn by code."""
    ways = PARSED[char]
    linear = own_linear(scene, hand, None).T
    pieces = [(stroke - (0, 1)) @ linear * hand.height for stroke in ways[scene.whole(0, len(ways) - 1)]]
    points = np.concatenate(pieces)
    lowest, highest = points.min(axis=0) - hand.pen / 2, points.max(axis=0) + hand.pen / 2
    shift = np.array([left - lowest[0], line])
    polylines(hand.layer, [np.rint((piece + shift) * FINE).astype(np.int32) for piece in pieces], hand.pen)
    return Box(left, line + lowest[1], left + highest[0] - lowest[0], line + highest[1])


def digit_alone(scene: Scene, hand: Hand, digit: str, left: float, line: float) -> Box:
    """Write a digit that is about to be noted; its own ink is kept where the scene keeps that."""
    if scene.inks is None:
        return character(scene, hand, digit, left, line)
    own = np.zeros_like(hand.layer)
    box = character(scene, replace(hand, layer=own), digit, left, line)
    np.maximum(hand.layer, own, out=hand.layer)
    left_edge, top_edge = (max(0, round(TWICE * edge) - AROUND) for edge in (box.left, box.top))
    right_edge, lower_edge = (max(0, round(TWICE * edge) + AROUND) for edge in (box.right, box.bottom))
    scene.inks[len(scene.boxes)] = OwnInk(left_edge, top_edge, own[top_edge:lower_edge, left_edge:right_edge].copy())
    return box


def number(scene: Scene, hand: Hand, digits: str, left: float, line: float, gap: float | None = None) -> Box:
    """Digits to be found, one after the other; with a negative `gap` they overlap."""
    boxes: list[Box] = []
    x, gap = left, hand.gap if gap is None else gap
    for digit in digits:
        shake = 0.0 if hand.kind == "printed" else hand.height * scene.rng.normal(0, 0.05)
        box = digit_alone(scene, resized(scene, hand), digit, x, line + shake)
        scene.add(int(digit), box)
        boxes.append(box)
        if len(boxes) > 1:
            scene.gaps.append(place_at((boxes[-2].right + box.left) / 2, line, hand.height))
        step = gap * hand.height * (scene.between(0.7, 1.4) if gap > 0 and hand.kind != "printed" else 1.0)
        # Of a narrow one, less than a third may be covered.
        x = box.right + max(step, -0.33 * box.width)
        if x > scene.side + hand.height:
            break
    for edge, sign in ((left, -1), (boxes[-1].right, 1)):
        scene.gaps.append(place_at(edge + sign * scene.between(0.1, 1.2) * hand.height, line, hand.height))
    return around(boxes)


def word(scene: Scene, hand: Hand, text: str, left: float, line: float) -> Box:
    """A word or symbols: letters are not to be found, and alone or among their like they may be taken for digits."""
    boxes: list[Box] = []
    x = left
    gap = min(max(hand.gap, 0.0), 0.25)
    for letter in text:
        shake = 0.0 if hand.kind == "printed" else hand.height * scene.rng.normal(0, 0.04)
        box = character(scene, resized(scene, hand), letter, x, line + shake)
        boxes.append(box)
        x = box.right + gap * hand.height * scene.between(0.5, 1.3)
        if x > scene.side + hand.height:
            break
    if sum(letter.isalpha() and letter not in LIKE_DIGITS for letter in text[: len(boxes)]) < 2:
        for letter, box in zip(text, boxes, strict=False):
            if letter in LIKE_DIGITS:
                scene.ignore(box)
    return around(boxes)


def beside(scene: Scene, hand: Hand, text: str, left: float, line: float) -> Box:
    """Marks and letters that belong to a number, and so are known not to be digits."""
    ignored = len(scene.boxes)
    box = word(scene, hand, text, left, line)
    del scene.boxes[ignored:], scene.labels[ignored:]
    return box


def joined(scene: Scene, hand: Hand, text: str, left: float, line: float) -> Box:
    """A word of connected letters, as in cursive writing."""
    boxes: list[Box] = []
    x, end = left, None
    linear = hand.linear.T
    for letter in text.lower():
        if letter not in scene.given.letters:
            continue
        points, cuts, *_ = scene.given.letters.some(letter, scene.rng)
        height, sunk = proportions(letter)
        moved = points @ linear * (hand.height * height * scene.between(0.85, 1.15))
        lowest, highest = moved.min(axis=0), moved.max(axis=0)
        moved += np.array([x - lowest[0], line + sunk * hand.height - highest[1]], np.float32)
        pieces = [moved[a:b] for a, b in pairwise(cuts)]
        if end is not None:
            start = pieces[0][0]
            middle = (end + start) / 2 + np.array([0, 0.12 * hand.height * scene.rng.random()], np.float32)
            pieces.append(np.stack([end, (end + middle) / 2 + (0, 0.02 * hand.height), middle, start]))
        polylines(hand.layer, [np.rint(piece * FINE).astype(np.int32) for piece in pieces], hand.pen)
        end = pieces[len(cuts) - 2][-1]
        box = Box(x, float(moved[:, 1].min()), x + float(highest[0] - lowest[0]), float(moved[:, 1].max()))
        boxes.append(box)
        scene.written.append(box)
        x = box.right + hand.height * scene.between(-0.06, 0.1)
        if x > scene.side + hand.height:
            break
    return around(boxes) if boxes else Box(left, line - hand.height, left, line)


def phrase(scene: Scene, hand: Hand, left: float, line: float) -> Box:
    """Words as somebody wrote them, one after the other."""
    points, cuts, *_ = scene.given.phrases.some("", scene.rng)
    moved = points @ own_linear(scene, replace(hand, unsteady=0.3 * hand.unsteady)).T
    moved *= hand.height * scene.between(0.75, 1.25)
    moved += np.array([left - moved[:, 0].min(), line], np.float32)
    fixed = np.rint(moved * FINE).astype(np.int32)
    polylines(hand.layer, [fixed[a:b] for a, b in pairwise(cuts)], hand.pen)
    lowest, highest = moved.min(axis=0), moved.max(axis=0)
    box = Box(left, float(lowest[1]), float(highest[0]), float(highest[1]))
    scene.written.append(box)
    return box


def scrawl(scene: Scene, hand: Hand, left: float, line: float) -> Box:
    """Loops and waves in a row, as a signature or illegible writing."""
    loops = scene.between(3, 12)
    length = loops * hand.height * scene.between(0.25, 0.6)
    t = np.linspace(0, 2 * np.pi * loops, int(14 * loops), dtype=np.float32)
    size = np.interp(t, np.linspace(0, t[-1], 9), scene.rng.uniform(0.25, 1.0, 9)) * hand.height / 2
    x = left + length * t / t[-1] + size * np.sin(t + scene.between(0, 3)) * scene.between(0.1, 0.9)
    y = line - size * (1 + np.cos(t * scene.between(0.8, 1.3)))
    fixed = np.rint(np.stack([x, y], axis=1) * FINE).astype(np.int32)
    polylines(hand.layer, [fixed], hand.pen)
    box = Box(float(x.min()), float(y.min()), float(x.max()), float(y.max()))
    scene.written.append(box)
    return box


def complicated(scene: Scene, hand: Hand, left: float, line: float) -> Box:
    """A character of many straight strokes in a square, as in Chinese writing, which is no digit."""
    height = hand.height * scene.between(0.9, 1.3)
    pieces = []
    for _ in range(scene.whole(5, 10)):
        a, b = scene.rng.random(2) * 0.6, scene.rng.random()
        ends = ((a[0], b), (a[0] + 0.4, b + scene.rng.normal(0, 0.06)))
        if scene.chance(0.5):
            ends = ((b, a[1]), (b + scene.rng.normal(0, 0.08), a[1] + 0.4))
        pieces.append(np.array(ends))
    fixed = [np.rint((piece * height + (left, line - height)) * FINE).astype(np.int32) for piece in pieces]
    polylines(hand.layer, fixed, min(hand.pen, 0.09 * height))
    box = Box(left, line - height, left + height, line)
    scene.written.append(box)
    return box


def some_digits(scene: Scene, most: int = 6) -> str:
    """One to `most` random digits; repeated ones and zeros are frequent, as in amounts."""
    count = scene.whole(1, most)
    if scene.chance(0.12):
        return str(scene.whole(0, 9)) * count
    if scene.chance(0.1):
        return str(scene.whole(1, 9)) + "0" * (count - 1)
    return "".join(map(str, scene.rng.integers(0, 10, count).tolist()))


def some_word(scene: Scene) -> str:
    """A word: of the vocabulary, or random letters, perhaps capitals."""
    if scene.chance(0.5):
        text = WORDS[int(scene.rng.random() * len(WORDS))]
        return text.upper() if scene.chance(0.15) else text
    pool = CAPITALS if scene.chance(0.3) else LETTERS
    return "".join(pool[int(scene.rng.random() * len(pool))] for _ in range(scene.whole(2, 9)))


Token = tuple[Callable[..., Box], str]


def is_number(token: Token) -> bool:
    """Whether it is digits to be found."""
    return token[0] is number


def some_text(scene: Scene, hand: Hand) -> Token:
    """Something without digits."""
    kind = scene.rng.random()
    if hand.kind != "printed" and scene.has_phrases and scene.chance(0.35):
        return phrase, ""
    if hand.kind != "printed" and kind < 0.3:
        return joined, some_word(scene)
    if hand.kind != "printed" and kind < 0.36:
        return scrawl, ""
    if kind < 0.42:
        return complicated, ""
    if kind < 0.52:
        marks = "".join(PARSED)
        return word, "".join(marks[int(scene.rng.random() * len(marks))] for _ in range(scene.whole(1, 3)))
    return word, some_word(scene)


# What stands between numbers, and tokens that are written without a space between them.
FORMS = (
    "d/d/d", "d.d.d", "d-d-d", "d:d", "d.d", "d,d", "d-d", "$d", "d%", "d€", "(d)", "d)", "#d", "d+d=d", "d-d=d",
    "d×d=d", "d÷d=d", "x=d", "dx+d=d", "ay=d", "Nd", "d kg", "d cm", "d ml", "d am", "No d", "f(x)=d", "√d", "d/d",
    "+d d", "€d,d", "d*d", "[d]", "d<d", "d>d", "x-d", "dab", "d!", "d?", "a=d", "-d", "-d.d", "-d,d", "d,d.d",
    "d.d,d", "(d)d-d", "d.d%", "d:d:d", "d×d", "d+d", "d÷d=", "d=", "d.d/d", "d×(d+d)", "d–", "(-d)", "d/d", "d.d",
    "d,d", "d-d-d", "d+d-d",
)  # fmt: skip


# The same where each d is one digit.
NUMBERS = (
    "d.d", "d.dd", "dd.dd", "ddd.dd", "d.ddd", "d,d", "d,dd", "dd,d", "d,ddd", "dd,ddd", "d,ddd,ddd", "d.ddd,dd",
    "d,ddd.dd", "d/d", "d/d", "d/d", "d/d", "dd/d", "d/dd", "dd/dd", "d/d/dd", "dd/dd/dd", "dd/dd/dddd", "d-d-dd",
    "dd-dd-dddd", "dd.dd.dddd", "dd.dd.dd", "dddd-dd-dd", "d:dd", "d:dd", "dd:dd", "dd:dd:dd", "ddd-dddd", "ddd-dddd",
    "ddd-ddd-dddd", "(ddd)ddd-dddd", "+dddddddddd", "d-d", "dd-dd", "ddd-ddd", "-d", "-dd", "-d.d", "+d", "d%",
    "dd%", "d.d%", "dd,", "ddd,", "dddd,", "ddddd,", "d,ddd,", "dd.", "dddd.", "d+d=d", "d×d=dd", "d÷d=d", "dd-d=d",
    "dd+d", "d=", "$d.dd", "$dd", "€d,dd", "d,dd€", "(d)", "(dd)", "d)", "dd kg", "d", "dd", "ddd", "dddd", "ddddd",
    "ddd-dd-dddd", "ddddddd", "dddd", "ddd", "dd",
)  # fmt: skip


def some_form(scene: Scene) -> list[Token]:
    """Digits with marks and letters around them: a date, a time, an amount, an equation, a label."""
    if scene.chance(0.4):
        return tokens_of(FORMS[int(scene.rng.random() * len(FORMS))], lambda _: some_digits(scene, 3))
    pool = "1117" if scene.chance(0.15) else "0123456789"  # ones beside each other lean like slashes
    form = NUMBERS[int(scene.rng.random() * len(NUMBERS))]
    return tokens_of(form, lambda run: "".join(pool[int(scene.rng.random() * len(pool))] for _ in run))


def tokens_of(form: str, digits: Callable[[str], str]) -> list[Token]:
    """The tokens of a form, in which `digits` says what is in place of each run of d."""
    runs = re.findall(r"d+|[^d ]+", form)
    return [(number, digits(run)) if run.startswith("d") else (beside, run) for run in runs]


def gap_between(scene: Scene, hand: Hand, box: Box, token: Token) -> float:
    """How far after a box the next token begins, in pixels; in fluent writing they may overlap, but no point."""
    how, text = token
    if hand.writer == ANYONE or how not in (number, beside):
        return max(scene.between(0.01, 0.1), min(hand.gap, 0.35)) * hand.height
    gap = min(hand.gap, 0.35) + scene.rng.normal(0, 0.05)
    if text[0] in SMALL:
        gap = max(gap, LEAST_APART)
    return max(gap * hand.height, -0.33 * box.width)


def write(scene: Scene, hand: Hand, token: Token, left: float, line: float) -> Box:
    """Write a token."""
    how, text = token
    if how in (phrase, scrawl, complicated):
        return how(scene, hand, left, line)
    return how(scene, hand, text, left, line)
