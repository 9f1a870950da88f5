"""Printed characters as small images: the typefaces of Matplotlib, if it is here, of OpenCV, and ones drawn by code."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mnist_cnn.data import glyphs, strokes

HEIGHT = 48  # pixels that a digit is high
CHARACTERS = "".join(map(chr, range(33, 127))) + "€£×÷±°ÄÖÜäöüßéèàçñΣπ√∞≤≥"
FILES = (
    *(f"DejaVuSans{kind}" for kind in ("", "-Bold", "-Oblique", "Mono", "Mono-Bold")),
    *(f"DejaVuSerif{kind}" for kind in ("", "-Bold", "-Italic")),
    *(f"STIXGeneral{kind}" for kind in ("", "Bol", "Italic", "BolIta")),
    *("cmr10", "cmss10", "cmtt10", "cmb10", "cmti10"),
)
HERSHEY = (
    *(cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX),
    cv2.FONT_HERSHEY_SIMPLEX | cv2.FONT_ITALIC,
)
DRAWN = 40  # typefaces drawn from the strokes in `glyphs`, with the letters that it has

Printed = tuple[str, np.ndarray, float]
"""A character, its ink cropped (h, w) uint8, and how far its top is above the line, in heights of a digit."""


@dataclass(frozen=True, eq=False)
class Typefaces:
    """Printed characters.

    `ink` (pixels,) uint8 holds the crops one after the other; `shapes` (k, 2) int16 their heights and widths, where a
    digit is 48 high; `tops` (k,) float32 how far above the line each begins, in heights of a digit; `characters` (k,)
    and `faces` (k,) int16 which it is of which typeface, numbered from 0.
    """

    ink: np.ndarray
    shapes: np.ndarray
    tops: np.ndarray
    characters: np.ndarray
    faces: np.ndarray

    def __post_init__(self) -> None:
        ends = np.cumsum(self.shapes.astype(int).prod(axis=1))
        known: list[dict[str, tuple[np.ndarray, float]]] = [{} for _ in range(int(self.faces.max()) + 1)]
        for index, (character, face) in enumerate(zip(self.characters.tolist(), self.faces.tolist(), strict=True)):
            height, width = self.shapes[index].tolist()
            crop = self.ink[ends[index] - height * width : ends[index]].reshape(height, width)
            known[face][character] = (crop, float(self.tops[index]))
        object.__setattr__(self, "known", known)

    def some(self, rng: np.random.Generator) -> dict[str, tuple[np.ndarray, float]]:
        """A random typeface: of each character its ink and its top."""
        known: list[dict[str, tuple[np.ndarray, float]]] = self.known  # type: ignore[attr-defined]
        return known[int(rng.random() * len(known))]


def drawn(rng: np.random.Generator) -> Typefaces:
    """All typefaces; those drawn by code have random weights, contrast and serifs."""
    faces = [*from_matplotlib(), *map(from_opencv, HERSHEY), *(from_strokes(rng) for _ in range(DRAWN))]
    all_of = [(face, *one) for face, some in enumerate(faces) for one in some]
    return Typefaces(
        np.concatenate([ink.ravel() for _, _, ink, _ in all_of]),
        np.array([ink.shape for _, _, ink, _ in all_of], np.int16),
        np.array([top for *_, top in all_of], np.float32),
        np.array([character for _, character, _, _ in all_of], "<U1"),
        np.array([face for face, *_ in all_of], np.int16),
    )


def from_matplotlib() -> Iterator[list[Printed]]:
    """The typefaces that Matplotlib brings, without importing it."""
    package = importlib.util.find_spec("matplotlib")
    if package is None or package.origin is None:
        return
    folder = Path(package.origin).parent / "mpl-data" / "fonts" / "ttf"
    for name in FILES:
        if (path := folder / f"{name}.ttf").exists():
            yield from_file(path)


def from_file(path: Path) -> list[Printed]:
    """The characters of a TrueType file that it has."""
    from PIL import Image, ImageDraw, ImageFont  # here, since prepared typefaces do without

    font = ImageFont.truetype(str(path), 100)
    _, top, _, bottom = font.getbbox("8", anchor="ls")
    font = ImageFont.truetype(str(path), round(100 * HEIGHT / (bottom - top)))
    missing = bytes(font.getmask("\ue123"))
    printed = []
    for character in CHARACTERS:
        if bytes(font.getmask(character)) == missing:
            continue
        canvas = Image.new("L", (4 * HEIGHT, 4 * HEIGHT))
        ImageDraw.Draw(canvas).text((HEIGHT, 2 * HEIGHT), character, 255, font, anchor="ls")
        printed += cropped(character, np.asarray(canvas), 2 * HEIGHT)
    return printed


def from_opencv(face: int) -> list[Printed]:
    """The ASCII characters of OpenCV's typefaces, of which versions before 5 draw Hershey's strokes."""
    scale = HEIGHT / cv2.getTextSize("8", face, 1, 1)[0][1]
    printed = []
    for character in filter(str.isascii, CHARACTERS):
        canvas = np.zeros((4 * HEIGHT, 4 * HEIGHT), np.uint8)
        cv2.putText(canvas, character, (HEIGHT, 2 * HEIGHT), face, scale, 255, 3, cv2.LINE_AA)
        printed += cropped(character, canvas, 2 * HEIGHT)
    return printed


def from_strokes(rng: np.random.Generator) -> list[Printed]:
    """A typeface drawn by `strokes.typeset`: one way to write each character, all with the same width and slant."""
    narrow, slant = rng.uniform(0.45, 0.8), rng.uniform(0, 0.3) if rng.random() < 0.3 else 0.0
    seed = int(rng.integers(2**32))
    printed = []
    for character, ways in [*((str(digit), ways) for digit, ways in glyphs.DIGITS.items()), *glyphs.LETTERS.items()]:
        if len(character) == 1:
            glyph = strokes.placed(strokes.parsed(ways[rng.integers(len(ways))]), narrow, slant)
            ink = strokes.typeset(glyph, np.random.default_rng(seed), strokes.OUTLINES)
            size = round(strokes.SIDE * HEIGHT / strokes.LETTER)
            foot = round((strokes.SIDE + strokes.LETTER) / 2 * HEIGHT / strokes.LETTER)
            printed += cropped(character, cv2.resize(ink, (size, size), interpolation=cv2.INTER_AREA), foot)
    return printed


def cropped(character: str, canvas: np.ndarray, line: int) -> list[Printed]:
    """The character cropped to its ink, `line` being the row on which it stands; none without ink."""
    left, top, width, height = cv2.boundingRect((canvas > 60).view(np.uint8))
    if not width:
        return []
    return [(character, canvas[top : top + height, left : left + width].copy(), (line - top) / HEIGHT)]
