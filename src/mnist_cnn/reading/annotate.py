"""An image and the digits read from it come in; the image with boxes, digits and confidences goes out."""

import base64
import html
from collections.abc import Sequence

import cv2
import numpy as np

from mnist_cnn.reading.digit import Digit
from mnist_cnn.reading.picture import Source, upright

ACCEPTED, REJECTED = (0, 140, 60), (200, 40, 40)  # RGB
FONT = cv2.FONT_HERSHEY_SIMPLEX
LARGE_ENOUGH = 600  # pixels: smaller images are enlarged, so that what is drawn on them is legible


def annotate(source: Source, digits: Sequence[Digit], width: int | None = None) -> np.ndarray:
    """Draw every digit with its box, green, or red with "?" if rejected; gives RGB (h, w, 3) uint8.

    The boxes are in pixels of an image that is `width` wide, by default as wide as the source.
    """
    pixels, own_width, _ = upright(source)
    width = width or own_width
    times = max(1, LARGE_ENOUGH // max(pixels.shape[:2]))
    canvas = np.repeat(np.repeat(pixels, times, axis=0), times, axis=1)
    if canvas.ndim == 2:
        canvas = cv2.cvtColor(canvas, cv2.COLOR_GRAY2RGB)
    scale = canvas.shape[1] / width
    for digit in digits:
        draw(canvas, digit, scale)
    return np.asarray(canvas)


def draw(canvas: np.ndarray, digit: Digit, scale: float) -> None:
    """Draw one digit's box, with the digit above it and its confidence below it."""
    colour = REJECTED if digit.rejected else ACCEPTED
    box, line = digit.box, max(1, max(canvas.shape) // 600)
    left, top = int(box.left * scale), int(box.top * scale)
    right, bottom = int((box.left + box.width) * scale), int((box.top + box.height) * scale)
    cv2.rectangle(canvas, (left, top), (right, bottom), colour, line)
    size = max(0.5, 0.008 * (bottom - top))
    write(canvas, digit.text, (left, top + int(24 * size) if top < 24 * size else top - 3), size, colour, 2 * line)
    confidence = f"{digit.confidence:.1%}"
    (wide, _), _ = cv2.getTextSize(confidence, FONT, 1, 1)
    size = min(max((right - left) / wide, 0.5), 0.75 * size)  # as wide as the box, if that is legible
    under = bottom + int(24 * size) + line
    place = left, under if under < len(canvas) else bottom - 2 * line
    write(canvas, confidence, place, size, colour, max(1, line // 2))


def write(
    canvas: np.ndarray, text: str, place: tuple[int, int], size: float, colour: tuple[int, int, int], line: int
) -> None:
    """Write text from `place`, its lower left corner."""
    cv2.putText(canvas, text, place, FONT, size, colour, line, cv2.LINE_AA)


def annotated_html(source: Source | None, digits: Sequence[Digit], text: str) -> str:
    """The annotated image, if its `source` is known, and the text, as HTML for a notebook."""
    below = f"<pre>{html.escape(text or 'no digits')}</pre>"
    if source is None:
        return below
    png = cv2.imencode(".png", annotate(source, digits)[..., ::-1])[1].tobytes()  # OpenCV writes BGR
    uri = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<img alt="{html.escape(text)}" style="max-width: 100%" src="{uri}">{below}'
