"""Pictures come in and readings go out in the same order, read by several processes of this machine. Prints nothing."""

import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from operator import length_hint
from pathlib import Path
from queue import SimpleQueue
from typing import IO, cast

from mnist_cnn.bulk.worker import Question, Result, read_each
from mnist_cnn.errors import ImageError, ReaderError, RunError
from mnist_cnn.reading.picture import Source
from mnist_cnn.system import child_process

COMMAND = (sys.executable, "-c", "from mnist_cnn.bulk.worker import main; main()")
TOGETHER = 16  # pictures that a process is handed at a time: small ones take it six milliseconds, handing them over one
AHEAD = 4  # such lists for each process, under way or waiting to be given out in their turn
TRIES = 3  # how often a process is begun, and a picture by itself, when the process dies of it
MOST = 256  # processes
CUT_OFF = (OSError, EOFError, pickle.UnpicklingError)  # what talking to a process raises that dies, wherever it was


def read_in_parallel(
    pictures: Iterable[Source],
    workers: int,
    *,
    model: str | Path | None = None,
    min_confidence: float | None = None,
    single: bool = False,
) -> Generator[Result]:
    """Read pictures in `workers` processes; gives for each, in order, its Reading, or a ImageError that says why not.

    The readings are, to the bit, those of `Reader(model, min_confidence).read(picture, single)`. At most 64 pictures a
    process are under way, however many there are. A process that dies is begun anew and its pictures are read again.
    Closing the iterator ends all processes. Raises ReaderError for a number of processes or a confidence out of range,
    ArtifactError for a network that cannot be loaded, and RunError if a process cannot be begun.
    """
    if not 1 <= workers <= MOST:
        raise ReaderError(f"workers is {workers}: it must be a whole number from 1 to {MOST}.")
    question = Question(None if model is None else str(model), min_confidence, single)
    reader = question.reader()  # what is wrong with it is said here, once
    if workers == 1:
        return (result for picture in pictures for result in read_each(reader, [picture], single))
    return side_by_side(pictures, workers, question)


def side_by_side(pictures: Iterable[Source], workers: int, question: Question) -> Generator[Result]:
    """The work of `read_in_parallel`: each process is used by one thread at a time, which waits for it."""
    processes = [ReadingProcess(question) for _ in range(workers)]
    free: SimpleQueue[ReadingProcess] = SimpleQueue()
    for process in processes:
        free.put(process)

    def read(some: Sequence[Source]) -> list[Result]:
        process = free.get()
        try:
            return process.read(some)
        finally:
            free.put(process)

    threads = ThreadPoolExecutor(workers)
    under_way: deque[Future[list[Result]]] = deque()
    try:
        for some in lists_of(pictures, workers):
            under_way.append(threads.submit(read, some))
            if len(under_way) == workers * AHEAD:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()
    finally:
        for process in processes:
            process.close()
        threads.shutdown(cancel_futures=True)
        for process in processes:
            process.end()


def lists_of(pictures: Iterable[Source], workers: int) -> Iterator[list[Source]]:
    """The pictures in short lists; in shorter ones where there are so few that some process would have none."""
    many = length_hint(pictures, workers * AHEAD * TOGETHER)
    together = max(1, min(TOGETHER, many // (workers * AHEAD)))
    waiting = iter(pictures)
    while some := list(islice(waiting, together)):
        yield some


class ReadingProcess:
    """A process with a reader of its own (`worker`), begun when it is needed, and anew when it has died."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.process: subprocess.Popen[bytes] | None = None
        self.closed = False

    def read(self, pictures: Sequence[Source]) -> list[Result]:
        """Read pictures. If the process dies of it, each is read by itself, so that only one that kills is lost."""
        if (results := self.ask(pictures)) is not None:
            return results
        return [self.read_alone(picture) for picture in pictures]

    def read_alone(self, picture: Source) -> Result:
        """Read one picture, several times if the process dies."""
        for _ in range(TRIES):
            if (results := self.ask([picture])) is not None:
                return results[0]
        name = picture if isinstance(picture, str | Path) else "the picture"
        return ImageError(
            f"{name} cannot be read (the process that reads it ended {TRIES} times): shrink it, or save it anew."
        )

    def ask(self, pictures: Sequence[Source]) -> list[Result] | None:
        """Have pictures read; None if the process has died."""
        process = self.process or self.begin()
        try:
            return exchange(process, pictures)
        except CUT_OFF:
            self.end()
            return None

    def begin(self) -> "subprocess.Popen[bytes]":
        """Begin the process and wait until it is ready. Raises RunError if it cannot be begun in several tries."""
        code = None
        for _ in range(TRIES):
            process = self.process = child_process.begin([*COMMAND, self.question.to_json()], subprocess.PIPE)
            if self.closed:  # since it was asked for
                child_process.kill(process)
            try:
                answer(process)
                return process
            except CUT_OFF:
                code = self.end()
        raise RunError(
            f"A process that reads could not be begun (it ended with {code}; too little memory, perhaps): "
            "take fewer with --workers."
        )

    def end(self) -> int | None:
        """End the process, if there is one; gives its exit code."""
        process, self.process = self.process, None
        if process is None:
            return None
        child_process.kill(process)
        return child_process.end(process)

    def close(self) -> None:
        """Have the process ended for good; may be called while another thread waits for it."""
        self.closed = True
        if process := self.process:
            child_process.kill(process)


def exchange(process: "subprocess.Popen[bytes]", pictures: Sequence[Source]) -> list[Result]:
    """Hand pictures over and wait for what becomes of them."""
    pipe = cast(IO[bytes], process.stdin)
    pickle.dump(pictures, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()
    return answer(process)


def answer(process: "subprocess.Popen[bytes]") -> list[Result]:
    """What a process says next."""
    results: list[Result] = pickle.load(cast(IO[bytes], process.stdout))  # noqa: S301  from a process of our own
    return results
