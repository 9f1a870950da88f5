"""Draw examples/photo.jpg, a photograph made by code, and docs/photo.webp: how it becomes boxed digits and a text.

`python bench/photo_animation.py`. The handwriting is that of the web app's examples (`examples.js`), each digit a
little different; the boxes are those of `mnist-cnn read examples/photo.jpg --annotate`.
"""

import re
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mnist_cnn import Reader
from mnist_cnn.data.strokes import Glyph, handwritten, parsed
from mnist_cnn.reading.annotate import annotate
from mnist_cnn.reading.reading import Reading

ROOT = Path(__file__).parents[1]
PHOTO, ANIMATION = ROOT / "examples" / "photo.jpg", ROOT / "docs" / "photo.webp"
GLYPHS = ROOT / "src" / "mnist_cnn" / "serving" / "static" / "examples.js"

ROWS = ("12.50", "48.00", "7.25", "67.75")
HEIGHT, PITCH, PEN = 68, 104, 5.0  # pixels of the paper: of a digit, from row to row, and of the ball pen
PAPER, PHOTOGRAPH = (560, 500), (640, 440)  # pixels, width and height
INK, WHITE, RULING, DESK = (46, 58, 128), (247, 243, 231), (176, 196, 222), (122, 88, 62)  # RGB
CORNERS = ((92, 22), (560, 40), (606, 500), (36, 478))  # of the paper in the photograph
FINE = 4  # times as fine as pixels: OpenCV's lines are whole pixels wide

PANEL, MARGIN, LETTERS = 380, 24, 21  # pixels: width of the terminal's panel, its margin, and the size of its letters
DARK, TYPED, READ = (30, 34, 40), (150, 200, 150), (236, 236, 232)  # RGB
COMMAND = "$ mnist-cnn read photo.jpg"
FIRST, EACH, LAST = 1200, 110, 4000  # milliseconds: the photograph alone, each digit, and the result


def glyphs() -> dict[str, Glyph]:
    """Each character of the web app's examples as strokes in a box from 0 to 1."""
    script = GLYPHS.read_text(encoding="utf-8")
    found = re.findall(r'^  "?([\d.])"?: \[(.*)\],$', script, re.MULTILINE)
    return {char: [in_box(stroke) for stroke in re.findall(r'"([\d ]+)"', strokes)] for char, strokes in found}


def in_box(numbers: str) -> np.ndarray:
    """A stroke of the web app, "x y x y …" from 0 to 100, as a curve (n, 2) from 0 to 1."""
    points = np.array(numbers.split(), float).reshape(-1, 2) / 100
    return parsed(" ".join(f"~{x},{y}" for x, y in points))[0]


def note(rng: np.random.Generator) -> np.ndarray:
    """Lined paper with the rows on it, right-aligned: RGB (h, w, 3) float32."""
    width, height = PAPER
    ink = np.zeros((height * FINE, width * FINE), np.uint8)
    known = glyphs()
    for row, text in enumerate(ROWS):
        base = 96 + row * PITCH
        right = 392 + rng.normal(0, 5)
        for place, char in enumerate(reversed(text)):
            beyond = text[::-1].index(".") < place  # a point takes half of a digit's place
            x = right - (place - (0.12 if beyond else 0.22 if char == "." else 0)) * 0.86 * HEIGHT
            write(ink, handwritten(known[char], 0.035 if char != "." else 0.0, rng), x, base + rng.normal(0, 2), rng)
    sheet = np.full((height, width, 3), WHITE, np.float32)
    for line in range(42, height, PITCH // 2):
        sheet[line : line + 2] = RULING
    share = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA)[..., np.newaxis] / np.float32(255)
    return np.asarray(sheet * (1 - share) + np.array(INK, np.float32) * share)


def write(ink: np.ndarray, glyph: Glyph, left: float, base: float, rng: np.random.Generator) -> None:
    """Write one character with a pen that is pressed more and less, slanted to the right."""
    for stroke in glyph:
        x = left + HEIGHT * (0.62 * stroke[:, 0] + 0.16 * (0.5 - stroke[:, 1]))
        points = np.stack([x, base + HEIGHT * (stroke[:, 1] - 1)], axis=1)
        pressed = PEN * (1 + 0.18 * np.sin(np.linspace(0, rng.uniform(2, 6), len(points)) + rng.uniform(0, 6)))
        for start, end, pen in zip(points[:-1], points[1:], pressed, strict=False):
            ends = [tuple(np.rint(one * FINE * 16).astype(int).tolist()) for one in (start, end)]
            cv2.line(ink, ends[0], ends[1], 255, round(pen * FINE), cv2.LINE_AA, shift=4)


