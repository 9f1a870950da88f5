"""The log on stderr, written by a thread of its own: a pipe that nobody reads delays no request."""

import contextlib
import logging
import os
import threading
from collections import deque

from mnist_cnn.system.visible import visible

STDERR = 2
MOST = 10_000  # lines that wait to be written; more are lost
PATIENCE = 1.0  # seconds for the last lines to be written when the server ends


class BackgroundHandler(logging.Handler):
    """Hands lines to a thread, which says how many were lost if they came faster than they could be written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque()
        self.lost = 0
        self.changed = threading.Condition()
        threading.Thread(target=self.write, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand over a line."""
        line = visible(self.format(record), lines=True)
        with self.changed:
            if len(self.lines) < MOST:
                self.lines.append(line)
            else:
                self.lost += 1
            self.changed.notify_all()

    def flush(self) -> None:
        """Wait a moment until all is written."""
        with self.changed:
            self.changed.wait_for(lambda: not self.lines, PATIENCE)

    def write(self) -> None:
        """Write lines as they come, for as long as the process lives."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.lines)
                some, lost = list(self.lines), self.lost
            if lost:
                some.append(f"{lost:,} lines of the log were lost: stderr was not read.")
            with contextlib.suppress(OSError):  # stderr is full or closed: there is nowhere to say so
                write("\n".join(some) + "\n")
            with self.changed:
                for _ in range(len(some) - bool(lost)):
                    self.lines.popleft()
                self.lost -= lost
                self.changed.notify_all()


def write(text: str) -> None:
    """Write to stderr past Python's own buffer, which this process could not flush at its end while a thread waits."""
    data = text.encode(errors="backslashreplace")
    while data:
        data = data[os.write(STDERR, data) :]
