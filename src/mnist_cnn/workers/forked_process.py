"""A copy of this process, for work that would otherwise wait until another one has imported everything. Not on Windows.

Standard library only.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import IO, cast

if sys.platform == "win32":
    raise ImportError("Windows cannot copy processes.")

MOST_FILES = 1024  # file descriptors that the command line may have open when it forks


class Forked:
    """The copy, as `child_process.Process`."""

    def __init__(self, pid: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.pid = pid
        self.stdin: IO[bytes] | None = stdin
        self.stdout: IO[bytes] | None = stdout
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


def fork(run: Callable[[], object]) -> Forked:
    """Run a function in a copy of this process, whose other threads must hold no locks.

    Its standard input and output are pipes to this process. It leads a process group of its own, and ends when the
    function returns.
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
