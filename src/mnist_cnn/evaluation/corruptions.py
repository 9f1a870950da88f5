"""The 15 corruptions of MNIST-C, applied to clean images. Knows nothing about models or files.

They are those of Mu and Gilmer, "MNIST-C: A Robustness Benchmark for Computer Vision" (2019, arXiv:1906.02337),
reimplemented here at the authors' severities: the default of each parameter is the one that their `corruptions.py`
(github.com/google-research/mnist-c) uses. Differences are documented at each corruption.

Internally, images are (n, 28, 28) float32, 0 background to 1 foreground, with one random generator per image; each
corruption returns as many, and values outside 0 to 1 are clipped.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import cv2
import numpy as np

SEED = 20261123
SIDE = 28
CENTRE = (SIDE - 1) / 2
COLUMNS = np.arange(SIDE, dtype=np.float32)

Images: TypeAlias = np.ndarray
Generators = Sequence[np.random.Generator]


def corrupt(images: np.ndarray, corruption: str, seed: int = SEED, first: int = 0) -> np.ndarray:
    """Apply one of the `CORRUPTIONS` to images (n, 28, 28) uint8, background 0, foreground 255; returns as many.

    `first` is the index of the first image in its dataset: corruption, seed and index alone determine the result for
    an image, so a dataset can be processed in batches of any size. Raises KeyError for an unknown corruption.
    """
    apply = CORRUPTIONS[corruption]
    rngs = [np.random.default_rng([seed, first + index, *corruption.encode()]) for index in range(len(images))]
    if not rngs:
        return images.copy()
    changed = apply(images / np.float32(255), rngs)
    return np.asarray(np.rint(np.clip(changed, 0, 1) * 255), np.uint8)


def shot_noise(images: Images, rngs: Generators, photons: float = 3) -> Images:
    """Shot (Poisson) noise; `photons` is the mean count at full foreground (severity 5)."""
    counts = [rng.poisson(image * photons) for image, rng in zip(images, rngs, strict=True)]
    return np.stack(counts) / np.float32(photons)


def impulse_noise(images: Images, rngs: Generators, fraction: float = 0.17) -> Images:
    """Salt-and-pepper noise: this fraction of the pixels becomes 0 or 1 at random (severity 4)."""
    hit, value = np.stack([rng.random((2, SIDE, SIDE), np.float32) for rng in rngs], axis=1)
    return np.where(hit < fraction, np.rint(value), images)


def glass_blur(images: Images, rngs: Generators, sigma: float = 0.7, rounds: int = 2) -> Images:
    """Glass blur: blur, swap pixels with a neighbour above or to the left, blur again (severity 1).

    It blurs vertically only, like the original, in which scikit-image takes an image's columns for its channels. That
    is harder: on 500 test images `robust` alone reaches 87%, and 95% if both directions are blurred.
    """
    inner = range(SIDE - 1, 1, -1)
    steps = (rounds, len(inner), len(inner))
    swaps = np.stack([rng.random(steps) < 0.5 for rng in rngs], axis=-1)
    up, left = np.stack([rng.integers(0, 2, (2, *steps)) for rng in rngs], axis=-1)
    offsets = np.where(swaps, up * SIDE + left, 0).reshape(-1, len(images))
    positions = [row * SIDE + column for _ in range(rounds) for row in inner for column in inner]
    blurred = gaussian_blur(images, sigma, horizontally=False)
    pixels = np.ascontiguousarray(blurred.reshape(len(images), -1).T)  # an image is a column
    every = np.arange(len(images))
    for position, offset in zip(positions, offsets, strict=True):
        here = pixels[position].copy()
        pixels[position] = pixels[position - offset, every]
        pixels[position - offset, every] = here
    return gaussian_blur(pixels.T.reshape(images.shape), sigma, horizontally=False)


def gaussian_blur(images: Images, sigma: float, horizontally: bool = True) -> Images:
    """Gaussian blur with a standard deviation of `sigma` pixels, vertically and, by default, horizontally."""
    column = cv2.getGaussianKernel(2 * round(4 * sigma) + 1, sigma, cv2.CV_32F)
    row = column if horizontally else np.ones(1, np.float32)
    blurred = [cv2.sepFilter2D(image, -1, row, column, borderType=cv2.BORDER_REPLICATE) for image in images]
    return np.stack([np.asarray(image, np.float32) for image in blurred])


def motion_blur(images: Images, rngs: Generators, radius: int = 10, sigma: float = 3) -> Images:
    """Motion blur to one side, at a random angle up to 45° from horizontal, with half a Gaussian (severity 1)."""
    distance = np.arange(radius + 1)
    weights = np.exp(-(distance**2) / (2 * sigma**2))
    weights /= weights.sum()
    angles = [np.deg2rad(rng.uniform(-45, 45)) for rng in rngs]
    blurred = np.empty_like(images)
    for image, angle, into in zip(images, angles, blurred, strict=True):
        kernel = np.zeros((2 * radius + 1, 2 * radius + 1), np.float32)
        rows, columns = (np.rint(distance * part).astype(int) for part in (np.sin(angle), np.cos(angle)))
        np.add.at(kernel, (radius + rows, radius + columns), weights)
        into[...] = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return blurred


def shear(images: Images, rngs: Generators, angle: float = 0.4) -> Images:
    """Shear to the left or right by `angle` radians, stretched vertically in turn (severity 2)."""
    return warp(images, [[[1, -np.sin(turn)], [0, np.cos(turn)]] for turn in angle * random_signs(rngs)])


def scale(images: Images, rngs: Generators, factor: float = 0.7) -> Images:  # noqa: ARG001  it is deterministic
    """Shrink to this fraction of the side (severity 3)."""
    return warp(images, [np.eye(2) / factor] * len(images))


def rotate(images: Images, rngs: Generators, angle: float = 0.4) -> Images:
    """Rotate to the left or right by `angle` radians (severity 2)."""
    turns = angle * random_signs(rngs)
    return warp(images, [[[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]] for turn in turns])


def brightness(images: Images, rngs: Generators, offset: float = 0.5) -> Images:  # noqa: ARG001  as above
    """Add a constant to every pixel, background included (severity 5)."""
    return images + np.float32(offset)


def translate(images: Images, rngs: Generators, pixels: int = 3) -> Images:
    """Move towards one of the four corners, by `pixels` in each direction (severity 3)."""
    moves = [pixels * rng.choice([-1, 1], 2) for rng in rngs]
    return warp(images, [np.eye(2)] * len(images), moves)


def stripe(images: Images, rngs: Generators, band: int = 14) -> Images:  # noqa: ARG001  as above
    """Invert everything left and right of a central band, `band` pixels wide."""
    edge = (SIDE - band) // 2
    striped = 1 - images
    striped[..., edge : edge + band] = images[..., edge : edge + band]
    return striped


def fog(images: Images, rngs: Generators, density: float = 3, decay: float = 1.4) -> Images:
    """Fog, `density` times as bright as full foreground, drawn as a plasma fractal (severity 5).

    Details of half the size are 1 / decay² as strong. The original takes the corner of a map of 256×256; this takes
    28×28 pixels elsewhere in such a map, and draws only them at full resolution.
    """
    brightest = images.max(axis=(1, 2), keepdims=True)
    return np.asarray((images + density * plasma_fractals(rngs, decay)) * brightest / (brightest + density))


def plasma_fractals(rngs: Generators, decay: float) -> Images:
    """For each generator 28×28 pixels of a plasma fractal of 256×256 whose values range from 0 to 1."""
    coarse = np.zeros((len(rngs), 1, 1), np.float32)
    for halving in range(4):
        coarse = diamond_square(coarse, decay ** (-2 * halving), rngs)
    low, high = (edge(axis=(1, 2), keepdims=True) for edge in (coarse.min, coarse.max))
    # A part of the map, 64 pixels of 256, refined as if it were periodic; the result is the middle of that.
    fine = coarse[:, :4, :4]
    for halving in range(4, 8):
        fine = diamond_square(fine, decay ** (-2 * halving), rngs)
    return np.asarray((fine[:, 18 : 18 + SIDE, 18 : 18 + SIDE] - low) / (high - low))


def diamond_square(heights: Images, strength: float, rngs: Generators) -> Images:
    """Double the resolution of heights (n, side, side), each periodic, by one step of the diamond-square algorithm.

    Each new point is the mean of its four neighbours plus noise between -`strength` and `strength` (Fournier, Fussell
    and Carpenter 1982, "Computer rendering of stochastic models").
    """
    _, side, _ = heights.shape
    drawn = np.stack([rng.random((3, side, side), np.float32) for rng in rngs], axis=1)
    noise = strength * (2 * drawn - 1)
    right, below = np.roll(heights, -1, 2), np.roll(heights, -1, 1)
    centres = (heights + right + below + np.roll(right, -1, 1)) / 4 + noise[0]
    tops = (heights + right + centres + np.roll(centres, 1, 1)) / 4 + noise[1]
    lefts = (heights + below + centres + np.roll(centres, 1, 2)) / 4 + noise[2]
    finer = np.empty((len(heights), 2 * side, 2 * side), np.float32)
    finer[:, ::2, ::2], finer[:, ::2, 1::2] = heights, tops
    finer[:, 1::2, ::2], finer[:, 1::2, 1::2] = lefts, centres
    return finer


def spatter(images: Images, rngs: Generators, level: float = 0.65, grey: float = 63 / 255) -> Images:
    """Splashes of mud: grey where blurred noise of mean 0.65 exceeds `level` (severity 4)."""
    noise = np.stack([rng.normal(0.65, 0.3, (SIDE, SIDE)) for rng in rngs]).astype(np.float32)
    mud = gaussian_blur((gaussian_blur(noise, 1) > level).astype(np.float32), 1.5)
    mud[mud < 0.8] = 0
    return np.asarray(images * (1 - mud) + grey * mud)


def dotted_line(images: Images, rngs: Generators, dot: int = 2) -> Images:
    """Draw a dotted line from side to side, with dots and gaps `dot` pixels long."""
    starts, ends = np.array([rng.integers(0, 27, 2) for rng in rngs]).T[:, :, None]
    line = draw_lines(starts + (ends - starts) * COLUMNS / (SIDE - 1))
    return images + line * (COLUMNS // dot % 2)


def zigzag(images: Images, rngs: Generators, height: float = 2) -> Images:
    """Draw a zigzag from side to side, with an amplitude of `height` pixels and a period of eight."""
    starts = np.array([rng.integers(0, 27) for rng in rngs])[:, None]
    climbs = np.array([rng.integers(-5, 5) for rng in rngs])[:, None]
    along = COLUMNS - 2
    waves = np.interp(along % 8, [0, 2, 6, 8], [0, height, -height, 0])
    line = draw_lines(starts + climbs * along / 23 + waves)
    return np.asarray(images + line * ((along >= 0) & (along <= 23)))


def draw_lines(rows: np.ndarray) -> Images:
    """Images (n, 28, 28) of one line each, which passes through rows (n, 28), one per column; about 3 pixels wide."""
    distance = np.abs(COLUMNS[:, None] - rows[:, None])
    return np.asarray(np.clip(1 + np.log1p(-np.minimum(distance, 2) / 2.3), 0, 1), np.float32)


def canny_edges(images: Images, rngs: Generators, low: float = 0.1, high: float = 0.2) -> Images:  # noqa: ARG001
    """Edges by Canny (1986) after a blur of one pixel; the thresholds are those of the Sobel gradient."""
    smooth = np.rint(gaussian_blur(images, 1) * 255).astype(np.uint8)
    edges = [cv2.Canny(image, 255 * low, 255 * high, apertureSize=3, L2gradient=True) for image in smooth]
    return np.stack(edges) / np.float32(255)


def random_signs(rngs: Generators) -> np.ndarray:
    """A random sign for each image: -1 or 1."""
    return np.array([rng.choice([-1, 1]) for rng in rngs])


def warp(images: Images, matrices: Sequence[object], moves: Sequence[object] | None = None) -> Images:
    """Resample each image: a pixel at p comes from matrix·p, about the centre, plus the move (x, y); 0 outside."""
    changed = np.empty_like(images)
    for index, (image, matrix) in enumerate(zip(images, matrices, strict=True)):
        linear = np.asarray(matrix, np.float64)
        shift = CENTRE - linear @ (CENTRE, CENTRE) + (0 if moves is None else np.asarray(moves[index]))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        changed[index] = cv2.warpAffine(image, np.column_stack([linear, shift]), (SIDE, SIDE), flags=flags)
    return changed


CORRUPTIONS: dict[str, Callable[[Images, Generators], Images]] = {
    corruption.__name__: corruption
    for corruption in (
        shot_noise,
        impulse_noise,
        glass_blur,
        motion_blur,
        shear,
        scale,
        rotate,
        brightness,
        translate,
        stripe,
        fog,
        spatter,
        dotted_line,
        zigzag,
        canny_edges,
    )
}
