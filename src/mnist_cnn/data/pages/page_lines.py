"""Lines of text of made pages, and what is written where on each: what a recogniser of lines learns from."""

from typing import NamedTuple

import numpy as np

from mnist_cnn.data.pages import camera
from mnist_cnn.data.pages.layouts import IN_LINES
from mnist_cnn.data.pages.made import Made, made_scene
from mnist_cnn.data.pages.mark_places import LEAST_SIGNAL, is_visible
from mnist_cnn.data.pages.page import IGNORED
from mnist_cnn.data.pages.page_crops import as_taken
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.data.pages.writing import SAME_MARK
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.text_lines import DIGIT, TALL, TextLine, line_image

SIDES = (160, 192, 256, 320)  # pixels of a page
STRIDE, COLUMNS = 4, 64  # pixels of a column, and columns of a line's image
WIDTH = STRIDE * COLUMNS
NOTHING, DIGITS, OTHER = 0, 1, 11  # classes: of digit d it is d + 1, of a mark it is 12 and more
MARK = OTHER + 1
CLASSES = MARK + len(MARKS)
UNKNOWN = -1
LINES = 4  # of a page, at most
IN_LINE, NEAR_LINE = 0.42, 0.75  # heights from the middle: what is written in the line, and what may be
NEAR = 6.0  # heights: how far along the row digits say how high and where it is
LEAST, MOST = 0.5, 1.9  # times the line's height: digits of it
OFF, OTHER_SIZE, OTHER_SLOPE = 0.06, 0.1, 0.02  # deviations of a line that is not quite where it should be
OUTSIDE = 0.15  # of its width that lies beside the page
AT, BESIDE = 0.7, 1.7  # columns from its middle in which a character is, and is not known to be


class LineImage(NamedTuple):
    """A line (40, 256) uint8 and the class of each of its columns (64,), -1 where that is not known."""

    grey: np.ndarray
    labels: np.ndarray


class Written(NamedTuple):
    """What is written on a page: boxes (n, 4) of its ink, middles (n, 2) in its line, and classes (n,)."""

    boxes: np.ndarray
    middles: np.ndarray
    classes: np.ndarray


def made_lines(rng: np.random.Generator, sources: Sources) -> list[LineImage]:
    """Some lines of one made page, through digits, marks and letters, or anywhere where nothing is written."""
    made = made_scene(rng, sources, int(rng.choice(SIDES)), shares=IN_LINES)
    if "turned" in made.scene.kinds:
        return []
    grey, scale = as_taken(made.grey, rng)
    octaves, written = Octaves(grey), written_on(made)
    lines = [line_at(written, index, len(made.grey), rng) for index in some_of(written, rng)] or [
        anywhere(len(made.grey), rng)
    ]
    images = []
    for line in lines:
        enlarged = line._replace(left=line.left * scale, right=line.right * scale, middle=line.middle * scale,
                                 height=line.height * scale)  # fmt: skip
        images.append(LineImage(line_image(octaves, enlarged, WIDTH), labels_in(line, written)))
    return images


def written_on(made: Made) -> Written:
    """All that is written on a page, visible or not."""
    scene = made.scene
    marks = [mark for mark in scene.marks]
    taken = {tuple(box) for box in scene.boxes} | {tuple(mark.ink) for mark in marks}
    letters = [box for box in scene.written if tuple(box) not in taken]
    boxes = np.array([*scene.boxes, *(mark.ink for mark in marks), *letters], np.float32).reshape(-1, 4)
    places = np.array([*scene.boxes, *(mark.place for mark in marks), *letters], np.float32).reshape(-1, 4)
    classes = np.array(
        [UNKNOWN if label == IGNORED else DIGITS + label for label in scene.labels]
        + [MARK + MARKS.index(SAME_MARK.get(mark.char, mark.char)) for mark in marks]
        + [OTHER] * len(letters),
        np.int64,
    )
    if made.homography is not None and len(boxes):
        boxes, places = (camera.moved_boxes(one, made.homography) for one in (boxes, places))
    low = np.maximum(np.array(made.kept[0][:2]), made.kept[1][:2])
    high = np.minimum(np.array(made.kept[0][2:]), made.kept[1][2:])
    middles = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, (places[:, 1] + places[:, 3]) / 2], axis=1)
    inside = ((boxes[:, 2:] > low) & (boxes[:, :2] < high)).all(axis=1)
    whole = ((middles > low) & (middles < high)).all(axis=1)
    classes = np.where(whole | (classes == OTHER), classes, UNKNOWN)
    for index in np.flatnonzero(inside & (classes >= 0) & (classes != OTHER)).tolist():
        if not is_visible(made.grey, boxes[index]):
            classes[index] = UNKNOWN
    return Written(boxes[inside], middles[inside], classes[inside])


