"""Another process of ours that ends when this one does, however that ends. Standard library only."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO


def begin(
    words: Sequence[str], stdout: IO[bytes] | int, stderr: IO[bytes] | int | None = None
) -> "subprocess.Popen[bytes]":
    """Begin a process that is to end when its standard input, a pipe, does (`end_with_parent`, or because it reads it).

    It leads a group of its own: Ctrl-C is for this process, which ends the other one with all that it has begun.
    """
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, start_new_session=True)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process, and those that it began, now."""
    kill(process)
    end(process)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Have a process ended, and those that it began, if it has not ended yet."""
    if process.poll() is None:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def end(process: "subprocess.Popen[bytes]") -> int:
    """Wait until a process has ended; gives its exit code."""
    code = process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            with contextlib.suppress(OSError):  # what it has not read is written no more
                stream.close()
    return code


def last_line(path: Path) -> str:
    """What was said last."""
    return (path.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""])[-1]


def end_with_parent() -> None:
    """In the other process: wait for the end of standard input, then end at once, and all that was begun."""
    while os.read(0, 1):
        pass
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
