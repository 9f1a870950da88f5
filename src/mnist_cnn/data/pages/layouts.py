"""What is written where on a page: one digit, rows, columns, cells, touching digits, text, forms, or nothing.

Each layout writes on a scene and returns about how high its digits are, in pixels.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mnist_cnn.data.pages import furniture, writing
from mnist_cnn.data.pages.page import Box
from mnist_cnn.data.pages.scene import Scene, rectangle
from mnist_cnn.data.pages.writing import Hand, Token, number

SMALLEST, LARGEST = 12.0, 100.0  # pixels: the heights of digits to be found


def some_height(scene: Scene, most: float = 64.0) -> float:
    """The height of a page's digits: each doubling equally often."""
    return scene.growing(SMALLEST, most)


def touching(scene: Scene) -> float:
    """A negative gap: digits overlap by up to a third of their width, about 0.6 heights."""
    return -scene.between(0.0, 0.2)


def one_digit(scene: Scene) -> float:
    """A single digit, of any size, near the middle or anywhere."""
    height = scene.growing(SMALLEST, LARGEST)
    hand = writing.some_hand(scene, height)
    spread = 0.08 if scene.chance(0.5) else 0.25
    x, y = (scene.side * (0.5 + scene.rng.normal(0, spread, 2))).tolist()
    number(scene, hand, str(scene.whole(0, 9)), x - 0.3 * height, y + height / 2)
    return height


def small_in_large(scene: Scene) -> float:
    """One number, small in a large empty field."""
    height = scene.growing(SMALLEST, 22)
    x, y = (scene.side * scene.rng.uniform(0.1, 0.8, 2)).tolist()
    number(scene, writing.some_hand(scene, height), writing.some_digits(scene), x, y + height)
    return height


def rows(scene: Scene) -> float:
    """Rows of digits that may climb."""
    height = some_height(scene, 72)
    hand = writing.some_hand(scene, height)
    text_rows(scene, hand, lambda: [(number, writing.some_digits(scene))], scene.growing(0.3, 3))
    return height


def touching_digits(scene: Scene) -> float:
    """Pairs and triples that touch or overlap."""
    height = some_height(scene, 72)
    hand = writing.some_hand(scene, height, "mnist" if scene.chance(0.35) else "ink")
    hand = replace(hand, gap=touching(scene))
    y = scene.between(height, max(height + 1, scene.side - 0.1 * height))
    if scene.chance(0.5):
        y = scene.side / 2 + height / 2
    text = writing.some_digits(scene, 4)
    number(scene, hand, text, max(1.0, scene.between(-0.2, 0.6) * (scene.side - 0.6 * height * len(text))), y)
    if scene.chance(0.4):
        text_rows(scene, hand, lambda: [(number, writing.some_digits(scene, 3))], 0.7, y + 1.4 * height)
    return height


def column(scene: Scene) -> float:
    """A column of numbers, perhaps with a sign and a line below, as sums are written."""
    height = some_height(scene, 36)
    hand = writing.some_hand(scene, height)
    x, y = scene.between(0.05, 0.5) * scene.side, scene.between(0, 1) * height + height
    most, pitch = scene.whole(1, 4), height * scene.between(1.15, 2)
    while y < scene.side + 0.3 * height and not scene.full:
        box = number(scene, hand, writing.some_digits(scene, most), x + scene.rng.normal(0, 0.1) * height, y)
        if scene.chance(0.15):
            writing.beside(scene, hand, "+-×="[scene.whole(0, 3)], box.left - 0.9 * height, y)
        y += pitch
    return height


def cells(scene: Scene) -> float:
    """A digit in each cell of a table, some empty: squared paper, a sudoku, a calendar."""
    height = some_height(scene, 48)
    hand = writing.some_hand(scene, height, "printed" if scene.chance(0.45) else None)
    wide, tall = height * scene.between(1.1, 2.4), height * scene.between(1.2, 2.4)
    x0, y0 = scene.between(-1, 0.5) * wide, scene.between(-1, 0.5) * tall
    most = scene.whole(1, 2) if wide > 1.8 * height else 1
    empty, width = scene.between(0, 0.6), furniture.thin(scene, height)
    layer = (scene.form, scene.form, scene.ruling)[scene.whole(0, 2)]
    y = y0
    while y < scene.side:
        x = x0
        while x < scene.side:
            rectangle(layer, Box(x, y, x + wide, y + tall), width)
            if not scene.full and not scene.chance(empty):
                left = x + (wide - 0.65 * height * most) / 2 + scene.rng.normal(0, 0.05) * height
                number(scene, hand, writing.some_digits(scene, most), left, y + (tall + height) / 2)
            x += wide
        y += tall
    scene.kinds.append("table")
    return height


