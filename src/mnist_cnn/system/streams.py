"""The standard streams of our own command line, which may be closed, full, without a reader, or not UTF-8.

Standard library only.
"""

import errno
import os
import sys

READER_GONE = 141  # the exit code that a shell shows for a program whose reader has ended, as in `| head`
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_lost: list[OSError] = []


def prepare() -> None:
    """Let nothing that is printed or asked for fail for a reason that has nothing to do with the work.

    A stream that was closed is the null device, also by its number: otherwise the next file that is opened gets it, and
    what libraries print goes into that file. A character that the terminal cannot show is printed as its code.
    """
    while (free := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(free, True)
    os.close(free)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  open until the end
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):  # which what a test puts there lacks
            reconfigure(errors="backslashreplace")


def continue_silently(error: OSError) -> None:
    """Let the work go on although stdout cannot be written: what is printed from now on goes nowhere."""
    _lost.append(error)
    _discard()


def lost() -> OSError | None:
    """Why the work went on silently, if it did."""
    return _lost[-1] if _lost else None


def failing() -> OSError | None:
    """Why what is still to be printed on stdout cannot be, or None; it is printed or discarded."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _discard()
        return error
    return None


def _discard() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
