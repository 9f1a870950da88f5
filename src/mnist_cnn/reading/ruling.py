"""A mask of ink comes in, the same without ruled and squared lines goes out, crossed strokes whole. Knows no digits."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from mnist_cnn.reading.components import components
from mnist_cnn.reading.scale import shrink

SIDE = 64  # pixels: smaller images show no ruled paper, and a digit's own bars would be taken for it
WORKING_SIDE = 800  # pixels: lines are looked for at this size
SLOPES = (-0.18, -0.12, -0.06, 0.0, 0.06, 0.12, 0.18)  # a photo's tilt and perspective: 10 degrees either way


@dataclass(frozen=True)
class Line:
    """A line from `left` to `right`, at row `polynomial`(column), `thickness` pixels thick."""

    left: float
    right: float
    polynomial: np.ndarray
    thickness: float


def without_ruling(mask: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Take printed lines out of (h, w) `mask` (1 ink, 0 paper); `contrast` is how dark each pixel is."""
    if min(mask.shape) < SIDE:
        return mask
    across = bands(mask)
    down = bands(np.ascontiguousarray(mask.T))
    if not across and not down:
        return mask
    band = np.zeros_like(mask)
    written = np.zeros_like(mask)
    for lines, view in ((across, lambda a: a), (down, np.transpose)):
        for line in lines:
            one = drawn(line, view(mask).shape)
            view(band)[one > 0] = 1
            strong = contrast_of(view(contrast), view(mask), one)
            view(written)[(one > 0) & (view(contrast) > 1.35 * strong + 8)] = 1
    rest = mask & (1 - band)
    reach = int(max(line.thickness for line in across + down)) + 6
    return np.asarray(rest | (mask & band & (bridged(rest, reach) | written)))


def contrast_of(contrast: np.ndarray, mask: np.ndarray, band: np.ndarray) -> float:
    """The contrast of a line's darker pixels: its edges are lighter, and strokes cross it in few places."""
    inside = contrast[(band & mask) > 0]
    return float(np.quantile(inside, 0.75)) if inside.size else 255.0


def bands(mask: np.ndarray) -> list[Line]:
    """Find the lines that go across (h, w) `mask`, in its own pixels."""
    if not ink_goes_far(mask):
        return []
    small = mask
    if max(mask.shape) > WORKING_SIDE:
        small = (shrink(mask * np.uint8(255), WORKING_SIDE) > 48).astype(np.uint8)
    width = small.shape[1]
    lines = list(candidates(small))
    found = [line for line in lines if goes_far(line.left, line.right, width) or frames(line, lines, width)]
    if len(found) == 1 and not spans(found[0].left, found[0].right, width):
        found = []
    return [enlarged(line, mask.shape[1] / width) for line in found]


def frames(line: Line, lines: list[Line], width: int) -> bool:
    """Whether another line has the same ends and is near for their length: the two enclose a row of cells."""
    return any(
        other is not line
        and abs(line.left - other.left) + abs(line.right - other.right) <= 0.05 * width
        and line.right - line.left >= 2.5 * abs(line.polynomial[0] - other.polynomial[0])
        for other in lines
    )


def ink_goes_far(mask: np.ndarray) -> bool:
    """Whether there is room for a line; a look at the columns is a tenth of the search's time."""
    columns = np.flatnonzero(cv2.reduce(mask, 0, cv2.REDUCE_MAX))
    return bool(columns.size) and columns[-1] - columns[0] >= 0.35 * mask.shape[1]


def goes_far(left: float, right: float, width: int) -> bool:
    """Whether something goes on beyond the image or nearly fills it, which a digit's own bar seldom does."""
    return left <= 0.02 * width or right >= 0.98 * width or right - left >= 0.8 * width


def spans(left: float, right: float, width: int) -> bool:
    """Whether something goes from one side of the image to the other, as a line that is alone must."""
    return left <= 0.02 * width and right >= 0.98 * width


