"""One seed of a study, in a process of its own: `python -m mnist_cnn.study.seed TASK OUT`, TASK in JSON.

It says nothing but, if it fails, a sentence on stderr. Its standard input is a pipe that nobody writes to: when that
ends, whoever began the process is gone, and it ends, too, so that nothing is left behind even by `kill -9`.
"""

import json
import shutil
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.errors import DataError, MnistCnnError
from mnist_cnn.system import environment
from mnist_cnn.system.child_process import end_with_parent


@dataclass(frozen=True)
class Task:
    """What is to be trained; `data` is what --data takes, `data_sha256` what must be found there."""

    recipe: dict[str, Any]
    data: str
    data_sha256: str
    seed: int
    threads: int
    deterministic: bool

    def to_json(self) -> str:
        """The task as one word of a command line."""
        return json.dumps(asdict(self))


def train(task: Task, output: Path) -> None:
    """Train the task's network and keep it in the folder `output`; goes on with a run that was begun there."""
    from mnist_cnn.data import source
    from mnist_cnn.training.recipe import Recipe
    from mnist_cnn.workflows import train as workflow

    if source.load(task.data).sha256 != task.data_sha256:
        raise DataError(f"The data at {task.data} are not those of the study: have the same on every machine.")
    partial = store.partial_of(output)
    if card.goes_on(partial):
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
        verbose=0,
    )


def main() -> None:
    """Do the task that stands on the command line."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    environment.own_process = True
    try:
        train(Task(**json.loads(sys.argv[1])), Path(sys.argv[2]))
    except (MnistCnnError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
