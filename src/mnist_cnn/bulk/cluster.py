"""Pictures are read on a Ray cluster into Parquet: this process begins `driver`, which talks to Ray, and hears it."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mnist_cnn.bulk.task import TASK, Columns, Task, begun_with
from mnist_cnn.bulk.worker import Question
from mnist_cnn.errors import RunError
from mnist_cnn.system import ray_cluster
from mnist_cnn.system.ray_cluster import ClusterLostError, require_ray

# Not by -m: the classes of a module that is run are not those that the cluster's workers import.
COMMAND = (sys.executable, "-c", "from mnist_cnn.bulk.driver import main; main()")

OnProgress = Callable[[int, int], object]
"""Called with how many pictures are read, and how many there are."""


@dataclass(frozen=True)
class Summary:
    """How many images are in the folder `output`, and how many of them could not be read (`failed`)."""

    output: str
    pictures: int
    failed: int


def read_on_cluster(
    pictures: Sequence[str | Path],
    address: str,
    output: str | Path,
    *,
    path_column: str = "path",
    bytes_column: str = "bytes",
    model: str | Path | None = None,
    min_confidence: float | None = None,
    single: bool = False,
    on_progress: OnProgress = lambda _done, _all: None,
) -> Summary:
    """Read pictures on the Ray cluster at `address` into the new folder `output` of Parquet files.

    `pictures` are pictures and folders of pictures, or Parquet files and folders of them with a column of names
    and one of the bytes of picture files. Every machine of the cluster must find them, and `model`, by the same path.
    "local" is a cluster of this machine's cores that lives as long as the call. The rows (`rows.SCHEMA`) are in the
    order of the pictures, one each; `output` is there when all are in it, and not before.

    Raises MissingExtraError without Ray or PyArrow, ReaderError for pictures of both kinds, a column that is not
    there or a wrong confidence, ArtifactError for a network that cannot be loaded, and RunError if `output` is there
    already, or the cluster cannot be reached or is lost.
    """
    require_ray("Reading", "pyarrow", "pandas")
    output = Path(output)
    question = Question(None if model is None else str(Path(model).absolute()), min_confidence, single)
    question.reader()  # what is wrong with it is said here, once
    task = begun_with([str(one) for one in pictures], Columns(path_column, bytes_column), question)
    if output.exists() or output.is_symlink():
        raise RunError(f"{output} is there already and nothing is overwritten: name another folder.")
    partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        summary = Summary(
            str(output), *read_into(partial, task, address, output.with_name(f"{output.name}.log"), on_progress)
        )
        partial.rename(output)
    except OSError as error:
        raise RunError(f"{output.parent} cannot be written to ({error.strerror}): name another folder.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return summary


def read_into(folder: Path, task: Task, address: str, log: Path, on_progress: OnProgress) -> tuple[int, int]:
    """Have the driver fill a folder; gives how many pictures are in it, and how many of those could not be read."""
    done = failed = 0
    (folder / TASK).write_text(task.to_json(), encoding="utf-8")
    words = [*COMMAND, address, str(folder.absolute())]
    try:
        with closing(ray_cluster.events(words, address, log)) as events:
            for event in events:
                done, failed = event["read"], event["failed"]
                on_progress(done, event["all"])
    except ClusterLostError as error:
        raise RunError(
            f"Reading on the Ray cluster {address!r} ended too early ({error}), and nothing was kept: look into {log}."
        ) from error
    return done, failed
