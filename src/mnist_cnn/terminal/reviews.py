"""A review of doubtful cells in its folder beside a CSV file: begun, resumed, and each answer written at once."""

import csv
import io
import json
import os
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mnist_cnn.errors import ReaderError, RunError
from mnist_cnn.evaluation.labelled_images import ROWS, SLASH
from mnist_cnn.sheets.corrections import CONFIRMED, Answer, with_cell
from mnist_cnn.sheets.doubtful import doubtful_cells
from mnist_cnn.sheets.spreadsheet import Named
from mnist_cnn.system import schema
from mnist_cnn.system.files import read_limited, write_whole
from mnist_cnn.terminal.new_files import confidences_of
from mnist_cnn.terminal.readings import png
from mnist_cnn.terminal.screen import show

LARGEST = 64 * 2**20  # bytes of a file that is read
CELLS, ANSWERS, LABELS = "cells.json", "answers.json", "labels.csv"
EDITABLE = ".csv"
SCREENS = {"DISPLAY", "WAYLAND_DISPLAY"}  # set where a browser has a screen
INDEX = schema.Number(0, 100_000, whole=True)
CELL = schema.Fields(
    {
        **dict.fromkeys(("table", "line", "column", "row", "cell"), INDEX),
        **dict.fromkeys(("sheet", "written", "kind"), schema.Text()),
        "confidence": schema.SHARE,
        "alternatives": schema.ListOf(schema.Text(), longest=10),
        "inside": schema.ListOf(INDEX, length=4),
    }
)
CELLS_SCHEMA = schema.Fields({"cells": schema.ListOf(CELL, longest=100_000)})
ANSWERS_SCHEMA = schema.MapOf(schema.ListOf(schema.Text(), length=2))


def folder_of(output: Path) -> Path:
    """Where the review of a CSV file is kept."""
    return output.with_suffix(".review")


def require_csv(output: Path | None) -> Path:
    """The CSV file of a review; raises ReaderError if it is another kind of file, or none."""
    if output is None or output.suffix.lower() != EDITABLE:
        raise ReaderError(f"A review writes corrections into a CSV file (got {output}): give -o FILE.csv.")
    return output


def begin(output: Path, tables: Sequence[Named]) -> "Review":
    """Keep the doubtful cells of tables, which were written to a CSV file, for a review. Raises RunError."""
    folder = folder_of(output)
    cells = list(doubtful_cells(tables))
    try:
        folder.mkdir(parents=True)
        for number, cell in enumerate(cells, start=1):
            write_whole(folder / image_name(number), png(cell.image))
        write_whole(folder / CELLS, json.dumps({"cells": [cell.to_dict() for cell in cells]}, indent=1) + "\n")
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror}): name another file.") from error
    return Review(output)


def announce(address: str) -> None:
    """Say where the page of a review is, and open it where there is a screen."""
    show(f"Review at {address} (press Ctrl-C to stop)")
    if sys.stdout.isatty() and (sys.platform in ("darwin", "win32") or SCREENS & set(os.environ)):
        webbrowser.open(address)


def summary(review: "Review") -> str:
    """How much of a review is done."""
    done, count = len(review.answers), len(review)
    if done == count:
        return f"{review.output}: {f'all {count:,} doubtful cells are reviewed' if count else 'no cell is doubtful'}"
    return f"{done:,} of {count:,} doubtful cells reviewed: resume with mnist-cnn review {review.output}"


def image_name(number: int) -> str:
    """The name of the image of a cell, counted from 1."""
    return f"{number}.png"


