"""A template of a form: a reference scan and the fields on it, as a JSON file. Knows nothing of how forms are read."""

import base64
import binascii
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from mnist_cnn.errors import ImageError, ReaderError, TemplateError
from mnist_cnn.reading.patterns import LONGEST, Pattern, pattern_of
from mnist_cnn.reading.picture import LARGEST, Document, Part, Source, load
from mnist_cnn.reading.region import Region
from mnist_cnn.system.files import read_limited, write_whole
from mnist_cnn.system.schema import AnyOf, Fields, ListOf, Number, Text, too_deep

FORMAT, VERSION = "mnist-cnn form template", 1
MOST_BYTES = 2**24  # of a file
MOST_FIELDS, MOST_PLACES, MOST_BOXES = 300, 64, 2000  # of a template, of a field, and of all fields together
LONGEST_NAME = 80  # characters
SMALLEST = 4  # pixels: the shorter side of a box
UNEVEN = 0.02  # by which the proportions of the image may differ from those of the reference scan
FORMATS = ("PNG", "JPEG")
RESERVED = ("path", "page", "doubtful", "error")  # the other columns of a table of forms

SIDE = Number(1, LARGEST, whole=True)
FIELD = Fields(
    {"name": Text(LONGEST_NAME), "box": ListOf(Number(0, LARGEST, whole=True), length=4)},
    {"expect": AnyOf(Text(LONGEST), or_null=True), "places": AnyOf(Number(1, MOST_PLACES, whole=True), or_null=True)},
)
DOCUMENT = Fields(
    {
        "version": Number(1, 1_000_000, whole=True),
        "width": SIDE,
        "height": SIDE,
        "image": Text(MOST_BYTES),
        "fields": ListOf(FIELD, longest=MOST_FIELDS),
    }
)


@dataclass(frozen=True)
class FormField:
    """A field of a form: its name, and its box (left, top, width, height) in pixels of the reference scan.

    `expect` says what is written in it, as `read --expect` takes it; `places` how many boxes for one digit each it
    has, in a row and equally wide. Raises TemplateError for a name, box or number out of range, and for a pattern that
    is none.
    """

    name: str
    box: tuple[int, int, int, int]
    expect: str | None = None
    places: int | None = None

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "box", astuple(Region.of(self.box)))
            _ = self.pattern
        except ReaderError as error:
            raise TemplateError(f"The field {self.name!r:.60}: {error}") from error
        document = {"name": self.name, "box": list(self.box), "expect": self.expect, "places": self.places}
        if fault := FIELD.fault(document, "the field"):
            raise TemplateError(f"A template cannot have this field: {fault}.")
        if not self.name.strip() or not self.name.isprintable() or self.name.lower() in RESERVED:
            raise TemplateError(
                f"A field cannot be called {self.name!r}: name it by printable characters, and not "
                f"{', '.join(RESERVED[:-1])} or {RESERVED[-1]}."
            )
        if min(self.region.width, self.region.height) < SMALLEST:
            raise TemplateError(f"The box of the field {self.name!r} is narrower than {SMALLEST} pixels: enlarge it.")

    @property
    def pattern(self) -> Pattern | None:
        """What is expected in it."""
        return None if self.expect is None else pattern_of(self.expect)

    @property
    def region(self) -> Region:
        """Its box."""
        return Region(*self.box)

    def to_dict(self) -> dict[str, Any]:
        """As a JSON document."""
        more = {"expect": self.expect, "places": self.places}
        return {"name": self.name, "box": list(self.box), **{k: v for k, v in more.items() if v is not None}}


