"""Make pages. Knows the order: what is written, what is beside it, the paper, the light, the camera."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mnist_cnn.data.pages import camera, furniture, layouts, paper, textures
from mnist_cnn.data.pages.mark_places import MarkPlaces, mark_places
from mnist_cnn.data.pages.page import IGNORED, Box, Page
from mnist_cnn.data.pages.scene import Scene
from mnist_cnn.data.pages.sources import Sources

TURNED, TURNED_WITHOUT = 0.04, 0.12  # of pages with and without digits: the latter are read from all sides
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
    made = made_scene(rng, sources, side)
    return Page(made.grey, made.marked.boxes, made.marked.labels, tuple(made.scene.kinds))


@dataclass(frozen=True, eq=False)
class Made:
    """A page with what it was made of.

    `grey` is (side, side) uint8, `marked` what is on it; `homography` (3, 3) leads from the scene to the page, None if
    they are the same.
    """

    scene: Scene
    grey: np.ndarray
    marked: "Marked"
    homography: np.ndarray | None
    kept: tuple[Box, Box]

    @property
    def mark_places(self) -> MarkPlaces:
        """Where marks are read on the page, and which there are."""
        return mark_places(self.scene, self.grey, self.kept, self.homography)


@dataclass(frozen=True, eq=False)
class Marked:
    """What is on a page: boxes (k, 4) float32, labels (k,) int8, and which box of the scene each is, (k,) int32."""

    boxes: np.ndarray
    labels: np.ndarray
    origins: np.ndarray

    def __getitem__(self, which: np.ndarray) -> "Marked":
        """Some of them."""
        return Marked(self.boxes[which], self.labels[which], self.origins[which])


def made_scene(
    rng: np.random.Generator,
    sources: Sources,
    side: int,
    *,
    keep_inks: bool = False,
    shares: np.ndarray = layouts.SHARES,
) -> Made:
    """Make one page, and keep what it was made of, with `keep_inks` also the own ink of each digit."""
    scene = Scene(rng, sources, side, keep_inks=keep_inks)
    height = layouts.some_layout(scene, shares)
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
    marked, homography = in_view(scene, kept), None
    if scene.chance(TURNED if (marked.labels >= 0).any() else TURNED_WITHOUT):
        grey, marked = turned(scene, grey, marked)  # nothing is to be found on it
    if scene.chance(0.35):
        view = camera.seen(scene, grey)
        grey, homography = view.grey, view.homography
        if homography is not None and len(marked.boxes):
            moved = camera.moved_boxes(marked.boxes, homography)
            marked = cut(replace(marked, boxes=moved), Box(0, 0, side, side))
    image = camera.photographed(scene, grey, contrast, height)
    marked = replace(marked, labels=without_invisible(scene, image, marked.boxes, marked.labels))
    cropped = Box(0, 0, side, side)
    if scene.chance(0.12):
        image, cropped = camera.cropped(scene, image, marked.boxes[marked.labels >= 0])
        marked = cut(marked, cropped)
    return Made(scene, image, marked, homography, (kept, cropped))


def beside(scene: Scene, height: float) -> None:
    """Lines and other furniture around what is written."""
    if scene.chance(0.26):
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


def in_view(scene: Scene, kept: Box) -> Marked:
    """What is marked in a scene, of which only a part is kept."""
    boxes = np.array(scene.boxes, np.float32).reshape(-1, 4)
    labels = np.array(scene.labels, np.int8)
    side = scene.side
    part = Box(max(0, kept.left), max(0, kept.top), min(side, kept.right), min(side, kept.bottom))
    return cut(Marked(boxes, labels, np.arange(len(boxes), dtype=np.int32)), part)


def cut(marked: Marked, kept: Box) -> Marked:
    """Boxes cut to what is kept: those without anything in it go, digits of which too little is left are ignored."""
    boxes = marked.boxes
    if not len(boxes):
        return marked
    low, high = np.array(kept[:2], np.float32), np.array(kept[2:], np.float32)
    inside = np.concatenate([np.clip(boxes[:, :2], low, high), np.clip(boxes[:, 2:], low, high)], axis=1)
    sizes, rest = boxes[:, 2:] - boxes[:, :2], inside[:, 2:] - inside[:, :2]
    left = (rest > 0.5).all(axis=1)
    share = rest.prod(axis=1) / np.maximum(sizes.prod(axis=1), 1e-6)
    clear = (share >= VISIBLE) & (sizes[:, 1] >= LOWEST) & (sizes[:, 1] <= HIGHEST)
    return Marked(inside, np.where(clear, marked.labels, IGNORED).astype(np.int8), marked.origins)[left]


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


def turned(scene: Scene, grey: np.ndarray, marked: Marked) -> tuple[np.ndarray, Marked]:
    """The page lying on a side or upside down: most digits are none then, of the others it cannot be said."""
    side, way = scene.side, scene.whole(0, 2)
    scene.kinds.append("turned")
    left, top, right, bottom = marked.boxes.T
    if way == 1:
        boxes = np.stack([side - right, side - bottom, side - left, side - top], axis=1)
    elif way == 0:  # clockwise
        boxes = np.stack([side - bottom, left, side - top, right], axis=1)
    else:
        boxes = np.stack([top, side - right, bottom, side - left], axis=1)
    method = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)[way]
    none = UPSIDE_DOWN if way == 1 else LYING
    kept = np.array([label not in none for label in marked.labels.tolist()], bool)
    ignored = np.full(len(kept), IGNORED, np.int8)
    return np.asarray(cv2.rotate(grey, method)), Marked(boxes, ignored, marked.origins)[kept]
