"""Pages with what a finder has found, missed and invented on them, side by side in one image."""

from collections.abc import Sequence

import cv2
import numpy as np

from mnist_cnn.data.pages.page import Page
from mnist_cnn.evaluation.detection import detections, matched
from mnist_cnn.evaluation.tiles import FOUND, IGNORED, INVENTED, MISSED, tiled

COLUMNS, ROWS = 6, 5
SCALE = 2  # pixels of the sheet for one of a page


def sheet(places: np.ndarray, pages: Sequence[Page], threshold: float) -> np.ndarray:
    """The first 30 pages, six in a row, (height, width, 3) uint8 in blue, green, red.

    `places` (n, h/4, w/4, 14) are the finder's outputs for the n pages. Blue boxes are digits that were found with
    the correct label, orange ones were missed, pink ones are detections of something else, or with a wrong label; grey
    ones count neither way. The label of a detection is above its box.
    """
    drawn = [marked(one, page, threshold) for one, page in zip(places[: COLUMNS * ROWS], pages, strict=False)]
    return tiled(drawn, COLUMNS)


def marked(places: np.ndarray, page: Page, threshold: float) -> np.ndarray:
    """One page with its boxes."""
    found = detections(places, threshold)
    match = matched(found, page.boxes, page.labels)
    large = cv2.resize(page.grey, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
    drawn = cv2.cvtColor(large, cv2.COLOR_GRAY2BGR)
    for box in page.boxes[page.labels < 0]:
        outline(drawn, box, IGNORED)
    for box, is_found in zip(page.boxes[page.labels >= 0], match.found, strict=True):
        if not is_found:
            outline(drawn, box, MISSED)
    for box, label, right, ignored in zip(found.boxes, found.labels, match.right, match.ignored, strict=True):
        colour = FOUND if right else IGNORED if ignored else INVENTED
        left, top = outline(drawn, box, colour)
        place = (max(left, 0), max(top - 3, 11))
        cv2.putText(drawn, str(label), place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
    return drawn


def outline(drawn: np.ndarray, box: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int]:
    """Draw the outline of a box, in pixels of the page; gives its upper left corner in those of the sheet."""
    left, top, right, bottom = np.rint(box * SCALE).astype(int).tolist()
    cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), colour, 1)
    return left, top
