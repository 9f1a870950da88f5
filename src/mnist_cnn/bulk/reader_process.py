"""A process that reads: lists of images come in, and equally long lists of results go out (`workers.call_process`).

It is started with `ReaderOptions` in JSON.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import cv2

from mnist_cnn.errors import ImageError
from mnist_cnn.reading.picture import Source, upright
from mnist_cnn.reading.reader import MEMORY, Reader
from mnist_cnn.reading.reading import Reading
from mnist_cnn.workers.call_process import answer_calls, time_limit

Result = Reading | ImageError
"""What became of an image: its reading, or why it could not be read."""

SECONDS = 30.0  # for one image; the slowest that is known takes 3


@dataclass(frozen=True)
class ReaderOptions:
    """How images are to be read: the arguments of `Reader` and of `Reader.read`, and the limits for one image.

    With `keep_pixels`, the `source` of each reading is the upright image, at most 1600 pixels long; otherwise None.
    """

    model: str | None = None
    min_confidence: float | None = None
    single: bool = False
    keep_pixels: bool = False
    seconds: float = SECONDS
    memory: int = MEMORY

    def reader(self) -> Reader:
        """A reader with these options; raises as `Reader` does."""
        return Reader(self.model, self.min_confidence)

    def to_json(self) -> str:
        """The options as one argument of a command line."""
        return json.dumps(asdict(self))


def read_one(reader: Reader, image: Source, options: ReaderOptions) -> Result:
    """Read an image within the limits: by itself, because in a batch the last bits of a probability may differ."""
    try:
        with time_limit(options.seconds):
            source = upright(image)[0] if options.keep_pixels else None
            return replace(reader.read(image, options.single), source=source)
    except ImageError as error:
        return error
    except MemoryError:
        name = image if isinstance(image, str) else "the image"
        return ImageError(f"{name} needs more than {options.memory >> 20} MiB of memory: crop it or shrink it.")


def answering(options: ReaderOptions) -> Callable[[Sequence[Source]], list[Result]]:
    """The function that answers a list of images; raises as `Reader`."""
    cv2.setNumThreads(1)  # the other cores have processes of their own
    reader = options.reader()
    return lambda images: [read_one(reader, image, options) for image in images]


def main() -> None:
    """Answer until standard input ends."""
    options = ReaderOptions(**json.loads(sys.argv[1]))
    answer_calls(lambda: answering(options), options.memory)
