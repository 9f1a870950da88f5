"""Reads forms: a template and a scan come in, the values of its fields go out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mnist_cnn.errors import RegistrationError, TemplateError
from mnist_cnn.reading.cell_values import SURE, Value, is_in, value_in
from mnist_cnn.reading.cells import lines_of
from mnist_cnn.reading.digit import REJECTED, Digit
from mnist_cnn.reading.expectation import expected_of, with_candidates
from mnist_cnn.reading.number import value_of
from mnist_cnn.reading.patterns import Pattern
from mnist_cnn.reading.picture import Part, Source, load, part_of
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.reading import Reading, Row
from mnist_cnn.sheets.registration import Reference, Registration
from mnist_cnn.sheets.template import FormField, FormTemplate

EMPTY = "_"  # a place without a digit between others
OTHER = "other"
PRINT = 5  # pixels around what is printed on the reference that is not writing


@dataclass(frozen=True, eq=False)
class FieldValue:
    """What is in a field of a form.

    `value` is what a cell holds: its `kind`, `text` and `confidence`. `places` has one entry for each place, if the
    field has any: the digit, None for an empty one, "?" or "other" for what is no single digit. `corners` (4, 2) are in
    pixels of the upright scan.
    """

    field: FormField
    value: Value
    places: tuple[str | None, ...] | None
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
        unclear = self.value.kind == "number" and self.field.pattern is None and self.value.value is None
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
    """Reads forms of one template; `model` and `min_confidence` are those of `Reader`.

    Raises TemplateError if too little is printed on the reference scan, and what `Reader` raises.
    """

    def __init__(
        self, template: FormTemplate, model: Any = None, min_confidence: float | None = None
    ) -> None:
        self.template, self.reader = template, Reader(model, min_confidence)
        self.reference = Reference(template.grey)
        if not self.reference.is_distinct:
            raise TemplateError(
                "Too little is printed on the reference scan to register other scans by: scan a form with its labels "
                "and lines, larger or in focus."
            )
        self.printed = cv2.dilate(lines_of(template.grey), np.ones((PRINT, PRINT), np.uint8))

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
        values = self.values(registration, np.array(picture.scale, np.float32), picture.grey.shape)
        return Form(tuple(values), registration.quality, picture.page, picture.pages, registration.view)
