"""One seed of a study, trained in a process of its own that is given a `SeedTask` in JSON and a folder.

It prints nothing except, if it fails, a sentence on stderr. Like every worker it ends with its parent process, so even
`kill -9` of the study leaves no process behind.
"""

import json
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.errors import DataError, MnistCnnError
from mnist_cnn.system import environment
from mnist_cnn.workers.child_process import end_with_parent


@dataclass(frozen=True)
class SeedTask:
    """What to train: `data` is what --data takes, `data_sha256` the hash that the data there must have.

    `preparation` is what else was asked for of them (`Preparation.to_dict`); `teacher` is that of the training, if it
    has one, as a model card has it.
    """

    recipe: dict[str, Any]
    data: str
    data_sha256: str
    seed: int
    threads: int
    deterministic: bool
    preparation: dict[str, Any]
    teacher: dict[str, str] | None = None

    def to_json(self) -> str:
        """The task as one argument of a command line."""
        return json.dumps(asdict(self))


def seed_folder(folder: Path, seed: int) -> Path:
    """The folder of a seed's model inside the folder of its study."""
    return folder / f"seed-{seed}"


def train(task: SeedTask, output: Path) -> None:
    """Train the task's model and save it in the folder `output`; resumes a run that was stopped there."""
    from mnist_cnn.data import source
    from mnist_cnn.data.dataset import Preparation
    from mnist_cnn.training.recipe import Recipe
    from mnist_cnn.workflows import train as workflow
    from mnist_cnn.workflows.teacher import same_teacher

    prepared = vars(Preparation.from_dict(task.preparation))
    if source.load(task.data, **prepared).sha256 != task.data_sha256:
        raise DataError(f"The data at {task.data} differs from the study's: provide the same data on every machine.")
    if task.teacher:
        same_teacher(task.teacher)
    partial = store.partial_of(output)
    if card.can_resume(partial):
        workflow.resume(output, threads=task.threads, verbose=0)
        return
    shutil.rmtree(partial, ignore_errors=True)  # stopped before anything was in it
    workflow.train(
        Recipe(**task.recipe),
        task.data,
        seed=task.seed,
        output=output,
        threads=task.threads,
        deterministic=task.deterministic,
        teacher=task.teacher["origin"] if task.teacher else None,
        verbose=0,
        **prepared,
    )


def main() -> None:
    """Train what the command line says."""
    end_with_parent()
    environment.own_process = True
    try:
        train(SeedTask(**json.loads(sys.argv[1])), Path(sys.argv[2]))
    except (MnistCnnError, OSError) as error:
        sys.exit(str(error))
