"""A run over scans of a form, kept image by image in a file beside the output, so that it can be resumed.

That file, called like the output with `.partial`, has a line that says what the run is, and one for each image that is
finished. When all are, the output is written of it, whole, and it is deleted.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from mnist_cnn.errors import RunError
from mnist_cnn.sheets.form_rows import Document
from mnist_cnn.system import journal
from mnist_cnn.system.files import locked, write_whole
from mnist_cnn.system.journal import DamagedError, Line

Stamp = list[int] | None
"""The size of a file and when it was changed, in nanoseconds; None where there is none."""


def partial_of(output: Path) -> Path:
    """Where a run keeps its results until it is complete."""
    return output.with_name(f"{output.name}.partial")


@dataclass(frozen=True)
class FormRun:
    """A run that is under way: where its results are kept, and the images that were `finished` when it began."""

    partial: Path
    finished: frozenset[str]

    def add(self, name: str, pages: Sequence[Document]) -> None:
        """Keep the results of all pages of an image; raises OSError."""
        journal.add(self.partial, {"path": name, "stamp": stamp_of(name), "pages": list(pages)})

    def documents(self) -> Iterator[Document]:
        """The results of all pages that were read, in the order of reading."""
        return chain.from_iterable(line["pages"] for line in islice(journal.lines_of(self.partial), 1, None))


@contextmanager
def form_run(output: Path, about: Line, *, resume: bool) -> Iterator[FormRun]:
    """Begin a run `about` this, or with `resume` go on with one that was stopped, alone.

    Images that have changed since they were read are to be read again. Raises RunError if it was stopped and is not to
    be resumed, or was about something else, if another process is at it, or if its results cannot be kept.
    """
    partial = partial_of(output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with locked(partial.with_name(f".{partial.name}.lock")) as alone:
            if not alone:
                raise RunError(f"{partial} is in use by another process: wait until it has ended.")
            yield FormRun(partial, resumed(partial, about) if begun(partial, resume=resume) else new(partial, about))
    except OSError as error:
        raise RunError(f"{output} cannot be written ({error.strerror}): name another file.") from error


def begun(partial: Path, *, resume: bool) -> bool:
    """Whether there is a run to resume; raises RunError if there is one that is not to be."""
    exists = partial.exists() or partial.is_symlink()
    if exists and not resume:
        raise RunError(
            f"{partial} has the results of a run that was stopped: add --resume to continue it, or delete it."
        )
    return exists


def new(partial: Path, about: Line) -> frozenset[str]:
    """Begin a run."""
    journal.begin(partial, about)
    return frozenset()


def resumed(partial: Path, about: Line) -> frozenset[str]:
    """The images that a stopped run has finished, but for those that have changed; the file keeps no other results."""
    try:
        first, *lines = journal.lines_of(partial)
        kept = [line for line in lines if line["stamp"] and stamp_of(line["path"]) in (line["stamp"], None)]
    except (DamagedError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{partial} is damaged: delete it, and all images are read again.") from error
    if first != about:
        different = ", ".join(name for name in about if first.get(name) != about[name]) or "version"
        raise RunError(f"{partial} is of a run with another {different}: repeat that command, or delete the file.")
    write_whole(partial, "".join(map(journal.text_of, [first, *kept])))
    return frozenset(line["path"] for line in kept)


def stamp_of(name: str) -> Stamp:
    """The stamp of the file of this name."""
    try:
        about = Path(name).stat()
    except (OSError, ValueError):
        return None
    return [about.st_size, about.st_mtime_ns]
