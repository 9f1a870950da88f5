"""Seeds are trained on a Ray cluster: this process begins `driver`, which talks to Ray, and hears how it goes.

Ray writes on the screen past every setting, and ends its process where it loses its cluster; so that is another one.
"""

import contextlib
import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from mnist_cnn.errors import MissingExtraError, RunError
from mnist_cnn.study import processes
from mnist_cnn.study.processes import Ended, OnEpochs
from mnist_cnn.study.seed import Task

# Not by -m: the classes of a module that is run are not those that the cluster's workers import.
COMMAND = (sys.executable, "-c", "from mnist_cnn.study.driver import main; main()")
LOCAL = "local"
PATIENCE = 45  # seconds for a cluster to answer; it takes 1 to 10
PATIENCE_WITH_NEW = 120  # seconds for a new one on this machine; that takes 5 to 15
LOG = "ray.log"


def require_ray() -> None:
    """Raise MissingExtraError if Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise MissingExtraError('A study on a cluster needs Ray, which is not installed: pip install "mnist-cnn[ray]".')


def train(
    tasks: Sequence[Task], folder: Path, address: str, on_epochs: OnEpochs, on_note: Callable[[str], None]
) -> Generator[Ended]:
    """Train into `folder`/seed-0, `folder`/seed-1, … as `processes.train` does, but on the cluster at `address`.

    The tasks differ in their seeds only. "local" is a cluster of this machine's cores that lives as long as the study.
    `on_note` hears what is worth keeping, such as that Ray began a seed again. Raises RunError if the cluster cannot be
    reached, or is lost; what it said is then kept in the folder.
    """
    if not tasks:
        return
    log = folder / LOG
    words = [*COMMAND, address, str(folder), tasks[0].to_json(), json.dumps([task.seed for task in tasks])]
    with log.open("wb") as stream:
        process = processes.begin(words, subprocess.PIPE, stream)
    seconds = PATIENCE_WITH_NEW if address == LOCAL else PATIENCE
    patience = threading.Timer(seconds, processes.kill, [process])
    patience.start()
    is_connected, is_lost, missing = False, False, len(tasks)
    try:
        for event in map(json.loads, process.stdout or ()):
            if "connected" in event:
                is_connected = True
                patience.cancel()
            elif "note" in event:
                on_note(event["note"])
            elif "epochs" in event:
                on_epochs({int(seed): epochs for seed, epochs in event["epochs"].items()})
            else:
                missing -= 1
                yield event["ended"], event["failure"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)  # its last word comes after its last event
        if is_lost := missing > 0:
            said = processes.last_line(log)[:200].rstrip(".:")
            if is_connected:
                raise RunError(
                    f"The study on the Ray cluster {address!r} ended too early ({said}): look into {log}; the same "
                    f"command with --out {folder} goes on."
                )
            reason = f"no answer in {seconds} s" if patience.finished.is_set() else said
            raise RunError(
                f"The Ray cluster {address!r} cannot be reached ({reason}): check that it runs, and its address "
                "(local, auto, HOST:PORT or ray://HOST:PORT)."
            )
    finally:
        patience.cancel()
        processes.stop(process)
        if not is_lost:
            log.unlink(missing_ok=True)
