"""A page becomes an image as a camera, a scanner or a screen gives it: perspective, blur, noise, JPEG, and the like."""

from typing import NamedTuple

import cv2
import numpy as np

from mnist_cnn.data.pages import textures
from mnist_cnn.data.pages.page import Box
from mnist_cnn.data.pages.paper import directions
from mnist_cnn.data.pages.scene import Scene


class View(NamedTuple):
    """The image (side, side) float32 and the homography (3, 3) from the page to it, None if they are the same."""

    grey: np.ndarray
    homography: np.ndarray | None


def seen(scene: Scene, grey: np.ndarray) -> View:
    """The page seen from somewhere else: turned a little, and in perspective."""
    side = scene.side
    turn = scene.rng.normal(0, 0.05) if scene.chance(0.85) else scene.between(-0.3, 0.3)
    cos, sin = np.cos(turn), np.sin(turn)
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32) * (side / 2)
    moved = corners @ np.array([[cos, sin], [-sin, cos]], np.float32) * scene.between(0.95, 1.12)
    moved += scene.rng.normal(0, 0.025 * side, (4, 2)) if scene.chance(0.6) else 0
    homography = cv2.getPerspectiveTransform(corners + side / 2, moved.astype(np.float32) + side / 2)
    border = cv2.BORDER_REPLICATE if scene.chance(0.6) else cv2.BORDER_REFLECT
    image = cv2.warpPerspective(grey, homography, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)
    scene.kinds.append("perspective")
    return View(image, homography)


def moved_boxes(boxes: np.ndarray, homography: np.ndarray) -> np.ndarray:
    """Where boxes (k, 4) are in a view. What is in them is taken for an ellipse: corners are rarely inked."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    halves = (boxes[:, 2:] - boxes[:, :2]) / 2
    scaled = np.concatenate([centres, np.ones((len(boxes), 1))], axis=1) @ homography.T
    middle = scaled[:, :2] / scaled[:, 2:]
    # The derivative of the homography at the centres, (k, 2, 2).
    slopes = (homography[None, :2, :2] - middle[:, :, None] * homography[None, 2:, :2]) / scaled[:, 2][:, None, None]
    reach = np.sqrt(((slopes * halves[:, None, :]) ** 2).sum(axis=2))
    return np.concatenate([middle - reach, middle + reach], axis=1).astype(np.float32)


def blurred(scene: Scene, grey: np.ndarray, height: float) -> np.ndarray:
    """Out of focus, moved, or enlarged from fewer pixels; the smaller the digits the less."""
    kind = scene.rng.random() * (2 if scene.clean else 1)
    if kind < 0.33:
        return cv2.GaussianBlur(grey, (0, 0), scene.growing(0.35, 0.5 + 0.05 * height))
    if kind < 0.38:
        scene.kinds.append("motion")
        length = scene.whole(2, max(2, int(0.12 * height)))
        kernel = np.zeros((length, length), np.float32)
        ends = ((0, scene.whole(0, length - 1)), (length - 1, scene.whole(0, length - 1)))
        cv2.line(kernel, *ends, 1.0)
        if scene.chance(0.5):
            kernel = kernel.T
        return cv2.filter2D(grey, -1, kernel / max(float(kernel.sum()), 1.0))
    if kind < 0.48 and height > 16:
        scene.kinds.append("few-pixels")
        share = scene.between(max(0.25, 10 / height), 0.9)
        few = max(8, round(scene.side * share))
        small = cv2.resize(grey, (few, few), interpolation=cv2.INTER_AREA)
        method = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)[scene.whole(0, 2)]
        return cv2.resize(small, (scene.side, scene.side), interpolation=method)
    return grey


def on_screen(scene: Scene, grey: np.ndarray) -> np.ndarray:
    """A photographed screen: a grid of pixels, and the moiré that it makes with the camera's."""
    x, y = directions(scene.side)
    grey = grey * scene.between(0.7, 1.0) + scene.between(0.0, 0.2)
    for _ in range(scene.whole(1, 2)):
        k = scene.growing(6, 0.8 * scene.side) * scene.rng.choice([-1, 1], 2) * scene.rng.random(2)
        grey = grey * (1 + scene.between(0.02, 0.15) * np.sin(k[0] * x * 3 + k[1] * y * 3))
    step = scene.whole(2, 4)
    grey[::step] *= scene.between(0.8, 1.0)
    grey[:, ::step] *= scene.between(0.8, 1.0)
    scene.kinds.append("screen")
    return grey


def photographed(scene: Scene, grey: np.ndarray, contrast: float, height: float) -> np.ndarray:
    """The image as it is stored, (side, side) uint8. Noise does not hide ink of this `contrast`, 0 to 1."""
    grey = blurred(scene, grey, height)
    if not scene.clean and scene.chance(0.07):
        grey = on_screen(scene, grey)
    if scene.chance(0.22):
        grey = 1 - grey
        scene.kinds.append("dark-mode")
    if scene.chance(0.05 if scene.clean else 0.65):
        scene.noise = min(scene.growing(0.004, 0.09), 0.3 * contrast)
        grey = grey + textures.some_noise(scene) * scene.noise
    if not scene.clean and scene.chance(0.6):
        low = scene.between(0, 0.25)
        grey = low + grey * (scene.between(0.5, 1.05) - low)
    stored = np.clip(grey * 255, 0, 255)
    if scene.chance(0.1):
        stored = 255 * (stored / 255) ** scene.growing(0.5, 2)
    image = stored.astype(np.uint8)
    if contrast > 0.3 and scene.chance(0.06):
        scene.kinds.append("two-levels")
        level = scene.between(0.4, 0.6) * (float(image.min()) + float(image.max()))
        return np.where(image > level, 255, 0).astype(np.uint8)
    if scene.chance(0.3):
        quality = scene.whole(25, 90) if contrast > 0.3 else scene.whole(70, 95)
        ok, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if ok:
            image = np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))
            scene.kinds.append("jpeg")
    return image


def cropped(scene: Scene, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, Box]:
    """The image cropped, perhaps tightly to a digit's ink, and padded to its size again, and what was kept.

    That is what a reader does with an image that is smaller than what it looks at. `boxes` (k, 4) are the digits'.
    """
    side = scene.side
    if len(boxes) and scene.chance(0.7):
        some = (
            boxes[scene.whole(0, len(boxes) - 1)] if scene.chance(0.5) else [*boxes[:, :2].min(0), *boxes[:, 2:].max(0)]
        )
        margins = scene.rng.uniform(-0.4, 4.5, 4)
        edges = [some[0] - margins[0], some[1] - margins[1], some[2] + margins[2], some[3] + margins[3]]
    else:
        low, high = scene.rng.uniform(-0.1, 0.3, 2) * side, scene.rng.uniform(0.7, 1.1, 2) * side
        edges = [low[0], low[1], high[0], high[1]]
    left, top, right, bottom = (min(max(round(float(edge)), 0), side) for edge in edges)
    if right - left < 5 or bottom - top < 5:
        return image, Box(0, 0, side, side)
    part = image[top:bottom, left:right]
    missing = (top, side - bottom, left, side - right)
    if scene.chance(0.6):
        image = np.asarray(cv2.copyMakeBorder(part, *missing, cv2.BORDER_REPLICATE))
    else:
        fill = float(np.median(part)) if scene.chance(0.6) else 255.0 * scene.whole(0, 1)
        image = np.asarray(cv2.copyMakeBorder(part, *missing, cv2.BORDER_CONSTANT, value=fill))
    scene.kinds.append("cropped")
    return image, Box(left, top, right, bottom)
