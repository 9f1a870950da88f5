"""What the finder should answer for pages, as tensors: heat maps, boxes, and where these count.

In keras.ops, so that a batch of pages travels to a GPU as images and a few boxes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from mnist_cnn.data.pages.page import IGNORED
from mnist_cnn.models.finder import CLASSES, STRIDE

SPREAD = 0.13  # of a peak, in sizes of its box
LEAST_SPREAD = 0.55  # places
NEAR_A_PEAK = 0.6  # of its height: where the box counts


class Targets(NamedTuple):
    """What the finder should answer, for places (n, h/4, w/4).

    `heat` (…, 10) is 1 where a digit has its centre and falls off around it; `boxes` (…, 4) are the natural logarithms
    of width and height in pixels, and how far the centre is to the right of the middle of the place and below it, in
    units of 4 pixels; `near` (…,) is 1 where a box counts, and `counted` (…,) where the heat does, else 0.
    """

    heat: Any
    boxes: Any
    near: Any
    counted: Any


def targets(boxes: Any, labels: Any, height: int, width: int) -> Targets:
    """The targets of images `height`×`width` pixels with these boxes (n, k, 4) and labels (n, k).

    A peak is a Gaussian as in CenterNet (arXiv:1904.07850), but narrower across a narrow digit, so that the peaks of
    touching ones stay apart. It is 1 at one place exactly.
    """
    boxes, labels = ops.cast(boxes, "float32"), ops.cast(labels, "int32")
    middles = [ops.arange(size // STRIDE, dtype="float32") for size in (width, height)]
    lows, highs = boxes[..., :2], boxes[..., 2:]
    centres, sizes = (lows + highs) / 2, ops.maximum(highs - lows, 1.0)
    last = ops.convert_to_tensor(np.array([width, height], np.float32) // STRIDE - 1)
    peaks = ops.clip(ops.floor(centres / STRIDE), 0.0, last)
    spread = ops.maximum(SPREAD * ops.maximum(sizes, ops.flip(sizes, axis=-1) * 0.5) / STRIDE, LEAST_SPREAD)
    # One factor across and one down: (n, k, w/4) and (n, k, h/4).
    across, down = (
        ops.exp(-0.5 * ((middles[axis] - peaks[..., axis, None]) / spread[..., axis, None]) ** 2) for axis in (0, 1)
    )
    found = ops.cast(labels >= 0, "float32")
    around = down[..., :, None] * across[..., None, :] * found[..., None, None]
    # The highest peak of each digit at each place, in one pass: boxes that are none go to an eleventh digit.
    count, most = labels.shape
    ours = ops.arange(count, dtype="int32")[:, None] * (CLASSES + 1) + ops.where(labels >= 0, labels, CLASSES)
    flat = ops.reshape(around, (count * most, *around.shape[2:]))
    heat = ops.segment_max(flat, ops.reshape(ours, (-1,)), num_segments=count * (CLASSES + 1))
    heat = ops.reshape(ops.maximum(heat, 0.0), (count, CLASSES + 1, *around.shape[2:]))
    heat = ops.transpose(heat[:, :CLASSES], (0, 2, 3, 1))
    nearest = ops.reshape(ops.argmax(around, axis=1), (count, -1, 1))
    values = ops.concatenate([ops.log(sizes), centres / STRIDE - 0.5], axis=-1)
    values = ops.take_along_axis(values, ops.repeat(nearest, 4, axis=-1), axis=1)
    values = ops.reshape(values, (count, *around.shape[2:], 4))
    grid = ops.stack(ops.meshgrid(*middles), axis=-1)
    values = ops.concatenate([values[..., :2], values[..., 2:] - grid], axis=-1)
    near = ops.cast(ops.max(around, axis=1) >= NEAR_A_PEAK, "float32")
    counted = ops.maximum(1.0 - ignored(boxes, labels, middles), ops.cast(ops.max(heat, axis=-1) >= 1.0, "float32"))
    return Targets(heat, values, near, counted)


def ignored(boxes: Any, labels: Any, middles: Sequence[Any]) -> Any:
    """1 at the places (n, h/4, w/4) in boxes to be ignored, and at those around their edges, else 0."""
    inside = [
        ops.cast(
            ((middle + 1.5) * STRIDE > boxes[..., axis, None]) & ((middle - 0.5) * STRIDE < boxes[..., axis + 2, None]),
            "float32",
        )
        for axis, middle in enumerate(middles)
    ]
    some = ops.cast(labels == IGNORED, "float32")[..., None, None]
    return ops.max(inside[1][..., :, None] * inside[0][..., None, :] * some, axis=1, initial=0.0)
