"""Train seeds on a Ray cluster: start `training_driver` in a process of its own and follow its events."""

import json
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from mnist_cnn.study.local_training import OnEpochs, SeedResult
from mnist_cnn.study.seed import SeedTask
from mnist_cnn.workers import child_process, ray_cluster

COMMAND = child_process.command("mnist_cnn.study.training_driver")
LOG = "ray.log"


def train_on_ray(
    tasks: Sequence[SeedTask], folder: Path, address: str, on_epochs: OnEpochs, on_note: Callable[[str], None]
) -> Generator[SeedResult]:
    """Train into `folder`/seed-0, `folder`/seed-1, … as `train_locally` does, but on the Ray cluster at `address`.

    The tasks may differ only in their seeds. "local" is a cluster of this machine's cores that lives as long as the
    study. `on_note` is called with what should be recorded, such as a restarted seed. Raises RunError if the cluster
    cannot be reached or is lost; the driver's log then stays in the folder.
    """
    if not tasks:
        return
    words = [*COMMAND, address, str(folder), tasks[0].to_json(), json.dumps([task.seed for task in tasks])]
    resume = f"the same command with --output {folder} resumes it"
    for event in ray_cluster.driver_events(words, address, folder / LOG, work="The study", if_lost=resume):
        if "note" in event:
            on_note(event["note"])
        elif "epochs" in event:
            on_epochs({int(seed): epochs for seed, epochs in event["epochs"].items()})
        else:
            yield event["ended"], event["failure"]
