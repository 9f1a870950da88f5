"""Sheets drawn by code: tables, boxes and combs with digits in them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import cv2
import numpy as np

from drawing import strokes
from mnist_cnn import FormField, FormTemplate

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


FORM = (900, 1200)  # pixels: width and height
DESK = 40  # pixels around a sheet in a photograph
PRINTED = {  # what is printed on a form: its text, and where it begins
    "ENROLMENT 2026": (70, 90),
    "Please write one digit in each box.": (70, 130),
    "Roll number": (70, 230),
    "Date of birth": (70, 340),
    "Points": (520, 340),
    "Telephone": (70, 450),
    "Amount paid": (520, 450),
    "Remarks (leave blank if there are none)": (70, 580),
    "Sign and return to the office of the faculty": (70, 1040),
    "before the end of the month. Thank you!": (70, 1080),
}
FIELDS = {  # the fields of a form: left, top, width and height of its box, and how many boxes for a digit it has
    "roll number": ((70, 245, 360, 60), 6),
    "date": ((70, 355, 320, 60), None),
    "points": ((520, 355, 160, 60), None),
    "telephone": ((70, 465, 380, 60), None),
    "amount": ((520, 465, 200, 60), None),
}


def blank_form() -> np.ndarray:
    """A form as it is printed, (h, w) uint8."""
    width, height = FORM
    image = np.full((height, width), PAPER, np.uint8)
    for text, place in PRINTED.items():
        size = 1.3 if text.isupper() else 0.7
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, INK, 2, cv2.LINE_AA)
    for (left, top, wide, high), places in FIELDS.values():
        for index in range(places or 1):
            x = left + index * wide // (places or 1)
            cv2.rectangle(image, (x, top), (x + wide // (places or 1), top + high), INK, 2)
    for y in range(620, 960, 60):
        cv2.line(image, (70, y), (830, y), INK, 1)
    return image


def filled_form(texts: Mapping[str, str]) -> np.ndarray:
    """The form with texts in its fields; in one with boxes, each character in its own, a space for an empty one."""
    image = blank_form()
    for name, text in texts.items():
        (left, top, wide, high), places = FIELDS[name]
        tall = 0.6 * high
        if places:
            for index, char in enumerate(text):
                if char != " ":
                    side = wide / places
                    written(image, char, left + index * side + (side - 0.58 * tall) / 2, top + 0.2 * high, tall)
        else:
            written(image, text, left + 0.25 * high, top + 0.2 * high, tall)
    return image


def view_matrix(size: tuple[int, int], *, turn: float = 0.0, seed: int = 0) -> tuple[np.ndarray, tuple[int, int]]:
    """How a sheet of a size (w, h) is seen in a photograph: the matrix (3, 3) to it, and its size."""
    rng = np.random.default_rng(seed)
    width, height = size
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    angle = np.radians(turn)
    rotation = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    moved = (corners - corners.mean(axis=0)) @ rotation + rng.uniform(-0.05, 0.05, (4, 2)) * (width, height)
    low, high = moved.min(axis=0), moved.max(axis=0)
    across, down = (high - low).tolist()
    matrix = cv2.getPerspectiveTransform(corners, (moved - low + DESK).astype(np.float32))
    return np.asarray(matrix), (round(across) + 2 * DESK, round(down) + 2 * DESK)


def photographed(image: np.ndarray, *, turn: float = 0.0, seed: int = 0) -> np.ndarray:
    """A sheet on a dark desk, turned by so many degrees and seen from an angle, in uneven light."""
    height, width = image.shape
    matrix, size = view_matrix((width, height), turn=turn, seed=seed)
    seen = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_AREA, borderValue=50)
    light = np.linspace(1.0, 0.7, size[0])[None] * np.linspace(0.95, 1.0, size[1])[:, None]
    noise = np.random.default_rng(seed).normal(0, 3, seen.shape)
    return np.clip(seen * light + noise, 0, 255).astype(np.uint8)


def template_of(patterns: Mapping[str, str] = MappingProxyType({})) -> FormTemplate:
    """The template of the form, with patterns for some of its fields."""
    fields = [FormField(name, box, patterns.get(name), places) for name, (box, places) in FIELDS.items()]
    return FormTemplate.of(blank_form(), fields)