class Review:
    """The doubtful cells of a CSV file and what a person said of them so far.

    `cells` are as `DoubtfulCell.to_dict` makes them, `answers` by the number of the cell, counted from 1. Raises
    RunError if there is no review of this file, or it is damaged.
    """

    def __init__(self, output: Path) -> None:
        self.output, self.folder = output, folder_of(output)
        self.cells = loaded(self.folder / CELLS, CELLS_SCHEMA)["cells"]
        said = loaded(self.folder / ANSWERS, ANSWERS_SCHEMA) if (self.folder / ANSWERS).exists() else {}
        self.answers: dict[int, Answer] = {}
        for number, (kind, text) in said.items():
            if not (number.isdecimal() and 1 <= int(number) <= len(self.cells)):
                raise RunError(f"{self.folder / ANSWERS} answers a cell {number:.20} that there is not: delete it.")
            self.answers[int(number)] = Answer(kind, text)

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def document(self) -> dict[str, Any]:
        """What the page shows: the cells and what was said of them."""
        return {
            "file": self.output.name,
            "cells": [cell | {"answer": self.said_of(number)} for number, cell in enumerate(self.cells, start=1)],
        }

    def said_of(self, number: int) -> dict[str, str] | None:
        """What was said of a cell, counted from 1, if anything."""
        answer = self.answers.get(number)
        return {"kind": answer.kind, "text": answer.text} if answer else None

    def image(self, number: int) -> bytes:
        """The image of a cell, counted from 1, as a PNG. Raises RunError."""
        return read(self.folder / image_name(number))

    def answer(self, number: int, kind: Any, text: str) -> None:
        """Write what a person says of a cell, counted from 1: into the CSV file, the confidences and the labels.

        Each file is replaced as a whole. Raises ReaderError for what cannot be said, RunError if a file cannot be
        written, or the cell was changed by somebody else; the answer then counts for nothing.
        """
        answer = Answer.of(kind, text)
        cell, before = self.cells[number - 1], self.answers.get(number)
        place = cell["line"], cell["column"]
        expected = {cell["written"], *([before.text] if before else [])}
        values = changed(self.output, *place, answer.text, expected)
        confidences = confidences_of(self.output)
        sure = changed(confidences, *place, CONFIRMED) if confidences.exists() else None
        answers = {**self.answers, number: answer}
        said = {str(index): [one.kind, one.text] for index, one in sorted(answers.items())}
        try:
            if answer.kind == "number":
                write_whole(self.folder / label_name(number), self.label_image(number))
            write_whole(self.folder / LABELS, labels_csv(answers))
            write_whole(self.output, values)
            if sure is not None:
                write_whole(confidences, sure)
            write_whole(self.folder / ANSWERS, json.dumps(said) + "\n")
        except OSError as error:
            raise RunError(f"{error.filename or self.output} cannot be written ({error.strerror}).") from error
        self.answers = answers

    def label_image(self, number: int) -> bytes:
        """The image of what is between the lines of a cell, to learn from."""
        pixels = cv2.imdecode(np.frombuffer(self.image(number), np.uint8), cv2.IMREAD_GRAYSCALE)
        left, top, right, bottom = self.cells[number - 1]["inside"]
        if pixels is None or not pixels[top:bottom, left:right].size:
            raise RunError(f"{self.folder / image_name(number)} is damaged: start the review again.")
        return png(pixels[top:bottom, left:right])


def label_name(number: int) -> str:
    """The name of the image of a cell that has a label."""
    return f"label-{number}.png"


def labels_csv(answers: dict[int, Answer]) -> str:
    """The labels of the numbers, as `score` and `adapt` take them."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["path", "label"])
    numbers = [(number, one.text) for number, one in sorted(answers.items()) if one.kind == "number"]
    writer.writerows([label_name(number), text.replace(ROWS, SLASH)] for number, text in numbers)
    return stream.getvalue()


def changed(path: Path, line: int, column: int, text: str, expected: set[str] | None = None) -> str:
    """The content of a CSV file with another text in one cell; raises RunError as `with_cell`, and if it is no CSV."""
    try:
        return with_cell(read(path).decode("utf-8-sig"), line, column, text, expected)
    except (RunError, UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"{path} cannot be corrected. {error}") from error


def loaded(path: Path, kind: schema.Kind) -> Any:
    """A JSON document of a review; raises RunError if it is damaged."""
    try:
        document = json.loads(read(path))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is not a JSON document: begin with mnist-cnn table … --review.") from error
    if fault := kind.fault(document, ""):
        raise RunError(f"{path} is damaged: {fault}. Begin with mnist-cnn table … --review.")
    return document


def read(path: Path) -> bytes:
    """The bytes of a file of a review; raises RunError."""
    try:
        return read_limited(path, LARGEST)
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}): begin with mnist-cnn table … --review.") from error
