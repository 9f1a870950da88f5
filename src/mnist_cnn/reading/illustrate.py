"""Draws explanations as a figure: input, occlusion map, counterfactual, similar digits and class probabilities."""

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mnist_cnn.reading.digit import Digit
from mnist_cnn.reading.explain import Explanation, Reasons, percent

PAPER, INK, QUIET, LINE = (251, 250, 247), (29, 33, 38), (91, 100, 112), (222, 219, 210)  # RGB, as in the web app
BLUE, ORANGE = (37, 99, 168), (194, 65, 12)
PIXEL = 5  # pixels of the figure per pixel of the input
SIDE = 28 * PIXEL
SMALL = 42  # a training digit's side
GAP, MARGIN, TITLE, CAPTION = 20, 16, 34, 40
LINE_LENGTH = 25  # characters of a caption
BARS = 190  # the width of the bars with their percentages
WIDTH = 2 * MARGIN + 3 * SIDE + SMALL + BARS + 4 * GAP
HEIGHT = TITLE + SIDE + CAPTION


def illustrate(explanation: Explanation) -> np.ndarray:
    """Draw a row for each digit; gives RGB (h, w, 3) uint8, with only a note if there are no digits."""
    rows = list(zip(explanation.reading.digits, explanation.reasons, strict=True))
    canvas = Image.new("RGB", (WIDTH, 2 * MARGIN + max(TITLE, HEIGHT * len(rows))), PAPER)
    if not rows:
        write(ImageDraw.Draw(canvas), MARGIN, MARGIN, "no digits found", 16)
    for index, (digit, why) in enumerate(rows):
        draw(canvas, MARGIN + index * HEIGHT, digit, why)
    return np.asarray(canvas)


def draw(canvas: Image.Image, top: int, digit: Digit, why: Reasons) -> None:
    """One digit's row."""
    pen = ImageDraw.Draw(canvas)
    name = f"{why.digit}?" if digit.rejected else str(why.digit)
    write(pen, MARGIN, top, f"{name}   {percent(digit.confidence)}", 18, ORANGE if digit.rejected else INK)
    panels = [
        (seen(why), "model input"),
        (heat(why), heat_caption(why)),
        (changed(why), change_caption(why)),
    ]
    for index, (pixels, caption) in enumerate(panels):
        left = MARGIN + index * (SIDE + GAP)
        put(canvas, left, top + TITLE, pixels, SIDE)
        write(pen, left, top + TITLE + SIDE + 4, caption, 11, QUIET)
    left = MARGIN + 3 * (SIDE + GAP)
    for index, one in enumerate(why.neighbours):
        put(canvas, left, top + TITLE + index * (SIDE - SMALL) // 2, mixed((one.image / 255, INK)), SMALL)
    write(
        pen,
        left,
        top + TITLE + SIDE + 4,
        "most similar:\n" + ", ".join(str(one.digit) for one in why.neighbours),
        11,
        QUIET,
    )
    draw_bars(pen, left + SMALL + GAP, top + TITLE, why)


def seen(why: Reasons) -> np.ndarray:
    """The model input."""
    return mixed((why.image / 255, INK))


def heat(why: Reasons) -> np.ndarray:
    """Faint ink under the evidence for the digit, orange, and against it, blue."""
    strongest = max(float(np.abs(why.importance).max()), 1e-9)
    parts = [(np.maximum(sign * why.importance, 0) / strongest, colour) for sign, colour in ((1, ORANGE), (-1, BLUE))]
    return mixed((0.3 * why.image / 255, INK), *[(0.92 * share, colour) for share, colour in parts])


def changed(why: Reasons) -> np.ndarray:
    """The remaining ink, added ink in blue, and removed ink in faint orange."""
    change = why.counterfactual
    if change is None:
        return mixed((0.3 * why.image / 255, INK))
    stays = np.minimum(why.image, change.image)
    return mixed((stays / 255, INK), (change.added / 255, BLUE), (0.35 * (change.removed / 255), ORANGE))


def heat_caption(why: Reasons) -> str:
    """What orange means, and the confidence lost where it is darkest."""
    return f"evidence for {why.digit} (orange):\nhiding costs up to {percent(max(0.0, float(why.importance.max())))}"


def change_caption(why: Reasons) -> str:
    """What the colours mean, and the prediction after the change."""
    change = why.counterfactual
    if change is None:
        return f"no small change\nmakes it {why.runner_up}"
    words = ", ".join(
        word for word, ink in (("blue added", change.added), ("orange removed", change.removed)) if ink.any()
    )
    return textwrap.fill(f"{why.runner_up} ({percent(change.probabilities[why.runner_up])}) with {words}", LINE_LENGTH)


def draw_bars(pen: ImageDraw.ImageDraw, left: int, top: int, why: Reasons) -> None:
    """The class probabilities and, as thin blue lines under them, those after the change."""
    step, start, end = SIDE // 10, left + 16, left + BARS - 48
    for digit, share in enumerate(why.probabilities):
        y = top + digit * step
        most = digit == why.digit
        write(pen, left, y - 1, str(digit), 11, INK if most else QUIET)
        pen.rectangle((start, y + 1, end, y + step - 4), LINE)
        if share * (end - start) >= 1:
            pen.rectangle((start, y + 1, start + share * (end - start), y + step - 4), INK if most else QUIET)
        if why.counterfactual:
            then = why.counterfactual.probabilities[digit] * (end - start)
            if then >= 1:
                pen.rectangle((start, y + step - 6, start + then, y + step - 4), BLUE)
        write(pen, end + 6, y - 1, percent(share), 11, INK if most else QUIET)
    if why.counterfactual:
        write(pen, start, top + SIDE + 4, "blue: after change", 11, QUIET)


def mixed(*layers: tuple[np.ndarray, tuple[int, int, int]]) -> np.ndarray:
    """Blend colours onto the background, each by its opacity (28, 28), 0 to 1; gives RGB (28, 28, 3) uint8."""
    canvas = np.full((28, 28, 3), PAPER, float)
    for opacity, colour in layers:
        canvas += opacity[..., np.newaxis] * (np.array(colour) - canvas)
    return np.asarray(np.rint(canvas), np.uint8)


def put(canvas: Image.Image, left: int, top: int, pixels: np.ndarray, side: int) -> None:
    """Put an image into the figure, with a thin outline."""
    canvas.paste(Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST), (left, top))
    ImageDraw.Draw(canvas).rectangle((left - 1, top - 1, left + side, top + side), outline=LINE)


def write(
    pen: ImageDraw.ImageDraw, left: float, top: float, words: str, size: int, colour: tuple[int, int, int] = INK
) -> None:
    """Write text in Pillow's default typeface."""
    pen.multiline_text((left, top), words, colour, ImageFont.load_default(size), spacing=2)
