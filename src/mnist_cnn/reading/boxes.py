"""How much bounding boxes have in common: left, top, right and bottom in pixels."""

import numpy as np

LEAST = 1e-6  # of an area, by which may be divided


def intersections_over_unions(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of each pair of boxes, (n, 4) and (k, 4), what both cover as a share of what either covers: (n, k)."""
    common = intersections(some, others)
    either = areas(some)[:, None] + areas(others)[None] - common
    return np.asarray(common / np.maximum(either, LEAST))


def shares_of_the_smaller(boxes: np.ndarray) -> np.ndarray:
    """Of each pair of boxes (n, 4), what both cover as a share of the smaller one: (n, n)."""
    own = areas(boxes)
    smaller = np.minimum(own[:, None], own[None])
    return np.asarray(intersections(boxes, boxes) / np.maximum(smaller, LEAST))


def intersections(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The areas that each pair of boxes, (n, 4) and (k, 4), has in common: (n, k)."""
    lows = np.maximum(some[:, None, :2], others[None, :, :2])
    highs = np.minimum(some[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.clip(highs - lows, 0, None).prod(axis=-1))


def areas(boxes: np.ndarray) -> np.ndarray:
    """The areas (n,) of boxes (n, 4)."""
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=-1))
