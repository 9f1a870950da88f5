"""Reads images: every step from pixels to digits, in order."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mnist_cnn.errors import ReaderError
from mnist_cnn.reading import detector, evidence, layout
from mnist_cnn.reading.box_rows import box_rows
from mnist_cnn.reading.boxes import intersections_over_unions, shares_of_the_smaller
from mnist_cnn.reading.crops import crops, ink_boxes
from mnist_cnn.reading.detector import Candidates
from mnist_cnn.reading.digit import Box, Digit
from mnist_cnn.reading.drawing import Drawing, drawing_of
from mnist_cnn.reading.glyph import glyph
from mnist_cnn.reading.mark import Mark
from mnist_cnn.reading.model_names import BUNDLED, path_of
from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.normalise import SIDE
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.picture import Document, Part, Picture, Source, load, part_of, whole_of
from mnist_cnn.reading.placement import placed
from mnist_cnn.reading.reading import Reading, Row
from mnist_cnn.reading.recognised_lines import LEAST as READ
from mnist_cnn.reading.recognised_lines import Found, Line, marks, recognised
from mnist_cnn.reading.region import Region
from mnist_cnn.reading.rings import in_rings
from mnist_cnn.reading.sheet import sheet_of
from mnist_cnn.reading.view import View, as_it_is, levelled, turned
from mnist_cnn.reading.weights import Detection, bundled_detection, calibrated_classifier

if TYPE_CHECKING:
    from mnist_cnn.reading.explain import Explanation

MEMORY = 2**30  # bytes for decoding and reading an image, where that is limited; decoding may take half of it
MIN_CONFIDENCE = 0.5  # below this, predictions are wrong more often than correct
BEYOND_DOUBT = 0.9  # above this confidence a drawing, or an image of MNIST's own size, needs no other look
FAINTEST = 8  # levels of grey: an image that differs less is blank
SHOWN = 0.5  # the confidence of what is read
SURELY, KEPT = 0.8, 0.05  # the probability of being some digit of what is read in any case, and of what is kept
LEAST = 0.2  # the same of what is read, if perhaps as "?", where it is known that there is one
HARDLY = 0.95  # the probability of being no digit, by the segmenter, from which a candidate is not classified
UNSEEN = 0.08  # a finder's score for what it does not see
SMALL = 64  # pixels: an image up to this that is known to show a digit is read in any case, unless it is blank
SAME, WITHIN = 0.35, 0.6  # intersection over union, and over the smaller one: only the surer of two can be a digit
ASSURED = 2.5  # logarithm of odds: how much likelier a digit is where it is known that there is one
LARGE = 0.5  # exponent of its height, by which a candidate is preferred for the only digit
SEVERAL, HALF = 3, 0.5  # candidates that tell how a page lies, and how probable most of them are if it lies well
CLEARLY, MORE = 1.5, 1.5  # times as many digits, and so many more: a view that is taken instead has these
PLAINLY = 0.75  # how probable the candidates are, on average, of an image that lies well
TOGETHER = 64  # images whose digits the model classifies at once


@dataclass(frozen=True)
class Page:
    """An image in the pipeline, and what is drawn on it if that is plain."""

    picture: Picture
    drawing: Drawing | None


@dataclass(frozen=True, eq=False)
class Seen:
    """Candidates of one image with their inputs of the classifier (n, 28, 28).

    `boxes` (n, 4) are the finder's, `inks` (n, 4) those of the ink that the segmenter marks in them.
    `exists` (n,) is the probability of being a digit, `digits` (n, 10) those of each digit if it is one. `lines` are
    the lines in which some of them stand, which ones and what was said of the line.
    """

    octaves: Octaves
    boxes: np.ndarray
    inks: np.ndarray
    images: np.ndarray
    exists: np.ndarray
    digits: np.ndarray
    lines: tuple[tuple[list[int], Line], ...] = ()


class Reader:
    """Reads the digits in images.

    `model` is a folder made by `train`, an .onnx file or a classifier; by default the bundled model. Digits with a
    confidence below `min_confidence`, 0 to 1, are rejected. Raises ArtifactError if the model cannot be loaded, and
    ReaderError if `min_confidence` is out of range.
    """

    def __init__(self, model: str | Path | Classifier | None = None, min_confidence: float | None = None) -> None:
        self.min_confidence = MIN_CONFIDENCE if min_confidence is None else min_confidence
        if not 0 <= self.min_confidence <= 1:
            raise ReaderError(f"The minimum confidence must be a number from 0 to 1 (got {self.min_confidence:g}).")
        self.classify = model if callable(model) else calibrated_classifier(model)
        self.is_bundled = not callable(model) and path_of(model) == BUNDLED

    def with_min_confidence(self, min_confidence: float) -> "Reader":
        """A reader with the same model and another minimum confidence."""
        other = Reader(self.classify, min_confidence)
        other.is_bundled = self.is_bundled
        return other

    def read(
        self,
        image: Source,
        single: bool = False,
        *,
        page: int | None = None,
        region: Sequence[int] | Region | None = None,
        boxes: bool = False,
    ) -> Reading:
        """Read one image, with `single` as a single digit. Raises ImageError if it cannot be opened.

        Of a file with several pages, `page`, counted from 1, is read, by default the first; of a Pillow image the frame
        that it is at. With `region`, (x, y, width, height) in pixels of the upright image, only that part is read; the
        boxes are still in pixels of the whole image. With `boxes`, `Reading.boxes` says what is in each box that is
        drawn for a digit. Raises ReaderError for a malformed region, ImageError if it is not inside the image or there
        is no such page.
        """
        return self.read_part(part_of(image, page, region), single, boxes=boxes)

    def read_part(self, part: Source | Part, single: bool, *, boxes: bool) -> Reading:
        """Read one image or a part of one, as `read` does."""
        reading = next(self.read_many([part], single))
        if not boxes:
            return reading
        picture = load(part)
        (across, down), left, top = picture.scale, picture.left, picture.top
        edges = [(one.left - left, one.top - top, one.width, one.height) for one in (d.box for d in reading.digits)]
        digits = [np.array([x, y, x + w, y + h]) / (across, down, across, down) for x, y, w, h in edges]
        return replace(reading, boxes=box_rows(picture.grey, self.read, reading.digits, digits, self.min_confidence))

    def read_pages(
        self, image: Source, single: bool = False, *, region: Sequence[int] | Region | None = None
    ) -> Iterator[Reading]:
        """Read all pages of a TIFF or frames of an animation, one after another; of other images the only one.

        Raises ImageError at the first page that cannot be read (its `page` says which), and after a thousand pages; the
        others can be read by `read` with `page`.
        """
        with Document(image) as document:
            document.count_frames()
            for page in range(1, document.pages + 1):
                part = Part(document, page, None if region is None else Region.of(region))
                shown = part_of(image, page if document.pages > 1 else None, None)
                yield replace(next(self.read_many([part], single)), source=shown)

    def read_many(self, images: Iterable[Source | Part], single: bool = False) -> Iterator[Reading]:
        """Read several images, in batches. Raises ImageError at the first that cannot be opened."""
        waiting = iter(images)
        while some := list(islice(waiting, TOGETHER)):
            pages = [prepare(load(image)) for image in some]
            for image, reading in zip(some, self.decide(pages, single), strict=True):
                yield replace(reading, source=whole_of(image))

    def explain(self, image: Source, single: bool = False) -> "Explanation":
        """Read one image as `read` does and explain each digit, which takes as long as reading a thousand digits."""
        from mnist_cnn.reading.explain import Explanation, reasons

        reading = self.read(image, single)
        return Explanation(reading, tuple(reasons(self.classify, digit.image) for digit in reading.digits))

    def decide(self, pages: Sequence[Page], single: bool) -> Iterator[Reading]:
        """The digits of each image: where it shows plainly one, the model says enough; others need to be looked at."""
        plain = [plain_inputs(page) for page in pages]
        inputs = [image for images in plain for image in images]
        said = iter(self.classify(np.stack(inputs)).tolist() if inputs else ())
        for page, images in zip(pages, plain, strict=True):
            rows: list[list[float]] = list(islice(said, len(images)))
            highest = [max(row) for row in rows]
            if highest and max(highest) >= BEYOND_DOUBT:
                best = highest.index(max(highest))
                box = page.drawing.box if page.drawing else whole_box(page.picture.grey)
                yield placed((Row([self.digit(page, box, images[best], rows[best])]),), page.picture)
            else:
                yield self.look(page, single, None if page.drawing else np.array(rows, np.float32))

    def look(self, page: Page, single: bool, said: np.ndarray | None = None) -> Reading:
        """Find the digits of an image, and choose; of one of MNIST's own size the model may have `said` something."""
        grey, detection = page.picture.grey, bundled_detection()
        if is_blank(grey):
            return placed((), page.picture)
        view = (None if single else sheet_of(grey)) or as_it_is(grey)
        found = self.seen(view.grey, detection, single)
        chosen = [likeliest(found, max(grey.shape))] if single else apart(found)
        if not single:
            best = CLEARLY * total(found.exists[chosen]) + MORE
            for other in other_views(view, found.boxes[chosen], found.exists[chosen]):
                seen = self.seen(other.grey, detection, single)
                kept = apart(seen)
                if is_plain(seen.exists[kept]) and total(seen.exists[kept]) > best:
                    view, found, chosen, best = other, seen, kept, total(seen.exists[kept])
        kept = [index for index in chosen if found.exists[index] >= KEPT]
        found = assured(found) if single else self.in_lines(found, kept, detection)
        probabilities = evidence.probabilities(found.exists, found.digits)
        boxes = view.boxes_back(found.inks)

        def back(box: np.ndarray) -> Box:
            return box_in(page.picture, view.boxes_back(box[None])[0])

        def digit(index: int) -> Digit:
            return self.digit(page, boxes[index], found.images[index], probabilities[index].tolist())

        surely = SURELY if self.is_bundled else SHOWN  # how sure another model is of its digits says little of that
        if single:
            surely = LEAST if max(grey.shape) > SMALL else 0
        shown = (probabilities.max(axis=1, initial=0) >= SHOWN) | (found.exists >= surely)
        digits = [index for index in chosen if shown[index]]
        ordered = [[digits[place] for place in row] for row in layout.rows(found.boxes[digits])]
        beside = [marks(line, found.inks[row]) if (line := line_of(row, found.lines)) else [] for row in ordered]
        rows = []
        for row, some in zip(ordered, beside, strict=True):
            read, around = list(map(digit, row)), some
            if not single:
                known = list(zip(read, found.inks[row], strict=True))
                read, around = in_rings(view.grey, known, some, self.min_confidence, back)
            likely = [mark_of(page, view, one) for one in around if one.probability >= READ]
            possible = [mark_of(page, view, one) for one in around if one.probability < READ]
            rows.append(Row(read, likely, possible))
        others = [digit(index) for index in kept if not shown[index]]
        return placed(self.as_prepared(page, tuple(rows), single, said), page.picture, others)

    def seen(self, grey: np.ndarray, detection: Detection, single: bool) -> Seen:
        """Find candidates, look at each closely, classify its ink, and weigh what is said of it."""
        octaves = Octaves(grey)
        found = detector.candidates(octaves, detection.find)
        if single:
            found = with_whole_image(found, grey.shape)
        said = detection.segment(crops(octaves, found.boxes))
        segmented, inks = said.probabilities, said.inks
        images = np.zeros((len(inks), SIDE, SIDE), np.uint8)
        classified = np.full((len(inks), detector.CLASSES), 1 / detector.CLASSES)
        likely = np.flatnonzero(single | (segmented[:, -1] < HARDLY))
        if len(likely):
            images[likely] = [glyph(inks[index]) for index in likely]
            classified[likely] = self.classify(images[likely])
        alone = evidence.alone(found.scores, found.seconded, segmented, said.marks.sum(axis=1), classified)
        weights = detection.weights if self.is_bundled else detection.weights.of_another_model()
        exists = evidence.existence(alone, found.boxes, weights)
        digits = evidence.of_digits((found.scores, segmented[:, :-1], classified), weights)
        return Seen(octaves, found.boxes, ink_boxes(found.boxes, inks), images, exists, digits)

    def in_lines(self, found: Seen, kept: list[int], detection: Detection) -> Seen:
        """The same candidates, also by what is said of the lines that those `kept` stand in, and by the whole page."""
        weights = detection.weights if self.is_bundled else detection.weights.of_another_model()
        exists, digits = found.exists.copy(), found.digits.copy()
        lines = []
        for row, line in recognised(found.octaves, found.boxes[kept], exists[kept], detection.recognise):
            some = [kept[index] for index in row]
            lines.append((some, line))
            exists[some], digits[some] = evidence.in_line(
                exists[some], digits[some], line.of(found.boxes[some]), weights
            )
        exists[kept] = evidence.on_page(exists[kept], weights)
        return replace(found, exists=exists, digits=digits, lines=tuple(lines))

    def as_prepared(self, page: Page, rows: tuple[Row, ...], single: bool, said: np.ndarray | None) -> tuple[Row, ...]:
        """For an image of MNIST's own size that is not plain, also what the model says of it as it is.

        It may be prepared for a model: then noise or an uneven background can hide the digit from others. What the
        model has `said` of it, (2, 10), need not be asked again.
        """
        grey, digits = page.picture.grey, [digit for row in rows for digit in row]
        if grey.shape != (SIDE, SIDE) or len(digits) > 1 or (digits and digits[0].confidence >= BEYOND_DOUBT):
            return rows
        images = as_it_may_be_prepared(grey)
        said = self.classify(np.stack(images)) if said is None else said
        best = int(said.max(axis=1).argmax())
        votes = [said[best], *(digit.probabilities for digit in digits)]
        digit = self.digit(page, whole_box(grey), images[best], np.mean(votes, axis=0).tolist())
        return (Row([digit]),) if single or digits or digit.non_digit_probability < 1 - MIN_CONFIDENCE else rows

    def digit(self, page: Page, box: np.ndarray, image: np.ndarray, ten: Sequence[float]) -> Digit:
        """One digit, its box in pixels of the original image; rejected if the confidence is below the minimum."""
        confidence, place = max(ten), box_in(page.picture, box)
        return Digit(ten.index(confidence), confidence, tuple(ten), place, confidence < self.min_confidence, image)


