"""Lines of text of made pages, and what is written where on each: what a recogniser of lines learns from."""

from typing import NamedTuple

import numpy as np

from mnist_cnn.data.pages import camera
from mnist_cnn.data.pages.layouts import IN_LINES
from mnist_cnn.data.pages.made import Made, made_scene
from mnist_cnn.data.pages.mark_places import is_visible, stands_out
from mnist_cnn.data.pages.page import IGNORED, Box
from mnist_cnn.data.pages.page_crops import as_taken
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.data.pages.writing import SAME_MARK
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.recogniser_network import DIGITS, MARK, OTHER, STRIDE, TALL
from mnist_cnn.reading.text_lines import DIGIT, TextLine, line_image

SIDES = (160, 192, 256, 320)  # pixels of a page
COLUMNS = 64  # of a line's image
WIDTH = STRIDE * COLUMNS
UNKNOWN, GONE = -1, -2
LINES = 4  # of a page, at most
IN_LINE, NEAR_LINE = 0.42, 0.75  # heights from the middle: what is written in the line, and what may be
NEAR = 6.0  # heights: how far along the row digits say how high and where it is
LEAST, MOST = 0.5, 1.9  # times the line's height: digits of it
CROSSES = 0.3  # heights from the middle: letters that come nearer are on the line
LOWEST, STEEPEST = 8.0, 0.3  # pixels: of a line's digits; and by how much it climbs at most
OFF, OTHER_SIZE, OTHER_SLOPE = 0.06, 0.1, 0.02  # deviations of a line that is not quite where it should be
OUTSIDE = 0.15  # of its width that lies beside the page
AT, BESIDE = 0.7, 1.7  # columns from its middle in which a character is, and is not known to be


class LineImage(NamedTuple):
    """A line (40, 256) uint8 and the class of each of its columns (64,) int8, -1 where that is not known.

    The classes are those of `reading.recogniser_network`.
    """

    grey: np.ndarray
    labels: np.ndarray


class Written(NamedTuple):
    """What is written on a page: boxes (n, 4) of its ink, middles (n, 2) in its line, and classes (n,).

    The class is -1 where it is not known.
    """

    boxes: np.ndarray
    middles: np.ndarray
    classes: np.ndarray

    @property
    def heights(self) -> np.ndarray:
        """How high the ink of each is, in pixels."""
        return np.asarray(self.boxes[:, 3] - self.boxes[:, 1])

    @property
    def digits(self) -> np.ndarray:
        """Which are digits."""
        return np.asarray((self.classes >= DIGITS) & (self.classes < OTHER))


def made_lines(rng: np.random.Generator, sources: Sources) -> list[LineImage]:
    """Some lines of one made page, through digits, marks and letters, or anywhere where nothing is written."""
    made = made_scene(rng, sources, int(rng.choice(SIDES)), shares=IN_LINES)
    if "turned" in made.scene.kinds:
        return []
    grey, scale = as_taken(made.grey, rng)
    octaves, written, side = Octaves(grey), written_on(made), len(made.grey)
    lines = [line_at(written, index, side, rng) for index in some_of(written, rng)] or [anywhere(side, rng)]
    return [
        LineImage(line_image(octaves, scaled(line, scale), WIDTH), labels_in(line, written).astype(np.int8))
        for line in lines
    ]


def scaled(line: TextLine, scale: float) -> TextLine:
    """The same line of the page at another size."""
    left, right, middle, height = (scale * one for one in (line.left, line.right, line.middle, line.height))
    return TextLine(left, right, middle, line.slope, height)


def written_on(made: Made) -> Written:
    """All that is written on a page; the class of what cannot be seen, or is cut off, is not known."""
    scene = made.scene
    taken = {tuple(box) for box in scene.boxes} | {tuple(mark.ink) for mark in scene.marks}
    letters = [box for box in scene.written if tuple(box) not in taken]
    boxes = np.array([*scene.boxes, *(mark.ink for mark in scene.marks), *letters], np.float32).reshape(-1, 4)
    places = np.array([*scene.boxes, *(mark.place for mark in scene.marks), *letters], np.float32).reshape(-1, 4)
    classes = np.array(
        [UNKNOWN if label == IGNORED else DIGITS + label for label in scene.labels]
        + [MARK + MARKS.index(SAME_MARK.get(mark.char, mark.char)) for mark in scene.marks]
        + [OTHER] * len(letters),
        np.int64,
    )
    written = cut(Written(boxes, middles_of(boxes, places), classes), made.kept[0])
    if made.homography is not None and len(boxes):
        boxes, places = (camera.moved_boxes(one, made.homography) for one in (boxes, places))
    written = cut(Written(boxes, middles_of(boxes, places), written.classes), made.kept[1])
    for index in np.flatnonzero(written.digits).tolist():
        if not is_visible(made.grey, written.boxes[index]):
            written.classes[index] = UNKNOWN
    for index in np.flatnonzero(written.classes >= MARK).tolist():
        mark = scene.marks[index - len(scene.boxes)]
        if not stands_out(scene, mark.char, mark.ink, made.grey, made.homography):
            written.classes[index] = UNKNOWN
    left = written.classes != GONE
    return Written(*(one[left] for one in written))


