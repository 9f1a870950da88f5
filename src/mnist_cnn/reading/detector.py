"""An image comes in, boxes in which the finder sees digits go out. Knows nothing of ink, of rows or of a classifier."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

STRIDE = 4  # pixels of an image for one place of the finder's outputs
MULTIPLE = 16  # height and width of what the finder sees must be multiples of this
CLASSES = 10
SMALLEST, STEP, LARGEST = (
    64,
    2,
    2048,
)  # pixels: the longer side at the coarsest level, the factor between levels, the end
MARGIN, LEAST_MARGIN = 0.06, 8  # of the longer side, and pixels: around an image, so that a digit may touch its border
ENLARGED = 2.5  # times: small digits are enlarged for the finest level
ENLARGED_UP_TO = 1024  # pixels
LOWEST, HIGHEST = 9.0, 112.0  # pixels of a level: what is smaller or larger is seen better at another level
FLAT = 0.6  # of its width, below which a box's height says less of its size
LARGEST_LOG = 6.0  # of a size in pixels
CANDIDATE = 0.12  # the least score
MOST = 1500  # candidates of an image
SAME, WITHIN = 0.4, 0.7  # intersection over union, and over the smaller one: of these, only the surer one is kept
AGREEING = 0.5  # intersection over union with which another level sees the same digit

Places = Callable[[np.ndarray], np.ndarray]
"""(1, h, w, 1) uint8, h and w multiples of 16 → (1, h/4, w/4, 14) float32, as `models.finder` documents them."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """Something that may be a digit.

    `box` (4,) is left, top, right and bottom in pixels of the image, not rounded, perhaps beyond it. `scores` (10,) are
    those of each digit, 0 to 1, at the level that is surest; they need not sum to 1. `levels` is how many other levels
    see the same, and `seconded` the highest score of these.
    """

    box: np.ndarray
    scores: np.ndarray
    levels: int
    seconded: float


def candidates(grey: np.ndarray, places: Places) -> list[Candidate]:
    """What may be a digit in (h, w) uint8 of any polarity, the surest first, none of which is another one again.

    The image is looked at in a pyramid of levels (Adelson et al. 1984, "Pyramid methods in image processing"), in each
    of which digits of other sizes have the size that the finder knows.
    """
    boxes, scores = (np.concatenate(column) for column in zip(*at_levels(grey, places), strict=True))
    best = scores.max(axis=1)
    order = np.argsort(-best, kind="stable")[:MOST]
    boxes, scores, best = boxes[order], scores[order], best[order]
    unions, within = overlaps(boxes)
    taken = np.zeros(len(boxes), bool)
    found = []
    for index in range(len(boxes)):
        if taken[index]:
            continue
        others = ~taken & ((unions[index] > SAME) | (within[index] > WITHIN))
        others[: index + 1] = False
        agree = others & (unions[index] > AGREEING)
        taken |= others
        seconded = float(best[agree].max()) if agree.any() else 0.0
        found.append(Candidate(boxes[index], scores[index], int(agree.sum()), seconded))
    return found


def at_levels(grey: np.ndarray, places: Places) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The peaks at each level of the pyramid: boxes (k, 4) in pixels of the image, and scores (k, 10)."""
    margin = max(LEAST_MARGIN, round(MARGIN * max(grey.shape)))
    framed = cv2.copyMakeBorder(grey, *[margin] * 4, cv2.BORDER_REPLICATE)
    longest = max(framed.shape)
    side = SMALLEST
    while side <= LARGEST:
        scale = side / longest
        if scale > 1 and not (scale <= ENLARGED and side <= ENLARGED_UP_TO) and side > SMALLEST:
            return
        boxes, scores = peaks(places(level(framed, scale)[None, ..., None])[0])
        yield boxes / scale - margin, scores
        side *= STEP


def level(framed: np.ndarray, scale: float) -> np.ndarray:
    """The image at another size, its last row and column repeated until height and width are multiples of 16."""
    size = [max(1, round(length * scale)) for length in framed.shape[1::-1]]
    image = cv2.resize(framed, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return np.asarray(
        cv2.copyMakeBorder(image, 0, -image.shape[0] % MULTIPLE, 0, -image.shape[1] % MULTIPLE, cv2.BORDER_REPLICATE)
    )


def peaks(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the finder's outputs (h, w, 14) are highest among their neighbours: boxes (k, 4), scores (k, 10)."""
    logits = places[..., :CLASSES].max(axis=-1)
    highest = cv2.dilate(logits, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero((logits >= highest) & (logits >= np.log(CANDIDATE / (1 - CANDIDATE))))
    values = places[rows, columns]
    sizes = np.exp(np.minimum(values[:, CLASSES : CLASSES + 2], LARGEST_LOG))
    centres = (np.stack([columns, rows], axis=1) + 0.5 + values[:, CLASSES + 2 :]) * STRIDE
    seen = (np.maximum(sizes[:, 1], FLAT * sizes[:, 0]) >= LOWEST) & (sizes[:, 1] <= HIGHEST)
    boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)[seen]
    return boxes, 1 / (1 + np.exp(-values[seen, :CLASSES]))


def overlaps(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each pair of boxes (k, 4), what both cover as a share of what either covers, and of the smaller: (k, k)."""
    lows = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    highs = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    common = np.clip(highs - lows, 0, None).prod(axis=-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=-1)
    either = areas[:, None] + areas[None] - common
    smaller = np.minimum(areas[:, None], areas[None])
    return common / np.maximum(either, 1e-6), common / np.maximum(smaller, 1e-6)
