"""A process that reads: lists of images come in, and equally long lists of results go out (`workers.call_process`).

It is started with `ReaderOptions` in JSON.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2

from mnist_cnn.errors import ImageError, TemplateError
from mnist_cnn.reading.picture import Document, Part, Source, part_of, upright, whole_of
from mnist_cnn.reading.reader import MEMORY, Reader
from mnist_cnn.reading.reading import Reading
from mnist_cnn.reading.region import Region
from mnist_cnn.sheets.form import Form, FormReader
from mnist_cnn.sheets.template import FormTemplate
from mnist_cnn.workers.call_process import answer_calls, time_limit

Result = Reading | ImageError
"""What became of an image: its reading, or why it could not be read."""
FormResult = Form | ImageError
"""The same of an image of a form."""

SECONDS = 30.0  # for one image; the slowest that is known takes 3


@dataclass(frozen=True)
class ReaderOptions:
    """How images are to be read: the arguments of `Reader` and of `Reader.read`, and the limits for one page.

    `region` is (x, y, width, height). With `keep_pixels`, the `source` of each reading is the upright image, at most
    1600 pixels long; otherwise None. With `boxes`, it says what is in boxes that are drawn for digits. With a
    `template`, the path of one, the results are forms; its bytes must have the hash `template_sha256`.
    """

    model: str | None = None
    min_confidence: float | None = None
    single: bool = False
    keep_pixels: bool = False
    region: tuple[int, int, int, int] | None = None
    boxes: bool = False
    template: str | None = None
    template_sha256: str | None = None
    seconds: float = SECONDS
    memory: int = MEMORY

    def reader(self) -> Reader:
        """A reader with these options; raises as `Reader` does."""
        return Reader(self.model, self.min_confidence)

    def form_reader(self) -> FormReader | None:
        """A reader of forms if there is a template; raises as `FormReader`, and TemplateError if it has changed."""
        if self.template is None:
            return None
        template = FormTemplate.load(self.template)
        if template.sha256 != self.template_sha256:
            raise TemplateError(f"The template {self.template} was changed meanwhile: start again.")
        return FormReader(template, self.reader())

    def to_json(self) -> str:
        """The options as one argument of a command line."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Page:
    """A page of an image file to read, counted from 1, and how many pages it has."""

    image: str | Path | bytes
    number: int
    pages: int


Task: TypeAlias = Source | Page
"""What a process is asked to read: an image, which means its first page, or one of its pages."""


def document_of(name: str | None, result: Result) -> dict[str, Any]:
    """What `read --json` prints for a page; of an error the page only if its file has several."""
    if isinstance(result, Reading):
        return {"path": name, **result.to_dict()}
    page = {"page": result.page, "pages": result.pages} if result.pages > 1 else {}
    return {"path": name, **page, "error": str(result)}


class PageReader:
    """Reads images, and later pages of them, each within the limits; an image of which a page was read stays open.

    So all frames of an animation are decoded once: without that, each would be decoded again for every frame after it.
    """

    def __init__(self, options: ReaderOptions) -> None:
        self.options, self.reader = options, options.reader()
        self.forms = options.form_reader()
        self.region = None if options.region is None else Region.of(options.region)
        self.image: Source | None = None
        self.document: Document | None = None

    def read(self, task: Task) -> Result | FormResult:
        """Do a task within the limits."""
        try:
            with time_limit(self.options.seconds):
                return self.read_page(task) if isinstance(task, Page) else self.read_image(task)
        except ImageError as error:
            return error
        except MemoryError:
            image = task.image if isinstance(task, Page) else task
            name = image if isinstance(image, str) else "the image"
            return ImageError(
                f"{name} needs more than {self.options.memory >> 20} MiB of memory: crop it or shrink it."
            )

    def read_image(self, image: Source) -> Reading | Form:
        """Read the first page by itself, because in a batch the last bits of a probability may differ."""
        self.close()
        return self.read_part(part_of(image, None, self.region))

    def read_page(self, page: Page) -> Reading | Form:
        """Read another page."""
        if self.document is None or page.image != self.image:
            self.close()
            self.document, self.image = Document(page.image), page.image
        return self.read_part(Part(self.document, page.number, self.region))

    def read_part(self, part: Source | Part) -> Reading | Form:
        """Read what is wanted of an image."""
        if self.forms:
            return replace(self.forms.read(part), view=None)
        source = upright(whole_of(part))[0] if self.options.keep_pixels else None
        return replace(self.reader.read_part(part, self.options.single, boxes=self.options.boxes), source=source)

    def close(self) -> None:
        """Close the image that is open."""
        if self.document:
            self.document.close()
        self.document = self.image = None


def answering(options: ReaderOptions) -> Callable[[Sequence[Task]], list[Result | FormResult]]:
    """The function that answers a list of tasks; raises as `Reader`."""
    cv2.setNumThreads(1)  # the other cores have processes of their own
    reader = PageReader(options)
    return lambda tasks: [reader.read(task) for task in tasks]


def main() -> None:
    """Answer until standard input ends."""
    options = ReaderOptions(**json.loads(sys.argv[1]))
    answer_calls(lambda: answering(options), options.memory)
