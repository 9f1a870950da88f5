"""How tables look on a terminal, and the files that are written of them."""

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mnist_cnn.callbacks.progress import note
from mnist_cnn.errors import ImageError, ReaderError, RunError
from mnist_cnn.reading.picture import Source
from mnist_cnn.sheets import spreadsheet
from mnist_cnn.sheets.annotated_table import annotated
from mnist_cnn.sheets.spreadsheet import Named
from mnist_cnn.sheets.table import read_tables
from mnist_cnn.system.files import write_whole
from mnist_cnn.terminal import reviews
from mnist_cnn.terminal.new_files import confidences_of, require_absent, writings_of
from mnist_cnn.terminal.readings import STANDARD_INPUT, complain, expanded, png, progress
from mnist_cnn.terminal.screen import show, stdout

FORMATS = (".csv", ".xlsx", ".json")


def read_sheets(
    words: Sequence[str],
    *,
    model: str | None,
    min_confidence: float | None,
    grid: tuple[int, int] | None,
    output: Path | None,
    review: bool,
    quiet: bool,
    as_json: bool,
) -> bool:
    """Read the tables of sheets, show them or write them to files; False if a sheet could not be read or has none.

    With `review`, what a review needs is written, too. Raises ReaderError or RunError if the files cannot be written,
    before anything is read.
    """
    stdout.only_prints = output is None
    if review:
        reviews.require_csv(output)
    files = files_beside(output, review=review) if output else []
    names, failed = expanded(words)
    is_whole, tables = not failed, list[Named]()
    read = partial(read_tables, model=model, min_confidence=min_confidence, grid=grid)
    for name in progress(names, "Reading", len(names), quiet):
        source: Source = sys.stdin.buffer.read() if name == STANDARD_INPUT else name
        try:
            found = read(source)
        except ImageError as error:
            complain(str(error))
            is_whole = False
            continue
        if not found:
            complain(f"{name} has no table with at least two rows and two columns: give --grid ROWSxCOLUMNS.")
            is_whole = False
        tables += [(name, table) for table in found]
    if output and tables:
        write(output, files, tables)
        if review:
            reviews.begin(output, tables)
    if as_json:
        show(json.dumps(document_of(tables)))
    elif not output:
        show_tables(tables)
    if not quiet and tables:
        note(summary(tables, output))
    return is_whole


def document_of(tables: Sequence[Named]) -> dict[str, object]:
    """All tables as a JSON document."""
    return {"tables": [{"path": name, **table.to_dict()} for name, table in tables]}


def show_tables(tables: Sequence[Named]) -> None:
    """All tables as CSV."""
    stdout.put(spreadsheet.values_csv(tables))


def summary(tables: Sequence[Named], output: Path | None) -> str:
    """How many tables and cells there are, and how many of these a person should look at."""
    cells = [cell for _, table in tables for cell in table.cells]
    doubtful = sum(cell.value.is_doubtful for cell in cells)
    what = f"{len(tables)} table{'' if len(tables) == 1 else 's'}, {len(cells):,} cells, {doubtful:,} doubtful"
    return f"Saved to {output}: {what}" if output else what


def files_beside(output: Path, *, review: bool) -> list[Path]:
    """The files that are written: values, confidences, writing, and images named after it. None may exist."""
    files = output_files(output, FORMATS)
    if output.suffix.lower() == ".csv":
        files.append(writings_of(output))
    require_absent(files[-1], image_of(output, 1, 1), *([reviews.folder_of(output)] if review else []))
    return files


def output_files(output: Path, formats: Sequence[str]) -> list[Path]:
    """The output, which must end so, and of a CSV file that of confidences beside it. None may exist."""
    if output.suffix.lower() not in formats:
        raise ReaderError(f"{output} does not end with {', '.join(formats[:-1])} or {formats[-1]}: name such a file.")
    files = [output]
    if output.suffix.lower() == ".csv":
        files.append(confidences_of(output))
    require_absent(*files)
    return files


def image_of(output: Path, number: int, count: int) -> Path:
    """Where the annotated image of a table is written."""
    return output.with_suffix(".png" if count == 1 else f".{number}.png")


def write(output: Path, files: Sequence[Path], tables: Sequence[Named]) -> None:
    """Write all files; raises RunError if that is not possible."""
    contents: list[bytes | str]
    if output.suffix.lower() == ".json":
        contents = [json.dumps(document_of(tables), indent=1) + "\n"]
    elif output.suffix.lower() == ".xlsx":
        contents = [spreadsheet.workbook(tables)]
    else:
        contents = [
            spreadsheet.values_csv(tables),
            spreadsheet.confidences_csv(tables),
            spreadsheet.writings_csv(tables),
        ]
    images = [(image_of(output, number, len(tables)), table) for number, (_, table) in enumerate(tables, start=1)]
    require_absent(*(file for file, _ in images))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        for file, content in zip(files, contents, strict=True):
            write_whole(file, content)
        for file, table in images:
            write_whole(file, png(annotated(table)))
    except OSError as error:
        raise RunError(f"{output} cannot be written ({error.strerror}): name another file.") from error
