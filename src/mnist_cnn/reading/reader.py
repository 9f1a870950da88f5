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
from mnist_cnn.reading.digit import Box, Digit
from mnist_cnn.reading.glyph import glyph
from mnist_cnn.reading.ink import FAINTEST, Ink, find_ink
from mnist_cnn.reading.lattice import NARROW, SURE, Lattice, best_way, lattice_of
from mnist_cnn.reading.looks import looks
from mnist_cnn.reading.margin import with_margin
from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.normalise import SIDE
from mnist_cnn.reading.pen import to_usual_pen
from mnist_cnn.reading.picture import Document, Part, Picture, Source, load, part_of, whole_of
from mnist_cnn.reading.placement import placed
from mnist_cnn.reading.reading import Reading
from mnist_cnn.reading.region import Region
from mnist_cnn.reading.segment import Piece, alternatives, pieces_of, prominence, rows_of, union
from mnist_cnn.reading.weights import calibrated_classifier

if TYPE_CHECKING:
    from mnist_cnn.reading.explain import Explanation

MEMORY = 2**30  # bytes for decoding and reading an image, where that is limited; decoding may take half of it
MIN_CONFIDENCE = 0.5  # below this, predictions are wrong more often than correct
NON_DIGIT = 0.5  # a row with only likely non-digits is dropped: a signature, a photo's edges
BEYOND_DOUBT = 0.9  # above this confidence one look is enough; 0.99 harms models that are seldom that confident
FITTED, PLAINLY = 18, 0.1  # images prepared for a model are fitted to 20 pixels; clearly a digit below this
AGAIN = 100  # pieces on a page that are cut more finely: each makes up to fifty candidates
CONVINCING = 0.9  # confidence required of each digit for a finer cut: some letters have slices like a 1
TOGETHER = 64  # images whose digits the model classifies at once

Row = tuple[Digit, ...]


