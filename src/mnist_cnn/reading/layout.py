"""Bounding boxes come in, their order of reading goes out: blocks, rows from the top, each from the left."""

import numpy as np

NEIGHBOUR = 3.0  # heights: what is farther to the right says nothing of how a row climbs
SIMILAR = 1.8  # times as high as the other: what differs more is not of the same row's writing
LEVEL = 0.6  # heights: what lies farther above or below is not the next of the same row
STEEPEST = 0.35  # the tangent of the steepest row
LEANING, LYING, ALIKE = 0.25, 1.1, 0.2  # radians: neighbours that lie askew, beside or above each other, and alike
WIDE, WIDER = 0.8, 1.8  # heights, and times the row's median gap: what is wider separates two numbers
SAME_ROW = 0.35  # of the higher one's height that two of one row have in common
ACROSS, DOWN = 1.0, 2.5  # median heights: how high and how wide an empty strip between blocks is at least
UNLIKE, FAR = 0.35, 1.0  # median heights: rows of two blocks that differ more do not go on in each other, or not even
# where there are as many
FULL = 2  # boxes of a row of a block, on average; what has fewer is a column of a table


def rows(boxes: np.ndarray) -> list[list[int]]:
    """The indices of boxes (n, 4), left, top, right and bottom in pixels, as rows in the order of reading.

    All rows of an image are taken to climb or fall alike, as they do on a sheet that was photographed askew. Blocks
    beside each other whose rows are not level with each other are read one after the other.
    """
    if not len(boxes):
        return []
    boxes = np.asarray(boxes, float)
    falls = slope(boxes) * (boxes[:, 0] + boxes[:, 2]) / 2
    level = boxes - np.stack([np.zeros_like(falls), falls] * 2, axis=1)
    return [row for block in blocks(level) for row in rows_of(level, block)]


def rows_of(boxes: np.ndarray, block: list[int]) -> list[list[int]]:
    """Some of the boxes (n, 4) as rows from the top.

    A box belongs to the row whose last box before it has most of its height in common with it, if that is enough.
    """
    middles, heights = (boxes[:, 1] + boxes[:, 3]) / 2, boxes[:, 3] - boxes[:, 1]
    found: list[list[int]] = []
    for index in sorted(block, key=lambda one: float(boxes[one, 0] + boxes[one, 2])):
        common = [overlap(middles[[index, row[-1]]], heights[[index, row[-1]]]) for row in found]
        best = int(np.argmax(common)) if common else -1
        if best >= 0 and common[best] >= SAME_ROW:
            found[best].append(index)
        else:
            found.append([index])
    return sorted(found, key=lambda row: float(np.mean(middles[row])))


def blocks(boxes: np.ndarray) -> list[list[int]]:
    """The boxes (n, 4) in blocks that are read one after the other.

    Empty strips across an image part blocks, and between these wide empty strips down it, unless rows go on beyond them
    as in a table (an X-Y cut: Nagy, Seth, "Hierarchical representation of optically scanned documents", 1984).
    """
    usual = float(np.median(boxes[:, 3] - boxes[:, 1]))
    found: list[list[int]] = []
    for band in parted(boxes[:, 1::2], list(range(len(boxes))), ACROSS * usual):
        first, *others = parted(boxes[:, ::2], band, DOWN * usual)
        found.append(first)
        for column in others:
            if go_on(boxes, found[-1], column, usual):
                found[-1] = found[-1] + column
            else:
                found.append(column)
    return found


def parted(spans: np.ndarray, some: list[int], least: float) -> list[list[int]]:
    """Some of the spans (n, 2), in groups where at least so much between them is empty, in order."""
    groups: list[list[int]] = []
    end = -np.inf
    for index in sorted(some, key=lambda one: float(spans[one, 0])):
        if spans[index, 0] - end >= least:
            groups.append([])
        groups[-1].append(index)
        end = max(end, float(spans[index, 1]))
    return groups


