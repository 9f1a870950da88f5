"""Seconds to read the table on a photograph of 12 megapixels: python bench/table_speed.py SOURCES.npz.

The sheet is `made_sheets.py`'s, with 60 cells or a few more or less, enlarged to a JPEG of 12 megapixels, which is
read from its file by one thread. Writes results/table_speed.json.
"""

import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from made_sheets import MadeSheet, table
from mnist_cnn.data.pages.sources import Sources, load
from mnist_cnn.sheets.table import read_tables
from results import machine_line, median, write

SIDE, CELLS, QUALITY = 3464, 60, 90  # pixels of 12 million, numbers and blanks in the table, and of the JPEG
TIMES, SEEDS = 9, 40


def sheet_of(sources: Sources) -> MadeSheet:
    """The made sheet whose table has most nearly so many cells beside those with names."""
    sheets = [table(np.random.default_rng((0, 4, seed)), sources) for seed in range(SEEDS)]
    return min(sheets, key=lambda one: abs(cells_of(one) - CELLS))


def cells_of(sheet: MadeSheet) -> int:
    """How many cells are for numbers."""
    return sum(text is not None for row in sheet.cells for text in row)


def main(path: Path) -> None:
    """Make, write, read, time."""
    cv2.setNumThreads(1)
    sheet = sheet_of(load(path))
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "sheet.jpg"
        large = cv2.resize(sheet.grey, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(photo), large, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        read_tables(photo)
        for _ in range(TIMES):
            begin = time.perf_counter()
            read_tables(photo)
            seconds.append(time.perf_counter() - begin)
    print(machine_line())
    print(
        f"a table of {cells_of(sheet)} cells: median {median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"
    )
    write("table_speed", {"cells": cells_of(sheet), "seconds": seconds})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
