"""A child process that ends when its parent does, however the parent ends. Standard library only."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TypeAlias, cast

MOST_FILES = 1024  # file descriptors that the command line may have open when it forks


def command(module: str) -> tuple[str, ...]:
    """The command line that runs `main` of one of our modules in a new interpreter.

    Not by `python -m`: a module that is run that way is called `__main__`, so its classes could not be unpickled.
    """
    return (sys.executable, "-c", f"from {module} import main; main()")


def start(
    words: Sequence[str], stdout: IO[bytes] | int, stderr: IO[bytes] | int | None = None
) -> "subprocess.Popen[bytes]":
    """Start a process that ends when its standard input, a pipe, is closed (it calls `end_with_parent` or reads it).

    It leads a process group of its own, so Ctrl-C reaches only this process, which stops the child and its children.
    """
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, start_new_session=True)


class Forked:
    """A copy of this process, with those attributes of `subprocess.Popen` that are used here."""

    def __init__(self, pid: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self.returncode: int | None = None
        self.asking = threading.Lock()

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self.ask(os.WNOHANG)

    def wait(self) -> int:
        """Wait until it has ended, and give the exit code."""
        return cast(int, self.ask(0))

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)

    def ask(self, how: int) -> int | None:
        """Ask the system for the exit code, which it tells once."""
        with self.asking:
            if self.returncode is None:
                pid, status = os.waitpid(self.pid, how)
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
            return self.returncode


Process: TypeAlias = "subprocess.Popen[bytes] | Forked"


def fork(run: Callable[[], object]) -> Forked:
    """Run a function in a copy of this process, whose other threads must hold no locks; its pipes are as those of `start`.

    Nothing has to be imported again. It leads a process group of its own, and ends when the function returns.
    """
    to_child, from_parent = os.pipe()
    to_parent, from_child = os.pipe()
    pid = os.fork()
    if pid:
        with contextlib.suppress(OSError):  # it has ended already
            os.setpgid(pid, pid)  # here as well, so that it may be killed from now on
        os.close(to_child)
        os.close(from_child)
        return Forked(pid, os.fdopen(from_parent, "wb"), os.fdopen(to_parent, "rb"))
    code = 1
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(to_child, 0)
        os.dup2(from_child, 1)
        os.closerange(3, MOST_FILES)
        run()
        code = 0
    finally:
        os._exit(code)  # not by what this process has registered to be done at its end


def kill(process: Process) -> None:
    """Kill a process and its children if it is still running; does not wait."""
    if process.poll() is None:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def wait(process: Process) -> int:
    """Wait until a process has ended, close its pipes, and return its exit code."""
    code = process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            with contextlib.suppress(OSError):  # what it has not read can no longer be written
                stream.close()
    return code


def stop(process: Process) -> int:
    """Kill a process and its children, wait for it, and return its exit code."""
    kill(process)
    return wait(process)


def last_line(log: Path) -> str:
    """The last line that a process wrote to its log, or an empty string."""
    return (log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""])[-1]


def end_with_parent() -> None:
    """In the child: from now on, end this process and its children as soon as standard input is closed."""
    threading.Thread(target=_end_with_input, daemon=True).start()


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
