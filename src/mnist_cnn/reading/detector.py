"""An image comes in, boxes in which the finder sees digits go out. Knows nothing of ink, of rows or of a classifier."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from mnist_cnn.reading.boxes import intersections_over_unions
from mnist_cnn.reading.finder_network import MULTIPLE, STRIDE, Finder
from mnist_cnn.reading.octaves import Octaves

CLASSES = 10
MARGIN = 8  # pixels around an image at each octave, so that a digit may touch its border
LARGEST = 1664  # pixels: a longer image is not looked at; half of it is
COARSEST = 100  # pixels: the longer side of the last octave, in which a digit may fill the image
ENLARGED = 256, 20  # pixels: images up to the first are doubled, up to the second once more
LOWEST, HIGHEST = 9.0, 112.0  # pixels at an octave: what is smaller or larger is seen better at another
SMALL, SEEN = 15.0, 0.3  # pixels, and a score: where something so small is so surely a digit, the image is enlarged
FLAT = 0.6  # of its width, below which a box's height says less of its size
LARGEST_LOG = 6.0  # of a size in pixels
CANDIDATE = 0.15  # the least score: of made pages' digits that are read in the end, 1 in 1,000 has less
MOST, KEPT = 1500, 500  # peaks of an image, and candidates: in noise there are more
SAME = 0.5  # intersection over union from which another octave sees the same: only the surer one is kept


@dataclass(frozen=True, eq=False)
class Candidates:
    """What may be a digit, the surest first.

    `boxes` (n, 4) are left, top, right and bottom in pixels of the image, not rounded, perhaps beyond it. `scores`
    (n, 10) are those of each digit, 0 to 1, at the octave that is surest; they need not sum to 1. `seconded` (n,) is
    the highest score with which another octave sees the same, 0 for none.
    """

    boxes: np.ndarray
    scores: np.ndarray
    seconded: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)


def candidates(octaves: Octaves, find: Finder) -> Candidates:
    """What may be a digit in an image of any polarity, none of which is another one again.

    The image is looked at in a pyramid of octaves (Adelson et al. 1984, "Pyramid methods in image processing"), in each
    of which digits of other sizes have the size that the finder knows.
    """
    boxes, scores = (np.concatenate(column) for column in zip(*at_octaves(octaves, find), strict=True))
    best = scores.max(axis=1)
    order = np.argsort(-best, kind="stable")[:MOST]
    boxes, scores, best = boxes[order], scores[order], best[order]
    unions = intersections_over_unions(boxes, boxes)
    taken = np.zeros(len(boxes), bool)
    kept: list[int] = []
    seconded: list[float] = []
    for index in range(len(boxes)):
        if taken[index] or len(kept) == KEPT:
            continue
        others = ~taken & (unions[index] > SAME)
        others[: index + 1] = False
        taken |= others
        kept.append(index)
        seconded.append(float(best[others].max()) if others.any() else 0.0)
    return Candidates(boxes[kept], scores[kept], np.array(seconded))


def at_octaves(octaves: Octaves, find: Finder) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The peaks at each octave: boxes (k, 4) in pixels of the image, and scores (k, 10)."""
    longest = max(octaves.shape)
    finest = -sum(longest <= most for most in ENLARGED)
    while longest / 2**finest > LARGEST:
        finest += 1
    found = peaks_at(octaves, finest, find)
    yield found
    if finest == 0 and 2 * longest <= LARGEST and has_small(*found):
        yield peaks_at(octaves, -1, find)
    octave = finest
    while longest / 2**octave > COARSEST:
        octave += 1
        yield peaks_at(octaves, octave, find)


def has_small(boxes: np.ndarray, scores: np.ndarray) -> bool:
    """Whether something in an image is so small that it should be enlarged."""
    return bool(((boxes[:, 3] - boxes[:, 1] < SMALL) & (scores.max(axis=1) > SEEN)).any())


def peaks_at(octaves: Octaves, octave: int, find: Finder) -> tuple[np.ndarray, np.ndarray]:
    """The peaks at one octave: boxes (k, 4) in pixels of the image, and scores (k, 10)."""
    image = octaves.at(octave)
    down, across = (MARGIN + (-(length + 2 * MARGIN)) % MULTIPLE for length in image.shape)
    framed = cv2.copyMakeBorder(image, MARGIN, down, MARGIN, across, cv2.BORDER_REPLICATE)
    boxes, scores = peaks(find(framed[None])[0])
    return (boxes - MARGIN) * 2.0**octave, scores


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