def candidates(mask: np.ndarray) -> Iterator[Line]:
    """Long thin components of what is left of the mask by opening it with straight pieces of line."""
    width = mask.shape[1]
    length = max(9, width // 25)
    left, top, across, down = cv2.boundingRect(mask)
    left, top, right, bottom = max(0, left - length), max(0, top - length), left + across, top + down
    mask = np.ascontiguousarray(mask[top : bottom + length, left : right + length])  # paper all around, and no more
    pieces = np.zeros_like(mask)
    for slope in SLOPES:
        pieces |= cv2.morphologyEx(mask, cv2.MORPH_OPEN, segment(length, slope))
    joined = cv2.morphologyEx(pieces, cv2.MORPH_CLOSE, np.ones((1, length | 1), np.uint8))
    if cv2.boundingRect(joined)[2] < 0.35 * width:
        return
    labels, stats = components(joined)
    long = [label for label in range(1, len(stats)) if stats[label, 2] >= max(0.35 * width, 4 * (stats[label, 3] - 6))]
    if len(long) == 1 and not spans(left + stats[long[0], 0], left + stats[long[0], 0] + stats[long[0], 2], width):
        return  # a digit's bar, mostly: fitting it would be in vain
    for label in long:
        x, y, w, h, _ = (int(value) for value in stats[label])
        inside = (labels[y : y + h, x : x + w] == label) & (pieces[y : y + h, x : x + w] > 0)
        if line := fitted(inside, x + left, y + top):
            yield line


def segment(length: int, slope: float) -> np.ndarray:
    """A structuring element: a straight line of some slope."""
    rise = round(abs(slope) * length)
    element = np.zeros((rise + 1, length), np.uint8)
    ends = ((0, 0), (length - 1, rise)) if slope >= 0 else ((0, rise), (length - 1, 0))
    return np.asarray(cv2.line(element, *ends, 1))


def fitted(inside: np.ndarray, x: int, y: int) -> Line | None:
    """Lay a polynomial through a component; None if most of it is not thin and straight.

    Digits' bars that run along a line are in the component, too, so the fit is robust: it begins with the straight line
    of Welsch's estimator through the columns that are not unusually thick, and drops what lies beside the curve.
    """
    counts = inside.sum(axis=0)
    width = inside.shape[1]
    covered = counts > 0
    if covered.sum() < 0.8 * width:
        return None
    thickness = float(np.median(counts[covered]))
    columns = np.flatnonzero(covered & (counts <= 1.5 * thickness + 1))
    rows = (inside[:, columns] * np.arange(len(inside))[:, None]).sum(axis=0) / counts[columns]
    dx, dy, x0, y0 = cv2.fitLine(np.stack([columns, rows], axis=1).astype(np.float32), cv2.DIST_WELSCH, 0, 0.01, 0.01)[
        :, 0
    ]
    near = np.abs(rows - (y0 + (columns - x0) * dy / dx)) <= thickness + 0.02 * width
    at = 2.0 * columns / width - 1
    polynomial = np.zeros(4)
    for _ in range(3):
        if near.sum() < 0.35 * width:
            return None
        polynomial = np.polynomial.polynomial.polyfit(at[near], rows[near], 3)
        away = np.abs(rows - np.polynomial.polynomial.polyval(at, polynomial))
        near = away <= max(1.0, 2.5 * float(np.median(away)))
    ends = np.polynomial.polynomial.polyval([-1, 1], polynomial).mean()
    if thickness > width / 15 or abs(ends - polynomial[0]) > 0.03 * width:
        return None
    polynomial[0] += y
    return Line(x, x + width, polynomial, thickness)


def enlarged(line: Line, times: float) -> Line:
    """The same line at another size."""
    return Line(line.left * times, line.right * times, line.polynomial * times, line.thickness * times)


def drawn(line: Line, shape: tuple[int, ...]) -> np.ndarray:
    """A mask of (h, w) with the line on it, and a pixel more on either side."""
    at = np.linspace(-1.06, 1.06, 64)
    x = (at + 1) / 2 * (line.right - line.left) + line.left
    y = np.polynomial.polynomial.polyval(at, line.polynomial)
    points = np.rint(np.stack([x, y], axis=1)).astype(np.int32)
    canvas = np.zeros(shape[:2], np.uint8)
    return np.asarray(cv2.polylines(canvas, [points], False, 1, thickness=int(np.ceil(line.thickness)) + 2))


def bridged(rest: np.ndarray, reach: int) -> np.ndarray:
    """Where strokes that a line cut in two would go on: closing along steep and slanted directions."""
    result = np.zeros_like(rest)
    for slant in (-1.0, -0.5, 0.0, 0.5, 1.0):
        result |= cv2.morphologyEx(rest, cv2.MORPH_CLOSE, np.ascontiguousarray(segment(reach, slant).T))
    return result
