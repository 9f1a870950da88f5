"""Images as in other light, and as by a camera with noise. NumPy and OpenCV only."""

import cv2
import numpy as np

INVERTED = 0.15  # of the images
CONTRAST = (0.75, 1.15)  # around mid-grey
BRIGHTNESS = 25.0  # levels of grey, up or down
NOISY, NOISE = 0.3, 5.0  # of the images: those with noise, and the most of its deviation in levels of grey


def in_other_light(images: np.ndarray, rng: np.random.Generator, inverted: float = INVERTED) -> np.ndarray:
    """Images (n, h, w, 1) uint8 brighter or darker, with more or less contrast, and some inverted."""
    count = len(images)
    levels = np.arange(256, dtype=np.float32) - 127.5
    scale = rng.uniform(*CONTRAST, count) * np.where(rng.random(count) < inverted, -1, 1)
    tables = levels * scale[:, None] + 127.5 + rng.uniform(-BRIGHTNESS, BRIGHTNESS, count)[:, None]
    tables = np.clip(np.rint(tables), 0, 255).astype(np.uint8)
    return np.stack([cv2.LUT(one, table) for one, table in zip(images, tables, strict=True)]).reshape(images.shape)


def noisy(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images (n, h, w, c) uint8, to some of which noise is added."""
    chosen = np.flatnonzero(rng.random(len(images)) < NOISY)
    noise = rng.standard_normal((len(chosen), *images.shape[1:]), np.float32)
    noise *= rng.uniform(0, NOISE, len(chosen)).astype(np.float32)[:, None, None, None]
    images = images.copy()
    images[chosen] = np.clip(np.rint(images[chosen] + noise), 0, 255).astype(np.uint8)
    return images
