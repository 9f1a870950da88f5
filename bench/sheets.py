"""How many cells of made sheets are right: tables from an angle, sudokus, and places for a digit of four kinds.

    python bench/sheets.py SOURCES.npz [--sheets 200] [--seed 0]

The sheets are `made_sheets.py`'s, with digits of writers that no network was trained on: `held_out_sources.py` makes
SOURCES.npz of UNIPEN, Pen-Digits and MNIST. What was changed by what the sheets of one seed showed is measured on
those of another. Writes results/sheets.json.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from made_sheets import MadeSheet, boxes, sudoku, table
from mnist_cnn.data.pages.sources import Sources, load
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.reader import Reader
from mnist_cnn.sheets.table import Table, read_tables

RESULT = Path(__file__).parent / "results" / "sheets.json"
WIDTHS, HEIGHTS = (1.0, 2.0, 4.0), (16.0, 24.0, 40.0, 64.0)  # pixels: of lines, and of digits in boxes
SUDOKU = (9, 9)
KINDS = ("boxes", "combs", "rings", "lines")  # of places for a digit each


def counted_table(sheet: MadeSheet, tables: Sequence[Table]) -> Counter[str]:
    """Cells with a number and blank ones, and how many are right; those of a table of another shape are all wrong."""
    counts: Counter[str] = Counter(sheets=1)
    largest = max(tables, key=lambda one: len(one.cells), default=None)
    fits = largest is not None and (largest.rows, largest.columns) == (len(sheet.cells), len(sheet.cells[0]))
    counts["of the right shape"] += fits
    found = {(cell.place.row, cell.place.column): cell.value for cell in largest.cells} if largest and fits else {}
    for row, texts in enumerate(sheet.cells):
        for column, text in enumerate(texts):
            if text is None:
                continue
            value = found.get((row, column))
            is_right = value is not None and (value.text == text if text else value.kind == "blank")
            kind = "numbers" if text else "blanks"
            counts[kind] += 1
            counts[f"{kind} right"] += is_right
            if text and value is not None:
                counts["wrong" if not is_right else "right"] += 1
                counts["wrong and doubtful" if not is_right else "right and doubtful"] += value.is_doubtful
    return counts


def counted_boxes(sheet: MadeSheet, rows: Sequence[Sequence[str | None]]) -> Counter[str]:
    """Boxes with a digit and empty ones, and how many are right."""
    counts: Counter[str] = Counter(sheets=1)
    [texts] = sheet.cells
    row = max(rows, key=len, default=())
    counts["of the right shape"] += len(row) == len(texts)
    for index, text in enumerate(texts):
        entry = row[index] if len(row) == len(texts) else "?"
        kind = "numbers" if text else "blanks"
        counts[kind] += 1
        counts[f"{kind} right"] += entry == (text or None)
    return counts


def measured(name: str, counts: Counter[str]) -> dict[str, object]:
    """The counts with their accuracies, which are also printed, and of wrong numbers how many are doubtful."""
    parts = {kind: Accuracy(counts[f"{kind} right"], counts[kind]) for kind in ("numbers", "blanks") if counts[kind]}
    shape = f"{counts['of the right shape']} of {counts['sheets']} of the right shape"
    print(f"{name}: {shape}; " + "; ".join(f"{kind} {one}" for kind, one in parts.items()), flush=True)
    if counts["wrong"]:
        print(f"{name}: {counts['wrong and doubtful']} of {counts['wrong']} wrong cells doubtful, "
              f"{counts['right and doubtful']} of {counts['right']} right ones")  # fmt: skip
    return {"counts": dict(counts), **{kind: one.to_dict() for kind, one in parts.items()}}


def main() -> None:
    """Make, read, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path, help="a file of data.pages.sources.save, of held-out writers")
    parser.add_argument("--sheets", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    given, reader = load(options.sources), Reader()
    results: dict[str, object] = {}
    tables: Counter[str] = Counter()
    puzzles: Counter[str] = Counter()
    begin = time.perf_counter()
    for seed in range(options.sheets):
        sheet = table(np.random.default_rng((options.seed, 1, seed)), given)
        tables += counted_table(sheet, read_tables(sheet.grey))
    seconds = (time.perf_counter() - begin) / options.sheets
    for seed in range(options.sheets // 4):
        sheet = sudoku(np.random.default_rng((options.seed, 2, seed)), given)
        puzzles += counted_table(sheet, read_tables(sheet.grey, grid=SUDOKU))
    results["tables"] = measured("tables", tables)
    results["sudokus"] = measured("sudokus", puzzles)
    print(f"a table: {seconds * 1e3:.0f} ms with its making")
    for kind in KINDS:
        results[kind] = measured(kind, box_counts(given, reader, options.sheets, options.seed, kind))
    RESULT.write_text(json.dumps(results, indent=1) + "\n")


def box_counts(given: Sources, reader: Reader, sheets: int, begin: int, kind: str) -> Counter[str]:
    """Rows of a kind of places for digits, of all widths of lines and heights of digits."""
    counts: Counter[str] = Counter()
    for seed in range(sheets):
        width, height = WIDTHS[seed % len(WIDTHS)], HEIGHTS[seed // len(WIDTHS) % len(HEIGHTS)]
        sheet = boxes(
            np.random.default_rng((begin, 3, seed, KINDS.index(kind))), given, width=width, height=height, kind=kind
        )
        counts += counted_boxes(sheet, reader.read(sheet.grey, boxes=True).boxes or ())
    return counts


if __name__ == "__main__":
    main()
