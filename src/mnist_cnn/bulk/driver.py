"""The process that has pictures read by Ray Data, with the words ADDRESS FOLDER; the folder has the task.

It writes Parquet files into the folder. Standard output has a JSON object a line: {"connected": true}, then now and
then {"read": pictures, "failed": pictures, "all": pictures}, and last {"done": true}. If the process fails, its last
line on stderr says why. It ends when its standard input does.
"""

import contextlib
import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import ray
import ray.data
from pyarrow import parquet

from mnist_cnn.bulk.processes import ReadingProcess
from mnist_cnn.bulk.rows import SCHEMA, document_of, table_of
from mnist_cnn.bulk.task import TASK, Task, network_of
from mnist_cnn.bulk.work import pictures_in, work_of
from mnist_cnn.errors import ReaderError
from mnist_cnn.system.child_process import end_with_parent
from mnist_cnn.system.ray_cluster import Event, connect, first_line

OBJECT_STORE = 512 * 2**20  # bytes, of a cluster of this machine
BLOCK = 2**20  # bytes of results that are handed on together
WRITTEN = 10_000  # rows together, a megabyte or two
PART = 1_000_000  # rows of a file


class Pictures:
    """An actor: a reader in a process of its own, so that a picture that kills it does not end what Ray counts on."""

    def __init__(self, task: Task) -> None:
        if network_of(task.question.model) != task.network:
            raise ReaderError("A machine of the cluster has another mnist-cnn or another network: install the same.")
        with contextlib.suppress(OSError):  # where it is not, pictures with such names are not there, either
            os.chdir(task.folder)
        self.columns = task.columns
        self.process = ReadingProcess(task.question)

    def __call__(self, work: pa.Table) -> Iterator[pa.Table]:
        """Read the pictures of some work, and give their rows a few at a time."""
        for names, pictures in pictures_in(work, self.columns):
            results = self.process.read(pictures)
            yield table_of([document_of(*row) for row in zip(names, results, strict=True)])


def tables_read(task: Task, work: list[pa.Table], readers: int) -> Iterator[pa.Table]:
    """Have all work done; gives tables of results in the order of the pictures."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    context.target_max_block_size = BLOCK
    read = ray.data.from_arrow(work).map_batches(
        Pictures,
        fn_constructor_args=[task],
        batch_format="pyarrow",
        batch_size=None,
        compute=ray.data.ActorPoolStrategy(size=readers),
        num_cpus=1,
    )
    yield from read.iter_batches(batch_size=WRITTEN, batch_format="pyarrow", prefetch_batches=1)


def write(tables: Iterator[pa.Table], folder: Path) -> Iterator[pa.Table]:
    """Write tables, one after another, into files of so many rows; gives each when it is written."""
    for number, first in enumerate(tables):
        with parquet.ParquetWriter(folder / f"part-{number:05}.parquet", SCHEMA) as writer:
            for table in chain([first], islice(tables, PART // WRITTEN - 1)):
                writer.write_table(table.cast(SCHEMA))
                yield table


def drive(task: Task, folder: Path) -> Iterator[Event]:
    """Do the task on the cluster that this process is connected to; tells how far it is."""
    readers = max(1, int(ray.cluster_resources().get("CPU", 1)))
    work, count = work_of(task, readers)
    tables = tables_read(task, work, readers) if work else iter(())
    if task.failed:
        tables = chain([table_of(task.failed)], tables)
    done = failed = 0
    count += len(task.failed)
    for table in write(tables, folder):
        done += len(table)
        failed += len(table) - table["error"].null_count
        yield {"read": done, "failed": failed, "all": count}
    if done != count:
        raise ReaderError(f"{done:,} of {count:,} pictures came back.")


def our_line(error: Exception) -> str | None:
    """What a reader of ours said, somewhere in the tracebacks of an error of Ray's; None if none did."""
    said = re.findall(r"mnist_cnn\.errors\.\w+: (.+)", str(error))
    return said[-1].strip() if said else None


def main() -> None:
    """Connect, read, and tell of it."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    address, folder = sys.argv[1], Path(sys.argv[2])
    task = Task.from_json((folder / TASK).read_text(encoding="utf-8"))
    (folder / TASK).unlink()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as events:
        os.dup2(2, 1)  # what Ray prints is none of them
        try:
            connect(address, 1, OBJECT_STORE)
            for event in chain([{"connected": True}], drive(task, folder), [{"done": True}]):
                print(json.dumps(event), file=events, flush=True)
        except Exception as error:  # Ray raises whatever the layer that failed raises
            sys.exit(our_line(error) or first_line(error))
        finally:
            ray.shutdown()
