"""A child process that ends when its parent does, however the parent ends. Standard library only."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol


def command(module: str) -> tuple[str, ...]:
    """The command line that runs `main` of one of our modules in a new interpreter.

    Not by `python -m`: a module that is run that way is called `__main__`, so its classes could not be unpickled. And
    with -P: otherwise modules would be looked for in the working directory first, which may be a downloaded folder.
    """
    return (sys.executable, "-P", "-c", f"from {module} import main; main()")


def command_line() -> tuple[str, ...]:
    """The same for our command line, which does not end with its parent when people start it."""
    ending = f"from {__name__} import end_with_parent; end_with_parent()"
    return (sys.executable, "-P", "-c", f"{ending}; from mnist_cnn.cli import main; main()")


def supervised(words: Sequence[str]) -> tuple[str, ...]:
    """The same for another's program, which knows nothing of its parent: it is run by a process that does."""
    return (sys.executable, "-P", "-c", f"from {__name__} import supervise; supervise()", *words)


def supervise() -> None:
    """In the child: run the program that the command line names, and end it with the parent."""
    end_with_parent()
    sys.exit(subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL))


def start(
    words: Sequence[str],
    stdout: IO[bytes] | int,
    stderr: IO[bytes] | int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a process that ends when its standard input, a pipe, is closed (it calls `end_with_parent` or reads it).

    It leads a process group of its own, so Ctrl-C reaches only this process, which stops the child and its children.
    """
    return subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, env=env, cwd=cwd, start_new_session=True
    )


def run(
    words: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run such a process to its end; gives its exit code and what it printed. Raises TimeoutExpired."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = start(words, stdout, stderr, env, cwd)
        try:
            process.wait(timeout)
        finally:
            code = stop(process)
        said = []
        for stream in (stdout, stderr):
            stream.seek(0)
            said.append(stream.read().decode(errors="replace"))
    return subprocess.CompletedProcess(words, code, *said)


class Process(Protocol):
    """What `subprocess.Popen` and `forked_process.Forked` have in common."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""

    def wait(self) -> int:
        """Wait until it has ended, and give the exit code."""

    def kill(self) -> None:
        """End it at once."""


def kill(process: Process) -> None:
    """Kill a process and its children if it is still running; does not wait."""
    if process.poll() is None:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


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


def last_line(log: Path, passed_on: re.Pattern[str] | None = None) -> str:
    """The last line that a process wrote to its log, or an empty string.

    Lines that begin with `passed_on` are those of other processes: one of them is given only if there is no other.
    """
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    own = [line for line in lines if not (passed_on and passed_on.match(line))]
    return (own or lines or [""])[-1].strip()


def end_with_parent() -> None:
    """In the child: from now on, end this process and its children as soon as standard input is closed."""
    threading.Thread(target=_end_with_input, daemon=True).start()


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
