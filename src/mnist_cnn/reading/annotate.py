"""A picture and what was read in it come in, the picture with boxes and digits drawn on it goes out."""

import base64
import html
from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np

from mnist_cnn.reading.picture import Source, upright

ACCEPTED, REJECTED = (0, 140, 60), (200, 40, 40)  # RGB
LARGE_ENOUGH = 600  # pixels: smaller pictures are enlarged, so that what is drawn on them can be read


class Drawn(Protocol):
    """What is drawn of a digit. A `Digit` is one; its module knows this one, so this one does not know it."""

    @property
    def box(self) -> Any:
        """Left, top, width and height in pixels of the upright image."""

    @property
    def text(self) -> str:
        """The digit, or "?" if it is rejected."""

    @property
    def confidence(self) -> float:
        """Its probability, 0 to 1."""

    @property
    def rejected(self) -> bool:
        """Whether its confidence is below the threshold."""


class ReadImage(Protocol):
    """A `Reading`: its digits, row after row."""

    @property
    def digits(self) -> Sequence[Drawn]:
        """All digits."""


def annotate(source: Source, reading: ReadImage) -> np.ndarray:
    """Draw every digit with its box, green, or red with "?" if rejected; gives RGB (h, w, 3) uint8."""
    pixels, width, _ = upright(source)
    times = max(1, LARGE_ENOUGH // max(pixels.shape[:2]))
    canvas = np.repeat(np.repeat(pixels, times, axis=0), times, axis=1)
    if canvas.ndim == 2:
        canvas = cv2.cvtColor(canvas, cv2.COLOR_GRAY2RGB)
    scale = canvas.shape[1] / width
    for digit in reading.digits:
        draw(canvas, digit, scale)
    return np.asarray(canvas)


def draw(canvas: np.ndarray, digit: Drawn, scale: float) -> None:
    """Draw one digit's box, and what it was read as in its upper left corner."""
    colour = REJECTED if digit.rejected else ACCEPTED
    box, line = digit.box, max(1, max(canvas.shape) // 600)
    corner = int(box.left * scale), int(box.top * scale)
    opposite = int((box.left + box.width) * scale), int((box.top + box.height) * scale)
    cv2.rectangle(canvas, corner, opposite, colour, line)
    size = max(0.5, 0.008 * (opposite[1] - corner[1]))
    below = corner[1] + int(24 * size) if corner[1] < 24 * size else corner[1] - 3
    cv2.putText(canvas, digit.text, (corner[0], below), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 2 * line, cv2.LINE_AA)


def annotated_html(source: Source, reading: ReadImage, text: str) -> str:
    """The annotated image as HTML for a notebook; `text` is for who cannot see it."""
    png = cv2.imencode(".png", annotate(source, reading)[..., ::-1])[1].tobytes()  # OpenCV writes BGR
    uri = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<img alt="{html.escape(text)}" style="max-width: 100%" src="{uri}">'