def read(
    image: Source,
    *,
    model: str | Path | Classifier | None = None,
    min_confidence: float | None = None,
    single: bool = False,
    page: int | None = None,
    region: Sequence[int] | None = None,
    boxes: bool = False,
) -> Reading:
    """Read the digits in one image: a photograph, scan or drawing, by its path, its bytes or its pixels.

    `model` and `min_confidence` are those of `Reader`, which is faster for many images; `single` says that the image
    shows one digit. `page`, `region`, (x, y, width, height), and `boxes` are those of `Reader.read`; `read_pages` reads
    all pages. Raises ImageError if the image cannot be opened, and what `Reader` raises.
    """
    return reader_of(model, min_confidence).read(image, single, page=page, region=region, boxes=boxes)


def read_pages(
    image: Source,
    *,
    model: str | Path | Classifier | None = None,
    min_confidence: float | None = None,
    single: bool = False,
    region: Sequence[int] | None = None,
) -> Iterator[Reading]:
    """Read the digits in each page of a TIFF, or each frame of an animation; yields their readings in order.

    The arguments are those of `read`, and `region` is the same on each page. Raises as `Reader.read_pages`.
    """
    return reader_of(model, min_confidence).read_pages(image, single, region=region)


@lru_cache(maxsize=4)
def reader_of(model: str | Path | Classifier | None, min_confidence: float | None) -> Reader:
    """The reader for these arguments, kept for the next image."""
    return Reader(model, min_confidence)


