"""Read images in processes of this machine: images come in, readings go out in the same order."""

import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from operator import length_hint
from pathlib import Path
from queue import SimpleQueue
from typing import cast

from mnist_cnn.bulk.reader_process import FormResult, Page, ReaderOptions, Result, Task, answering
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

    The readings are bit-for-bit those of `Reader(model, min_confidence).read(image, single)`; of an image with several
    pages the first is read, and `Reading.pages` says how many there are. At most 64 images per
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
        return self.results(images, all_pages=False)

    def read_pages(self, images: Iterable[Source]) -> Generator[Result]:
        """The results of all pages of the images in their order, as of `read`: the first page of each has `page` 1.

        An error says so if the pages after it are not read.
        """
        return self.results(images, all_pages=True)

    def read_forms(self, images: Iterable[Source]) -> Generator[FormResult]:
        """The same as forms, of readers whose options have a template."""
        return cast("Generator[FormResult]", self.read_pages(images))

    def results(self, images: Iterable[Source], *, all_pages: bool) -> Generator[Result]:
        """The results of the images, or of their pages."""
        free: SimpleQueue[ReaderProcess] = SimpleQueue()
        for process in self.processes:
            free.put(process)

        def read(some: Sequence[Task]) -> list[Result]:
            process = free.get()
            try:
                return process.read(some)
            finally:
                free.put(process)

        count = len(self.processes)
        threads = ThreadPoolExecutor(count)

        def done(some: Sequence[Source], future: Future[list[Result]]) -> Iterator[Result]:
            for image, result in zip(some, future.result(), strict=True):
                yield told_if_last(result) if all_pages else result
                if all_pages and isinstance(image, str | Path | bytes):
                    yield from in_order(later_pages(image, result), count * AHEAD, threads, read)

        pending: deque[tuple[Sequence[Source], Future[list[Result]]]] = deque()
        try:
            for some in short_lists(images, count):
                pending.append((some, threads.submit(read, some)))
                if len(pending) == count * AHEAD:
                    yield from done(*pending.popleft())
            while pending:
                yield from done(*pending.popleft())
        finally:
            for process in self.processes:
                process.close()
            threads.shutdown(cancel_futures=True)
            for process in self.processes:
                process.stop()


def later_pages(image: str | Path | bytes, first: Result) -> Iterator[Page]:
    """The pages of an image after its first, whose result says how many there are."""
    return (Page(image, number, first.pages) for number in range(2, 1 if is_last(first) else first.pages + 1))


def is_last(result: Result) -> bool:
    """Whether no page after this one is read."""
    return result.page == result.pages or (isinstance(result, ImageError) and result.is_last)


def told_if_last(result: Result) -> Result:
    """The same, or an error that also says that the pages after it are not read."""
    if not isinstance(result, ImageError) or not is_last(result) or result.page == result.pages:
        return result
    told = ImageError(f"{result} The pages after it are not read.")
    told.page, told.pages, told.is_last = result.page, result.pages, True
    return told


def in_order(
    pages: Iterator[Page], ahead: int, threads: ThreadPoolExecutor, read: Callable[[Sequence[Task]], list[Result]]
) -> Iterator[Result]:
    """Read pages of one image, so many at a time; ends with a page that says that it is the last."""
    pending = deque(threads.submit(read, [page]) for page in islice(pages, ahead))
    while pending:
        [result] = pending.popleft().result()
        yield told_if_last(result)
        if is_last(result):
            for future in pending:
                future.cancel()
            return
        pending.extend(threads.submit(read, [page]) for page in islice(pages, 1))


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

    def read(self, tasks: Sequence[Task]) -> list[Result]:
        """Read images. If the process dies, each is read by itself, so that only an image that kills it is lost."""
        try:
            results: list[Result] = self.call(tasks)
        except DiedError:
            return [self.read_alone(task) for task in tasks]
        return results

    def read_alone(self, task: Task) -> Result:
        """Read one image, several times if the process dies, but once if it takes too long.

        The pages after one that cannot be read so are not read either: each might take as long.
        """
        try:
            results: list[Result] = self.call_again([task], TRIES)
        except DiedError as death:
            image = task.image if isinstance(task, Page) else task
            name = str(image) if isinstance(image, str | Path) else "the image"
            if isinstance(task, Page):
                name = f"page {task.number} of {name}"
            if death.too_long:
                limit = f"{self.options.seconds:g} s"
                error = ImageError(f"{name} cannot be read (it takes longer than {limit}): crop it or shrink it.")
            else:
                error = ImageError(
                    f"{name} cannot be read (the process that reads it died {TRIES} times): shrink it or save it again."
                )
            if isinstance(task, Page):
                error.page, error.pages, error.is_last = task.number, task.pages, True
            return error
        return results[0]

    def later_pages(self, image: str | Path | bytes, first: Result) -> Iterator[Result]:
        """The results of the pages after the first; ends with one that says that it is the last."""
        for page in later_pages(image, first):
            [result] = self.read([page])
            yield told_if_last(result)
            if is_last(result):
                return

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
