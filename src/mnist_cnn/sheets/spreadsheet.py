"""Tables become text for spreadsheets: CSV, and workbooks of Excel's format with doubtful cells coloured.

What forms need for that, too, is here: lines of CSV, and how a workbook is begun, filled and written.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from mnist_cnn.errors import ReaderError
from mnist_cnn.sheets.table import Table, TableCell

RUN = re.compile(r"[=+\-@\t\r]")
HARMLESS = re.compile(r"[+-]?[\d.,]+%?|-")  # numbers, and a dash alone
AS_TEXT = re.compile(r"[+-]?0\d|(\D*\d){16}")  # of more than 15 digits a spreadsheet keeps no more
DOUBTFUL = "FFE699"  # yellow
OTHER = "other"  # what is written in a cell, and is no number
EXTRA = 'pip install "mnist-cnn[excel]"'

Named = tuple[str, Table]
"""The name of a sheet, and a table on it."""


def csv_line(cells: Iterable[Any]) -> str:
    """A line of a CSV file; text that a spreadsheet would run as a formula begins with an apostrophe."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow([harmless(str(cell)) for cell in cells])
    return stream.getvalue()


def harmless(text: str) -> str:
    """Text as a cell that no spreadsheet runs; numbers stay as they are."""
    return f"'{text}" if RUN.match(text) and not HARMLESS.fullmatch(text) else text


def values_csv(tables: Sequence[Named]) -> str:
    """What the cells hold, a line for each row; of several tables with their sheet and number before it."""
    return lines_of(tables, [texts(table) for _, table in tables])


def confidences_csv(tables: Sequence[Named]) -> str:
    """How sure each cell is, in the same form."""
    return lines_of(tables, [confidences(table) for _, table in tables])


def writings_csv(tables: Sequence[Named]) -> str:
    """Which numbers are printed and which handwritten, in the same form."""
    return lines_of(tables, [writings(table) for _, table in tables])


def lines_of(tables: Sequence[Named], contents: Sequence[list[list[str]]]) -> str:
    """Rows of cells as lines of a CSV file."""
    lines = []
    for (name, _), number, rows in zip(tables, numbers_of(tables), contents, strict=True):
        lines += [csv_line(row if len(tables) == 1 else [name, number, *row]) for row in rows]
    return "".join(lines)


def numbers_of(tables: Sequence[Named]) -> list[int]:
    """Which table of its sheet each is, counted from 1."""
    names = [name for name, _ in tables]
    return [names[: index + 1].count(name) for index, name in enumerate(names)]


def texts(table: Table) -> list[list[str]]:
    """The texts of a table, "other" for what is no number."""
    found = table.texts
    for cell in table.cells:
        if cell.value.kind == "other":
            found[cell.place.row][cell.place.column] = OTHER
    return found


def confidences(table: Table) -> list[list[str]]:
    """The confidences of a table's cells."""
    return of_cells(table, lambda cell: f"{cell.value.confidence:.3f}")


def writings(table: Table) -> list[list[str]]:
    """How the numbers in a table's cells are written."""
    return of_cells(table, lambda cell: cell.writing or "")


def of_cells(table: Table, text_of: Callable[[TableCell], str]) -> list[list[str]]:
    """A text for each cell, row by row; "" for the rest of a merged one."""
    found = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        found[cell.place.row][cell.place.column] = text_of(cell)
    return found


def workbook(tables: Sequence[Named]) -> bytes:
    """An Excel workbook with three worksheets for each table.

    They are values, those doubtful in yellow, confidences, and which numbers are printed and which handwritten.

    Raises ReaderError without the package openpyxl.
    """
    book = new_workbook()
    for index, (name, table) in enumerate(tables, start=1):
        values = book.create_sheet(title_of(name, index, len(tables)))
        sure, hands = (
            book.create_sheet(f"{word} {index}" if len(tables) > 1 else word) for word in ("confidence", "writing")
        )
        for cell in table.cells:
            place = {"row": cell.place.row + 1, "column": cell.place.column + 1}
            text = OTHER if cell.value.kind == "other" else cell.value.text
            fill(values.cell(**place), text, cell.value.value, doubtful=cell.value.is_doubtful)
            sure.cell(**place, value=round(cell.value.confidence, 4))
            hands.cell(**place, value=cell.writing)
            merge(values, cell.place)
    if not tables:
        book.create_sheet("no tables")
    return bytes_of(book)


def new_workbook() -> Any:
    """A workbook without a worksheet. Raises ReaderError without the package openpyxl."""
    try:
        from openpyxl import Workbook
    except ImportError as error:
        raise ReaderError(f"Excel workbooks need the package openpyxl: {EXTRA}, or write .csv.") from error
    book = Workbook()
    book.remove(book.active)
    return book


def bytes_of(book: Any) -> bytes:
    """A workbook as a file."""
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def fill(written: Any, text: str, value: Decimal | None = None, *, doubtful: bool = False) -> None:
    """Write into a cell of a worksheet, yellow if it is doubtful: a number if that says all, else text.

    Text is never a formula. Numbers that begin with a zero, and those that are too long for a spreadsheet, stay text.
    """
    from openpyxl.styles import PatternFill

    if value is not None and not AS_TEXT.match(text):
        written.value = value
    elif text:
        written.value = text
        written.data_type = "s"
    if doubtful:
        written.fill = PatternFill("solid", start_color=DOUBTFUL)


def merge(sheet: Any, place: Any) -> None:
    """Merge the cells of a worksheet that are one in the table."""
    if place.rows * place.columns > 1:
        sheet.merge_cells(
            start_row=place.row + 1,
            start_column=place.column + 1,
            end_row=place.row + place.rows,
            end_column=place.column + place.columns,
        )


def title_of(name: str, index: int, count: int) -> str:
    """A title of a worksheet, which has at most 31 characters and some not at all."""
    plain = re.sub(r"[\[\]:*?/\\']", " ", name.rsplit("/", 1)[-1])[:24].strip() or "table"
    return plain if count == 1 else f"{plain} {index}"
