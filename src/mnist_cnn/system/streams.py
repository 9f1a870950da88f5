"""The standard streams of our own command line, which may be closed, full, without a reader, or not UTF-8.

Standard library only.
"""

import errno
import io
import os
import sys
from typing import TextIO

READER_GONE = 141  # the exit code that a shell shows for a program whose reader has ended, as in `| head`
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Output(io.TextIOWrapper):
    """Standard output, which knows what has kept it from being written, since the exceptions do not say of what."""

    error: OSError | None = None
    discarded = False

    def write(self, text: str) -> int:
        """Write text."""
        try:
            return super().write(text)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        """Write out what is buffered."""
        try:
            super().flush()
        except OSError as error:
            self.error = error
            raise

    def discard(self) -> None:
        """Let what is printed from now on, and what is buffered, go nowhere."""
        self.discarded = True
        discard(self.fileno())


def prepare() -> None:
    """Let nothing that is printed or asked for fail for a reason that has nothing to do with the work.

    A stream that was closed is the null device, also by its number: otherwise the next file that is opened gets it, and
    what libraries print goes into that file. A character that the terminal cannot show is printed as its code.
    """
    while (free := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(free, True)
    os.close(free)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  open until the end
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    old: TextIO = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (old, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if isinstance(old, io.TextIOWrapper):
        told = {"encoding": old.encoding, "errors": old.errors}
        lines, through = old.line_buffering, old.write_through
        sys.stdout = Output(old.detach(), **told, line_buffering=lines, write_through=through)
        sys.__stdout__ = sys.stdout  # type: ignore[misc]  # the old one is of no use any more


def discard(number: int) -> None:
    """Let what is written to a file descriptor from now on go nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)


def continue_silently(error: OSError) -> None:
    """Let the work go on although `error` has kept something from being printed; nothing is, from now on."""
    if isinstance(sys.stdout, Output):
        sys.stdout.error = error
        sys.stdout.discard()


def kept_from_printing(error: OSError) -> bool:
    """Whether this is what happened to standard output, which is then given up."""
    if not isinstance(sys.stdout, Output) or error is not sys.stdout.error:
        return False
    sys.stdout.discard()
    return True


def unprinted() -> tuple[OSError | None, bool]:
    """At the end of the program: what has kept something from being printed, and whether the work went on silently."""
    if not isinstance(sys.stdout, Output):
        return None, False
    if sys.stdout.discarded:
        return sys.stdout.error, True
    try:
        sys.stdout.flush()
    except OSError as error:
        sys.stdout.discard()
        return error, False
    return None, False