@dataclass(frozen=True)
class FormTemplate:
    """A form: its fields, the size of its reference scan, in whose pixels boxes are, and the scan as a PNG or JPEG.

    The image may be smaller than the scan was. Raises TemplateError for what is out of range, or does not fit together.
    """

    fields: tuple[FormField, ...]
    width: int
    height: int
    image: bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", tuple(self.fields))
        if not 1 <= len(self.fields) <= MOST_FIELDS:
            raise TemplateError(
                f"A template has 1 to {MOST_FIELDS} fields (got {len(self.fields)}): draw some, or fewer."
            )
        if double := next((name for name, count in Counter(self.names).items() if count > 1), None):
            raise TemplateError(f"Two fields are called {double!r}: give each a name of its own.")
        if sum(field.places or 1 for field in self.fields) > MOST_BOXES:
            raise TemplateError(f"The fields have more than {MOST_BOXES:,} places for digits: divide the template.")
        for field in self.fields:
            left, top, wide, high = field.box
            if left + wide > self.width or top + high > self.height:
                raise TemplateError(
                    f"The box {field.region} of the field {field.name!r} is not inside the reference scan "
                    f"({self.width:,} × {self.height:,} pixels): move it."
                )
        height, width = self.grey.shape
        if abs(width * self.height / (height * self.width) - 1) > UNEVEN:
            raise TemplateError(
                f"The image of the template ({width:,} × {height:,} pixels) has not the proportions of the reference "
                f"scan ({self.width:,} × {self.height:,}): make the template again."
            )

    @cached_property
    def grey(self) -> np.ndarray:
        """The reference scan, (h, w) uint8, at most 1600 pixels long."""
        try:
            with Document(self.image, FORMATS) as document:
                return load(Part(document)).grey
        except ImageError as error:
            raise TemplateError(f"The image of the template cannot be used: {error}") from error

    @property
    def sha256(self) -> str:
        """The hash of all that it says, in hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def names(self) -> list[str]:
        """The names of the fields."""
        return [field.name for field in self.fields]

    @property
    def boxes(self) -> np.ndarray:
        """The boxes (n, 4) of the fields in pixels of `grey`: left, top, right and bottom."""
        height, width = self.grey.shape
        edges = [(left, top, left + wide, top + high) for left, top, wide, high in (one.box for one in self.fields)]
        return np.array(edges, float) * (np.array([width, height] * 2) / ([self.width, self.height] * 2))

    @classmethod
    def of(cls, image: Source, fields: Iterable[FormField]) -> Self:
        """A template of a reference scan: a blank form, scanned or photographed flat.

        Raises ImageError if it cannot be opened, and TemplateError as the class.
        """
        picture = load(image)
        stream = io.BytesIO()
        Image.fromarray(picture.grey).save(stream, "PNG")
        return cls(tuple(fields), picture.width, picture.height, stream.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load a template. Raises TemplateError if it cannot be read, or is none."""
        try:
            content = read_limited(Path(path), MOST_BYTES)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "invalid file name"
            raise TemplateError(f"The template {path} cannot be read ({reason}): check the path.") from error
        try:
            return cls.from_json(content)
        except TemplateError as error:
            raise TemplateError(f"The template {path} cannot be used. {error}") from error

    @classmethod
    def from_json(cls, content: bytes | str) -> Self:
        """The template in a JSON document; raises TemplateError as `load`."""
        try:
            document = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise TemplateError("It is no JSON document: make it again on the page /template of `serve`.") from error
        if not isinstance(document, dict) or document.get("format") != FORMAT or too_deep(document):
            raise TemplateError(f"It is no template of a form: its `format` is not {FORMAT!r}.")
        if fault := DOCUMENT.fault(document, ""):
            raise TemplateError(f"In it, {fault}.")
        if document["version"] != VERSION:
            raise TemplateError(f"It has version {document['version']}, of which nothing is known: update mnist-cnn.")
        try:
            image = base64.b64decode(document["image"], validate=True)
        except (binascii.Error, ValueError) as error:
            raise TemplateError("Its image is not written in Base64: make the template again.") from error
        return cls(
            tuple(
                FormField(one["name"], tuple(one["box"]), one.get("expect"), one.get("places"))
                for one in document["fields"]
            ),
            document["width"],
            document["height"],
            image,
        )

    def to_json(self) -> str:
        """As a JSON document."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "width": self.width,
            "height": self.height,
            "fields": [field.to_dict() for field in self.fields],
            "image": base64.b64encode(self.image).decode(),
        }
        return json.dumps(document, indent=1) + "\n"

    def save(self, path: str | Path) -> None:
        """Write it to a new file. Raises TemplateError if there is one already, or it cannot be written."""
        path = Path(path)
        if path.exists() or path.is_symlink():
            raise TemplateError(f"{path} already exists and nothing is overwritten: name another file.")
        try:
            write_whole(path, self.to_json())
        except OSError as error:
            raise TemplateError(f"{path} cannot be written ({error.strerror}): name another file.") from error
