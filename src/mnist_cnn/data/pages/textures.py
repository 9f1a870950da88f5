"""Surfaces drawn by code: wood, cloth, stone, crumpled paper, and scenes of overlapping things, as photos have them."""

import functools
import math

import cv2
import numpy as np

from mnist_cnn.data.pages.scene import Scene

SIDE = 256  # pixels of a prepared surface
EACH = 5  # of each kind
SEED = 20_000


def noise(rng: np.random.Generator, cells: tuple[int, int]) -> np.ndarray:
    """Smooth noise (256, 256) float32, mean 0 and deviation about 1, with so many cells down and across."""
    return cv2.resize(rng.standard_normal(cells).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def octaves(rng: np.random.Generator, roughness: float) -> np.ndarray:
    """A sum of noise of all sizes, the finer the weaker by `roughness` per octave."""
    field = np.zeros((SIDE, SIDE), np.float32)
    for octave in range(1, 9):
        field += noise(rng, (2**octave, 2**octave)) * roughness**octave
    return field


def wood(rng: np.random.Generator) -> np.ndarray:
    """Grain along one direction, with rings."""
    y = np.linspace(0, rng.uniform(5, 30), SIDE, dtype=np.float32)[:, None]
    field = (
        np.sin(y + noise(rng, (4, 2)) * rng.uniform(0.5, 3)) + 0.6 * noise(rng, (128, 4)) + 0.3 * noise(rng, (256, 20))
    )
    return np.asarray(field if rng.random() < 0.5 else field.T)


def cloth(rng: np.random.Generator) -> np.ndarray:
    """Threads that cross, or a check pattern."""
    x = np.arange(SIDE, dtype=np.float32)
    pitch = rng.uniform(3, 24)
    wave = np.sin(2 * np.pi * x / pitch)
    if rng.random() < 0.4:
        wave = np.sign(wave)
    threads = wave[:, None] * rng.uniform(0.3, 1) + wave[None] * rng.uniform(0.3, 1)
    return np.asarray(threads + 0.5 * noise(rng, (200, 200)))


def stone(rng: np.random.Generator) -> np.ndarray:
    """Clouds, stone, skin, plaster: noise of all sizes."""
    return octaves(rng, rng.uniform(0.55, 1.0))


def crumpled(rng: np.random.Generator) -> np.ndarray:
    """Ridges and creases."""
    return np.asarray(1 - 2 * np.abs(octaves(rng, rng.uniform(0.5, 0.7))))


def grain(rng: np.random.Generator) -> np.ndarray:
    """Fine grain of one size: sand, carpet, leaves."""
    cells = int(rng.integers(24, 200))
    field = noise(rng, (cells, cells))
    return np.asarray(np.sign(field) * np.abs(field) ** rng.uniform(0.3, 1.5))


def tiles(rng: np.random.Generator) -> np.ndarray:
    """Bricks, tiles, keys."""
    field = 0.4 * noise(rng, (60, 60))
    tall, wide, width = int(rng.integers(10, 60)), int(rng.integers(14, 90)), int(rng.integers(1, 5))
    for row, y in enumerate(range(0, SIDE, tall)):
        field[y : y + width] = -1.5
        for x in range(-(row % 2) * wide // 2, SIDE, wide):
            if x >= 0:
                field[y : y + tall, x : x + width] = -1.5
            field[y + width : y + tall, max(0, x + width) : max(0, x + wide)] += rng.normal(0, 0.4)
    return field


@functools.cache
def surfaces() -> tuple[np.ndarray, ...]:
    """All prepared surfaces (256, 256) float32, with mean 0 and deviation 1."""
    rng = np.random.default_rng(SEED)
    made = [kind(rng) for kind in (wood, cloth, stone, crumpled, grain, tiles) for _ in range(EACH)]
    return tuple(((field - field.mean()) / (field.std() + 1e-6)).astype(np.float32) for field in made)


@functools.cache
def white_noise() -> np.ndarray:
    """Noise of a camera (512, 512) float32 with deviation 1, of which pages take parts."""
    return np.random.default_rng(SEED).standard_normal((512, 512)).astype(np.float32)


def some_noise(scene: Scene) -> np.ndarray:
    """White noise for a page (side, side)."""
    y, x = scene.whole(0, 511 - scene.side), scene.whole(0, 511 - scene.side)
    return white_noise()[y : y + scene.side, x : x + scene.side]


def some_surface(scene: Scene) -> np.ndarray:
    """Part of a random surface for a page (side, side), in any size and direction."""
    known = surfaces()
    field = known[scene.whole(0, len(known) - 1)]
    window = scene.whole(60, SIDE)
    y, x = scene.whole(0, SIDE - window), scene.whole(0, SIDE - window)
    part = field[y : y + window, x : x + window]
    if scene.chance(0.5):
        part = part.T
    method = cv2.INTER_LINEAR if window < 1.5 * scene.side else cv2.INTER_AREA
    return cv2.resize(np.ascontiguousarray(part), (scene.side, scene.side), interpolation=method)


def slow(scene: Scene, cells: int) -> np.ndarray:
    """A field that changes slowly over a page (side, side), deviation about 1."""
    field = scene.rng.standard_normal((cells, cells)).astype(np.float32)
    return cv2.resize(field, (scene.side, scene.side), interpolation=cv2.INTER_CUBIC)


def scenery(scene: Scene) -> np.ndarray:
    """Things of all sizes in front of each other, (side, side) float32, 0 to 1: what photos show.

    The dead-leaves model, whose statistics are those of natural images (Lee, Mumford, Huang 2001, "Occlusion models for
    natural images"): shapes of random brightness, with sizes by a power law, each covering those before.
    """
    side = scene.side
    canvas = np.full((side, side), scene.whole(0, 255), np.uint8)
    for _ in range(scene.whole(3, 40)):
        x, y = (int(one * side) for one in scene.rng.uniform(-0.1, 1.1, 2))
        size, value = scene.growing(2, 0.7 * side), scene.whole(0, 255)
        kind = scene.rng.random()
        width = -1 if scene.chance(0.7) else scene.whole(1, 6)
        if kind < 0.4:
            axes = (max(1, int(size)), max(1, int(size * scene.between(0.2, 1))))
            cv2.ellipse(
                canvas, (x, y), axes, scene.between(0, 180), 0, scene.between(90, 400), value, width, cv2.LINE_AA
            )
        elif kind < 0.75:
            count = scene.whole(3, 6)
            angles = np.sort(scene.rng.uniform(0, 2 * math.pi, count))
            corners = np.stack([x + size * np.cos(angles), y + size * np.sin(angles)], axis=1).astype(np.int32)
            if width < 0:
                cv2.fillPoly(canvas, [corners], value, cv2.LINE_AA)
            else:
                cv2.polylines(canvas, [corners], scene.chance(0.5), value, width, cv2.LINE_AA)
        elif kind < 0.9:
            steps = scene.rng.normal(0, size / 4, (scene.whole(3, 12), 2)).cumsum(axis=0) + np.array([x, y])
            cv2.polylines(canvas, [steps.astype(np.int32)], False, value, scene.whole(1, 5), cv2.LINE_AA)
        else:
            face(scene, canvas, x, y, size / 2, value)
    field = canvas.astype(np.float32) / 255
    if scene.chance(0.6):
        field += some_surface(scene) * scene.between(0, 0.12)
    return cv2.GaussianBlur(field, (0, 0), scene.growing(0.4, 3)) if scene.chance(0.7) else field


def face(scene: Scene, canvas: np.ndarray, x: int, y: int, size: float, value: int) -> None:
    """An ellipse with two eyes and a mouth."""
    axes = (max(2, int(0.75 * size)), max(2, int(size)))
    cv2.ellipse(canvas, (x, y), axes, 0, 0, 360, value, -1, cv2.LINE_AA)
    other = (value + scene.whole(50, 200)) % 256
    for side in (-1, 1):
        eye = (max(1, int(0.14 * size)), max(1, int(0.09 * size)))
        cv2.ellipse(canvas, (x + int(side * 0.3 * size), y - int(0.2 * size)), eye, 0, 0, 360, other, -1, cv2.LINE_AA)
    mouth = (max(1, int(0.3 * size)), max(1, int(0.12 * size)))
    cv2.ellipse(canvas, (x, y + int(0.4 * size)), mouth, 0, 0, 180, other, max(1, int(0.06 * size)), cv2.LINE_AA)
    if scene.chance(0.5):
        cv2.ellipse(canvas, (x, y - int(0.5 * size)), axes, 0, 180, 360, other, max(1, int(0.2 * size)), cv2.LINE_AA)
