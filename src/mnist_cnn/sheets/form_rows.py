"""Forms become rows of a spreadsheet, one a scan. Forms are JSON documents here, as `document_of` makes them."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from mnist_cnn.errors import ImageError
from mnist_cnn.sheets.form import Form
from mnist_cnn.sheets.spreadsheet import OTHER, bytes_of, fill, new_workbook
from mnist_cnn.sheets.template import RESERVED

Document = dict[str, Any]

BEFORE, AFTER = RESERVED[:2], RESERVED[2:]
"""The columns before and after those of the fields."""


def document_of(name: str, result: Form | ImageError) -> Document:
    """The form of an image of this name, or why there is none, as a JSON document."""
    if isinstance(result, Form):
        return {"path": name, **result.to_dict()}
    return {"path": name, "page": result.page, "pages": result.pages, "error": str(result)}


def heading(names: Iterable[str]) -> list[str]:
    """The names of all columns."""
    return [*BEFORE, *names, *AFTER]


def values_row(document: Document, count: int) -> list[str]:
    """What is in the fields of a form, of which there are so many, and which of them are doubtful."""
    fields = document.get("fields", [])
    doubtful = "; ".join(one["field"] for one in fields if one["doubtful"])
    texts = [text_of(one) for one in fields] or [""] * count
    return [document["path"], str(document["page"]), *texts, doubtful, document.get("error", "")]


def confidences_row(document: Document, count: int) -> list[str]:
    """How sure each field is, in the same form."""
    sure = [f"{one['confidence']:.3f}" for one in document.get("fields", [])] or [""] * count
    return [*values_row(document, count)[: len(BEFORE)], *sure, *values_row(document, count)[-len(AFTER) :]]


def text_of(value: Document) -> str:
    """The text of a field's value, "other" for what is no number."""
    return OTHER if value["kind"] == OTHER else str(value["text"])


def workbook(documents: Iterable[Document], names: Sequence[str]) -> bytes:
    """An Excel workbook with two worksheets: values, those doubtful in yellow, and confidences.

    Raises ReaderError without the package openpyxl.
    """
    book = new_workbook()
    values, sure = book.create_sheet("forms"), book.create_sheet("confidence")
    for column, name in enumerate(heading(names), start=1):
        fill(values.cell(1, column), name)
        fill(sure.cell(1, column), name)
    for row, document in enumerate(documents, start=2):
        others = values_row(document, len(names))
        for column, text in enumerate(others, start=1):
            if not len(BEFORE) < column <= len(BEFORE) + len(names):
                number = Decimal(text) if column == 1 + BEFORE.index("page") else None
                fill(values.cell(row, column), text, number)
                fill(sure.cell(row, column), text, number)
        for column, one in enumerate(document.get("fields", []), start=1 + len(BEFORE)):
            value = None if one["value"] is None else Decimal(one["value"])
            fill(values.cell(row, column), text_of(one), value, doubtful=one["doubtful"])
            sure.cell(row, column, value=round(one["confidence"], 4))
    values.freeze_panes = "B2"
    return bytes_of(book)