def box_in(picture: Picture, box: np.ndarray) -> Box:
    """A box (4,) of the pixels that are read, in whole pixels of the original image."""
    (across, down), (left, top, right, bottom) = picture.scale, box.tolist()
    left, top = max(0, math.floor(left * across)), max(0, math.floor(top * down))
    right, bottom = min(picture.width, math.ceil(right * across)), min(picture.height, math.ceil(bottom * down))
    return Box(left, top, max(1, right - left), max(1, bottom - top))


def assured(found: Seen) -> Seen:
    """The same candidates where it is known that there is a digit."""
    return replace(found, exists=evidence.sigmoid(evidence.logit(found.exists) + ASSURED))


def line_of(row: Sequence[int], lines: Sequence[tuple[list[int], Line]]) -> Line | None:
    """The line in which most of a row's digits stand."""
    common = [len(set(row) & set(members)) for members, _ in lines]
    return lines[int(np.argmax(common))][1] if any(common) else None


def mark_of(page: Page, view: View, found: Found) -> Mark:
    """A mark that was found in a view, its box in pixels of the original image."""
    box = box_in(page.picture, view.boxes_back(found.box[None])[0])
    return Mark(found.text, found.probability, box, found.after)


def prepare(picture: Picture) -> Page:
    """All steps before the networks."""
    return Page(picture, drawing_of(picture.grey))


