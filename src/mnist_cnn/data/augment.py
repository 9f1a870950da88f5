"""Data augmentation: random rotation, zoom, shear, translation and elastic deformation. Knows nothing about models."""

from dataclasses import dataclass

import cv2
import numpy as np

EDGE = 2  # blank pixels around each image of the mosaic, so that its neighbours are never sampled
TILES = 32  # images along one side of a mosaic: 1,024 pixels fit OpenCV's limit and the processor's cache
GRID = 6  # control points along one side of the displacement field


@dataclass(frozen=True)
class Augmentation:
    """The limits of the random changes: each amount is drawn uniformly from −limit to +limit for each image."""

    rotation: float = 0.0
    """Degrees."""
    zoom: float = 0.0
    """Relative change of width and of height, drawn separately."""
    shear: float = 0.0
    """Horizontal displacement in pixels per pixel of height above the centre."""
    translation: float = 0.0
    """Pixels, in both directions."""
    elastic: float = 0.0
    """Standard deviation, in pixels, by which the control points of a smooth field move (Simard et al. 2003)."""

    def __bool__(self) -> bool:
        """Whether anything is changed."""
        return any((self.rotation, self.zoom, self.shear, self.translation, self.elastic))


def augmented(images: np.ndarray, augmentation: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Change each of the images (n, side, side) or RGB (n, side, side, 3) uint8 at random; an array of the same shape.

    The affine change and the displacement field are combined into one map, so each image is sampled only once
    (bilinearly). The method is that of Simard, Steinkraus, Platt, "Best practices for convolutional neural networks
    applied to visual document analysis" (2003), with cubic splines in place of their Gaussian filter.
    """
    chunk = TILES**2
    parts = [_augmented(images[start : start + chunk], augmentation, rng) for start in range(0, len(images), chunk)]
    return np.concatenate(parts) if parts else images.copy()


def _augmented(images: np.ndarray, augmentation: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Up to TILES² images at once: they are laid out as one large image, which OpenCV samples in one call."""
    side, channels = images.shape[1], images.shape[3:]
    padded = side + 2 * EDGE
    tiles = np.zeros((TILES**2, padded, padded, *channels), np.uint8)
    tiles[: len(images), EDGE:-EDGE, EDGE:-EDGE] = images
    x, y = source_points(TILES**2, augmentation, rng, side)
    # Outside its own image everything is background: the edge of the tile, where a clipped point lands, is blank.
    corners = np.arange(TILES, dtype=np.float32) * padded + EDGE
    x = np.clip(x, -EDGE + 0.5, side + EDGE - 1.5).reshape(TILES, TILES, side, side) + corners[None, :, None, None]
    y = np.clip(y, -EDGE + 0.5, side + EDGE - 1.5).reshape(TILES, TILES, side, side) + corners[:, None, None, None]
    mosaic = _joined(tiles.reshape(TILES, TILES, padded, padded, *channels))
    sampled = cv2.remap(mosaic, _joined(x), _joined(y), cv2.INTER_LINEAR)
    apart = sampled.reshape(TILES, side, TILES, side, *channels).swapaxes(1, 2)
    return apart.reshape(-1, side, side, *channels)[: len(images)]


def _joined(tiles: np.ndarray) -> np.ndarray:
    """(rows, columns, height, width) tiles, or those with channels, as one image."""
    rows, columns, height, width, *channels = tiles.shape
    return np.ascontiguousarray(tiles.swapaxes(1, 2)).reshape(rows * height, columns * width, *channels)


def source_points(
    count: int, augmentation: Augmentation, rng: np.random.Generator, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """The source point of each pixel of `count` images: x and y, each (count, side, side) float32, in pixels."""

    def drawn(limit: float) -> np.ndarray:
        return rng.uniform(-limit, limit, count).astype(np.float32)

    angle, shear = np.deg2rad(drawn(augmentation.rotation)), drawn(augmentation.shear)
    wide, high = 1 + drawn(augmentation.zoom), 1 + drawn(augmentation.zoom)
    right, down = drawn(augmentation.translation), drawn(augmentation.translation)
    cos, sin = np.cos(angle), np.sin(angle)
    centre = (side - 1) / 2
    away = np.arange(side, dtype=np.float32) - centre
    across, along = away[None, None, :], away[None, :, None]

    def column(values: np.ndarray) -> np.ndarray:
        return values[:, None, None]

    # Rotation, then shear, then zoom; a point of the new image is mapped back to its source.
    x = column(cos * wide) * across + column((shear * cos - sin) * high) * along + column(right) + centre
    y = column(sin * wide) * across + column((shear * sin + cos) * high) * along + column(down) + centre
    if augmentation.elastic:
        field = rng.normal(0, augmentation.elastic, (2, count, GRID, GRID)).astype(np.float32)
        spline = cubic_spline(side)
        bent = spline @ field @ spline.T
        x, y = x + bent[0], y + bent[1]
    return x, y


def cubic_spline(side: int) -> np.ndarray:
    """Weights (side, GRID) of GRID control points on the pixels of a row: a cubic B-spline; rows add up to 1."""
    places = np.linspace(1, GRID - 2, side, dtype=np.float32)[:, None]
    far = np.abs(places - np.arange(GRID, dtype=np.float32)[None, :])
    near = 2 / 3 - far**2 + far**3 / 2
    middle = (2 - far) ** 3 / 6
    return np.where(far < 1, near, np.where(far < 2, middle, 0)).astype(np.float32)
