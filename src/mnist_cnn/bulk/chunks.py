"""A job is cut into chunks for the readers, and a chunk becomes images again where it is read. Knows nothing of Ray.

A chunk is a table: names of image files (`path`), or one row that says which rows of a Parquet file it covers.
"""

import os
from collections.abc import Iterator

import pyarrow as pa
from pyarrow import parquet

from mnist_cnn.bulk.job import Columns, ReadingJob
from mnist_cnn.bulk.rows import column

NAMES = 256  # image files per chunk
ROWS = (256, 10_000)  # rows of a Parquet file per chunk, at least and at most
TURNS = 8  # chunks per reader, where there are enough rows, so that all readers end at about the same time
TOGETHER = 64  # images in memory at once


def images_in(chunk: pa.Table, columns: Columns | None) -> Iterator[tuple[list[str | None], list[str | bytes]]]:
    """The names of a chunk's images, and what is to be read: the same names, or bytes; a few at a time."""
    if columns is None:
        for some in chunk.to_batches(TOGETHER):
            files = [os.fsdecode(name) for name in some.column("path").to_pylist()]
            yield [*files], [*files]
        return
    [rows] = chunk.to_pylist()
    # Not by Ray's own Parquet reader: its tasks would need a core beside the readers, and it passes on whole row
    # groups, which may be all the rows there are.
    with parquet.ParquetFile(rows["file"], memory_map=True) as file:
        wanted = [columns.path, columns.bytes]
        before = 0
        for batch in file.iter_batches(TOGETHER, row_groups=[rows["group"]], columns=wanted, use_threads=False):
            table = pa.Table.from_batches([batch])[max(0, rows["first"] - before) : max(0, rows["last"] - before)]
            before += len(batch)
            if len(table):
                names = [None if name is None else str(name) for name in column(table, columns.path)]
                yield names, [image or b"" for image in column(table, columns.bytes)]
            if before >= rows["last"]:
                return


def chunks_of(job: ReadingJob, readers: int) -> tuple[list[pa.Table], int]:
    """A job in chunks, and how many images they have."""
    if job.columns is None:
        names = pa.array(map(os.fsencode, job.files), pa.binary())  # which need not be UTF-8
        return [pa.table({"path": names[first : first + NAMES]}) for first in range(0, len(names), NAMES)], len(names)
    groups = [
        (file, group, metadata.row_group(group).num_rows)
        for file in job.files
        for metadata in [parquet.read_metadata(file)]
        for group in range(metadata.num_row_groups)
    ]
    count = sum(rows for _, _, rows in groups)
    most = min(max(count // (readers * TURNS), ROWS[0]), ROWS[1])
    return [
        pa.table({"file": [file], "group": [group], "first": [first], "last": [min(first + most, rows)]})
        for file, group, rows in groups
        for first in range(0, rows, most)
    ], count