def plain_inputs(page: Page) -> Sequence[np.ndarray]:
    """What the model may be shown of an image before it is looked at; nothing of most images."""
    if page.drawing:
        return [page.drawing.glyph]
    grey = page.picture.grey
    return as_it_may_be_prepared(grey) if grey.shape == (SIDE, SIDE) and not is_blank(grey) else []


def as_it_may_be_prepared(grey: np.ndarray) -> list[np.ndarray]:
    """An image of MNIST's own size as it is, and inverted: one of them may be prepared for a model."""
    return [grey, np.asarray(cv2.bitwise_not(grey))]


def whole_box(grey: np.ndarray) -> np.ndarray:
    """The box (4,) around a whole image."""
    return np.array([0.0, 0.0, grey.shape[1], grey.shape[0]])


def with_whole_image(found: Candidates, shape: tuple[int, ...]) -> Candidates:
    """The candidates and, last, the image itself, of which the finder says nothing."""
    height, width = shape
    return Candidates(
        np.concatenate([found.boxes, [[0.0, 0.0, width, height]]]),
        np.concatenate([found.scores, np.full((1, detector.CLASSES), UNSEEN)]),
        np.append(found.seconded, 0.0),
    )


def apart(seen: Seen) -> list[int]:
    """The candidates of which none is a part of a surer one, the surest first."""
    unions, within = intersections_over_unions(seen.boxes, seen.boxes), shares_of_the_smaller(seen.boxes)
    kept: list[int] = []
    for index in np.argsort(-seen.exists, kind="stable").tolist():
        if not kept or not ((unions[index, kept] > SAME) | (within[index, kept] > WITHIN)).any():
            kept.append(index)
    return kept