def some_of(written: Written, rng: np.random.Generator) -> list[int]:
    """A few of what is written, marks first."""
    classes = written.classes
    order = rng.permutation(len(classes))
    marks, digits = order[classes[order] >= MARK], order[(classes[order] >= DIGITS) & (classes[order] < OTHER)]
    letters = order[classes[order] == OTHER]
    chosen = [*marks[:2].tolist(), *digits[: 1 if len(marks) else 2].tolist()]
    return (chosen + letters[: 1 if chosen else 2].tolist())[:LINES]


def line_at(written: Written, index: int, side: int, rng: np.random.Generator) -> TextLine:
    """The line of one character, as inexact as a reader's."""
    heights = written.boxes[:, 3] - written.boxes[:, 1]
    digits = (written.classes >= DIGITS) & (written.classes < OTHER)
    x, y = written.middles[index]
    mark = written.classes[index] >= MARK
    near = digits & (np.abs(written.middles[:, 1] - y) < 0.5 * heights + (0.0 if mark else 0.1 * heights[index]))
    near &= np.abs(written.middles[:, 0] - x) < NEAR * heights
    if near.any():
        some = written.middles[near]
        slope = 0.0
        if near.sum() >= 2 and np.ptp(some[:, 0]) > 0:
            slope = float(np.clip(np.polyfit(some[:, 0], some[:, 1], 1)[0], -0.3, 0.3))
        middle = float(np.median(some[:, 1] - slope * some[:, 0]))
        height = float(np.median(heights[near])) * float(np.exp(rng.normal(0, OTHER_SIZE)))
    else:
        slope, height = 0.0, max(float(heights[index]), 8.0) * float(np.exp(rng.normal(0, 2 * OTHER_SIZE)))
        middle = float(y)
    slope += float(rng.normal(0, OTHER_SLOPE))
    middle += float(rng.normal(0, OFF)) * height - (slope * float(x) if not near.any() else 0.0)
    width = WIDTH / DIGIT * height
    left = float(x) - width * float(rng.uniform(0.1, 0.9))
    if width < side:  # no more than a little of it outside
        left = min(max(left, -OUTSIDE * width), side - (1 - OUTSIDE) * width)
    return TextLine(left, left + width, middle, slope, height)


def anywhere(side: int, rng: np.random.Generator) -> TextLine:
    """A line where nothing is written."""
    height = float(rng.uniform(12, 60))
    left, middle = float(rng.uniform(-0.5, 0.8)) * side, float(rng.uniform(0, 1)) * side
    return TextLine(left, left + WIDTH / DIGIT * height, middle, 0.0, height)


def labels_in(line: TextLine, written: Written) -> np.ndarray:
    """The class of each column of a line's image."""
    labels = np.zeros(COLUMNS, np.int64)
    if not len(written.classes):
        return labels
    middles = line.places(written.middles.astype(float))
    columns = np.arange(COLUMNS) + 0.5
    sizes = (written.boxes[:, 3] - written.boxes[:, 1]) / line.height
    edges = (written.boxes[:, [0, 2]] - line.left) * line.scale / STRIDE
    off = np.abs(middles[:, 1] - TALL / 2) / DIGIT
    tops = (written.boxes[:, [1, 3]] - line.middle - line.slope * written.middles[:, :1]) / line.height
    crosses = (tops[:, 0] < 0.3) & (tops[:, 1] > -0.3)
    for left, right in edges[(written.classes == OTHER) & crosses]:
        labels[(columns > left) & (columns < right)] = OTHER
    known = written.classes > 0
    known &= written.classes != OTHER
    mark = written.classes >= MARK
    plain = known & (off < IN_LINE) & (mark | ((sizes > LEAST) & (sizes < MOST)))
    doubtful = ((known & ~plain) | (written.classes == UNKNOWN)) & (off < NEAR_LINE)
    for left, right in edges[doubtful]:
        labels[(columns > left) & (columns < right)] = UNKNOWN
    away = columns[None] - middles[plain, 0][:, None] / STRIDE
    labels[(np.abs(away) < BESIDE).any(axis=0)] = UNKNOWN
    if len(away):
        nearest = np.abs(away).argmin(axis=0)
        at = np.abs(away).min(axis=0) < AT
        labels[at] = written.classes[plain][nearest[at]]
    return labels
