"""Readings as CSV, JSON Lines or one JSON document, as they come: of a million images no two are held at a time."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mnist_cnn.bulk.reader_process import Result, document_of
from mnist_cnn.errors import ImageError, ReaderError
from mnist_cnn.reading.number import around, value_of
from mnist_cnn.reading.patterns import Pattern
from mnist_cnn.reading.reading import Reading
from mnist_cnn.sheets.spreadsheet import csv_line
from mnist_cnn.terminal.new_files import Format, require_absent

SUFFIXES = {".csv": Format.CSV, ".jsonl": Format.JSONL, ".json": Format.JSON}
COLUMNS = (
    "path", "page", "row", "number", "text", "value", "confidence", "left", "top", "width", "height", "error",
)  # fmt: skip

Add = Callable[[str, Result], None]
"""Writes the result of a page of the image of this name."""
Put = Callable[[str], object]


def suffix_of(path: Path) -> Format:
    """The format that a new file's name says. Raises ReaderError for another name, RunError if it exists."""
    form = SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise ReaderError(f"{path} does not end with .csv, .jsonl or .json: name such a file, or a folder with --ray.")
    require_absent(path)
    return form


@contextmanager
def written(put: Put, form: Format, pattern: Pattern | None, digits_only: bool) -> Iterator[Add]:
    """Write results in a format, CSV with a heading, by a function that takes text."""
    if form is Format.CSV:
        put(csv_line(COLUMNS))
    before = '{"images": ['

    def add(name: str, result: Result) -> None:
        nonlocal before
        if form is Format.CSV:
            put("".join(map(csv_line, lines_of(name, result, pattern, digits_only=digits_only))))
            return
        text = json.dumps(json_of(name, result, pattern, digits_only=digits_only))
        put(f"{text}\n" if form is Format.JSONL else before + text)
        before = ", "

    yield add
    if form is Format.JSON:
        put(f"{before if before != ', ' else ''}]}}\n")


def json_of(name: str, result: Result, pattern: Pattern | None, *, digits_only: bool) -> dict[str, Any]:
    """One page as a JSON document; `text` is without marks if only digits are wanted."""
    document = document_of(name, result)
    if isinstance(result, Reading):
        if digits_only:
            document["text"] = result.digits_text
        if pattern:
            document["expected"] = [one.to_dict() for one in result.expected(pattern)]
    return document


def lines_of(name: str, result: Result, pattern: Pattern | None, *, digits_only: bool) -> Iterator[tuple[Any, ...]]:
    """One line for each number, or with a pattern for each row; one without text for a page that has none."""
    if isinstance(result, ImageError):
        yield (name, result.page, *[""] * (len(COLUMNS) - 3), str(result))
        return
    if not result.digits:
        yield (name, result.page, *[""] * (len(COLUMNS) - 2))
    said = result.expected(pattern) if pattern else ()
    for row_number, row in enumerate(result.rows, start=1):
        if pattern:
            one = said[row_number - 1]
            parts = [(one.text, value_of(one.text), one.confidence, around(row.items))]
        else:
            texts = [number.digits_text if digits_only else number.text for number in row.numbers]
            parts = [
                (text, value_of(text), number.confidence, number.box)
                for text, number in zip(texts, row.numbers, strict=True)
            ]
        for number_number, (text, value, confidence, box) in enumerate(parts, start=1):
            place = (box.left, box.top, box.width, box.height)
            shown = "" if value is None else f"{value:f}"
            yield (name, result.page, row_number, number_number, text, shown, f"{confidence:.4f}", *place, "")
