"""A process that reads: pickled lists of images come in on standard input, and equally long lists of results go out.

It is started with `ReaderOptions` in JSON, first answers an empty list when it is ready, and ends with its input.
"""

import json
import os
import pickle
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from mnist_cnn.errors import ImageError
from mnist_cnn.reading.picture import Source
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.reading import Reading

Result = Reading | ImageError
"""What became of an image: its reading, or why it could not be read."""


@dataclass(frozen=True)
class ReaderOptions:
    """How images are to be read: the arguments of `Reader` and of `Reader.read`."""

    model: str | None = None
    min_confidence: float | None = None
    single: bool = False

    def reader(self) -> Reader:
        """A reader with these options; raises as `Reader` does."""
        return Reader(self.model, self.min_confidence)

    def to_json(self) -> str:
        """The options as one argument of a command line."""
        return json.dumps(asdict(self))


def read_each(reader: Reader, images: Sequence[Source], single: bool) -> list[Result]:
    """Read images one by one: in a batch, the last bits of a probability may differ."""
    results: list[Result] = []
    for image in images:
        try:
            results.append(replace(reader.read(image, single), source=None))  # it is not sent back
        except ImageError as error:
            results.append(error)
    return results


def main() -> None:
    """Answer until standard input ends."""
    import cv2

    options = ReaderOptions(**json.loads(sys.argv[1]))
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a library prints is not an answer
        cv2.setNumThreads(1)  # the other cores have processes of their own
        reader = options.reader()
        images: list[Source] = []
        while True:
            try:
                pickle.dump(read_each(reader, images, options.single), answers, pickle.HIGHEST_PROTOCOL)
                answers.flush()
                images = pickle.load(sys.stdin.buffer)  # noqa: S301  from the process that started this one
            except (EOFError, OSError):  # which is gone
                os._exit(0)
