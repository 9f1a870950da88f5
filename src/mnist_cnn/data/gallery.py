"""Labelled images as a small table for a notebook: how many of each digit, and what the first ones look like."""

import base64
import html
import io
from collections.abc import Mapping

import numpy as np
from PIL import Image

IMAGES = 10  # of each digit


def gallery(title: str, images: np.ndarray, labels: Mapping[str, np.ndarray]) -> str:
    """HTML with a row for each digit: its counts in every part, and its first images in the first part.

    `labels` has those (n,) of each part by its name; `images` (n, 28, 28) uint8 are the first part's, foreground 255.
    """
    first, *_ = labels.values()
    rows = []
    for digit in range(10):
        cells = "".join(f"<td>{(part == digit).sum():,}</td>" for part in labels.values())
        members = images[first == digit][:IMAGES]
        shown = f'<img alt="images of the digit {digit}" src="{png_uri(np.hstack(members))}">' if len(members) else ""
        rows.append(f"<tr><th>{digit}</th>{cells}<td>{shown}</td></tr>")
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in ("digit", *labels, ""))
    return f"<p>{html.escape(title)}</p><table><tr>{heads}</tr>{''.join(rows)}</table>"


def png_uri(pixels: np.ndarray) -> str:
    """Dark digits on white as a `data:` address; `pixels` (h, w) uint8 has foreground 255."""
    stream = io.BytesIO()
    Image.fromarray(255 - pixels).save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
