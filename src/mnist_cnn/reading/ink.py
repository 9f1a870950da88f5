"""Finds the ink of a grey image: how much each pixel stands out from the background. Knows nothing of digits."""

from dataclasses import dataclass

import cv2
import numpy as np

from mnist_cnn.reading.components import components
from mnist_cnn.reading.pen import mean_width
from mnist_cnn.reading.ruling import without_ruling
from mnist_cnn.reading.scale import shrink

THUMBNAIL = 400  # pixels: paper is estimated at this size, fine enough for the edge of a shadow
TINY = 160  # pixels: enough to see which of light and dark is the ink
COARSE = 80  # pixels: enough for a median of the whole image
WINDOWS = (1 / 16, 1 / 8, 1 / 4, 1 / 2)  # shares of the longer side in which ink may be a minority
FINEST = 1 / 40  # the same for a thin pen, in images large enough to show one
SKEWED = 0.9  # less skewness than this says nothing
LIGHTER = 32  # levels of contrast kept for what is lighter than paper
LEVELS = np.arange(256.0)  # of contrast
FAINTEST = 12  # of 255: less contrast than this is no ink


@dataclass(frozen=True)
class Ink:
    """What was written, dark or light.

    `contrast` is (h, w) uint8, 0 paper to 255; `mask` (h, w) uint8, 1 where there is ink. `stroke` is the usual
    contrast of a stroke, `noise` the standard deviation of the contrast of bare paper, both in levels of `contrast`.
    `light` says that ink was lighter than paper.
    """

    contrast: np.ndarray
    mask: np.ndarray
    stroke: float
    noise: float
    light: bool


def find_ink(grey: np.ndarray) -> Ink:
    """Separate ink from paper in (h, w) uint8, whatever the light, the contrast and the polarity.

    Paper is what closing by three times the pen's width leaves (Sternberg 1983, "Biomedical image processing"); ink is
    what is darker by half the usual contrast of a stroke, and what is joined to that and darker by a fifth (hysteresis:
    Canny 1986).
    """
    light = ink_is_light(grey)
    return dark_ink(np.asarray(cv2.bitwise_not(grey)) if light else grey, light)


def dark_ink(dark: np.ndarray, light: bool) -> Ink:
    """Separate dark ink from lighter paper in (h, w) uint8; `light` says that the image was inverted for this."""
    contrast, noise = without_paper(against(dark, paper_of(dark)))
    stroke, mask = strokes(contrast, noise)
    mask = without_ruling(mask, contrast)
    if (outside := surroundings(mask)) is not None:
        contrast = np.where(outside, 0, contrast).astype(np.uint8)
        stroke, mask = strokes(contrast, noise)
        mask = without_ruling(mask, contrast)
    return Ink(contrast, mask, stroke, noise, light)


def ink_is_light(grey: np.ndarray) -> bool:
    """Whether ink is lighter than paper.

    Strokes are a minority among their surroundings, so differences from the surroundings' mean are skewed to the ink's
    side, while the edges of shadows and of the paper are not skewed. The window in which they are most so decides.
    Where none is skewed, as with a digit that fills half its image, the border is background.
    """
    small = shrink(grey, TINY)
    values = small.astype(np.float32)
    found = [skewness(values, window) for window in WINDOWS if max(small.shape) * window >= 3]
    if small is not grey:  # a thin pen is lost at this size
        found.append(skewness(shrink(grey, THUMBNAIL).astype(np.float32), FINEST))
    lopsided = max(found, key=abs, default=0.0)
    return lopsided > 0 if abs(lopsided) > SKEWED else border_is_dark(small)


def skewness(values: np.ndarray, share: float) -> float:
    """The skewness of differences from the mean of a square window, whose side is a share of the image's."""
    side = int(max(values.shape) * share) | 1
    differences = cv2.subtract(values, cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT))
    down, across = (length // 40 for length in values.shape)  # a scan's or screenshot's edge is often of another colour
    differences = differences[down : values.shape[0] - down, across : values.shape[1] - across]
    squares = cv2.multiply(differences, differences)
    variance = cv2.mean(squares)[0]
    return float(cv2.mean(cv2.multiply(squares, differences))[0] / max(variance, 1e-6) ** 1.5)


def border_is_dark(small: np.ndarray) -> bool:
    """Whether most of the outermost pixels are of the darker kind."""
    limit, _ = cv2.threshold(small, 0, 1, cv2.THRESH_OTSU)
    return bool((border_of(small) > limit).mean() < 0.5)


def border_of(small: np.ndarray) -> np.ndarray:
    """The outermost pixels: both rows, then both columns."""
    return np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])


def surrounding(small: np.ndarray) -> np.ndarray:
    """The median of a window as large as the image: the background, even if half the image is ink."""
    coarse = shrink(small, COARSE)
    median = cv2.medianBlur(coarse, max(coarse.shape) | 1)
    return np.asarray(cv2.resize(median, small.shape[::-1], interpolation=cv2.INTER_LINEAR))


