"""Pictures drawn by code, with known answers: digits as polylines in any size, pen, slant and colour, on any paper."""

import cv2
import numpy as np

# Each digit as strokes of points in a box of 1 × 1, x to the right and y down, as people write them by hand.
STROKES: dict[str, list[list[tuple[float, float]]]] = {
    "0": [[(0.5 + 0.34 * np.cos(a), 0.5 + 0.5 * np.sin(a)) for a in np.linspace(-1.6, 4.7, 40)]],
    "1": [[(0.3, 0.22), (0.55, 0.0), (0.55, 1.0)]],
    "2": [[(0.15, 0.25), (0.25, 0.06), (0.5, 0.0), (0.75, 0.08), (0.82, 0.28), (0.7, 0.5), (0.15, 1.0), (0.9, 0.98)]],
    "3": [
        [(0.18, 0.1), (0.45, 0.0), (0.74, 0.1), (0.76, 0.32), (0.42, 0.46)],
        [(0.42, 0.46), (0.76, 0.56), (0.82, 0.78), (0.6, 0.98), (0.32, 1.0), (0.12, 0.88)],
    ],
    "4": [[(0.5, 0.0), (0.12, 0.62), (0.88, 0.6)], [(0.66, 0.3), (0.62, 1.0)]],
    "5": [
        [(0.82, 0.02), (0.28, 0.02), (0.22, 0.44), (0.5, 0.38), (0.78, 0.52), (0.78, 0.82), (0.5, 1.0), (0.15, 0.92)],
    ],
    "6": [
        [
            *[(0.68, 0.0), (0.4, 0.22), (0.24, 0.55), (0.24, 0.82), (0.48, 1.0), (0.74, 0.88), (0.76, 0.66)],
            *[(0.52, 0.54), (0.26, 0.68)],
        ]
    ],
    "7": [[(0.12, 0.04), (0.85, 0.02), (0.42, 1.0)]],
    "8": [
        [(0.5 + 0.27 * np.cos(a), 0.24 + 0.24 * np.sin(a)) for a in np.linspace(1.57, 7.85, 30)],
        [(0.5 + 0.34 * np.cos(a), 0.74 + 0.26 * np.sin(a)) for a in np.linspace(-1.57, 4.71, 30)],
    ],
    "9": [
        [(0.5 + 0.28 * np.cos(a), 0.28 + 0.28 * np.sin(a)) for a in np.linspace(0, 6.28, 30)],
        [(0.78, 0.28), (0.74, 0.7), (0.6, 1.0)],
    ],
    ".": [[(0.46, 0.97), (0.54, 0.97)], [(0.46, 1.0), (0.54, 1.0)]],
    "-": [[(0.1, 0.55), (0.9, 0.53)]],
    "+": [[(0.1, 0.55), (0.9, 0.55)], [(0.5, 0.25), (0.5, 0.85)]],
    "=": [[(0.1, 0.42), (0.9, 0.42)], [(0.1, 0.66), (0.9, 0.66)]],
}


def strokes(canvas: np.ndarray, text: str, left: float, top: float, height: float, pen: int, **how: float) -> None:
    """Write digits and marks onto a mask (h, w) uint8: `gap` between them and `slant` are shares of the height."""
    gap, slant, width = how.get("gap", 0.35), how.get("slant", 0.0), how.get("width", 0.62) * height
    for index, digit in enumerate(text):
        x = left + index * (width + gap * height)
        for stroke in STROKES[digit]:
            points = [(x + u * width + slant * height * (0.5 - v), top + v * height) for u, v in stroke]
            fixed = (np.array(points) * 16).round().astype(np.int32)
            cv2.polylines(canvas, [fixed], False, 255, max(1, pen), cv2.LINE_AA, shift=4)


def mask(text: str, height: float = 100, pen: int = 8, margin: float = 0.5, **how: float) -> np.ndarray:
    """Rows of digits, separated by a slash, as (h, w) uint8, ink 255; margins and gaps are shares of the height."""
    rows = text.split("/")
    step = (how.get("width", 0.62) + how.get("gap", 0.35)) * height
    pitch = how.get("pitch", 1.6) * height
    across = int(max(len(row) for row in rows) * step + 2 * margin * height)
    down = int((len(rows) - 1) * pitch + height + 2 * margin * height)
    canvas = np.zeros((down, across), np.uint8)
    for index, row in enumerate(rows):
        strokes(canvas, row, margin * height, margin * height + index * pitch, height, pen, **how)
    return canvas


def inked(ink: np.ndarray, paper: np.ndarray | tuple[int, ...] | int, colour: tuple[int, ...] | int) -> np.ndarray:
    """Lay ink of a colour on paper, which is a colour or a picture of it; gives (h, w) or (h, w, 3) uint8."""
    ground = np.zeros((*ink.shape, *np.shape(colour)), np.float32) + np.asarray(paper, np.float32)
    share = ink.astype(np.float32) / 255
    share = share[..., None] if ground.ndim == 3 else share
    return np.asarray(np.clip(ground * (1 - share) + np.asarray(colour, np.float32) * share, 0, 255), np.uint8)


def lit(picture: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Multiply a picture by light (h, w), 1 for full light."""
    light = light[..., None] if picture.ndim == 3 else light
    return np.asarray(np.clip(picture * light, 0, 255), np.uint8)


def shadow(shape: tuple[int, ...], depth: float = 0.5, soft: float = 6.0) -> np.ndarray:
    """Light that falls to 1 - depth beyond a slanted edge through the middle."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    beyond = 0.5 + 0.5 * np.tanh((x + 0.3 * y - 0.65 * shape[1]) / (2 * soft))
    return np.asarray(1 - depth * beyond)


def ruled(shape: tuple[int, ...], pitch: int, level: int = 150, paper: int = 230, squared: bool = False) -> np.ndarray:
    """Paper with horizontal lines, and vertical ones if squared, two pixels thick, as (h, w) uint8."""
    sheet = np.full(shape, paper, np.uint8)
    for row in range(pitch // 2, shape[0], pitch):
        sheet[row : row + 2] = level
    for column in range(pitch // 2, shape[1], pitch) if squared else ():
        sheet[:, column : column + 2] = level
    return sheet


def grain(picture: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    """Add normal noise."""
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def heavy() -> bytes:
    """A PNG of 81 megapixels, which is allowed, and takes a while to decode."""
    return bytes(cv2.imencode(".png", np.full((9000, 9000), 255, np.uint8))[1].tobytes())
