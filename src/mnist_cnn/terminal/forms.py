"""How forms look on a terminal, and the files that are written of them."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from mnist_cnn.bulk.local_reading import LocalReaders
from mnist_cnn.callbacks.progress import note
from mnist_cnn.errors import RunError
from mnist_cnn.reading.picture import Source
from mnist_cnn.sheets.form_rows import Document, confidences_row, document_of, heading, values_row, workbook
from mnist_cnn.sheets.spreadsheet import csv_line, new_workbook
from mnist_cnn.system.files import whole_file, write_whole
from mnist_cnn.system.journal import Line
from mnist_cnn.terminal.form_run import FormRun, form_run, partial_of
from mnist_cnn.terminal.new_files import confidences_of, require_absent
from mnist_cnn.terminal.readings import STANDARD_INPUT, by_image, complain, expanded, progress
from mnist_cnn.terminal.screen import show, stdout
from mnist_cnn.terminal.tables import output_files

FORMATS = (".csv", ".xlsx", ".jsonl", ".json")

Pages = list[Document]
"""What was read of all pages of an image."""


@dataclass
class Counts:
    """How many forms were read, how many of their fields are doubtful, and how many images or pages failed."""

    forms: int = 0
    fields: int = 0
    doubtful: int = 0
    failed: int = 0

    def add(self, document: Document) -> None:
        """Count one page."""
        fields = document.get("fields", [])
        self.forms += "error" not in document
        self.failed += "error" in document
        self.fields += len(fields)
        self.doubtful += sum(one["doubtful"] for one in fields)

    def summary(self, output: Path | None) -> str:
        """In a sentence."""
        forms = f"{self.forms:,} form{'' if self.forms == 1 else 's'}"
        failed = f"; {self.failed:,} not read (column error)" if self.failed else ""
        what = f"{forms}, {self.fields:,} fields, {self.doubtful:,} doubtful{failed}"
        return f"Saved to {output}: {what}" if output else what


@dataclass
class Scans:
    """The images that are to be read by `readers`, and the words that name none with what to say of them."""

    readers: LocalReaders
    names: list[str]
    quiet: bool
    failed: list[Document] = field(default_factory=list)

    def read(self, finished: Iterable[str] = ()) -> Iterator[tuple[str, Pages]]:
        """Each image that is not `finished` with all its pages, as they come."""
        skipped = set(finished)
        names = [name for name in self.names if name not in skipped]
        sources: list[Source] = [sys.stdin.buffer.read() if name == STANDARD_INPUT else name for name in names]
        with closing(self.readers.read_forms(sources)) as results:
            images = progress(by_image(results), "Reading", len(names), self.quiet)
            for name, pages in zip(names, images, strict=True):
                documents = [document_of(name, page) for page in pages]
                for document in documents:
                    if "error" in document:
                        complain(document["error"])
                yield name, documents


def read_scans(
    readers: LocalReaders,
    words: Sequence[str],
    columns: Sequence[str],
    about: Line,
    *,
    output: Path | None,
    resume: bool,
    quiet: bool,
    as_json: bool,
) -> bool:
    """Read the forms on scans, and show them or write them to files; False if a scan could not be read.

    `columns` are the names of the fields, and `about` says of what template and model the readers are. Raises what
    `LocalReaders.start` raises, and ReaderError or RunError if the files cannot be written, before anything is read.
    """
    stdout.only_prints = output is None
    files = files_of(output, resume=resume) if output else []
    if output and output.suffix.lower() == ".xlsx":
        new_workbook()
    names, failed = expanded(words)
    scans = Scans(readers, names, quiet, [document_of(word, error) for word, error in failed])
    readers.start()
    counts = Counts()
    if output:
        with form_run(output, about, resume=resume) as run:
            read_into(run, scans)
            for document in documents_of(run, scans):
                counts.add(document)
            write(files, columns, run, scans)
            run.partial.unlink()
    else:
        show_forms(scans, columns, counts, as_json=as_json)
    if not quiet:
        note(counts.summary(output))
    return not counts.failed


def files_of(output: Path, *, resume: bool) -> list[Path]:
    """The output, and of a CSV file the one of confidences, which is written before it. None may exist.

    A run that is resumed may have been stopped between the two.
    """
    if resume and partial_of(output).exists():
        require_absent(output)
        return [output, confidences_of(output)]
    return output_files(output, FORMATS)


def read_into(run: FormRun, scans: Scans) -> None:
    """Read all images that the run has not finished; what is read is kept when the program is stopped."""
    if run.finished and not scans.quiet:
        note(f"{len(run.finished):,} finished before: not read again")
    done = 0
    try:
        for name, pages in scans.read(run.finished):
            run.add(name, pages)
            done += 1
    except BaseException:
        note(f"{len(run.finished) + done:,} finished, kept in {run.partial}: continue with --resume")
        raise


def documents_of(run: FormRun, scans: Scans) -> Iterator[Document]:
    """All that is to be written: what words failed, and what was read."""
    yield from scans.failed
    yield from run.documents()


def show_forms(scans: Scans, columns: Sequence[str], counts: Counts, *, as_json: bool) -> None:
    """Read all images, and show the forms: as one JSON document, or as CSV as they come."""
    shown: Pages = []
    if not as_json:
        stdout.put(csv_line(heading(columns)))

    def add(document: Document) -> None:
        counts.add(document)
        if as_json:
            shown.append(document)
        else:
            stdout.put(csv_line(values_row(document, len(columns))))

    for document in scans.failed:
        add(document)
    for _, pages in scans.read():
        for document in pages:
            add(document)
    if as_json:
        show(json.dumps({"forms": shown}))


def write(files: Sequence[Path], columns: Sequence[str], run: FormRun, scans: Scans) -> None:
    """Write the files of a run whose images are all read; raises RunError if that is not possible."""
    output, *beside = files
    suffix = output.suffix.lower()
    try:
        if suffix == ".csv":
            for file, row in ((beside[0], confidences_row), (output, values_row)):
                with whole_file(file) as stream:
                    stream.write(csv_line(heading(columns)))
                    stream.writelines(csv_line(row(one, len(columns))) for one in documents_of(run, scans))
        elif suffix == ".xlsx":
            write_whole(output, workbook(documents_of(run, scans), columns))
        elif suffix == ".jsonl":
            with whole_file(output) as stream:
                stream.writelines(f"{json.dumps(document)}\n" for document in documents_of(run, scans))
        else:
            write_whole(output, json.dumps({"forms": list(documents_of(run, scans))}, indent=1) + "\n")
    except OSError as error:
        raise RunError(
            f"{output} cannot be written ({error.strerror}); what was read is kept in {run.partial}: make room, then "
            "repeat the command with --resume."
        ) from error
