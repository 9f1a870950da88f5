"""Where on a page marks are read, between digits and beside them, and which there are, or none."""

import math
from typing import NamedTuple

import cv2
import numpy as np

from mnist_cnn.data.pages import camera
from mnist_cnn.data.pages.page import Box
from mnist_cnn.data.pages.scene import TWICE, Scene
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.segmenter_network import NO_DIGIT

AROUND = 1.5  # pixels around a mark's ink that are looked at, too, to see whether it is visible
LEAST_SIGNAL = 2.5  # levels of grey: the deviation that ink must make there
ABOVE_NOISE = 0.7  # deviations of what is around a mark: by how much it must differ from that
INKED = 64  # of 255, in a layer
RUNNING_IN = ".:"  # marks that cannot be told from a part of a digit that they touch
CLEAR = 0.5  # heights between the middle of an empty place and that of any mark in the same row
IN_ROW = 0.8  # heights: what lies farther above or below is not of the same row
LOWEST, HIGHEST = 9.0, 110.0  # pixels: heights of places


class MarkPlaces(NamedTuple):
    """Places for a digit (m, 4) with a mark in their middle, or with nothing that is read, and their labels (m,).

    `inks` (m, 4) are the boxes of the marks alone; of what is empty, the place again.
    """

    places: np.ndarray
    inks: np.ndarray
    labels: np.ndarray


def mark_places(scene: Scene, image: np.ndarray, kept: tuple[Box, Box], homography: np.ndarray | None) -> MarkPlaces:
    """The places of a scene that can be seen in the image (side, side) uint8 that was taken of it.

    Of the scene the first box in `kept` was left, of the image the second.
    """
    labels = [NO_DIGIT + 1 + MARKS.index(mark.char) for mark in scene.marks] + [NO_DIGIT] * len(scene.gaps)
    places = np.array([mark.place for mark in scene.marks] + scene.gaps, np.float32).reshape(-1, 4)
    inks = np.array([mark.ink for mark in scene.marks] + scene.gaps, np.float32).reshape(-1, 4)
    found = MarkPlaces(places, inks, np.array(labels, np.int64))
    if "turned" in scene.kinds or not len(labels):
        return some_of(found, np.zeros(len(labels), bool))
    found = some_of(found, inside(inks, kept[0]) & clear(found, np.array(scene.digits, np.float32).reshape(-1, 4)))
    if homography is not None and len(found.labels):
        moved, moved_inks = (camera.moved_boxes(one, homography) for one in (found.places, found.inks))
        found = MarkPlaces(moved, moved_inks, found.labels)
    heights = found.places[:, 3] - found.places[:, 1]
    found = some_of(found, inside(found.inks, kept[1]) & (heights >= LOWEST) & (heights <= HIGHEST))
    plain = [label == NO_DIGIT or is_visible(image, ink) for ink, label in zip(found.inks, found.labels, strict=True)]
    return some_of(found, np.array(plain, bool))


def some_of(found: MarkPlaces, which: np.ndarray) -> MarkPlaces:
    """Some of them, by a mask (m,) of bool."""
    return MarkPlaces(*(one[which] for one in found))


def inside(boxes: np.ndarray, kept: Box) -> np.ndarray:
    """Which boxes (m, 4) have their middle, and most of their width, within a box."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    quarter = (boxes[:, 2:] - boxes[:, :2]) / 4
    low, high = np.array(kept[:2]), np.array(kept[2:])
    return np.asarray(((centres - quarter >= low) & (centres + quarter <= high)).all(axis=1))


def clear(found: MarkPlaces, digits: np.ndarray) -> np.ndarray:
    """Which places (m,) are what their label says: the empty ones away from marks and not in a digit (k, 4)."""
    centres, heights = (found.places[:, :2] + found.places[:, 2:]) / 2, found.places[:, 3] - found.places[:, 1]
    marks = found.labels > NO_DIGIT
    away = np.abs(centres[:, None] - centres[None, marks]) / heights[:, None, None]
    near = ((away[..., 0] < CLEAR) & (away[..., 1] < IN_ROW)).any(axis=1)
    third = (digits[:, 2:] - digits[:, :2]) / 3
    low, high = digits[:, :2] + third, digits[:, 2:] - third
    within = ((centres[:, None] > low) & (centres[:, None] < high)).all(axis=2).any(axis=1)
    return np.asarray(marks | ~(near | within))


def stands_out(scene: Scene, char: str, ink: Box, image: np.ndarray, homography: np.ndarray | None) -> bool:
    """Whether a mark, its ink in a box of the scene, is plain to see in the image (side, side) uint8 taken of it.

    It must differ more from what is around it than that does in itself, and a point or a colon must not run
    into other ink.
    """
    left, top = (max(0, math.floor(edge - AROUND)) for edge in ink[:2])
    right, bottom = (min(scene.side, math.ceil(edge + AROUND)) for edge in ink[2:])
    if left >= right or top >= bottom:
        return False
    part = slice(TWICE * top, TWICE * bottom), slice(TWICE * left, TWICE * right)
    drawn = cv2.max(scene.ink[part], scene.form[part])
    inked = cv2.resize(drawn, (right - left, bottom - top), interpolation=cv2.INTER_AREA) > INKED
    if not inked.any() or inked.all() or (char in RUNNING_IN and runs_out(inked)):
        return False
    grey = image[top:bottom, left:right]
    if homography is not None:
        back = homography @ np.array([[1, 0, left], [0, 1, top], [0, 0, 1]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        grey = cv2.warpPerspective(image, back, grey.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    (around, spread), mask = cv2.meanStdDev(grey, mask=(~inked).astype(np.uint8)), inked.astype(np.uint8)
    signal = abs(cv2.mean(grey, mask)[0] - around.item())
    return bool(signal >= max(LEAST_SIGNAL, ABOVE_NOISE * spread.item()))


def runs_out(inked: np.ndarray) -> bool:
    """Whether ink (h, w) bool in the middle of a patch is connected with ink at its edge."""
    pieces = cv2.connectedComponents(inked.astype(np.uint8))[1]
    edge = {*pieces[0].tolist(), *pieces[-1].tolist(), *pieces[:, 0].tolist(), *pieces[:, -1].tolist()}
    return not edge.isdisjoint(pieces[2:-2, 2:-2][inked[2:-2, 2:-2]].tolist())


def is_visible(image: np.ndarray, ink: np.ndarray) -> bool:
    """Whether a mark's ink (4,) differs from what is around it."""
    low = np.maximum(np.floor(ink[:2] - AROUND), 0).astype(int)
    high = np.ceil(ink[2:] + AROUND).astype(int)
    patch = image[low[1] : high[1], low[0] : high[0]]
    return bool(patch.size) and float(cv2.meanStdDev(patch)[1].item()) >= LEAST_SIGNAL
