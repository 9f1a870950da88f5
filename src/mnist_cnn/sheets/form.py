"""Reads forms: a template and a scan come in, the values of its fields go out."""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mnist_cnn.errors import RegistrationError, TemplateError
from mnist_cnn.reading.box_contents import DIGIT, contents_of, digit_in, kind_of, known_by, known_in
from mnist_cnn.reading.box_network import BLANK
from mnist_cnn.reading.box_network import OTHER as NO_DIGIT
from mnist_cnn.reading.cell_values import SURE, Value, is_in, part_of_row, value_in
from mnist_cnn.reading.cells import lines_of
from mnist_cnn.reading.digit import REJECTED, Digit
from mnist_cnn.reading.expectation import expected_of, with_candidates
from mnist_cnn.reading.grids import LevelView, corners_of_box
from mnist_cnn.reading.patterns import Pattern
from mnist_cnn.reading.picture import WORKING_SIDE, Part, Source, load, part_of
from mnist_cnn.reading.reader import Reader, reader_of
from mnist_cnn.reading.reading import Reading, Row
from mnist_cnn.sheets.registration import Reference, Registration
from mnist_cnn.sheets.spreadsheet import OTHER
from mnist_cnn.sheets.template import FormField, FormTemplate

EMPTY = "_"  # a place without a digit between others
MOST_TIMES = 2.0  # as large as the reference a scan is seen at most
PRINT = 5  # pixels around what is printed on the reference that is not writing
UNSEEN = Value("number", REJECTED, 0.0)  # of a field that is not in the image

Places = tuple[str | None, ...]
"""One entry for each place of a field: a digit, None if it is empty, "?" or "other"."""


@dataclass(frozen=True, eq=False)
class FieldValue:
    """What is in a field of a form.

    `value` is what a cell holds: its `kind`, `text` and `confidence`. `places` has one entry for each place, if the
    field has any: the digit, None for an empty one, "?" or "other" for what is no single digit. `corners` (4, 2) are in
    pixels of the upright scan.
    """

    field: FormField
    value: Value
    places: Places | None
    corners: np.ndarray

    @property
    def text(self) -> str:
        """What was read: "" in a blank field."""
        return self.value.text

    @property
    def confidence(self) -> float:
        """The probability, 0 to 1, that it is right."""
        return self.value.confidence

    @property
    def is_doubtful(self) -> bool:
        """Whether a person should look at it."""
        unclear = self.value.kind == "number" and self.field.expect is None and self.value.value is None
        return self.confidence < SURE or REJECTED in self.text or unclear or self.value.kind == OTHER

    def to_dict(self) -> dict[str, Any]:
        """As a JSON document."""
        places = {} if self.places is None else {"places": list(self.places)}
        document = {"field": self.field.name, **self.value.to_dict(), "doubtful": self.is_doubtful, **places}
        return {**document, "corners": np.round(self.corners, 1).tolist()}


