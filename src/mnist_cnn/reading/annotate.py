"""A picture and what was read in it come in, the picture with boxes and digits drawn on it goes out."""

import base64
import html

import cv2
import numpy as np

from mnist_cnn.reading.picture import Source, upright
from mnist_cnn.reading.reading import Digit, Reading

ACCEPTED, REJECTED = (0, 140, 60), (200, 40, 40)  # RGB
LARGE_ENOUGH = 600  # pixels: smaller pictures are enlarged, so that what is drawn on them can be read


def annotate(source: Source, reading: Reading) -> np.ndarray:
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


def reading_html(reading: Reading) -> str:
    """The annotated image, if the reading knows what was read, and the text, as HTML for a notebook."""
    text = f"<pre>{html.escape(reading.text or 'no digits')}</pre>"
    if reading.source is None:
        return text
    png = cv2.imencode(".png", annotate(reading.source, reading)[..., ::-1])[1].tobytes()  # OpenCV writes BGR
    uri = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<img alt="{html.escape(reading.text)}" style="max-width: 100%" src="{uri}">{text}'
