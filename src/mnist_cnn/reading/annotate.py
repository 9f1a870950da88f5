"""An image and the digits read from it come in, the image with boxes and digits drawn on it goes out."""

import base64
import html
from collections.abc import Sequence

import cv2
import numpy as np

from mnist_cnn.reading.digit import Digit
from mnist_cnn.reading.picture import Source, upright

ACCEPTED, REJECTED = (0, 140, 60), (200, 40, 40)  # RGB
LARGE_ENOUGH = 600  # pixels: smaller images are enlarged, so that what is drawn on them is legible


def annotate(source: Source, digits: Sequence[Digit]) -> np.ndarray:
    """Draw every digit with its box, green, or red with "?" if rejected; gives RGB (h, w, 3) uint8."""
    pixels, width, _ = upright(source)
    times = max(1, LARGE_ENOUGH // max(pixels.shape[:2]))
    canvas = np.repeat(np.repeat(pixels, times, axis=0), times, axis=1)
    if canvas.ndim == 2:
        canvas = cv2.cvtColor(canvas, cv2.COLOR_GRAY2RGB)
    scale = canvas.shape[1] / width
    for digit in digits:
        draw(canvas, digit, scale)
    return np.asarray(canvas)


def draw(canvas: np.ndarray, digit: Digit, scale: float) -> None:
    """Draw one digit's box, and what it was read as in its upper left corner."""
    colour = REJECTED if digit.rejected else ACCEPTED
    box, line = digit.box, max(1, max(canvas.shape) // 600)
    corner = int(box.left * scale), int(box.top * scale)
    opposite = int((box.left + box.width) * scale), int((box.top + box.height) * scale)
    cv2.rectangle(canvas, corner, opposite, colour, line)
    size = max(0.5, 0.008 * (opposite[1] - corner[1]))
    below = corner[1] + int(24 * size) if corner[1] < 24 * size else corner[1] - 3
    cv2.putText(canvas, digit.text, (corner[0], below), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 2 * line, cv2.LINE_AA)


def annotated_html(source: Source | None, digits: Sequence[Digit], text: str) -> str:
    """The annotated image, if its `source` is known, and the text, as HTML for a notebook."""
    below = f"<pre>{html.escape(text or 'no digits')}</pre>"
    if source is None:
        return below
    png = cv2.imencode(".png", annotate(source, digits)[..., ::-1])[1].tobytes()  # OpenCV writes BGR
    uri = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<img alt="{html.escape(text)}" style="max-width: 100%" src="{uri}">{below}'