@dataclass(frozen=True, eq=False)
class Form:
    """The values of a form's fields, in the order of the template, read from one scan.

    `registration`, 0 to 1, is how much of what is printed on the reference scan was found in its place. `page` of
    `pages` says which page of the file it is. `view` (h, w) uint8 is the scan laid over the reference.
    """

    values: tuple[FieldValue, ...]
    registration: float
    page: int = 1
    pages: int = 1
    view: np.ndarray | None = field(default=None, repr=False)

    def __getitem__(self, name: str) -> FieldValue:
        """The value of the field of this name; raises KeyError if there is none."""
        found = next((value for value in self.values if value.field.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    @property
    def texts(self) -> dict[str, str]:
        """What was read, by the names of the fields."""
        return {value.field.name: value.text for value in self.values}

    def to_dict(self) -> dict[str, Any]:
        """As a JSON document."""
        fields = [value.to_dict() for value in self.values]
        return {"page": self.page, "pages": self.pages, "registration": self.registration, "fields": fields}


class FormReader:
    """Reads forms of one template. Raises TemplateError if too little is printed on its reference scan."""

    def __init__(self, template: FormTemplate, reader: Reader) -> None:
        self.template, self.reader = template, reader
        self.reference = Reference(template.grey)
        if not self.reference.is_distinct:
            raise TemplateError(
                "Too little is printed on the reference scan to register other scans by: scan a form with its labels "
                "and lines, larger or in focus."
            )
        self.times = min(MOST_TIMES, max(1.0, WORKING_SIDE / max(template.grey.shape)))
        larger = cv2.resize(template.grey, None, fx=self.times, fy=self.times, interpolation=cv2.INTER_CUBIC)
        self.printed = cv2.dilate(lines_of(np.asarray(larger)), np.ones((PRINT, PRINT), np.uint8))

    def read(self, image: Source | Part) -> Form:
        """Read one scan. Raises ImageError if it cannot be opened, RegistrationError if it does not show the form."""
        picture = load(image)
        try:
            registration = self.reference.register(picture.grey)
        except RegistrationError as error:
            source = image.source if isinstance(image, Part) else image
            name = str(source) if isinstance(source, str | Path) else "The image"
            told = RegistrationError(
                f"{name} cannot be registered ({error}): photograph the whole form, flat and in focus, or choose its "
                "template."
            )
            told.page, told.pages = picture.page, picture.pages
            raise told from error
        view = registration.view(self.times)
        values = self.values(view, registration, np.array(picture.scale, np.float32))
        return Form(tuple(values), registration.quality, picture.page, picture.pages, view)

    def values(self, view: np.ndarray, registration: Registration, scale: np.ndarray) -> list[FieldValue]:
        """The values of all fields in the `view` (h, w) of a registered scan, whose pixels have this `scale`."""
        written = np.asarray(cv2.bitwise_and(lines_of(view), cv2.bitwise_not(self.printed)))
        reading = self.reader.read(view)
        found = []
        for one, box in zip(self.template.fields, self.template.boxes, strict=True):
            corners = cv2.perspectiveTransform(corners_of_box(box)[None], registration.back)[0]
            places: Places | None = None
            if is_outside(corners, registration.grey.shape):
                value, places = UNSEEN, None if one.places is None else (REJECTED,) * one.places
            elif one.places:
                boxes = places_of(box * self.times, one.places)
                level = LevelView(view, boxes, boxes, np.eye(3))
                value, places = in_places(level, reading, one.pattern, self.reader.min_confidence)
            else:
                value = in_field(written, box * self.times, reading, one.pattern)
            found.append(FieldValue(one, value, places, corners * scale))
        return found


def read_form(
    template: FormTemplate | str | Path,
    image: Source,
    *,
    model: Any = None,
    min_confidence: float | None = None,
    page: int | None = None,
) -> Form:
    """Read the fields of a form in a scan or photograph of it, also one at an angle or turned.

    `template` says which form it is, as `FormTemplate` or the path of one; `model` and `min_confidence` are those of
    `Reader`, `page` that of `Reader.read`. Raises TemplateError for a template that cannot be used, ImageError if the
    image cannot be opened, its subclass RegistrationError if it does not show the form, and what `Reader` raises.
    """
    if not isinstance(template, FormTemplate):
        template = FormTemplate.load(template)
    return form_reader_of(template, reader_of(model, min_confidence)).read(part_of(image, page, None))


@lru_cache(maxsize=4)
def form_reader_of(template: FormTemplate, reader: Reader) -> FormReader:
    """The reader of a template's forms, kept for the next scan."""
    return FormReader(template, reader)


def in_field(written: np.ndarray, box: np.ndarray, reading: Reading, pattern: Pattern | None) -> Value:
    """The value in a box (4,) of a view in which this is written, (h, w) uint8, and of which this is the reading.

    Numbers with a wide gap between them, and rows, are separated by spaces, unless a pattern says what they are.
    """
    value = value_in(written, box, box, reading)
    if value.kind != "number":
        return value
    rows = [row for row in (part_of_row(row, box, box) for row in reading.rows) if row]
    if pattern:
        items = [row.with_possible_marks.items for row in rows] or [value.row.items]
        taken = set(map(id, value.row.items))
        inside = [one for one in reading.candidates if is_in(one, box) and id(one) not in taken]
        said = expected_of([*chain(*with_candidates(items, inside))], pattern)
        return Value("number", said.text, said.confidence, value.row)
    numbers = [number for row in rows for number in row.numbers]
    if len(numbers) == 1 and numbers[0].text == value.text:
        return value
    text = " ".join(row.text for row in rows) or value.text
    return replace(value, text=text)


def in_places(level: LevelView, reading: Reading, pattern: Pattern | None, least: float) -> tuple[Value, Places]:
    """The value in the places for one digit each of a view, of which this is the reading, and the entry of each.

    A digit less probable than `least` is "?", and so are several in one place.
    """
    known = known_by(reading)
    digits: list[Digit] = []
    entries: list[str | None] = []
    others = 1.0
    for probable, box in zip(contents_of(level, known), level.boxes, strict=True):
        kind = kind_of(probable)
        if kind == DIGIT:
            digits.append(digit_in(probable, level.grey, box, known_in(corners_of_box(box), known), least))
            entries.append(digits[-1].text)
        else:
            others *= float(probable[kind])
            entries.append({BLANK: None, NO_DIGIT: OTHER}.get(kind, REJECTED))
    filled = [index for index, entry in enumerate(entries) if entry is not None]
    if not filled:
        return Value("blank", "", others), tuple(entries)
    confidence = others * prod(digit.confidence for digit in digits)
    if pattern and len(digits) == len(filled):
        said = expected_of([surely_a_digit(digit) for digit in digits], pattern)
        chars = said.text if len(said.text) == len(filled) else REJECTED * len(filled)
        for index, char in zip(filled, chars, strict=True):
            entries[index] = char
        confidence = others * said.confidence
    shown = [EMPTY if entry is None else entry if len(entry) == 1 else REJECTED for entry in entries]
    return Value("number", "".join(shown).strip(EMPTY), confidence, Row(digits)), tuple(entries)


def surely_a_digit(digit: Digit) -> Digit:
    """A digit without the probability of being none, for a place that certainly holds one."""
    least = min(digit.probabilities)
    rest = sum(digit.probabilities) - len(digit.probabilities) * least
    return replace(digit, probabilities=tuple((one - least) / rest for one in digit.probabilities)) if rest else digit


def places_of(box: np.ndarray, count: int) -> np.ndarray:
    """The boxes (n, 4) of so many places in a row that are as wide."""
    left, top, right, bottom = box
    edges = np.linspace(left, right, count + 1)
    return np.stack([edges[:-1], np.full(count, top), edges[1:], np.full(count, bottom)], axis=1)


def is_outside(corners: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether corners (4, 2) are not all in an image of this shape (h, w)."""
    height, width = shape
    return bool((corners < -1).any() or (corners > (width + 1, height + 1)).any())
