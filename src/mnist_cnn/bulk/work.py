"""A task is cut into pieces of work for readers, and a piece becomes pictures again where it is read. Knows no Ray.

A piece is a table: names of picture files (`path`), or one row that says which rows of a Parquet file it is.
"""

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import parquet

from mnist_cnn.bulk.rows import column
from mnist_cnn.bulk.task import Columns, Task

NAMES = 256  # picture files that a reader is given at once
ROWS = (256, 10_000)  # rows of a Parquet file that it is given at once, at least and at most
TURNS = 8  # how often each reader is given some, where there are enough, so that all end at about the same time
TOGETHER = 64  # pictures in its memory at once


def pictures_in(work: pa.Table, columns: Columns | None) -> Iterator[tuple[list[str | None], list[str | bytes]]]:
    """The names of the pictures of some work, and what is to be read: the same names, or bytes; a few at a time."""
    if columns is None:
        for some in work.to_batches(TOGETHER):
            names = some.column("path").to_pylist()
            yield names, names
        return
    [place] = work.to_pylist()
    # Not by Ray's own way to read Parquet: its tasks would need a core beside the readers, and it hands on whole
    # row groups, which may be everything there is.
    with parquet.ParquetFile(place["file"], memory_map=True) as file:
        wanted = [columns.path, columns.bytes]
        before = 0
        for batch in file.iter_batches(TOGETHER, row_groups=[place["group"]], columns=wanted, use_threads=False):
            table = pa.Table.from_batches([batch])[max(0, place["first"] - before) : max(0, place["last"] - before)]
            before += len(batch)
            if len(table):
                names = [None if name is None else str(name) for name in column(table, columns.path)]
                yield names, [picture or b"" for picture in column(table, columns.bytes)]
            if before >= place["last"]:
                return


def work_of(task: Task, readers: int) -> tuple[list[pa.Table], int]:
    """A task in pieces, and how many pictures they have."""
    if task.columns is None:
        names = pa.array(task.files, pa.string())
        return [pa.table({"path": names[first : first + NAMES]}) for first in range(0, len(names), NAMES)], len(names)
    groups = [
        (file, group, about.row_group(group).num_rows)
        for file in task.files
        for about in [parquet.read_metadata(file)]
        for group in range(about.num_row_groups)
    ]
    count = sum(rows for _, _, rows in groups)
    most = min(max(count // (readers * TURNS), ROWS[0]), ROWS[1])
    return [
        pa.table({"file": [file], "group": [group], "first": [first], "last": [min(first + most, rows)]})
        for file, group, rows in groups
        for first in range(0, rows, most)
    ], count