@dataclass(frozen=True)
class Page:
    """An image in the pipeline: its ink, and for each row the candidates for its digits.

    Where the ink was found with a margin around the image, `margin` is its width in pixels of the ink.
    """

    picture: Picture
    ink: Ink
    lattices: list[Lattice]
    margin: int = 0


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

    def read(
        self,
        image: Source,
        single: bool = False,
        *,
        page: int | None = None,
        region: Sequence[int] | Region | None = None,
    ) -> Reading:
        """Read one image, with `single` as a single digit. Raises ImageError if it cannot be opened.

        Of a file with several pages, `page`, counted from 1, is read, by default the first; of a Pillow image the frame
        that it is at. With `region`, (x, y, width, height) in pixels of the upright image, only that part is read; the
        boxes are still in pixels of the whole image. Raises ReaderError for a malformed region, ImageError if it is not
        inside the image or there is no such page.
        """
        return next(self.read_many([part_of(image, page, region)], single))

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
            pages = [prepare(load(image), single) for image in some]
            for image, reading in zip(some, self.decide(pages, single), strict=True):
                yield replace(reading, source=whole_of(image))

    def explain(self, image: Source, single: bool = False) -> "Explanation":
        """Read one image as `read` does and explain each digit, which takes as long as reading a thousand digits."""
        from mnist_cnn.reading.explain import Explanation, reasons

        reading = self.read(image, single)
        return Explanation(reading, tuple(reasons(self.classify, digit.image) for digit in reading.digits))

    def decide(self, pages: Sequence[Page], single: bool) -> Iterator[Reading]:
        """Classify the candidates of all images at once, and choose the digits of each image."""
        decided = self.rows_of_all(pages)
        if single:
            decided = [[rows[likeliest(page, rows)]] if rows else [] for page, rows in zip(pages, decided, strict=True)]
        else:
            self.look_again(pages, decided)
        self.look_with_margin(pages, decided, single)
        self.look_as_it_is(pages, decided)
        for page, rows in zip(pages, decided, strict=True):
            if not single:
                rows = [row for row in rows if min(digit.non_digit_probability for digit in row) < NON_DIGIT]
            yield placed(rows, page.picture)

    def rows_of_all(self, pages: Sequence[Page]) -> list[list[Row]]:
        """The rows of each page, with one model call for all."""
        images = [
            glyph(one.piece, page.ink) for page in pages for lattice in page.lattices for one in lattice.hypotheses
        ]
        probabilities = self.classify(np.stack(images)) if images else np.zeros((0, 10), np.float32)
        seen = iter(zip(images, probabilities, strict=True))
        return [
            [self.row(page, lattice, list(islice(seen, len(lattice.hypotheses)))) for lattice in page.lattices]
            for page in pages
        ]

    def look_again(self, pages: Sequence[Page], decided: list[list[Row]]) -> None:
        """Cut rows with a likely non-digit into narrower pieces as well; used if everything is then a digit."""
        doubtful = [
            (page, rows, index)
            for page, rows in zip(pages, decided, strict=True)
            for index in within_reach(
                page, [max(digit.non_digit_probability for digit in row) >= NON_DIGIT for row in rows]
            )
        ]
        finer = [
            Page(page.picture, page.ink, [lattice_of(page.lattices[index].row, NARROW)]) for page, _, index in doubtful
        ]
        for (_, rows, index), (row,) in zip(doubtful, self.rows_of_all(finer), strict=True):
            if sureness([row]) >= CONVINCING:
                rows[index] = row

    def look_with_margin(self, pages: Sequence[Page], decided: list[list[Row]], single: bool) -> None:
        """Also read images that are filled with ink with a margin around them; used if it convinces, or convinces more.

        Of two polarities that convince, the one that the model is more confident of is used.
        """
        filled = [
            (padded, rows)
            for page, rows in zip(pages, decided, strict=True)
            for padded in prepare_with_margin(page.picture, single)
        ]
        readings = zip(filled, self.rows_of_all([padded for padded, _ in filled]), strict=True)
        for (_, rows), found in sorted(readings, key=lambda one: sureness(one[1])):
            is_digits = single or all(digit.non_digit_probability < NON_DIGIT for row in found for digit in row)
            is_less = sum(map(len, found)) < sum(map(len, rows))  # a margin restores what is lost at the border
            if is_digits and not is_less and sureness(found) > max(SURE, min(sureness(rows), CONVINCING)):
                rows[:] = found

    def look_as_it_is(self, pages: Sequence[Page], decided: list[list[Row]]) -> None:
        """Also classify uncertain images of MNIST's own size as they are, and average the probabilities.

        Such an image may already be prepared for a model. An uneven background or noise in single pixels can hide its
        digit from the reader, but not from the model.
        """
        doubtful = [
            (page, rows)
            for page, rows in zip(pages, decided, strict=True)
            if may_be_made(page) and uncertain(rows) and not smaller_than_made(rows)
        ]
        if not doubtful:
            return
        inks = [light_inks(page) for page, _ in doubtful]
        seen = self.classify(np.concatenate([looks(image) for images in inks for image in images]))
        votes = iter(seen.reshape(sum(map(len, inks)), -1, seen.shape[1]))
        for (page, rows), images in zip(doubtful, inks, strict=True):
            image, of_looks = max(
                zip(images, islice(votes, len(images)), strict=True), key=lambda one: one[1].mean(axis=0).max()
            )
            voters = [*of_looks, *(digit.probabilities for row in rows for digit in row)]
            box = rows[0][0].box if rows else Box(0, 0, page.picture.width, page.picture.height)
            digit = self.decided(box, image, np.mean(voters, axis=0))
            if rows or digit.non_digit_probability < NON_DIGIT:
                rows[:] = [(digit,)]

    def row(self, page: Page, lattice: Lattice, seen: list[tuple[np.ndarray, np.ndarray]]) -> Row:
        """The digits of one row."""
        if len(seen) == 1:
            return (self.digit(page, lattice.hypotheses[0].piece, *seen[0]),)
        # The share that all ten classes have in common is the non-digit probability.
        way = best_way(lattice, [float(probabilities.max() - probabilities.min()) for _, probabilities in seen])
        return tuple(self.digit(page, lattice.hypotheses[index].piece, *seen[index]) for index in way)

    def digit(self, page: Page, piece: Piece, image: np.ndarray, probabilities: np.ndarray) -> Digit:
        """One digit, its box in pixels of the original image."""
        across, down = page.picture.scale
        left, top = int((piece.x - page.margin) * across), int((piece.y - page.margin) * down)
        right, bottom = (piece.right - page.margin) * across, (piece.bottom - page.margin) * down
        box = Box(left, top, math.ceil(right) - left, math.ceil(bottom) - top)
        return self.decided(box, image, probabilities)

    def decided(self, box: Box, image: np.ndarray, probabilities: np.ndarray) -> Digit:
        """The digit with these probabilities (10,), rejected if the confidence is below the minimum."""
        ten = tuple(probabilities.tolist())
        confidence = max(ten)
        return Digit(ten.index(confidence), confidence, ten, box, confidence < self.min_confidence, image)


