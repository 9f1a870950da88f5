"""Ink becomes a page: on paper, on dark panels, on a desk, under shadows and uneven light."""

import functools

import cv2
import numpy as np

from mnist_cnn.data.pages import textures
from mnist_cnn.data.pages.page import Box, around
from mnist_cnn.data.pages.scene import Scene

FAINT = 0.08  # of the pages have ink that hardly differs from its paper


@functools.cache
def directions(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The x (1, side) and y (side, 1) of each pixel, from -1 to 1."""
    along = np.linspace(-1, 1, side, dtype=np.float32)
    return along[None], along[:, None]


def averaged(layer: np.ndarray, side: int) -> np.ndarray:
    """A layer of ink at the size of the page: (side, side) float32, 0 to 1."""
    small = cv2.resize(layer, (side, side), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) * np.float32(1 / 255)


def blank(scene: Scene) -> np.ndarray:
    """Paper without anything on it (side, side) float32, about 0.5 to 1."""
    side = scene.side
    sheet = np.full((side, side), scene.between(0.55, 1.0), np.float32)
    if scene.clean:
        scene.kinds.append("clean")
        sheet[:] = 1.0 if scene.chance(0.5) else scene.between(0.85, 1.0)
        return sheet
    if scene.chance(0.45):
        sheet += textures.slow(scene, scene.whole(2, 5)) * scene.between(0, 0.08)
    if scene.chance(0.25):
        sheet += textures.some_surface(scene) * scene.growing(0.004, 0.07)
        scene.kinds.append("texture")
    return sheet


def inked(scene: Scene, sheet: np.ndarray) -> tuple[np.ndarray, float]:
    """The sheet with its layers of ink, and the contrast of the pen: which part of the light it takes, 0 to 1."""
    faint = scene.chance(FAINT)
    contrast = scene.between(0.4, 1.0) if scene.chance(0.5) else scene.growing(0.14, 1.0)
    if scene.clean:
        contrast = 1.0 if scene.chance(0.4) else scene.between(0.35, 1.0)
    if faint:
        contrast = scene.between(0.045, 0.13)
        scene.kinds.append("faint")
    pen = averaged(scene.ink, scene.side)
    if scene.chance(0.2):  # a pencil, or a pen that runs dry
        pen *= np.clip(1 + textures.some_noise(scene) * scene.between(0.05, 0.35), 0, 1)
    light = 1 - contrast * pen
    # Print and lines may be darker than the pen. Digits may be printed, so these are not much fainter.
    printed = contrast * (scene.between(0.45, 1.0) if scene.chance(0.7) else 1.0)
    if scene.chance(0.2):
        printed = max(printed, scene.between(0.3, 1.0))
    for layer, strength in ((scene.form, printed), (scene.ruling, contrast * scene.growing(0.08, 0.8))):
        if layer.any():
            light = np.minimum(light, 1 - strength * averaged(layer, scene.side))
    if scene.chance(0.08):  # what is on the other side of the paper shines through
        light *= 1 - 0.12 * contrast * cv2.GaussianBlur(np.ascontiguousarray(pen[:, ::-1]), (0, 0), 1.2)
        scene.kinds.append("show-through")
    return sheet * light, contrast


def with_panel(scene: Scene, grey: np.ndarray, height: float) -> np.ndarray:
    """A panel whose polarity is inverted, around what is written or anywhere, perhaps with another one in it."""
    side = scene.side
    mask: np.ndarray = np.zeros((side, side), np.uint8)
    for index in range(2 if scene.chance(0.25) else 1):
        if scene.written and (index or scene.chance(0.75)):
            box = around(scene.written[: scene.whole(1, 6)] if scene.chance(0.4) else scene.written)
            margin = scene.growing(0.1, 1.2 - 0.7 * index) * height
            edges = [box.left - margin, box.top - margin, box.right + margin, box.bottom + margin]
        else:
            x, y = np.sort(scene.rng.uniform(-0.2, 1.2, 2)) * side, np.sort(scene.rng.uniform(-0.2, 1.2, 2)) * side
            edges = [x[0], y[0], x[1], y[1]]
        panel = np.zeros_like(mask)
        left, top, right, bottom = (round(min(max(edge, -9), side + 9)) for edge in edges)
        if scene.chance(0.2):
            middle, axes = (
                ((left + right) // 2, (top + bottom) // 2),
                ((right - left) * 7 // 10, (bottom - top) * 7 // 10),
            )
            cv2.ellipse(panel, middle, axes, 0, 0, 360, 255, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(panel, (left, top), (right, bottom), 255, -1)
        mask ^= panel
    scene.kinds.append("panel")
    share = mask.astype(np.float32) * np.float32(1 / 255)
    return grey + share * (scene.between(0.9, 1.1) - 2 * grey)


def sheet_of(scene: Scene, height: float) -> Box:
    """Where a sheet ends that does not fill the page: around all that is written, or anywhere."""
    side = scene.side
    if scene.written and scene.chance(0.6):
        box = around(scene.written)
        margins = scene.rng.uniform(0.05, 1.5, 4) * height
        edges = (box.left - margins[0], box.top - margins[1], box.right + margins[2], box.bottom + margins[3])
        return Box(*map(float, edges))
    low, high = scene.rng.uniform(-0.3, 0.35, 2), scene.rng.uniform(0.65, 1.3, 2)
    return Box(*(float(one) * side for one in (low[0], low[1], high[0], high[1])))


def on_desk(scene: Scene, grey: np.ndarray, sheet: Box) -> np.ndarray:
    """The sheet on a desk, darker or lighter than it, with or without texture, and the sheet's shadow."""
    side = scene.side
    desk = np.full((side, side), scene.between(0.0, 1.0), np.float32)
    if scene.chance(0.75):
        desk += textures.some_surface(scene) * scene.growing(0.01, 0.2)
    elif scene.chance(0.3):
        desk = textures.scenery(scene)
    left, top, right, bottom = (round(min(max(edge, 0), side)) for edge in sheet)
    if scene.chance(0.4):
        shift = scene.whole(1, 6)
        desk[max(0, top + shift) : bottom + shift, max(0, left + shift) : right + shift] *= scene.between(0.3, 0.9)
    desk[top:bottom, left:right] = grey[top:bottom, left:right]
    scene.kinds.append("desk")
    return desk


def lit(scene: Scene, grey: np.ndarray) -> np.ndarray:
    """The page under uneven light: a gradient, a vignette, shadows, folds."""
    if scene.clean:
        return grey
    side = scene.side
    x, y = directions(side)
    if scene.chance(0.3):
        angle = scene.between(0, 6.3)
        grey = grey * np.clip(1 - scene.between(0.05, 0.6) * (np.cos(angle) * x + np.sin(angle) * y), 0.25, 1.5)
        scene.kinds.append("gradient")
    if scene.chance(0.15):
        cx, cy = scene.rng.uniform(-0.8, 0.8, 2)
        grey = grey * np.clip(1.05 - scene.between(0.1, 0.5) * ((x - cx) ** 2 + (y - cy) ** 2), 0.15, 1.05)
        scene.kinds.append("vignette")
    if scene.chance(0.2):
        mask: np.ndarray = np.zeros((side, side), np.uint8)
        corners = scene.rng.uniform(-0.4, 1.4, (scene.whole(3, 6), 2)) * side
        cv2.fillPoly(mask, [corners.astype(np.int32)], 255)
        if scene.chance(0.85):
            mask = np.asarray(cv2.blur(mask, (scene.whole(2, 30),) * 2))
        grey = grey * (1 - scene.between(0.1, 0.6) / 255 * mask)
        scene.kinds.append("shadow")
    if scene.chance(0.07):
        angle, offset = scene.between(0, 6.3), scene.between(-0.8, 0.8)
        across = np.cos(angle) * x + np.sin(angle) * y - offset
        grey = grey * (1 + scene.between(0.04, 0.2) * np.sign(across) * np.exp(-np.abs(across) * scene.between(1, 30)))
        scene.kinds.append("fold")
    return np.asarray(grey / max(1.0, float(grey.max())))
