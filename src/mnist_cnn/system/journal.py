"""A file of JSON lines that a long run adds to, so that it can be resumed. Knows nothing of contents."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mnist_cnn.system.files import append, is_plain, write_whole

Line = dict[str, Any]


class DamagedError(Exception):
    """The file is none that a run left."""


def begin(path: Path, first: Line) -> None:
    """Begin a new file with a first line, which says what the run is; raises OSError."""
    write_whole(path, text_of(first))


def add(path: Path, line: Line) -> None:
    """Add a line; raises OSError."""
    append(path, text_of(line).encode())


def text_of(line: Line) -> str:
    """A line with its end."""
    return f"{json.dumps(line)}\n"


def lines_of(path: Path) -> Iterator[Line]:
    """All lines of a file, without one at its end that a process began when it was killed.

    Raises OSError, and DamagedError, also for what is not a regular file.
    """
    if not is_plain(path):
        raise DamagedError
    with path.open(encoding="utf-8", newline="\n") as stream:
        try:
            for line in stream:
                if line.endswith("\n"):
                    document = json.loads(line)
                    if not isinstance(document, dict):
                        raise DamagedError
                    yield document
        except (ValueError, RecursionError) as error:
            raise DamagedError from error