def desk(rng: np.random.Generator) -> np.ndarray:
    """A wooden desk: RGB (h, w, 3) float32."""
    width, height = PHOTOGRAPH
    grain = rng.normal(0, 1, (height, width // 24 + 1)).astype(np.float32)
    fibres = cv2.GaussianBlur(cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC), (0, 0), 1.2)
    return np.asarray(np.array(DESK, np.float32) * (1 + 0.12 * fibres[..., np.newaxis]))


def photograph() -> np.ndarray:
    """The note on a desk, in light from a window, seen at an angle: RGB (h, w, 3) uint8."""
    rng = np.random.default_rng(5)
    width, height = PHOTOGRAPH
    sheet = note(rng)
    edges = np.array([(0, 0), (PAPER[0], 0), PAPER, (0, PAPER[1])], np.float32)
    matrix = cv2.getPerspectiveTransform(edges, np.array(CORNERS, np.float32))
    paper = cv2.warpPerspective(sheet, matrix, PHOTOGRAPH, flags=cv2.INTER_AREA)
    where = cv2.warpPerspective(np.ones(sheet.shape[:2], np.float32), matrix, PHOTOGRAPH, flags=cv2.INTER_LINEAR)
    moved = cv2.warpAffine(where, np.array([(1, 0, 4), (0, 1, 6)], float), PHOTOGRAPH)
    under = cv2.GaussianBlur(moved, (0, 0), 6)[..., np.newaxis]  # the shadow of the paper
    where = where[..., np.newaxis]
    seen = paper * where + desk(rng) * (1 - 0.55 * under) * (1 - where)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    window = 1.04 - 0.30 * np.hypot(x / width - 0.25, y / height - 0.1)
    hand = 0.5 + 0.5 * np.tanh((x + 0.55 * y - 0.98 * width) / 26)  # the soft shadow of who takes the photograph
    lit = seen * (window * (1 - 0.22 * hand))[..., np.newaxis]
    noisy = cv2.GaussianBlur(lit, (0, 0), 0.7) + rng.normal(0, 3, lit.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def frame(picture: np.ndarray, typed: str, read: str) -> Image.Image:
    """An image beside a terminal in which a command was typed and this was read."""
    height, width = picture.shape[:2]
    image = Image.new("RGB", (width + PANEL, height), DARK)
    image.paste(Image.fromarray(picture))
    font = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf"), LETTERS)
    pen = ImageDraw.Draw(image)
    pen.text((width + MARGIN, MARGIN), typed, TYPED, font)
    pen.multiline_text((width + MARGIN, MARGIN + 2 * LETTERS), read, READ, font, spacing=LETTERS // 2)
    return image


def frames(picture: np.ndarray, reading: Reading) -> list[tuple[Image.Image, int]]:
    """The frames of the animation, each with its time in milliseconds."""
    begun = [reading.digits[:count] for count in range(1, len(reading.digits))]
    return [
        (frame(picture, "$", ""), FIRST // 2),
        (frame(picture, COMMAND, ""), FIRST),
        *((frame(annotate(picture, digits), COMMAND, ""), EACH) for digits in begun),
        (frame(annotate(picture, reading.digits), COMMAND, reading.text), LAST),
    ]


def main() -> None:
    """Take the photograph, read it, and write both files."""
    Image.fromarray(photograph()).save(PHOTO, quality=88, optimize=True)
    picture = np.asarray(Image.open(PHOTO))
    reading = Reader().read(PHOTO)
    images, times = zip(*frames(picture, reading), strict=True)
    images[0].save(
        ANIMATION,
        save_all=True,
        append_images=images[1:],
        duration=times,
        loop=0,
        quality=85,
        method=6,
        minimize_size=True,
    )
    print(reading.text)


if __name__ == "__main__":
    main()
