"""Crops of made pages around candidates for digits, as a detector finds them: what a segmenter learns from."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from mnist_cnn.data.pages.made import Made, made_scene
from mnist_cnn.data.pages.mark_places import MarkPlaces
from mnist_cnn.data.pages.scene import TWICE
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.reading.boxes import intersections_over_unions
from mnist_cnn.reading.crops import crop, crops
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.segmenter_network import NO_DIGIT, SIDE

SIDES = (128, 160, 192, 224, 256)  # pixels of a page
DIGITS, OTHERS = 5, 3  # of a page, at most: crops with and without a digit
INVERTED = 0.15  # of the pages
RESIZED, SMOOTHLY = (
    0.4,
    0.7,
)  # of the pages: enlarged or shrunk, as by another camera; of these, not by repeating pixels
LEAST_SCALE, MOST_SCALE = 0.8, 3.5
LONGEST = 480  # pixels of an enlarged page
NOISE = 5.0  # levels of grey: the most of the deviation that is added after resizing
SAME, OTHER = 0.45, 0.3  # intersection over union from which a candidate is a digit, and below which it is none
JITTER, FARTHEST = 0.045, 0.12  # of a box's size: the deviation of its edges, and the most, as a detector's are
ANYWHERE = 0.2  # of the pages: a box where the detector sees nothing
SMALLEST, LARGEST, NARROW = 14.0, 70.0, 0.7  # pixels: heights of such boxes, and their width in heights

READ_MARKS, READ_GAPS = 4, 2  # of a page, at most: places with and without a mark
ALIKE = 0.45  # of the logarithm of height, by which a mark's box may differ from a digit's to be known as that mark
OFF, FARTHEST_OFF, OTHER_SIZE = 0.07, 0.16, 0.12  # heights, and of the logarithm of height: how far out of place

Find = Callable[[np.ndarray], np.ndarray]
"""(h, w) uint8 → boxes (n, 4) of candidates, the surest first."""


class Crop(NamedTuple):
    """A crop (64, 64, 2) uint8, close up and wide, the ink (64, 64) uint8 of the digit in its middle, and its label.

    Ink is from 0 to 255. Without a digit, it is blank, and the label NO_DIGIT or that of a mark.
    """

    grey: np.ndarray
    ink: np.ndarray
    label: int


def made_crops(rng: np.random.Generator, sources: Sources, find: Find) -> list[Crop]:
    """Crops of one made page: of digits, found or overlooked, of what is mistaken for one, and of marks and gaps."""
    side = int(rng.choice(SIDES))
    made = made_scene(rng, sources, side, keep_inks=True)
    grey, scale = as_taken(made.grey, rng)
    found = find(grey) / scale
    marked = made.marked
    digits = np.flatnonzero(marked.labels >= 0)
    common = intersections_over_unions(found, marked.boxes)
    chosen: list[tuple[np.ndarray, int]] = []
    seen: set[int] = set()
    for box, shares in zip(found, common[:, digits], strict=True):
        if len(digits) and shares.max() >= SAME and (best := int(digits[shares.argmax()])) not in seen:
            seen.add(best)
            chosen.append((box, best))
    chosen += [(jittered(marked.boxes[index], rng), index) for index in digits.tolist() if index not in seen]
    chosen = [chosen[index] for index in rng.permutation(len(chosen))[:DIGITS]]
    others = found[[is_other(box, shares, marked.boxes, digits) for box, shares in zip(found, common, strict=True)]]
    others = others[
        np.argsort(rng.random(len(others)) * np.arange(1, len(others) + 1))[:OTHERS]
    ]  # the surer more often
    if rng.random() < ANYWHERE:
        place = somewhere(side, rng)
        if is_other(place, intersections_over_unions(place[None], marked.boxes)[0], marked.boxes, digits):
            others = np.concatenate([others, place[None]])
    labels = labels_of(others, made.mark_places)
    places, their_labels = some_places(made.mark_places, rng)
    octaves = Octaves(grey)
    boxes = [*(box for box, _ in chosen), *others, *places]
    greys = crops(octaves, scale * np.reshape(boxes, (-1, 4)))
    with_digit: list[Crop] = []
    for (box, index), close_and_wide in zip(chosen, greys, strict=False):
        ink = crop(Octaves(own_ink(made, int(marked.origins[index]))), box, border=cv2.BORDER_CONSTANT)
        with_digit.append(Crop(close_and_wide, ink, int(marked.labels[index])))
    blank = np.zeros((SIDE, SIDE), np.uint8)
    without = zip(greys[len(chosen) :], [*labels, *their_labels], strict=True)
    return with_digit + [Crop(close_and_wide, blank, label) for close_and_wide, label in without]


def labels_of(others: np.ndarray, known: MarkPlaces) -> list[int]:
    """What others (n, 4) than digits show: a mark, if it fills the box at about the size it has beside digits."""
    marks = known.labels > NO_DIGIT
    if not marks.any():
        return [NO_DIGIT] * len(others)
    shares = intersections_over_unions(others, known.inks[marks])
    heights = known.places[marks, 3] - known.places[marks, 1]
    best, sizes = shares.argmax(axis=1), (others[:, 2:] - others[:, :2]).max(axis=1)
    alike = np.abs(np.log(np.maximum(sizes, 1) / heights[best])) < ALIKE
    named = (shares.max(axis=1) >= SAME) & alike
    return [int(label) for label in np.where(named, known.labels[marks][best], NO_DIGIT)]


def some_places(known: MarkPlaces, rng: np.random.Generator) -> tuple[np.ndarray, list[int]]:
    """A few places with a mark and a few without, as far out of place as where the reader looks for marks."""
    marks, gaps = np.flatnonzero(known.labels > NO_DIGIT), np.flatnonzero(known.labels == NO_DIGIT)
    chosen = np.concatenate([rng.permutation(marks)[:READ_MARKS], rng.permutation(gaps)[:READ_GAPS]])
    places = known.places[chosen]
    heights = places[:, 3:] - places[:, 1:2]
    middles = (places[:, :2] + places[:, 2:]) / 2 + np.clip(
        rng.normal(0, OFF, (len(chosen), 2)), -FARTHEST_OFF, FARTHEST_OFF
    ) * heights
    halves = np.exp(rng.normal(0, OTHER_SIZE, (len(chosen), 1))) * (places[:, 2:] - places[:, :2]) / 2
    return np.concatenate([middles - halves, middles + halves], axis=1), known.labels[chosen].tolist()


def as_taken(grey: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """The page, some inverted, some at another size, which is returned in sizes of the page."""
    if rng.random() < INVERTED:
        grey = np.asarray(cv2.bitwise_not(grey))
    if rng.random() >= RESIZED:
        return grey, 1.0
    side = min(LONGEST, round(len(grey) * rng.uniform(LEAST_SCALE, MOST_SCALE)))
    method = cv2.INTER_CUBIC if rng.random() < SMOOTHLY else cv2.INTER_NEAREST
    larger = cv2.resize(grey, (side, side), interpolation=method if side >= len(grey) else cv2.INTER_AREA)
    noise = rng.standard_normal(larger.shape, np.float32) * rng.uniform(0, NOISE)
    return np.clip(larger + noise, 0, 255).astype(np.uint8), side / len(grey)


def is_other(box: np.ndarray, shares: np.ndarray, boxes: np.ndarray, digits: np.ndarray) -> bool:
    """Whether a box (4,) is surely no digit: it shares little with any, and its middle is in nothing to be ignored."""
    if len(digits) and shares[digits].max() >= OTHER:
        return False
    ignored = np.delete(boxes, digits, axis=0)
    middle = (box[:2] + box[2:]) / 2
    return not ((middle >= ignored[:, :2] - 3) & (middle <= ignored[:, 2:] + 3)).all(axis=1).any()


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


def somewhere(side: int, rng: np.random.Generator) -> np.ndarray:
    """A box (4,) of a digit's shape, anywhere on a page."""
    height = rng.uniform(SMALLEST, LARGEST)
    half = np.array([NARROW, 1.0]) * height / 2
    centre = rng.uniform(0, side, 2)
    return np.concatenate([centre - half, centre + half])
