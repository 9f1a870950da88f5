"""Labelled images as a small table for a notebook: how many of each class, and what the first ones look like."""

import base64
import html
import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from mnist_cnn.card import DIGITS

IMAGES = 10  # of each class


def gallery(
    title: str, images: np.ndarray, labels: Mapping[str, np.ndarray], class_names: Sequence[str] = DIGITS
) -> str:
    """HTML with a row for each class: its counts in every part, and its first images in the first part.

    `labels` has those (n,) of each part by its name; `images` (n, side, side) or RGB
    (n, side, side, 3) uint8 are the first part's, foreground 255.
    """
    first, *_ = labels.values()
    rows = []
    is_digits = tuple(class_names) == DIGITS
    for number, name in enumerate(map(html.escape, class_names)):
        cells = "".join(f"<td>{(part == number).sum():,}</td>" for part in labels.values())
        members = images[first == number][:IMAGES]
        what = f"the digit {name}" if is_digits else f"class {name}"
        shown = f'<img alt="images of {what}" src="{png_uri(np.hstack(members))}">' if len(members) else ""
        rows.append(f"<tr><th>{name}</th>{cells}<td>{shown}</td></tr>")
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in ("digit" if is_digits else "class", *labels, ""))
    return f"<p>{html.escape(title)}</p><table><tr>{heads}</tr>{''.join(rows)}</table>"


def png_uri(pixels: np.ndarray) -> str:
    """Pixels as a `data:` address: grey ones (h, w) uint8, foreground 255, dark on white; RGB (h, w, 3) as they are."""
    stream = io.BytesIO()
    Image.fromarray(255 - pixels if pixels.ndim == 2 else pixels).save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
