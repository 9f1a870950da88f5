"""Crops with the ink that a segmenter marks in them, side by side in one image."""

import cv2
import numpy as np

from mnist_cnn.data.pages.crop_process import MIDDLE, Crops
from mnist_cnn.evaluation.tiles import FOUND, IN_ASCII, INVENTED, MISSED, tiled
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.segmenter_network import NO_DIGIT, Segmented

COLUMNS, ROWS = 6, 8
SCALE = 2  # pixels of the sheet for one of a crop
STRIPE = 4  # pixels above a crop
WORDS = (*"0123456789", "", *MARKS.translate(IN_ASCII))


def sheet(said: Segmented, crops: Crops) -> np.ndarray:
    """The first 48 crops, six in a row, (height, width, 3) uint8 in blue, green, red.

    Of each there is the crop, and beside it the ink that is marked in its middle, black on white. Above it is what the
    segmenter says, a digit, a mark or nothing, and a stripe: blue if that is right, orange if a digit or a mark is
    taken for none, pink otherwise.
    """
    likeliest = said.classes.argmax(axis=1)
    images = crops.images[: COLUMNS * ROWS, ..., 0]
    rows = zip(images, said.inks, likeliest.tolist(), crops.labels.tolist(), strict=False)
    return tiled([marked(*row) for row in rows], COLUMNS)


def marked(image: np.ndarray, ink: np.ndarray, said: int, label: int) -> np.ndarray:
    """One crop with its ink."""
    beside = np.full_like(image, 255)
    beside[MIDDLE, MIDDLE] = np.rint(255 * (1 - ink)).astype(np.uint8)
    both = np.concatenate([image, beside], axis=1)
    large = cv2.resize(both, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
    drawn = cv2.cvtColor(large, cv2.COLOR_GRAY2BGR)
    colour = FOUND if said == label else MISSED if said == NO_DIGIT else INVENTED
    drawn[:STRIPE] = colour
    return cv2.putText(
        drawn, WORDS[said], (large.shape[1] - 14, STRIPE + 14), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA
    )
