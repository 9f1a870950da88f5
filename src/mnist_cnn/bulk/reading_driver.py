"""The driver process that reads images with Ray Data, with the arguments ADDRESS FOLDER JOB (a file in the folder).

It writes Parquet files into the folder. The events are {"read": images, "failed": pages, "all": images}.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import ray
import ray.data
from pyarrow import parquet

from mnist_cnn.bulk.chunks import TOGETHER, chunks_of, images_in
from mnist_cnn.bulk.job import ReadingJob, version_with
from mnist_cnn.bulk.local_reading import ReaderProcess, told_if_last
from mnist_cnn.bulk.reader_process import document_of
from mnist_cnn.bulk.rows import SCHEMA, table_of
from mnist_cnn.errors import ReaderError
from mnist_cnn.workers import ray_driver
from mnist_cnn.workers.ray_cluster import Event

BLOCK = 2**20  # bytes of results that are passed on together
WRITTEN = 10_000  # rows written together, a megabyte or two
PART = 1_000_000  # rows per file


class ReaderActor:
    """A Ray actor whose reader is a process of its own, so that an image that kills the reader spares the actor."""

    def __init__(self, job: ReadingJob) -> None:
        if version_with(job.options.model) != job.version:
            raise ReaderError("A machine of the cluster has another mnist-cnn or another model: install the same.")
        with contextlib.suppress(OSError):  # where the folder is missing, so are the images with relative names
            os.chdir(job.folder)
        self.columns = job.columns
        self.process = ReaderProcess(job.options)

    def __call__(self, chunk: pa.Table) -> Iterator[pa.Table]:
        """Read the images of a chunk, and yield their rows a few at a time."""
        for names, images in images_in(chunk, self.columns):
            results = self.process.read(images)
            documents = []
            for name, image, result in zip(names, images, results, strict=True):
                documents.append(document_of(name, told_if_last(result)))
                for page in self.process.later_pages(image, result):
                    documents.append(document_of(name, page))
                    if len(documents) >= TOGETHER:
                        yield table_of(documents)
                        documents = []
            yield table_of(documents)


def tables_read(job: ReadingJob, chunks: list[pa.Table], readers: int) -> Iterator[pa.Table]:
    """Have all chunks read; yields tables of results in the order of the images."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    context.target_max_block_size = BLOCK
    read = ray.data.from_arrow(chunks).map_batches(
        ReaderActor,
        fn_constructor_args=[job],
        batch_format="pyarrow",
        batch_size=None,
        compute=ray.data.ActorPoolStrategy(size=readers),
        num_cpus=1,
    )
    yield from read.iter_batches(batch_size=WRITTEN, batch_format="pyarrow", prefetch_batches=1)


def write(tables: Iterator[pa.Table], folder: Path) -> Iterator[pa.Table]:
    """Write tables, one after another, into files of a million rows; yields each when it is written."""
    for number, first in enumerate(tables):
        with parquet.ParquetWriter(folder / f"part-{number:05}.parquet", SCHEMA) as writer:
            for table in chain([first], islice(tables, PART // WRITTEN - 1)):
                writer.write_table(table.cast(SCHEMA))
                yield table


def read_all(job: ReadingJob, folder: Path) -> Iterator[Event]:
    """Do the job on the cluster that this process is connected to; yields the progress."""
    readers = max(1, int(ray.cluster_resources().get("CPU", 1)))
    chunks, count = chunks_of(job, readers)
    tables = tables_read(job, chunks, readers) if chunks else iter(())
    if job.failed:
        tables = chain([table_of(job.failed)], tables)
    done = failed = 0
    count += len(job.failed)
    for table in write(tables, folder):
        done += sum(page in (None, 1) for page in table["page"].to_pylist())
        failed += len(table) - table["error"].null_count
        yield {"read": done, "failed": failed, "all": count}
    if done != count:
        raise ReaderError(f"{done:,} of {count:,} images came back.")


def main() -> None:
    """Do the job that the command line names."""
    address, folder, file = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[2], sys.argv[3])
    job = ReadingJob.from_json(file.read_text(encoding="utf-8"))
    file.unlink()
    ray_driver.drive(address, 1, read_all(job, folder))
