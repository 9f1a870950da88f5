"""Crops of made pages around one digit each, with that digit's ink alone: what a network learns to mark ink from."""

from typing import NamedTuple

import cv2
import numpy as np

from mnist_cnn.data.negatives import NOT_A_DIGIT
from mnist_cnn.data.pages.made import Made, made_scene
from mnist_cnn.data.pages.scene import TWICE
from mnist_cnn.data.pages.sources import Sources

SIDE, INNER = 48, 32  # pixels: of a crop, and the longer side of the digit's box in it
MOST = 3  # digits of a page
NOTHING = 0.35  # of the pages: a crop without a digit
INVERTED = 0.15  # of the pages
JITTER, FARTHEST = 0.045, 0.12  # of a box's size: the deviation of its edges, and the most, as a detector's are
SMALLEST, LARGEST, NARROW = 14.0, 70.0, 0.7  # pixels: heights of boxes without a digit, and their width in heights
COVERED = 0.25  # of a digit's width and height that a box without a digit may cover


class Crop(NamedTuple):
    """A crop (48, 48) uint8, the ink (48, 48) uint8, 0 to 255, of the digit in its middle, and the digit's label.

    Without a digit, the ink is blank and the label NOT_A_DIGIT.
    """

    grey: np.ndarray
    ink: np.ndarray
    label: int


def crop(image: np.ndarray, box: np.ndarray, border: int = cv2.BORDER_REPLICATE) -> np.ndarray:
    """The surroundings (48, 48) uint8 of a box (4,) of an image (h, w) uint8; the box's longer side is 32 pixels."""
    left, top, right, bottom = map(float, box)
    scale = INNER / max(right - left, bottom - top, 1.0)
    if scale < 0.75:  # against aliasing
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.35 / scale))
    middle = np.array([(left + right) / 2, (top + bottom) / 2]) - 0.5
    shift = (SIDE - 1) / 2 - scale * middle
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return np.asarray(cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=border))


def made_crops(rng: np.random.Generator, sources: Sources, side: int) -> list[Crop]:
    """Crops of one made page of (side, side) pixels: of up to three of its digits, and of a place without any."""
    made = made_scene(rng, sources, side, keep_inks=True)
    marked = made.marked
    grey = np.asarray(cv2.bitwise_not(made.grey)) if rng.random() < INVERTED else made.grey
    crops = []
    for index in rng.permutation(np.flatnonzero(marked.labels >= 0))[:MOST].tolist():
        own = own_ink(made, int(marked.origins[index]))
        box = jittered(marked.boxes[index], rng)
        crops.append(Crop(crop(grey, box), crop(own, box, cv2.BORDER_CONSTANT), int(marked.labels[index])))
    if rng.random() < NOTHING and (place := somewhere_else(made, rng)) is not None:
        crops.append(Crop(crop(grey, place), np.zeros((SIDE, SIDE), np.uint8), NOT_A_DIGIT))
    return crops


def own_ink(made: Made, origin: int) -> np.ndarray:
    """The ink (side, side) uint8 of the digit that is box `origin` of the scene, where it is on the page."""
    side = made.scene.side
    left, top, patch = (made.scene.inks or {})[origin]
    layer = np.zeros((TWICE * side, TWICE * side), np.uint8)
    place = layer[top : top + patch.shape[0], left : left + patch.shape[1]]
    place[:] = patch[: place.shape[0], : place.shape[1]]
    ink = cv2.resize(layer, (side, side), interpolation=cv2.INTER_AREA)
    if made.homography is not None:
        ink = cv2.warpPerspective(ink, made.homography, (side, side), flags=cv2.INTER_LINEAR)
    return np.asarray(ink)


def jittered(box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A box (4,) whose edges are moved as far as a detector's are."""
    sizes = box[2:] - box[:2] + 0.3 * (box[2:] - box[:2]).max()
    moved = np.clip(rng.normal(0, JITTER, 4), -FARTHEST, FARTHEST) * np.concatenate([sizes, sizes])
    return np.asarray(box + moved)


def somewhere_else(made: Made, rng: np.random.Generator) -> np.ndarray | None:
    """A box (4,) of a digit's shape that covers hardly anything of a digit; None if chance finds none."""
    height = rng.uniform(SMALLEST, LARGEST)
    half = np.array([NARROW, 1.0]) * height / 2
    centre = rng.uniform(0, made.scene.side, 2)
    box = np.concatenate([centre - half, centre + half])
    boxes = made.marked.boxes
    common = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    covers = (common > COVERED * (boxes[:, 2:] - boxes[:, :2])).all(axis=1).any()
    return None if covers else box
