"""Work on a Ray cluster, seen from the process that wants it done: start a driver process and receive its events.

Ray prints to the screen regardless of its settings and ends its process when it loses the cluster, so only the driver
(`ray_driver`) imports it. Knows nothing about what the work is.
"""

import contextlib
import importlib.util
import json
import re
import subprocess
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from mnist_cnn.errors import MissingExtraError, RunError
from mnist_cnn.system.files import new_file
from mnist_cnn.workers import child_process

LOCAL = "local"
PATIENCE = 45  # seconds to connect to a running cluster; it takes 1 to 10
PATIENCE_LOCAL = 120  # seconds to start one on this machine; it takes 5 to 15
COLOUR = re.compile(r"\x1b\[[\d;]*m")
# How Ray begins what it passes on from other processes.
PASSED_ON = re.compile(rf"\s*(?:{COLOUR.pattern})*\((raylet|autoscaler|\w+ pid=)")

Event = dict[str, Any]
"""What the driver reports: a JSON object per line of its standard output."""


def require_ray(what: str, *packages: str) -> None:
    """Raise MissingExtraError, naming `what` was asked for, if Ray or one of `packages` is not installed."""
    missing = [name for name in ("ray", *packages) if importlib.util.find_spec(name) is None]
    if missing:
        named = " and ".join("Ray" if name == "ray" else name for name in missing)
        raise MissingExtraError(
            f"{what} on a cluster needs {named}, which {'is' if len(missing) == 1 else 'are'} not installed: "
            'pip install "mnist-cnn[ray]".'
        )


def driver_events(words: Sequence[str], address: str, log: Path, *, work: str, if_lost: str) -> Generator[Event]:
    """Start the driver process `words`, which connects to `address`, and yield its events until it is done.

    Its stderr goes to the file `log`, which is deleted unless the driver fails. Closing the generator stops the driver.
    Raises RunError if the cluster cannot be reached, or if the driver ends before its work is done: the sentence then
    begins with what the `work` is called and ends with what has become of it, `if_lost`.
    """
    with new_file(log) as stream:
        process = child_process.start(words, subprocess.PIPE, stream)
    seconds = PATIENCE_LOCAL if address == LOCAL else PATIENCE
    patience = threading.Timer(seconds, child_process.kill, [process])
    patience.start()
    is_connected, is_done, is_lost = False, False, False
    try:
        for event in map(json.loads, process.stdout or ()):
            if "connected" in event:
                is_connected = True
                patience.cancel()
            elif "done" in event:
                is_done = True
            else:
                yield event
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)  # its last words come after its last event
        if is_lost := not is_done:
            reason = last_words(log)[:300].rstrip(".:")
            if is_connected:
                raise RunError(
                    f"{work} on the Ray cluster {address!r} ended too early ({reason}): see {log}; {if_lost}."
                )
            if patience.finished.is_set():
                reason = f"no answer in {seconds} s"
            raise RunError(
                f"The Ray cluster {address!r} cannot be reached ({reason}): check that it is running, and its address "
                "(local, auto, HOST:PORT or ray://HOST:PORT)."
            )
    finally:
        patience.cancel()
        child_process.stop(process)
        if not is_lost:
            log.unlink(missing_ok=True)


def last_words(log: Path) -> str:
    """The last line that the driver itself wrote to its log, without colours, or an empty string.

    Ray adds lines of other processes, such as that an actor is unavailable and is tried again, at any time.
    """
    return COLOUR.sub("", child_process.last_line(log, PASSED_ON))
