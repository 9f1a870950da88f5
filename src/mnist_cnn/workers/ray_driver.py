"""Work on a Ray cluster, seen from the driver process: connect, report events, explain a failure, disconnect.

Standard output gets a JSON object per line: {"connected": true}, then the events of the work, then {"done": true}. If
the work fails, the last line on stderr says why. `ray_cluster` reads both in the parent process.
"""

import json
import os
import re
import sys
from collections.abc import Iterable
from itertools import chain
from typing import Any

import ray

from mnist_cnn.system import environment
from mnist_cnn.workers.child_process import end_with_parent
from mnist_cnn.workers.ray_cluster import LOCAL, Event

OBJECT_STORE = 512 * 2**20  # bytes, for a cluster of this machine; the files of a model are a few MB


def drive(address: str, cores: int, events: Iterable[Event]) -> None:
    """Connect to a cluster, iterate over `events`, which does the work, and report each; end with the parent process.

    "local" starts a cluster on this machine with at least so many `cores`. Ends the process with a sentence on stderr
    if Ray or the work raises anything.
    """
    end_with_parent()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as stream:
        os.dup2(2, 1)  # what Ray prints is not an event
        try:
            connect(address, cores)
            for event in chain([{"connected": True}], events, [{"done": True}]):
                print(json.dumps(event), file=stream, flush=True)
        except Exception as error:  # Ray raises whatever the layer that failed raises
            sys.exit(reason_of(error))
        finally:
            ray.shutdown()


def connect(address: str, cores: int) -> None:
    """Connect to a cluster, or start one; raises whatever Ray raises."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # otherwise Ray sends statistics to its makers
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        cores = max(environment.cores(), cores)
        settings |= {"num_cpus": cores, "include_dashboard": False, "object_store_memory": OBJECT_STORE}
    ray.init(address, **settings)


def reason_of(error: BaseException) -> str:
    """The message of our own error inside a traceback from a Ray worker; otherwise the first line of the error."""
    if ours := re.findall(r"mnist_cnn\.errors\.\w+: (.+)", str(error)):
        return str(ours[-1]).strip()
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