def paper_of(grey: np.ndarray) -> np.ndarray:
    """How light the paper is at every pixel of (h, w) uint8, dark ink on light paper."""
    small = shrink(grey, THUMBNAIL)
    side = max(small.shape)
    window = int(min(max(3 * rough_pen_width(small), 0.08 * side), 0.5 * side)) | 1
    smooth = cv2.blur(small, (3, 3)) if side == THUMBNAIL else small  # noise would lighten what is closed
    closed = cv2.morphologyEx(continued(smooth, window // 2), cv2.MORPH_CLOSE, np.ones((window, window), np.uint8))
    inside = closed[window // 2 : window // 2 + small.shape[0], window // 2 : window // 2 + small.shape[1]]
    paper = cv2.convertScaleAbs(np.maximum(inside, 0))  # which ends at 255
    return np.asarray(cv2.resize(paper, grey.shape[::-1], interpolation=cv2.INTER_LINEAR))


def continued(small: np.ndarray, margin: int) -> np.ndarray:
    """Go on beyond the border for `margin` pixels as the light came, as int16.

    Without it, a side that grows dark would be ink: closing finds no lighter paper on its other side.
    """
    margins = (margin, margin, margin, margin)
    edge = cv2.copyMakeBorder(small, *margins, cv2.BORDER_REPLICATE)
    mirrored = cv2.copyMakeBorder(small, *margins, cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.addWeighted(edge, 2, mirrored, -1, 0, dtype=cv2.CV_16S))


def rough_pen_width(small: np.ndarray) -> float:
    """The width of what is darker than its surroundings, in pixels: more than the pen's where there are shadows."""
    tiny = shrink(small, TINY)
    _, mask = cv2.threshold(cv2.subtract(surrounding(tiny), tiny), 0, 1, cv2.THRESH_OTSU)
    return max(1.0, mean_width(np.asarray(mask))) * float(small.shape[1] / tiny.shape[1])


def against(grey: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """How much darker than paper, as a share of it: bare paper about 32, pure black 255.

    A share, so that strokes in a shadow keep their contrast; 32, so that grain lighter than paper is seen, too.
    """
    return np.asarray(cv2.bitwise_not(cv2.divide(grey, np.maximum(paper, 1), scale=255 - LIGHTER)))


def without_paper(contrast: np.ndarray) -> tuple[np.ndarray, float]:
    """Take the contrast of bare paper away, the median; its standard deviation is what the median deviation says."""
    counts = histogram(contrast)
    middle, deviation = median_and_deviation(counts)
    limit, _ = cv2.threshold(contrast, 0, 1, cv2.THRESH_OTSU)
    below, spread = median_and_deviation(counts * (limit >= LEVELS))
    above, _ = median_and_deviation(counts * (limit < LEVELS))
    bare = abs(below - LIGHTER) <= LIGHTER / 2
    if bare and above > below + 16 * max(spread, 1.0):  # two kinds of pixels: paper is one, even if the lesser part
        middle, deviation = below, spread
    return less(contrast, middle), 1.4826 * deviation


def less(contrast: np.ndarray, level: float) -> np.ndarray:
    """Take a level away, down to 0."""
    return np.asarray(cv2.LUT(contrast, np.maximum(LEVELS - level, 0).astype(np.uint8)))


def median_and_deviation(counts: np.ndarray) -> tuple[float, float]:
    """The median level, and the median distance from it, of `counts` pixels of each level."""
    middle = int(np.searchsorted(counts.cumsum(), counts.sum() / 2))
    deviations = np.bincount(np.abs(np.arange(256) - middle), weights=counts)
    return middle, int(np.searchsorted(deviations.cumsum(), counts.sum() / 2))


def histogram(contrast: np.ndarray) -> np.ndarray:
    """How many pixels there are of each level."""
    return np.asarray(cv2.calcHist([contrast], [0], None, [256], [0, 256])).ravel().astype(np.float64)


def strokes(contrast: np.ndarray, noise: float) -> tuple[float, np.ndarray]:
    """The usual contrast of a stroke, and the mask of what belongs to strokes."""
    counts = histogram(contrast) * (max(FAINTEST, 4 * noise) < LEVELS)
    # A mean that weighs levels by their squares, so that the soft edges of strokes, and printed lines, count little.
    weights = counts * LEVELS * LEVELS
    stroke = float(weights @ LEVELS / max(weights.sum(), 1.0))
    if not stroke:
        return 0.0, np.zeros_like(contrast)
    return stroke, hysteresis(contrast, low=max(0.25 * stroke, 3.5 * noise), high=max(0.5 * stroke, 5 * noise))


def hysteresis(contrast: np.ndarray, low: float, high: float) -> np.ndarray:
    """A mask of what is above `low` and joined to something above `high`."""
    _, weak = cv2.threshold(contrast, low, 1, cv2.THRESH_BINARY)
    count, labels = cv2.connectedComponents(weak, connectivity=8, ltype=cv2.CV_32S)
    strong = np.zeros(count, np.uint8)
    strong[labels[contrast > high]] = 1
    strong[0] = 0
    return np.asarray(strong[labels])


def surroundings(mask: np.ndarray) -> np.ndarray | None:
    """Where the paper lies on something darker: what touches the border and is far wider than the rest's strokes."""
    left, top, across, down = cv2.boundingRect(mask)
    if left > 0 and top > 0 and left + across < mask.shape[1] and top + down < mask.shape[0]:
        return None
    labels, stats = components(mask)
    x, y, w, h = stats[:, 0], stats[:, 1], stats[:, 2], stats[:, 3]
    at_border = (x == 0) | (y == 0) | (x + w == mask.shape[1]) | (y + h == mask.shape[0])
    at_border[0] = False
    inside = ~at_border
    inside[0] = False
    if not at_border.any() or not inside.any():
        return None
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    width = max(1.0, mean_width(inside.astype(np.uint8)[labels]))
    outside = np.zeros(len(stats), bool)
    for label in np.flatnonzero(at_border & (np.maximum(w, h) > 4 * width)):
        own = slice(y[label], y[label] + h[label]), slice(x[label], x[label] + w[label])
        outside[label] = distance[own][labels[own] == label].max() > 2 * width
    if not outside.any():
        return None
    reach = int(width) + 3
    return cv2.dilate(outside.astype(np.uint8)[labels], np.ones((reach, reach), np.uint8)) > 0
