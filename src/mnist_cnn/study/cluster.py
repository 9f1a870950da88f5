"""Seeds are trained on a Ray cluster: this process begins `driver`, which talks to Ray, and hears how it goes."""

import json
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from mnist_cnn.errors import RunError
from mnist_cnn.study.processes import Ended, OnEpochs
from mnist_cnn.study.seed import Task
from mnist_cnn.system import ray_cluster
from mnist_cnn.system.ray_cluster import ClusterLostError

# Not by -m: the classes of a module that is run are not those that the cluster's workers import.
COMMAND = (sys.executable, "-c", "from mnist_cnn.study.driver import main; main()")
LOG = "ray.log"


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
    try:
        for event in ray_cluster.events(words, address, log):
            if "note" in event:
                on_note(event["note"])
            elif "epochs" in event:
                on_epochs({int(seed): epochs for seed, epochs in event["epochs"].items()})
            else:
                yield event["ended"], event["failure"]
    except ClusterLostError as error:
        raise RunError(
            f"The study on the Ray cluster {address!r} ended too early ({error}): look into {log}; the same "
            f"command with --output {folder} goes on."
        ) from error
