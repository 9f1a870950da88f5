"""Read images in several processes of this machine: images come in, readings go out in the same order."""

import pickle
import subprocess
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from operator import length_hint
from pathlib import Path
from queue import SimpleQueue
from typing import IO, cast

from mnist_cnn.bulk.reader_process import ReaderOptions, Result, read_each
from mnist_cnn.errors import ImageError, ReaderError, RunError
from mnist_cnn.reading.model_names import path_of
from mnist_cnn.reading.picture import Source
from mnist_cnn.workers import child_process

COMMAND = child_process.command("mnist_cnn.bulk.reader_process")
TOGETHER = 16  # images sent to a process at a time: small ones take it six milliseconds, sending them one
AHEAD = 4  # such lists per process, being read or waiting for their turn to be yielded
TRIES = 3  # how often a process is started, and an image read by itself, when the process dies
MOST = 256  # processes
CUT_OFF = (OSError, EOFError, pickle.UnpicklingError)  # what talking to a process that dies raises


def read_in_parallel(
    images: Iterable[Source],
    workers: int,
    *,
    model: str | Path | None = None,
    min_confidence: float | None = None,
    single: bool = False,
) -> Generator[Result]:
    """Read images in `workers` processes; yields for each, in order, its Reading, or an ImageError that says why not.

    The readings are bit-for-bit those of `Reader(model, min_confidence).read(image, single)`. At most 64 images per
    process are held at a time, however many there are. A process that dies is restarted and its images are read again.
    Closing the iterator ends all processes. Raises ReaderError for a number of processes or a confidence out of range,
    ArtifactError for a model that cannot be loaded, and RunError if a process cannot be started.
    """
    if not 1 <= workers <= MOST:
        raise ReaderError(f"workers is {workers}: it must be a whole number from 1 to {MOST}.")
    options = ReaderOptions(None if model is None else str(path_of(model)), min_confidence, single)
    reader = options.reader()  # raises here, once, what every process would raise
    if workers == 1:
        return (result for image in images for result in read_each(reader, [image], single))
    return read_by_processes(images, workers, options)


def read_by_processes(images: Iterable[Source], count: int, options: ReaderOptions) -> Generator[Result]:
    """The work of `read_in_parallel`: each process is used by one thread at a time, which waits for it."""
    processes = [ReaderProcess(options) for _ in range(count)]
    free: SimpleQueue[ReaderProcess] = SimpleQueue()
    for process in processes:
        free.put(process)

    def read(some: Sequence[Source]) -> list[Result]:
        process = free.get()
        try:
            return process.read(some)
        finally:
            free.put(process)

    threads = ThreadPoolExecutor(count)
    pending: deque[Future[list[Result]]] = deque()
    try:
        for some in short_lists(images, count):
            pending.append(threads.submit(read, some))
            if len(pending) == count * AHEAD:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    finally:
        for process in processes:
            process.close()
        threads.shutdown(cancel_futures=True)
        for process in processes:
            process.stop()


def short_lists(images: Iterable[Source], processes: int) -> Iterator[list[Source]]:
    """The images in short lists; in shorter ones where there are so few that a process would get none."""
    many = length_hint(images, processes * AHEAD * TOGETHER)
    together = max(1, min(TOGETHER, many // (processes * AHEAD)))
    waiting = iter(images)
    while some := list(islice(waiting, together)):
        yield some


class ReaderProcess:
    """A `reader_process`, started when it is first needed and restarted when it has died."""

    def __init__(self, options: ReaderOptions) -> None:
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None
        self.closed = False

    def read(self, images: Sequence[Source]) -> list[Result]:
        """Read images. If the process dies, each is read by itself, so that only an image that kills it is lost."""
        if (results := self.ask(images)) is not None:
            return results
        return [self.read_alone(image) for image in images]

    def read_alone(self, image: Source) -> Result:
        """Read one image, several times if the process dies."""
        for _ in range(TRIES):
            if (results := self.ask([image])) is not None:
                return results[0]
        name = image if isinstance(image, str | Path) else "the image"
        return ImageError(
            f"{name} cannot be read (the process that reads it died {TRIES} times): shrink it or save it again."
        )

    def ask(self, images: Sequence[Source]) -> list[Result] | None:
        """Have images read; None if the process has died."""
        process = self.process or self.start()
        try:
            return exchange(process, images)
        except CUT_OFF:
            self.stop()
            return None

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the process and wait until it is ready. Raises RunError if it cannot be started in several tries."""
        code = None
        for _ in range(TRIES):
            process = self.process = child_process.start([*COMMAND, self.options.to_json()], subprocess.PIPE)
            if self.closed:  # meanwhile
                child_process.kill(process)
            try:
                answer(process)
                return process
            except CUT_OFF:
                code = self.stop()
        raise RunError(
            f"A reader process could not be started (it ended with exit code {code}; too little memory, perhaps): "
            "use fewer with --workers."
        )

    def stop(self) -> int | None:
        """Stop the process, if there is one; returns its exit code."""
        process, self.process = self.process, None
        return None if process is None else child_process.stop(process)

    def close(self) -> None:
        """Kill the process for good; may be called while another thread waits for it."""
        self.closed = True
        if process := self.process:
            child_process.kill(process)


def exchange(process: "subprocess.Popen[bytes]", images: Sequence[Source]) -> list[Result]:
    """Send images and wait for their results."""
    pipe = cast(IO[bytes], process.stdin)
    pickle.dump(images, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()
    return answer(process)


def answer(process: "subprocess.Popen[bytes]") -> list[Result]:
    """The next list of results from a process."""
    results: list[Result] = pickle.load(cast(IO[bytes], process.stdout))  # noqa: S301  from a process of our own
    return results
