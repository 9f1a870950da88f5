"""Read images on a Ray cluster into Parquet: start `reading_driver` in a process of its own and follow its events."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mnist_cnn.bulk.job import Columns, ReadingJob, job_for
from mnist_cnn.bulk.reader_process import ReaderOptions
from mnist_cnn.errors import RunError
from mnist_cnn.reading.model_names import path_of
from mnist_cnn.reading.region import Region
from mnist_cnn.workers import child_process, ray_cluster

COMMAND = child_process.command("mnist_cnn.bulk.reading_driver")
JOB = "job.json"

OnProgress = Callable[[int, int], object]
"""Called with how many images have been read, and how many there are."""


@dataclass(frozen=True)
class Summary:
    """How many images are in the folder `output`, and how many pages of them could not be read (`failed`)."""

    output: str
    images: int
    failed: int


def read_on_cluster(
    images: Sequence[str | Path],
    address: str,
    output: str | Path,
    *,
    path_column: str = "path",
    bytes_column: str = "bytes",
    model: str | Path | None = None,
    min_confidence: float | None = None,
    single: bool = False,
    region: Sequence[int] | None = None,
    on_progress: OnProgress = lambda _done, _all: None,
) -> Summary:
    """Read images on the Ray cluster at `address` into the new folder `output` of Parquet files.

    `images` are images and folders of images, or Parquet files and folders of them with a column of names and one of
    the bytes of image files. Every machine of the cluster must find them, and `model`, at the same path. "local" is a
    cluster of this machine's cores that lives as long as the call. The rows (`rows.SCHEMA`) are in the order of the
    images, one row per page; `output` appears only when it is complete.

    Raises MissingExtraError without Ray or PyArrow, ReaderError for images of both kinds, a missing column or a
    confidence out of range, ArtifactError for a model that cannot be loaded, and RunError if `output` already exists,
    or the cluster cannot be reached or is lost.
    """
    ray_cluster.require_ray("Reading", "pyarrow", "pandas")
    output = Path(output)
    options = ReaderOptions(
        None if model is None else str(path_of(model).absolute()), min_confidence, single, region=rectangle(region)
    )
    options.reader()  # raises here, once, what every machine would raise
    job = job_for([str(one) for one in images], Columns(path_column, bytes_column), options)
    if output.exists() or output.is_symlink():
        raise RunError(f"{output} already exists and nothing is overwritten: name another folder.")
    if output.name == "..":
        raise RunError(f"{output} does not end with the name of a folder: name another one.")
    log = free_log(output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{output.name[:32]}.", dir=str(output.parent)) as scratch:  # for us only
            partial = Path(scratch) / output.name
            partial.mkdir()  # with the usual permissions
            summary = Summary(str(output), *read_into(partial, job, address, log, on_progress))
            partial.rename(output)
    except OSError as error:
        raise RunError(f"{output.parent} cannot be written to ({error.strerror}): name another folder.") from error
    return summary


def rectangle(region: Sequence[int] | None) -> tuple[int, int, int, int] | None:
    """A region in whole numbers; raises ReaderError if it is malformed."""
    return None if region is None else astuple(Region.of(region))


def free_log(output: Path) -> Path:
    """Where the driver's last words go: beside the folder, with a number if there is such a file already."""
    log, number = output.with_name(f"{output.name}.log"), 2
    while log.exists() or log.is_symlink():
        log, number = output.with_name(f"{output.name}-{number}.log"), number + 1
    return log


def read_into(folder: Path, job: ReadingJob, address: str, log: Path, on_progress: OnProgress) -> tuple[int, int]:
    """Have the driver fill a folder; returns how many images are in it, and how many of those could not be read."""
    done = failed = 0
    (folder / JOB).write_text(job.to_json(), encoding="utf-8")
    words = [*COMMAND, address, str(folder.absolute()), JOB]
    events = ray_cluster.driver_events(words, address, log, work="Reading", if_lost="nothing was saved")
    with closing(events):
        for event in events:
            done, failed = event["read"], event["failed"]
            on_progress(done, event["all"])
    return done, failed
