"""Make pages. Knows the order: what is written, what is beside it, the paper, the light, the camera."""

import math

import cv2
import numpy as np

from mnist_cnn.data.pages import camera, furniture, layouts, paper, textures
from mnist_cnn.data.pages.page import IGNORED, Box, Page
from mnist_cnn.data.pages.scene import Scene
from mnist_cnn.data.pages.sources import Sources

VISIBLE = 0.6  # of a digit that must be on the page for it to be found
LOWEST, HIGHEST = 10.0, 104.0  # pixels: the heights of boxes to be found; others are ignored
LEAST_SIGNAL = 1.3  # levels of grey: the deviation within a digit's box that ink must make
UPSIDE_DOWN, LYING = frozenset((3, 4, 7)), frozenset((3, 6, 7, 9))
"""Digits that are none any more if they are turned."""


def made_page(rng: np.random.Generator, sources: Sources, side: int) -> Page:
    """Make one page of (side, side) pixels, 64 to 256, in about a millisecond; the same for the same state of `rng`.

    Its digits are 12 to 100 pixels high. Of a digit at least 60% are on the page, otherwise it is to be ignored, like
    letters that stand alone and resemble one.
    """
    scene = Scene(rng, sources, side)
    height = layouts.some_layout(scene)
    beside(scene, height)
    kept = Box(0, 0, side, side)
    if scene.kinds[0] == "nothing" and scene.chance(0.75):
        grey, contrast = background(scene), 1.0
    else:
        grey, contrast = paper.inked(scene, paper.blank(scene))
        if scene.chance(0.12):
            grey = paper.with_panel(scene, grey, height)
        if scene.chance(0.18):
            kept = paper.sheet_of(scene, height)
            grey = paper.on_desk(scene, grey, kept)
    grey = paper.lit(scene, grey)
    boxes, labels = in_view(scene, kept)
    if scene.chance(0.04):
        grey, boxes, labels = turned(scene, grey, boxes, labels)
    if scene.chance(0.35):
        view = camera.seen(scene, grey)
        grey = view.grey
        if view.homography is not None and len(boxes):
            boxes = camera.moved_boxes(boxes, view.homography)
            boxes, labels = cut(boxes, labels, Box(0, 0, side, side))
    image = camera.photographed(scene, grey, contrast, height)
    labels = without_invisible(scene, image, boxes, labels)
    if scene.chance(0.12):
        image, kept = camera.cropped(scene, image, boxes[labels >= 0])
        boxes, labels = cut(boxes, labels, kept)
    return Page(image, boxes, labels, tuple(scene.kinds))


def beside(scene: Scene, height: float) -> None:
    """Lines and other furniture around what is written."""
    if scene.chance(0.22):
        furniture.add(scene, height, furniture.PAPERS)
    if scene.written and scene.chance(0.3):
        furniture.add(scene, height, furniture.AROUND)
    if scene.chance(0.12):
        furniture.add(scene, height, furniture.ALONE)


def background(scene: Scene) -> np.ndarray:
    """No paper at all: a surface, things, an edge, (side, side) float32 from about 0 to 1."""
    kind = scene.rng.random()
    if kind < 0.22:
        scene.kinds.append("surface")
        return scene.between(0.2, 0.8) + textures.some_surface(scene) * scene.growing(0.02, 0.35)
    if kind < 0.28:
        scene.kinds.append("blobs")
        return 0.5 + textures.slow(scene, scene.whole(3, 40)) * scene.growing(0.02, 0.4)
    scene.kinds.append("scenery")
    return textures.scenery(scene)


def in_view(scene: Scene, kept: Box) -> tuple[np.ndarray, np.ndarray]:
    """The boxes (k, 4) float32 and labels (k,) int8 of a scene, of which only a part is kept."""
    boxes = np.array(scene.boxes, np.float32).reshape(-1, 4)
    labels = np.array(scene.labels, np.int8)
    side = scene.side
    part = Box(max(0, kept.left), max(0, kept.top), min(side, kept.right), min(side, kept.bottom))
    return cut(boxes, labels, part)


def cut(boxes: np.ndarray, labels: np.ndarray, kept: Box) -> tuple[np.ndarray, np.ndarray]:
    """Boxes cut to what is kept: those without anything in it go, digits of which too little is left are ignored."""
    if not len(boxes):
        return boxes, labels
    low, high = np.array(kept[:2], np.float32), np.array(kept[2:], np.float32)
    inside = np.concatenate([np.clip(boxes[:, :2], low, high), np.clip(boxes[:, 2:], low, high)], axis=1)
    sizes, rest = boxes[:, 2:] - boxes[:, :2], inside[:, 2:] - inside[:, :2]
    left = (rest > 0.5).all(axis=1)
    share = rest.prod(axis=1) / np.maximum(sizes.prod(axis=1), 1e-6)
    clear = (share >= VISIBLE) & (sizes[:, 1] >= LOWEST) & (sizes[:, 1] <= HIGHEST)
    return inside[left], np.where(clear, labels, IGNORED).astype(np.int8)[left]


def without_invisible(scene: Scene, image: np.ndarray, boxes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The labels, with digits to ignore that shadows and noise hide."""
    noise = 255 * scene.noise
    labels = labels.copy()
    for index in np.flatnonzero(labels >= 0).tolist():
        left, top, right, bottom = boxes[index].round().astype(int).tolist()
        patch = image[top : max(bottom, top + 1), left : max(right, left + 1)]
        if not patch.size:
            continue
        deviation = float(cv2.meanStdDev(patch)[1].item())
        signal = math.sqrt(max(0.0, deviation**2 - noise**2))
        if signal < LEAST_SIGNAL or signal < 0.6 * noise:
            labels[index] = IGNORED
    return labels


def turned(
    scene: Scene, grey: np.ndarray, boxes: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The page lying on a side or upside down: most digits are none then, of the others it cannot be said."""
    side, way = scene.side, scene.whole(0, 2)
    scene.kinds.append("turned")
    left, top, right, bottom = boxes.T
    if way == 1:
        boxes = np.stack([side - right, side - bottom, side - left, side - top], axis=1)
    elif way == 0:  # clockwise
        boxes = np.stack([side - bottom, left, side - top, right], axis=1)
    else:
        boxes = np.stack([top, side - right, bottom, side - left], axis=1)
    method = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)[way]
    none = UPSIDE_DOWN if way == 1 else LYING
    kept = np.array([label not in none for label in labels.tolist()], bool)
    return cv2.rotate(grey, method), boxes[kept], np.full(int(kept.sum()), IGNORED, np.int8)
