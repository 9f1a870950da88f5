"""Finds the most similar of a thousand training digits for a 28×28 image. Knows no model.

`nearest.png` holds them, a row for each digit: chosen of MNIST's 60,000 training digits by `bench/nearest_index.py`.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from mnist_cnn.reading.normalise import SIDE

INDEX = Path(__file__).with_name("nearest.png")
DIRECTIONS = (np.arange(8) * (np.pi / 4)).astype(np.float32)
CELL = 4  # pixels: a place's side; as much paper is between images that are blurred together, as far as that reaches
BLUR = 1.2  # pixels


@dataclass(frozen=True)
class Neighbour:
    """A training digit: its label, its (28, 28) uint8 image, and its similarity, up to 1."""

    digit: int
    image: np.ndarray
    similarity: float


def nearest(image: np.ndarray, count: int = 3) -> tuple[Neighbour, ...]:
    """The training digits most similar to one (28, 28) uint8 image, the most similar first.

    Similarity is the cosine between `outlines`. A blank image has no neighbours.
    """
    if not image.any():
        return ()
    images, features = index()
    similarities = features @ outlines(image[np.newaxis])[0]
    each = len(images) // 10
    order = np.argsort(-similarities, kind="stable")[:count]
    return tuple(Neighbour(int(one) // each, images[one], float(similarities[one])) for one in order)


@cache
def index() -> tuple[np.ndarray, np.ndarray]:
    """The training digits (n, 28, 28) uint8, as many of each, 0 first, and their `outlines`."""
    sheet = np.asarray(cv2.imdecode(np.frombuffer(INDEX.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE))
    images = np.ascontiguousarray(sheet.reshape(10, SIDE, -1, SIDE).swapaxes(1, 2).reshape(-1, SIDE, SIDE))
    return images, outlines(images)


def outlines(images: np.ndarray) -> np.ndarray:
    """How much outline runs in which of eight directions, in each of 7×7 places: (n, 392) float32 of length 1.

    A stroke that lies a pixel aside, or is a bit wider, changes little of it; what it means, much. (Histograms of
    oriented gradients: Dalal, Triggs, "Histograms of oriented gradients for human detection", 2005.)
    """
    padded = np.pad(images, ((0, 0), (CELL, CELL), (0, 0)))
    column = np.ascontiguousarray(padded.reshape(-1, SIDE), np.float32)
    across, down = cv2.Scharr(column, -1, 1, 0), cv2.Scharr(column, -1, 0, 1)
    slope = cv2.magnitude(across, down) + np.float32(0.1)
    places = SIDE // CELL, len(column) // CELL
    facing = [np.maximum(across * np.cos(a) + down * np.sin(a), 0) ** 2 / slope for a in DIRECTIONS]
    spread = [cv2.resize(cv2.GaussianBlur(one, (0, 0), BLUR), places, interpolation=cv2.INTER_AREA) for one in facing]
    cells = np.sqrt(np.stack(spread)).reshape(len(facing), len(images), -1, places[0])[:, :, 1:-1]
    features = cells.swapaxes(0, 1).reshape(len(images), -1)
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-6))