def read(
    image: Source,
    *,
    model: str | Path | Classifier | None = None,
    min_confidence: float | None = None,
    single: bool = False,
    page: int | None = None,
    region: Sequence[int] | None = None,
) -> Reading:
    """Read the digits in one image: a photograph, scan or drawing, by its path, its bytes or its pixels.

    `model` and `min_confidence` are those of `Reader`, which is faster for many images; `single` says that the image
    shows one digit. `page` and `region`, (x, y, width, height), are those of `Reader.read`; `read_pages` reads all
    pages. Raises ImageError if the image cannot be opened, and what `Reader` raises.
    """
    return reader_of(model, min_confidence).read(image, single, page=page, region=region)


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


def prepare(picture: Picture, single: bool) -> Page:
    """All steps before the model."""
    picture = replace(picture, grey=to_usual_pen(picture.grey))
    ink = find_ink(picture.grey)
    pieces = pieces_of(ink)
    if single:
        return Page(picture, ink, [lattice_of([piece], np.inf) for piece in alternatives(pieces)])
    return Page(picture, ink, [lattice_of(row) for row in rows_of(pieces)])


def prepare_with_margin(picture: Picture, single: bool) -> Iterator[Page]:
    """All steps before the model for an image that its writing fills, once for each polarity that it may have."""
    for filled in with_margin(picture.grey):
        pieces = pieces_of(filled.ink)
        if not pieces:
            continue
        whole = union(pieces)
        if filled.is_filled_by(whole.x, whole.y, whole.right, whole.bottom):
            lattices = [lattice_of([whole], np.inf)] if single else [lattice_of(row) for row in rows_of(pieces)]
            yield Page(replace(picture, grey=filled.grey), filled.ink, lattices, filled.margin)


def within_reach(page: Page, is_doubtful: Sequence[bool]) -> Iterator[int]:
    """The indices of the doubtful rows, from the top, that have no more than AGAIN pieces together."""
    left = AGAIN
    for index, (lattice, doubtful) in enumerate(zip(page.lattices, is_doubtful, strict=True)):
        if doubtful and len(lattice.row) <= left:
            left -= len(lattice.row)
            yield index


def may_be_made(page: Page) -> bool:
    """Whether the image may already be prepared for a model: it has MNIST's size and is not blank."""
    grey = page.picture.grey
    return grey.shape == (SIDE, SIDE) and int(grey.max()) - int(grey.min()) >= FAINTEST


def light_inks(page: Page) -> list[np.ndarray]:
    """The image as it is, and its negative if the ink seems to be dark."""
    grey = page.picture.grey
    return [grey] if page.ink.light else [grey, np.asarray(cv2.bitwise_not(grey))]


def uncertain(rows: Sequence[Row]) -> bool:
    """Whether this is nothing, or a single digit that is not beyond doubt."""
    digits = [digit for row in rows for digit in row]
    return len(digits) < 2 and all(digit.confidence < BEYOND_DOUBT for digit in digits)


def sureness(rows: Sequence[Row]) -> float:
    """How confident the model is of the least certain digit, without what it shares with all others; 0 for none."""
    return min((digit.confidence - min(digit.probabilities) for row in rows for digit in row), default=0.0)


def smaller_than_made(rows: Sequence[Row]) -> bool:
    """Whether this is clearly a digit, but smaller than prepared images have it: it has to be fitted first."""
    return any(
        max(digit.box.width, digit.box.height) < FITTED and digit.non_digit_probability < PLAINLY
        for row in rows
        for digit in row
    )


def likeliest(page: Page, rows: Sequence[Row]) -> int:
    """Which of several candidates is the only digit: the model is confident of it, and it is large, dark and whole."""
    weights = [prominence(lattice.hypotheses[0].piece) for lattice in page.lattices]
    return max(range(len(rows)), key=lambda index: rows[index][0].confidence * weights[index])