def go_on(boxes: np.ndarray, block: list[int], other: list[int], usual: float) -> bool:
    """Whether the rows of one block go on in the other, as in a table; `usual` is the height of most boxes.

    They hardly differ in height, or there are as many of them and none is far from its own; a column of single digits,
    or a single row, goes on in any case.
    """
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    both = [rows_of(boxes, one) for one in (block, other)]
    if any(len(some) < 2 or len(one) < FULL * len(some) for some, one in zip(both, (block, other), strict=True)):
        return True
    fewer, more = sorted((np.array([middles[row].mean() for row in some]) for some in both), key=len)
    if len(fewer) == len(more) and float(np.abs(fewer - more).max()) <= FAR * usual:
        return True
    return float(np.median(np.abs(fewer[:, None] - more[None]).min(axis=1))) <= UNLIKE * usual


def overlap(middles: np.ndarray, heights: np.ndarray) -> float:
    """What two boxes have in common down the image, as a share of the higher one's height; negative if apart."""
    lows, highs = middles - heights / 2, middles + heights / 2
    return float((highs.min() - lows.max()) / max(heights.max(), 1e-6))


def slope(boxes: np.ndarray) -> float:
    """By how many pixels rows fall for each pixel to the right: the median over neighbours; 0 where there are few."""
    if not len(boxes):
        return 0.0
    centres, heights = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 3] - boxes[:, 1]
    across = centres[None, :, 0] - centres[:, None, 0]
    down = centres[None, :, 1] - centres[:, None, 1]
    least, most = np.minimum(heights[:, None], heights[None]), np.maximum(heights[:, None], heights[None])
    beside = (across > 0) & (across < NEIGHBOUR * most) & (np.abs(down) < LEVEL * least) & (most < SIMILAR * least)
    nearest = np.where(beside, across, np.inf).argmin(axis=1)
    pairs = [(index, other) for index, other in enumerate(nearest.tolist()) if beside[index, other]]
    if len(pairs) < 2:
        return 0.0
    climbs = [(boxes[b, 3] - boxes[a, 3] + boxes[b, 1] - boxes[a, 1]) / 2 / across[a, b] for a, b in pairs]
    return float(np.clip(np.median(climbs), -STEEPEST, STEEPEST))


def falling(boxes: np.ndarray) -> float:
    """The angle, in radians, by which most neighbours of a page's boxes (n, 4) lie lower to the right; 0 if unclear.

    A neighbour is the nearest box of a similar size. Level and upright neighbours, of rows and columns, say nothing.
    """
    centres, heights = (boxes[:, :2] + boxes[:, 2:]) / 2, np.maximum(*(boxes[:, 2:] - boxes[:, :2]).T)
    across, down = np.moveaxis(centres[None] - centres[:, None], 2, 0)
    least, most = np.minimum(heights[:, None], heights[None]), np.maximum(heights[:, None], heights[None])
    distances = np.hypot(across, down)
    beside = (distances > 0) & (distances < NEIGHBOUR * most) & (most < SIMILAR * least)
    nearest = np.where(beside, distances, np.inf).argmin(axis=1) if len(boxes) else np.zeros(0, int)
    index = np.flatnonzero(beside.any(axis=1))
    if len(index) < 2:
        return 0.0
    angles = np.arctan(
        down[index, nearest[index]] / np.where(across[index, nearest[index]] == 0, 1e-6, across[index, nearest[index]])
    )
    middle = float(np.median(angles))
    return middle if LEANING < abs(middle) < LYING and float(np.median(np.abs(angles - middle))) < ALIKE else 0.0


def wide_gaps(boxes: np.ndarray, height: float) -> list[int]:
    """Before which boxes (n, 4) of a row, of digits of this height, there is a wide gap; the row may lie on a side."""
    if len(boxes) < 2:
        return []
    before, after = boxes[:-1], boxes[1:]
    gaps = np.maximum(after[:, :2] - before[:, 2:], before[:, :2] - after[:, 2:]).max(axis=1)
    least = WIDE * height
    usual = float(np.median(gaps)) if len(gaps) > 2 else least  # of one or two gaps none is the usual one
    return (np.flatnonzero(gaps > max(least, WIDER * usual)) + 1).tolist()
