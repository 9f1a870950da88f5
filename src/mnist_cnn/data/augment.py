"""Random changes to training images: turned, scaled, slanted, shifted, and bent. Knows nothing about networks."""

from dataclasses import dataclass

import cv2
import numpy as np

SIDE = 28
EDGE = 2  # blank pixels around each image of the mosaic, so that nothing of its neighbours is ever sampled
TILES = 32  # images along one side of a mosaic: 1,024 pixels fit OpenCV's limit and the processor's cache
GRID = 6  # control points along one side of the field that bends an image


@dataclass(frozen=True)
class Distortion:
    """How far images may be changed: each amount is drawn evenly from −limit to +limit, for each image anew."""

    rotation: float = 0.0
    """Degrees."""
    zoom: float = 0.0
    """Share by which each side grows or shrinks, both sides separately."""
    shear: float = 0.0
    """Pixels that a point moves sideways for each pixel that it is above the centre."""
    translation: float = 0.0
    """Pixels, in both directions."""
    elastic: float = 0.0
    """Standard deviation, in pixels, by which the control points of a smooth field move (Simard et al. 2003)."""

    def __bool__(self) -> bool:
        """Whether anything is changed at all."""
        return any((self.rotation, self.zoom, self.shear, self.translation, self.elastic))


def distort(images: np.ndarray, distortion: Distortion, rng: np.random.Generator) -> np.ndarray:
    """Change each of the images (n, 28, 28) uint8 at random; gives as many, of the same form.

    Affine changes and a smooth displacement field are put together into one map, so each image is sampled only once
    (bilinearly). The method is that of Simard, Steinkraus, Platt, "Best practices for convolutional neural networks
    applied to visual document analysis" (2003), with cubic splines for their Gaussian filter.
    """
    chunk = TILES**2
    parts = [_distort(images[start : start + chunk], distortion, rng) for start in range(0, len(images), chunk)]
    return np.concatenate(parts) if parts else images.copy()


def _distort(images: np.ndarray, distortion: Distortion, rng: np.random.Generator) -> np.ndarray:
    """Up to TILES² images at once: they are laid out as one large picture, which OpenCV samples in one call."""
    padded = SIDE + 2 * EDGE
    tiles = np.zeros((TILES**2, padded, padded), np.uint8)
    tiles[: len(images), EDGE:-EDGE, EDGE:-EDGE] = images
    x, y = source_points(TILES**2, distortion, rng)
    # Outside its own image everything is paper: the edge of the tile, where a clipped point lands, is blank.
    corners = np.arange(TILES, dtype=np.float32) * padded + EDGE
    x = np.clip(x, -EDGE + 0.5, SIDE + EDGE - 1.5).reshape(TILES, TILES, SIDE, SIDE) + corners[None, :, None, None]
    y = np.clip(y, -EDGE + 0.5, SIDE + EDGE - 1.5).reshape(TILES, TILES, SIDE, SIDE) + corners[:, None, None, None]
    sampled = cv2.remap(_joined(tiles.reshape(TILES, TILES, padded, padded)), _joined(x), _joined(y), cv2.INTER_LINEAR)
    apart = sampled.reshape(TILES, SIDE, TILES, SIDE).swapaxes(1, 2)
    return apart.reshape(-1, SIDE, SIDE)[: len(images)]


def _joined(tiles: np.ndarray) -> np.ndarray:
    """(rows, columns, height, width) tiles as one picture."""
    rows, columns, height, width = tiles.shape
    return np.ascontiguousarray(tiles.swapaxes(1, 2)).reshape(rows * height, columns * width)


def source_points(count: int, distortion: Distortion, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of `count` changed images comes from: x and y, each (count, 28, 28) float32, in pixels."""

    def drawn(limit: float) -> np.ndarray:
        return rng.uniform(-limit, limit, count).astype(np.float32)

    angle, shear = np.deg2rad(drawn(distortion.rotation)), drawn(distortion.shear)
    wide, high = 1 + drawn(distortion.zoom), 1 + drawn(distortion.zoom)
    right, down = drawn(distortion.translation), drawn(distortion.translation)
    cos, sin = np.cos(angle), np.sin(angle)
    centre = (SIDE - 1) / 2
    away = np.arange(SIDE, dtype=np.float32) - centre
    across, along = away[None, None, :], away[None, :, None]

    def column(values: np.ndarray) -> np.ndarray:
        return values[:, None, None]

    # Turn, then slant, then scale; a point of the new image is taken back to where it comes from.
    x = column(cos * wide) * across + column((shear * cos - sin) * high) * along + column(right) + centre
    y = column(sin * wide) * across + column((shear * sin + cos) * high) * along + column(down) + centre
    if distortion.elastic:
        field = rng.normal(0, distortion.elastic, (2, count, GRID, GRID)).astype(np.float32)
        spline = cubic_spline()
        bent = spline @ field @ spline.T
        x, y = x + bent[0], y + bent[1]
    return x, y


def cubic_spline() -> np.ndarray:
    """Weights (28, GRID) of GRID control points on the pixels of a row: a uniform cubic B-spline; rows add up to 1."""
    places = np.linspace(1, GRID - 2, SIDE, dtype=np.float32)[:, None]
    far = np.abs(places - np.arange(GRID, dtype=np.float32)[None, :])
    near = 2 / 3 - far**2 + far**3 / 2
    middle = (2 - far) ** 3 / 6
    return np.where(far < 1, near, np.where(far < 2, middle, 0)).astype(np.float32)
