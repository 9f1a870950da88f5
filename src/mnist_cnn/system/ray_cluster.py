"""A Ray cluster is talked to by another process; here it is begun and heard. Knows nothing about what it has done.

Ray writes on the screen past every setting, and ends its process where it loses its cluster; so that is another one.
It writes a JSON object a line to its standard output, first {"connected": true}; if it fails, its last line on stderr
says why.
"""

import contextlib
import importlib.util
import json
import os
import subprocess
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from mnist_cnn.errors import MissingExtraError, RunError
from mnist_cnn.system import child_process, environment

LOCAL = "local"
PATIENCE = 45  # seconds for a cluster to answer; it takes 1 to 10
PATIENCE_WITH_NEW = 120  # seconds for a new one on this machine; that takes 5 to 15

Event = dict[str, Any]
"""What the other process says: one of its lines."""


class ClusterLostError(Exception):
    """For whoever began the work, to be put into words: the other process ended too early; this is its last word."""


def require_ray(what: str, *packages: str) -> None:
    """Raise MissingExtraError, naming `what` was asked for, if Ray or what it needs for that is not installed."""
    missing = [name for name in ("ray", *packages) if importlib.util.find_spec(name) is None]
    if missing:
        named = " and ".join("Ray" if name == "ray" else name for name in missing)
        raise MissingExtraError(
            f"{what} on a cluster needs {named}, which {'is' if len(missing) == 1 else 'are'} not installed: "
            'pip install "mnist-cnn[ray]".'
        )


def events(words: Sequence[str], address: str, log: Path) -> Generator[Event]:
    """Begin the process `words`, which connects to `address`, and give what it says until {"done": true}.

    What it writes to stderr goes into the file `log`, which is kept if it fails. Closing the generator ends the
    process. Raises RunError if the cluster cannot be reached, and ClusterLostError if the process ends too early.
    """
    with log.open("wb") as stream:
        process = child_process.begin(words, subprocess.PIPE, stream)
    seconds = PATIENCE_WITH_NEW if address == LOCAL else PATIENCE
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
            process.wait(timeout=30)  # its last word comes after its last event
        if is_lost := not is_done:
            said = child_process.last_line(log)[:300].rstrip(".:")
            if is_connected:
                raise ClusterLostError(said)
            reason = f"no answer in {seconds} s" if patience.finished.is_set() else said
            raise RunError(
                f"The Ray cluster {address!r} cannot be reached ({reason}): check that it runs, and its address "
                "(local, auto, HOST:PORT or ray://HOST:PORT)."
            )
    finally:
        patience.cancel()
        child_process.stop(process)
        if not is_lost:
            log.unlink(missing_ok=True)


def connect(address: str, cores: int, object_store: int) -> None:
    """In the other process: connect to a cluster, "local" to a new one with so many cores and bytes for objects.

    Whatever Ray raises is raised.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray tells its makers
    import ray

    wanted: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        cores = max(environment.cores(), cores)
        wanted |= {"num_cpus": cores, "include_dashboard": False, "object_store_memory": object_store}
    ray.init(address, **wanted)


def first_line(error: BaseException) -> str:
    """What an error says, in short."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
