"""Misclassified images on one contact sheet: each with its label, the prediction, and the model's input."""

from collections.abc import Sequence

import cv2
import numpy as np

from mnist_cnn.errors import ImageError
from mnist_cnn.evaluation.labelled_images import EvaluatedImage
from mnist_cnn.reading.picture import upright

CELL, INPUT, TEXT = 160, 56, 18  # pixels: side of an image, side of a model input, height of a line of text
COLUMNS = 8


def contact_sheet(evaluated: Sequence[EvaluatedImage]) -> np.ndarray:
    """Draw every misclassified image; gives RGB (h, w, 3) uint8, an empty line if there are none."""
    cells = [cell(one) for one in evaluated if not one.correct]
    if not cells:
        return np.full((TEXT, CELL, 3), 255, np.uint8)
    blank = np.full_like(cells[0], 255)
    cells += [blank] * (-len(cells) % min(COLUMNS, len(cells)))
    columns = min(COLUMNS, len(cells))
    return np.concatenate([np.concatenate(cells[at : at + columns], axis=1) for at in range(0, len(cells), columns)])


def cell(one: EvaluatedImage) -> np.ndarray:
    """One misclassified image."""
    canvas = np.full((CELL + TEXT + INPUT, CELL, 3), 255, np.uint8)
    words = f"{one.image.label or 'nothing'} > {one.predicted or 'nothing'} {one.confidence:.2f}"
    cv2.putText(canvas, words, (2, TEXT - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (160, 0, 0), 1, cv2.LINE_AA)
    try:
        put(canvas[TEXT : TEXT + CELL], upright(one.image.opened())[0])
    except ImageError:
        return canvas
    for index, digit in enumerate(one.reading.digits[: CELL // INPUT] if one.reading else ()):
        put(canvas[TEXT + CELL :, index * INPUT : (index + 1) * INPUT], digit.image)
    return canvas


def put(space: np.ndarray, pixels: np.ndarray) -> None:
    """Scale an image into the upper left of a space."""
    if pixels.ndim == 2:
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
    scale = min((space.shape[0] - 2) / pixels.shape[0], (space.shape[1] - 2) / pixels.shape[1])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    space[: size[1], : size[0]] = small