def row_of_boxes(scene: Scene) -> float:
    """Boxes for a digit each, apart or side by side, in one row or a few, many or all of them empty: as on a form."""
    height = some_height(scene, 56)
    hand = writing.some_hand(scene, height, "printed" if scene.chance(0.15) else None)
    wide, tall = height * scene.between(0.65, 1.6), height * scene.between(1.05, 1.7)
    gap = 0.0 if scene.chance(0.4) else height * scene.growing(0.08, 0.8)
    empty = 1.0 if scene.chance(0.3) else scene.between(0, 0.8)
    width = furniture.thin(scene, height) if scene.chance(0.5) else hand.pen * scene.between(0.5, 1.2)
    layer = hand.layer if scene.chance(0.5) else scene.form
    x0, y = scene.between(-0.5, 0.4) * scene.side, scene.between(0, 0.6) * scene.side
    for _ in range(scene.whole(1, 3)):
        x = x0
        for _ in range(scene.whole(2, 9)):
            rectangle(layer, Box(x, y, x + wide, y + tall), width)
            if not scene.full and not scene.chance(empty):
                left = x + (wide - 0.6 * height) / 2 + scene.rng.normal(0, 0.05) * height
                number(scene, hand, str(scene.whole(0, 9)), left, y + (tall + height) / 2)
            x += wide + gap
        y += tall * (1 if scene.chance(0.3) else scene.between(1.2, 2.2))
    scene.kinds.append("boxes")
    return height


def forms(scene: Scene) -> float:
    """Rows of dates, times, amounts, equations and labels."""
    height = some_height(scene, 48)
    hand = writing.some_hand(scene, height)
    text_rows(scene, hand, lambda: writing.some_form(scene), scene.growing(0.2, 1.2))
    return height


def mixed(scene: Scene) -> float:
    """Words and numbers in rows, by one hand."""
    height = some_height(scene, 40)
    hand = writing.some_hand(scene, height)
    share = scene.between(0.1, 0.7)

    def tokens() -> list[Token]:
        if scene.chance(share):
            return number_or_form(scene)
        return [writing.some_text(scene, hand)]

    text_rows(scene, hand, tokens, scene.growing(0.25, 0.9))
    return height


def number_or_form(scene: Scene) -> list[Token]:
    """A number as it stands among words, alone or with marks."""
    return [(number, writing.some_digits(scene, 4))] if scene.chance(0.6) else writing.some_form(scene)


def labelled_field(scene: Scene) -> float:
    """A printed label and a handwritten number after or below it, as on a form."""
    height = some_height(scene, 40)
    label = writing.some_hand(scene, max(9.0, height * scene.between(0.4, 1.0)), "printed")
    hand = writing.some_hand(scene, height)
    y = height * scene.between(1, 2)
    while y < scene.side and not scene.full:
        x = scene.between(-0.2, 0.3) * scene.side
        for _ in range(scene.whole(1, 2)):
            text = writing.some_word(scene) + (":" if scene.chance(0.5) else "")
            x = writing.word(scene, label, text, x, y).right + 0.4 * height
        if scene.chance(0.5):
            y += 1.3 * height
            x = scene.between(0, 0.4) * scene.side
        if scene.chance(0.8):
            writing.number(scene, hand, writing.some_digits(scene), x, y)
        y += height * scene.between(1.5, 2.5)
    return height


def text(scene: Scene) -> float:
    """Words only: handwritten, joined, printed, or loops that mean nothing."""
    height = scene.growing(10, 60)
    hand = writing.some_hand(scene, height, "printed" if scene.chance(0.35) else "ink")
    text_rows(scene, hand, lambda: [writing.some_text(scene, hand)], scene.growing(0.25, 0.9))
    return height


def handwriting(scene: Scene) -> float:
    """Lines as people write them, and among the words perhaps a number."""
    height = scene.growing(10, 48)
    hand = writing.some_hand(scene, height, "ink")
    share = 0.0 if scene.chance(0.6) else scene.between(0.1, 0.4)

    def tokens() -> list[Token]:
        if scene.chance(share):
            return number_or_form(scene)
        return [(writing.phrase, "") if scene.has_phrases else writing.some_text(scene, hand)]

    text_rows(scene, hand, tokens, scene.growing(0.25, 0.9))
    return height


