"""Read images in processes of this machine: images come in, readings go out in the same order."""

import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from operator import length_hint
from pathlib import Path
from queue import SimpleQueue

from mnist_cnn.bulk.reader_process import ReaderOptions, Result, answering
from mnist_cnn.errors import ImageError, ReaderError, RunError
from mnist_cnn.reading.model_names import path_of
from mnist_cnn.reading.picture import Source
from mnist_cnn.workers import child_process
from mnist_cnn.workers.call_process import CallProcess, DiedError

COMMAND = child_process.command("mnist_cnn.bulk.reader_process")
TOGETHER = 16  # images sent to a process at a time: small ones take it six milliseconds, sending them one
AHEAD = 4  # such lists per process, being read or waiting for their turn to be yielded
TRIES = 3  # how often a process is started, and an image read by itself, when the process dies
MOST = 256  # processes


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
    process are held at a time, however many there are. An image may take 30 seconds, and on Linux 1 GiB of memory: a
    process that takes longer is killed. One that dies is restarted and its images are read again. Closing the iterator
    ends all processes. Raises ReaderError for a number of processes or a confidence out of range, ArtifactError for a
    model that cannot be loaded, and RunError if a process cannot be started.
    """
    options = ReaderOptions(None if model is None else str(path_of(model)), min_confidence, single)
    readers = LocalReaders(options, workers)
    readers.start()
    return readers.read(images)


class LocalReaders:
    """Processes of this machine that read images, started when they are needed.

    With `by_fork` they are at first copies of this process (see `forked_process`), so that a single image need not
    wait until another process has imported everything; on Linux only.
    """

    def __init__(self, options: ReaderOptions, count: int, *, by_fork: bool = False) -> None:
        if not 1 <= count <= MOST:
            raise ReaderError(f"workers is {count}: it must be a whole number from 1 to {MOST}.")
        self.processes = [ReaderProcess(options) for _ in range(count)]
        if by_fork and sys.platform == "linux":
            function = answering(options)
            for process in self.processes:
                process.fork(function, options.memory)

    def start(self) -> None:
        """Wait until the first process is ready; raises what `Reader` raises, and RunError."""
        self.processes[0].start()

    def read(self, images: Iterable[Source]) -> Generator[Result]:
        """The results of the images in their order: each process is used by one thread at a time, which waits for it.

        All processes end with the generator.
        """
        free: SimpleQueue[ReaderProcess] = SimpleQueue()
        for process in self.processes:
            free.put(process)

        def read(some: Sequence[Source]) -> list[Result]:
            process = free.get()
            try:
                return process.read(some)
            finally:
                free.put(process)

        count = len(self.processes)
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
            for process in self.processes:
                process.close()
            threads.shutdown(cancel_futures=True)
            for process in self.processes:
                process.stop()


def short_lists(images: Iterable[Source], processes: int) -> Iterator[list[Source]]:
    """The images in short lists; in shorter ones where there are so few that a process would get none."""
    many = length_hint(images, processes * AHEAD * TOGETHER)
    together = max(1, min(TOGETHER, many // (processes * AHEAD)))
    waiting = iter(images)
    while some := list(islice(waiting, together)):
        yield some


class ReaderProcess(CallProcess):
    """A `reader_process`, started when it is first needed and restarted when it has died."""

    def __init__(self, options: ReaderOptions) -> None:
        super().__init__([*COMMAND, options.to_json()])
        self.options = options

    def read(self, images: Sequence[Source]) -> list[Result]:
        """Read images. If the process dies, each is read by itself, so that only an image that kills it is lost."""
        try:
            results: list[Result] = self.call(images)
        except DiedError:
            return [self.read_alone(image) for image in images]
        return results

    def read_alone(self, image: Source) -> Result:
        """Read one image, several times if the process dies, but once if it takes too long."""
        try:
            results: list[Result] = self.call_again([image], TRIES)
        except DiedError as death:
            name = image if isinstance(image, str | Path) else "the image"
            if death.too_long:
                limit = f"{self.options.seconds:g} s"
                return ImageError(f"{name} cannot be read (it takes longer than {limit}): crop it or shrink it.")
            return ImageError(
                f"{name} cannot be read (the process that reads it died {TRIES} times): shrink it or save it again."
            )
        return results[0]

    def start(self) -> None:
        """Start the process and wait until it is ready. Raises RunError if it cannot be started in several tries."""
        code = None
        for _ in range(TRIES):
            try:
                super().start()
            except DiedError as death:
                code = death.code
            else:
                return
        raise RunError(
            f"A reader process could not be started (it ended with exit code {code}; too little memory, perhaps): "
            "use fewer with --workers."
        )