def middles_of(boxes: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The middles (n, 2) of what is written: a mark is in the middle of its line, wherever its ink is."""
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, (places[:, 1] + places[:, 3]) / 2], axis=1)


def cut(written: Written, part: Box) -> Written:
    """The same where only a part is left: what is cut in half is not known, and what is outside is gone."""
    low, high = np.array(part[:2]), np.array(part[2:])
    inside = ((written.boxes[:, 2:] > low) & (written.boxes[:, :2] < high)).all(axis=1)
    whole = ((written.middles > low) & (written.middles < high)).all(axis=1)
    classes = np.where(whole | (written.classes == OTHER), written.classes, np.minimum(written.classes, UNKNOWN))
    return written._replace(classes=np.where(inside, classes, GONE))


def some_of(written: Written, rng: np.random.Generator) -> list[int]:
    """A few of what is written, marks first."""
    order = rng.permutation(len(written.classes))
    classes = written.classes[order]
    marks, digits = order[classes >= MARK], order[written.digits[order]]
    chosen = [*marks[:2].tolist(), *digits[: 1 if len(marks) else 2].tolist()]
    return [*chosen, *order[classes == OTHER][: 1 if chosen else 2].tolist()][:LINES]


def line_at(written: Written, index: int, side: int, rng: np.random.Generator) -> TextLine:
    """The line of one character on a page of so many pixels, as inexact as a reader's."""
    x, y = written.middles[index].tolist()
    near = digits_near(written, index)
    if near.any():
        some = written.middles[near]
        slope = slope_of(some)
        middle = float(np.median(some[:, 1] - slope * some[:, 0]))
        height = float(np.median(written.heights[near])) * float(np.exp(rng.normal(0, OTHER_SIZE)))
        slope += float(rng.normal(0, OTHER_SLOPE))
    else:
        height = max(float(written.heights[index]), LOWEST) * float(np.exp(rng.normal(0, 2 * OTHER_SIZE)))
        slope = float(rng.normal(0, OTHER_SLOPE))
        middle = y - slope * x
    middle += float(rng.normal(0, OFF)) * height
    width = WIDTH / DIGIT * height
    left = x - width * float(rng.uniform(0.1, 0.9))
    if width < side:  # no more than a little of it outside
        left = min(max(left, -OUTSIDE * width), side - (1 - OUTSIDE) * width)
    return TextLine(left, left + width, middle, slope, height)


def digits_near(written: Written, index: int) -> np.ndarray:
    """Which digits are in the row of a character and not far from it (n,)."""
    heights, is_mark = written.heights, written.classes[index] >= MARK
    apart = np.abs(written.middles - written.middles[index])
    in_row = apart[:, 1] < 0.5 * heights + (0.0 if is_mark else 0.1 * heights[index])
    return np.asarray(written.digits & in_row & (apart[:, 0] < NEAR * heights))


def slope_of(middles: np.ndarray) -> float:
    """By how much a row of middles (n, 2) falls or climbs."""
    if len(middles) < 2 or np.ptp(middles[:, 0]) == 0:
        return 0.0
    return float(np.clip(np.polyfit(middles[:, 0], middles[:, 1], 1)[0], -STEEPEST, STEEPEST))


def anywhere(side: int, rng: np.random.Generator) -> TextLine:
    """A line where nothing is written."""
    height = float(rng.uniform(12, 60))
    left, middle = float(rng.uniform(-0.5, 0.8)) * side, float(rng.uniform(0, 1)) * side
    return TextLine(left, left + WIDTH / DIGIT * height, middle, 0.0, height)


def labels_in(line: TextLine, written: Written) -> np.ndarray:
    """The class of each column of a line's image (64,): letters first, on them what is not known, then characters."""
    labels = np.zeros(COLUMNS, np.int64)
    if not len(written.classes):
        return labels
    columns = np.arange(COLUMNS) + 0.5
    middles, classes = line.places(written.middles.astype(float)), written.classes
    edges = line.across(written.boxes[:, [0, 2]]) / STRIDE
    off = np.abs(middles[:, 1] - TALL / 2) / DIGIT
    ends = (written.boxes[:, [1, 3]] - line.middle - line.slope * written.middles[:, :1]) / line.height
    crosses = (ends[:, 0] < CROSSES) & (ends[:, 1] > -CROSSES)
    labels[within(columns, edges[(classes == OTHER) & crosses])] = OTHER
    known = (classes >= DIGITS) & (classes != OTHER)
    sizes = written.heights / line.height
    plain = known & (off < IN_LINE) & ((classes >= MARK) | ((sizes > LEAST) & (sizes < MOST)))
    doubtful = ((known & ~plain) | (classes == UNKNOWN)) & (off < NEAR_LINE)
    labels[within(columns, edges[doubtful])] = UNKNOWN
    if plain.any():
        away = np.abs(columns - middles[plain, :1] / STRIDE)
        nearest = away.argmin(axis=0)
        labels[away.min(axis=0) < BESIDE] = UNKNOWN
        labels = np.where(away.min(axis=0) < AT, classes[plain][nearest], labels)
    return labels


def within(columns: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Which columns (m,) are between the edges (n, 2) of anything (m,)."""
    return np.asarray(((columns > edges[:, :1]) & (columns < edges[:, 1:])).any(axis=0))
