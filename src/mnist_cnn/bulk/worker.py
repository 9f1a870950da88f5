"""A process that reads: lists of pictures come in on standard input, pickled, and as long lists of results go out.

It is begun with a `Question` in JSON and first answers an empty list: it is ready. It ends with its standard input.
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
"""What became of a picture: it was read, or why it could not be."""


@dataclass(frozen=True)
class Question:
    """How pictures are to be read: as the arguments of `Reader` and of `Reader.read`."""

    model: str | None = None
    min_confidence: float | None = None
    single: bool = False

    def reader(self) -> Reader:
        """A reader for it; raises as `Reader` does."""
        return Reader(self.model, self.min_confidence)

    def to_json(self) -> str:
        """The question as one word of a command line."""
        return json.dumps(asdict(self))


def read_each(reader: Reader, pictures: Sequence[Source], single: bool) -> list[Result]:
    """Read one picture after the other. Not together: in a batch the last bits of a probability may be others."""
    results: list[Result] = []
    for picture in pictures:
        try:
            results.append(replace(reader.read(picture, single), source=None))  # it is not sent back
        except ImageError as error:
            results.append(error)
    return results


def main() -> None:
    """Answer until standard input ends."""
    import cv2

    question = Question(**json.loads(sys.argv[1]))
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a library prints is none of them
        cv2.setNumThreads(1)  # the other cores have processes of their own
        reader = question.reader()
        pictures: list[Source] = []
        while True:
            try:
                pickle.dump(read_each(reader, pictures, question.single), answers, pickle.HIGHEST_PROTOCOL)
                answers.flush()
                pictures = pickle.load(sys.stdin.buffer)  # noqa: S301  from the process that began this one
            except (EOFError, OSError):  # which is gone
                os._exit(0)
