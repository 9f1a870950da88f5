"""Sheets drawn by code: tables, boxes and combs with digits in them."""

from collections.abc import Sequence

import cv2
import numpy as np

from drawing import strokes

PAPER, INK = 225, 45


def written(image: np.ndarray, text: str, left: float, top: float, height: float) -> None:
    """Write text onto an image (h, w) uint8."""
    canvas = np.zeros_like(image)
    strokes(canvas, text, left, top, height, max(2, round(0.08 * height)), gap=0.1, width=0.58)
    np.minimum(image, 255 - (canvas * ((255 - INK) / 255)).astype(np.uint8), out=image)


def table(texts: Sequence[Sequence[str]], *, wide: int = 110, tall: int = 64, width: int = 2) -> np.ndarray:
    """A table on a sheet, with texts in its cells; "✓" is a tick and "—" a dash."""
    rows, columns = len(texts), len(texts[0])
    image = np.full((rows * tall + 160, columns * wide + 160), PAPER, np.uint8)
    for row, cells in enumerate(texts):
        for column, text in enumerate(cells):
            x, y = 80 + column * wide, 80 + row * tall
            cv2.rectangle(image, (x, y), (x + wide, y + tall), INK, width)
            if text == "✓":
                points = np.array([(x + 45, y + 34), (x + 55, y + 46), (x + 75, y + 18)])
                cv2.polylines(image, [points], False, INK, 3, cv2.LINE_AA)
            elif text == "—":
                cv2.line(image, (x + 40, y + 33), (x + 72, y + 32), INK, 3, cv2.LINE_AA)
            elif text:
                height = 0.55 * tall
                written(image, text, x + (wide - 0.68 * height * len(text)) / 2, y + 0.22 * tall, height)
    return image


def from_an_angle(image: np.ndarray) -> np.ndarray:
    """The sheet photographed from an angle, on a dark desk."""
    height, width = image.shape
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    moved = np.array([(60, 40), (width + 20, 10), (width - 15, height + 30), (20, height + 5)], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, moved)
    return cv2.warpPerspective(image, matrix, (width + 60, height + 60), flags=cv2.INTER_AREA, borderValue=60)


def boxes(text: str, *, side: int = 60, gap: int = 0) -> np.ndarray:
    """A row of boxes with a character in each; a space is an empty box."""
    image = np.full((side + 120, len(text) * (side + gap) + 120), PAPER, np.uint8)
    for index, char in enumerate(text):
        x = 60 + index * (side + gap)
        cv2.rectangle(image, (x, 60), (x + side, 60 + side), INK, 2)
        if char != " ":
            written(image, char, x + 0.28 * side, 60 + 0.17 * side, 0.66 * side)
    return image


def comb(text: str, *, wide: int = 56) -> np.ndarray:
    """A comb with a character between each two ticks; a space is an empty place."""
    image = np.full((200, len(text) * wide + 120), PAPER, np.uint8)
    cv2.line(image, (60, 130), (60 + len(text) * wide, 130), INK, 2)
    for index in range(len(text) + 1):
        cv2.line(image, (60 + index * wide, 130), (60 + index * wide, 108), INK, 2)
    for index, char in enumerate(text):
        if char != " ":
            written(image, char, 60 + (index + 0.28) * wide, 82, 42)
    return image
