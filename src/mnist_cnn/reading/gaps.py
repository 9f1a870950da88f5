"""Between and beside the digits of rows, the marks that belong to them: looked for only where there is any ink.

A mark is often a dot, which no finder of digits finds; but where it would be, and how large, its neighbours say. So the
segmenter is asked what is in each gap, at the size of the digits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mnist_cnn.reading.crops import crops
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.segmenter_network import Segmenter

NARROW = 0.7  # heights: the width of a place for a digit, as made pages have it
CLOSEST = 0.06  # heights: in a smaller gap there is nothing
BEYOND = 1.5  # heights: how far beside the ends of a row, or of a wide gap, marks are looked for
EDGE, STEP = 0.2, 0.25  # heights: from a digit to the first place beside it, and from each place to the next
ABOVE, BELOW = 0.1, 0.3  # heights by which marks reach above and below digits
VISIBLE = 0.25  # of the contrast of the digits beside it: what differs less from the paper is none
LEAST, POSSIBLE = 0.35, 0.05  # the probability of a mark that is read, and of one that is kept in mind
APART = 0.45  # heights between two marks
TAKES = {  # heights: left, top, right and bottom of a mark, from the middle of its place
    ".": (-0.1, 0.3, 0.1, 0.5),
    ",": (-0.12, 0.3, 0.12, 0.65),
    ":": (-0.1, -0.2, 0.1, 0.5),
    "(": (-0.2, -0.6, 0.2, 0.6),
    ")": (-0.2, -0.6, 0.2, 0.6),
    "/": (-0.3, -0.6, 0.3, 0.6),
    "%": (-0.4, -0.5, 0.4, 0.5),
}
OTHERS = (-0.3, -0.3, 0.3, 0.3)


class Found(NamedTuple):
    """A mark: which of `MARKS`, its probability, about its box (4,) in pixels, and how many digits are before it."""

    text: str
    probability: float
    box: np.ndarray
    after: int


class Gap(NamedTuple):
    """Where marks may be: from `left` to `right`, the middle of the row there and the height of its digits, in pixels.

    `contrast` is that of the digits beside it, in levels of grey.
    """

    left: float
    right: float
    middle: float
    height: float
    contrast: float


def marks(octaves: Octaves, rows: Sequence[np.ndarray], segment: Segmenter) -> list[list[Found]]:
    """The marks of each row, also improbable ones; a row is the boxes (n, 4) of its digits' ink, from the left."""
    places = [
        (index, place)
        for index, boxes in enumerate(rows)
        for gap in gaps(octaves, boxes)
        if shows_ink(octaves, gap)
        for place in places_of(gap)
    ]
    probabilities = segment(crops(octaves, np.reshape([place for _, place in places], (-1, 4)))).marks
    found: list[list[Found]] = [[] for _ in rows]
    for at in np.argsort(-probabilities.sum(axis=1), kind="stable").tolist():
        index, place = places[at]
        if probabilities[at].sum() < POSSIBLE:
            break
        height = place[3] - place[1]
        middle = (place[0] + place[2]) / 2
        if all(abs((one.box[0] + one.box[2]) / 2 - middle) >= APART * height for one in found[index]):
            best = int(probabilities[at].argmax())
            box, digits = box_of(MARKS[best], place), rows[index]
            after = int(((digits[:, 0] + digits[:, 2]) / 2 < middle).sum())
            found[index].append(Found(MARKS[best], float(probabilities[at].sum()), box, after))
    return [sorted(some, key=lambda one: float(one.box[0] + one.box[2])) for some in found]


def gaps(octaves: Octaves, boxes: np.ndarray) -> list[Gap]:
    """The gaps of a row: before its digits, between them, and after."""
    height = float(np.median(np.maximum(boxes[:, 3] - boxes[:, 1], 1.0)))
    middles = ((boxes[:, 1] + boxes[:, 3]) / 2).tolist()
    contrasts = [contrast_in(octaves, box) for box in boxes]
    reach, width = BEYOND * height, float(octaves.shape[1])
    found = [Gap(boxes[0, 0] - reach, boxes[0, 0], middles[0], height, contrasts[0])]
    for index in range(1, len(boxes)):
        left, right = float(boxes[index - 1, 2]), float(boxes[index, 0])
        before, after = middles[index - 1], middles[index]
        lower = min(contrasts[index - 1], contrasts[index])
        if right - left > 2 * reach:
            found += [Gap(left, left + reach, before, height, contrasts[index - 1])]
            found += [Gap(right - reach, right, after, height, contrasts[index])]
        else:
            found.append(Gap(left, right, (before + after) / 2, height, lower))
    found.append(Gap(boxes[-1, 2], boxes[-1, 2] + reach, middles[-1], height, contrasts[-1]))
    inside = [one._replace(left=max(0.0, one.left), right=min(width, one.right)) for one in found]
    return [one for one in inside if one.right - one.left >= CLOSEST * height]


def places_of(gap: Gap) -> list[np.ndarray]:
    """The places (4,) in a gap where a mark may be in the middle."""
    low, high = gap.left + EDGE * gap.height, gap.right - EDGE * gap.height
    count = max(1, 1 + round((high - low) / (STEP * gap.height)))
    centres = np.linspace(low, high, count) if count > 1 else [(low + high) / 2]
    half = np.array([NARROW, 1.0]) * gap.height / 2
    middles = [np.array([centre, gap.middle]) for centre in centres]
    return [np.concatenate([middle - half, middle + half]) for middle in middles]


def shows_ink(octaves: Octaves, gap: Gap) -> bool:
    """Whether there is anything in a gap."""
    top, bottom = gap.middle - (0.5 + ABOVE) * gap.height, gap.middle + (0.5 + BELOW) * gap.height
    return contrast_in(octaves, np.array([gap.left, top, gap.right, bottom])) >= VISIBLE * gap.contrast


def contrast_in(octaves: Octaves, box: np.ndarray) -> float:
    """The range of the levels of grey in a box (4,); 0 where it is not in the image."""
    grey = octaves.at(0)
    left, top = np.maximum(np.floor(box[:2]), 0).astype(int)
    right, bottom = np.maximum(np.ceil(box[2:]), 0).astype(int)
    patch = grey[top:bottom, left:right]
    return float(patch.max()) - float(patch.min()) if patch.size else 0.0


def box_of(mark: str, place: np.ndarray) -> np.ndarray:
    """About where a mark is whose place (4,) is known."""
    middle, height = (place[:2] + place[2:]) / 2, place[3] - place[1]
    return np.asarray(np.concatenate([middle, middle]) + height * np.array(TAKES.get(mark, OTHERS)))