def large_letters(scene: Scene) -> float:
    """One to three large letters or symbols, of those that no one takes for digits."""
    height = scene.growing(SMALLEST, LARGEST)
    hand = writing.some_hand(scene, height, "printed" if scene.chance(0.35) else "ink")
    x, y = (scene.side * (0.5 + scene.rng.normal(0, 0.12, 2))).tolist()
    pool = "ACEFHKLMNPRVWXcdefhkmnpruvwx@#%&*+=?<>"
    token = "".join(pool[int(scene.rng.random() * len(pool))] for _ in range(scene.whole(1, 3)))
    writing.word(scene, hand, token, x - 0.35 * height * len(token), y + height / 2)
    return height


def symbols(scene: Scene) -> float:
    """Letters and marks as in algebra, without any digit."""
    height = some_height(scene, 48)
    hand = writing.some_hand(scene, height, "printed" if scene.chance(0.3) else "ink")
    pool = "xyznabkfhπ+-=×÷()*/<>√∑∫.,:"

    def tokens() -> list[Token]:
        chosen = [pool[int(scene.rng.random() * len(pool))] for _ in range(scene.whole(3, 7))]
        return [(writing.word, char) for char in chosen]

    text_rows(scene, hand, tokens, scene.growing(0.2, 0.8))
    return height


def furniture_only(scene: Scene) -> float:
    """Lines, boxes, ticks and the like, and nothing written."""
    height = scene.growing(12, 60)
    for _ in range(scene.whole(1, 3)):
        furniture.add(scene, height, furniture.ALONE)
    return height


def nothing(scene: Scene) -> float:
    """Nothing: what is seen is the paper, or whatever is in its place."""
    return scene.growing(12, 60)


def text_rows(
    scene: Scene, hand: Hand, tokens: Callable[[], list[Token]], space: float, top: float | None = None
) -> None:
    """Fill rows from `top` with tokens, those of one list close together, lists `space` heights apart."""
    height, side = hand.height, scene.side
    pitch, climb = height * scene.between(1.25, 2.6), scene.rng.normal(0, 0.05)
    line = height * scene.between(0.5, 1.5) if top is None else top
    if top is None and scene.chance(0.3):  # only one row, in the middle
        line, pitch = side / 2 + height / 2, 10.0 * side
    begin = scene.between(-0.8, 0.5) * height if scene.chance(0.7) else scene.between(0, 0.4) * side
    while line < side + 0.4 * height and not scene.full:
        x = begin + scene.rng.normal(0, 0.2) * height
        while x < side and not scene.full:
            box = None
            for token in tokens():
                if box is not None:
                    x = box.right + writing.gap_between(scene, hand, box, token)
                box = writing.write(scene, hand, token, x, line + climb * (x - side / 2))
            x = box.right if box else x
            x += space * height * scene.between(0.6, 1.5)
            if scene.chance(0.12):
                x += height * scene.between(0.5, 4)
        line += pitch
        if scene.chance(0.15):
            break


Layout = Callable[[Scene], float]
LAYOUTS: tuple[tuple[Layout, float], ...] = (
    # With digits.
    (one_digit, 0.14),
    (small_in_large, 0.03),
    (rows, 0.12),
    (touching_digits, 0.07),
    (column, 0.03),
    (cells, 0.05),
    (row_of_boxes, 0.06),
    (forms, 0.12),
    (mixed, 0.08),
    (labelled_field, 0.05),
    (handwriting, 0.1),
    # Without.
    (text, 0.12),
    (large_letters, 0.04),
    (symbols, 0.03),
    (furniture_only, 0.07),
    (nothing, 0.13),
)
SHARES = np.cumsum([share for _, share in LAYOUTS])
OFTEN: dict[Callable[[Scene], float], float] = {
    forms: 2.5,
    mixed: 1.5,
    handwriting: 1.5,
    symbols: 1.5,
    one_digit: 0.2,
    nothing: 0.2,
    furniture_only: 0.4,
}
IN_LINES = np.cumsum([share * OFTEN.get(layout, 1.0) for layout, share in LAYOUTS])
"""The same, with more of what is written in lines."""


def some_layout(scene: Scene, shares: np.ndarray = SHARES) -> float:
    """Write one of the layouts, each as often as `LAYOUTS` says, or other cumulated `shares`."""
    chosen = LAYOUTS[int(np.searchsorted(shares, scene.rng.random() * shares[-1]))][0]
    scene.kinds.append(chosen.__name__)
    return chosen(scene)