def is_blank(grey: np.ndarray) -> bool:
    """Whether an image shows nothing at all."""
    return int(grey.max()) - int(grey.min()) < FAINTEST


def other_views(view: View, boxes: np.ndarray, exists: np.ndarray) -> Iterator[View]:
    """An image levelled if its rows fall or climb steeply, and from its other sides if it may lie on one of them.

    That is where most candidates, (n, 4) with the probabilities (n,), are hardly digits, or where there are none.
    """
    kept = exists >= KEPT
    if kept.sum() >= SEVERAL and (angle := layout.falling(boxes[kept])):
        yield levelled(view, angle)
    if not kept.any() or float(exists[kept].mean()) < PLAINLY:
        for quarters in (1, 2, 3):
            yield turned(view, quarters)


def is_plain(exists: np.ndarray) -> bool:
    """Whether most of what resembles a digit in a view is one: among words turned by a quarter some letters do."""
    kept = exists[exists >= KEPT]
    return len(kept) >= SEVERAL and float(kept.mean()) >= PLAINLY


def total(exists: np.ndarray) -> float:
    """How many digits there are, of those that are probably some."""
    return float(exists[exists >= HALF].sum())


def likeliest(seen: Seen, longest: int) -> int:
    """Which candidate is the only digit: probably one, and large."""
    heights = np.clip(seen.boxes[:, 3] - seen.boxes[:, 1], 1, longest) / longest
    return int((seen.exists * heights**LARGE).argmax())
