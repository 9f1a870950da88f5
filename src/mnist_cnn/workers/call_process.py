"""A child process that answers calls one at a time, within limits of time and memory, and is started again if it dies.

The two sides exchange pickles over pipes. Standard library only; knows nothing of what is called.
"""

import contextlib
import ctypes
import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from mnist_cnn.workers import child_process

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of mallopt
CUT_OFF = (OSError, EOFError, pickle.UnpicklingError)  # what talking to a process that dies raises


class DiedError(Exception):
    """The process ended before it answered; `too_long` if that was because it exceeded its time limit."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"the process ended with exit code {code}")
        self.code = code

    @property
    def too_long(self) -> bool:
        """Whether `time_limit` ended the process."""
        return sys.platform != "win32" and self.code == -signal.SIGALRM


class Failure:
    """In place of an answer: what the call, or the start, has raised."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class CallProcess:
    """A process that runs `words`, the command line of a program that calls `answer_calls`; for one thread at a time.

    `close` may be called by any thread, also while another waits for an answer.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self.process: child_process.Process | None = None
        self.ready = self.closed = False

    def begin(self) -> None:
        """Start the process unless it runs, and do not wait for it."""
        if self.process is None:
            self.process = child_process.start(self.words, subprocess.PIPE)
            if self.closed:  # meanwhile
                child_process.kill(self.process)

    def fork(self, function: Callable[[Any], Any], memory: int | None) -> None:
        """Begin with a copy of this process (see `forked_process`), to answer by a function made here."""
        from mnist_cnn.workers.forked_process import fork  # here, because Windows has none

        self.process = fork(lambda: answer_calls(lambda: function, memory))

    def start(self) -> None:
        """Start the process unless it runs, and wait until it is ready; raises DiedError, or what its start raised."""
        self.begin()
        if not self.ready:
            try:
                self.answer()
            except Exception:
                self.stop()
                raise
            self.ready = True

    def call(self, request: object) -> Any:
        """What the process makes of a request; raises DiedError, or what the process has raised."""
        self.start()
        pipe = cast(IO[bytes], cast(child_process.Process, self.process).stdin)
        try:
            pickle.dump(request, pipe, pickle.HIGHEST_PROTOCOL)
            pipe.flush()
        except OSError as error:
            raise DiedError(self.stop()) from error
        return self.answer()

    def call_again(self, request: object, tries: int) -> Any:
        """As `call`, several times if the process dies, but once if it takes too long."""
        for _ in range(tries - 1):
            try:
                return self.call(request)
            except DiedError as death:
                if death.too_long:
                    raise
        return self.call(request)

    def answer(self) -> Any:
        """The next answer of the process; raises as `call`."""
        try:
            pipe = cast(IO[bytes], cast(child_process.Process, self.process).stdout)
            answer = pickle.load(pipe)  # noqa: S301  from a process of our own
        except CUT_OFF as error:
            raise DiedError(self.stop()) from error
        if isinstance(answer, Failure):
            raise answer.error
        return answer

    def stop(self) -> int | None:
        """Stop the process, if there is one; returns its exit code."""
        process, self.process, self.ready = self.process, None, False
        return None if process is None else child_process.stop(process)

    def close(self) -> None:
        """Kill the process for good; a thread that waits for its answer gets DiedError."""
        self.closed = True
        if process := self.process:
            child_process.kill(process)


def answer_calls(make: Callable[[], Callable[[Any], Any]], memory: int | None = None) -> None:
    """In the child: make a function, say that it is ready, and answer each request by what it returns or raises.

    Once it is made, the process may take `memory` bytes more than it has (`limit_memory`). It ends with its input.
    """
    with os.fdopen(os.dup(1), "wb") as answers, os.fdopen(os.dup(0), "rb") as requests:
        os.dup2(2, 1)  # what a library prints is not an answer
        answer: Any = None
        try:
            keep_memory()
            function = make()
            limit_memory(memory)
        except Exception as error:
            answer = Failure(error)
        while True:
            try:
                answers.write(pickled(answer))
                answers.flush()
                request = pickle.load(requests)  # noqa: S301  from the process that started this one
            except (EOFError, OSError):  # which is gone
                os._exit(0)
            try:
                answer = function(request)
            except Exception as error:
                error.add_note(traceback.format_exc())  # which does not go through the pipe by itself
                answer = Failure(error)
            del request


def pickled(answer: Any) -> bytes:
    """An answer as it goes through the pipe; an exception that cannot be pickled, or not be made again, as a text."""
    try:
        data = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
        if isinstance(answer, Failure):
            pickle.loads(data)  # noqa: S301  made in the line before the last
    except Exception as error:
        said = answer.error if isinstance(answer, Failure) else error
        return pickle.dumps(Failure(RuntimeError(f"{type(said).__name__}: {said}")), pickle.HIGHEST_PROTOCOL)
    return data


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """In the child: end this process if what follows takes longer, whatever it is doing; not on Windows.

    Only the end of the process stops a decoder that is written in C.
    """
    if sys.platform == "win32":
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)  # whose signal ends a process that does not handle it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def keep_memory() -> None:
    """Let the C library keep what is freed: giving it back to the system after each image takes a third of the time."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):  # a C library without this function
        library = ctypes.CDLL(None)
        library.mallopt(TRIM_THRESHOLD, 256 * 2**20)
        library.mallopt(MMAP_THRESHOLD, 32 * 2**20)


def limit_memory(more: int | None) -> None:
    """Let this process take so many bytes more than it has, so that asking for more raises MemoryError; on Linux."""
    if more is None or sys.platform != "linux":  # elsewhere this limit does not count what malloc maps
        return
    import resource

    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    used = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData"))
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = used + more if most == resource.RLIM_INFINITY else min(used + more, most)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))
