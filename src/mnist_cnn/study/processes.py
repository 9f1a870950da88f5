"""Seeds are trained on this machine, each in a process of its own. Knows nothing about tables or results."""

import contextlib
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.study.seed import Task
from mnist_cnn.system import child_process

COMMAND = (sys.executable, "-m", "mnist_cnn.study.seed")
PAUSE = 0.1  # seconds between two looks at the processes

Ended = tuple[int, str | None]
"""A seed, and why it failed: a sentence, or None if its network is kept."""

OnEpochs = Callable[[dict[int, int]], None]
"""Called now and then with the epochs done by each seed that is under way."""


class Training:
    """The process that trains one seed into a folder; what it says goes into a file beside that folder."""

    def __init__(self, task: Task, output: Path) -> None:
        self.seed = task.seed
        self.output = output
        self.said = output.with_name(f"{output.name}.log")
        self.epochs_seen = 0
        with self.said.open("wb") as stream:
            self.process = child_process.begin([*COMMAND, task.to_json(), str(output)], stream, stream)

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    @property
    def epochs(self) -> int:
        """How many epochs are done."""
        with contextlib.suppress(OSError):  # not begun yet, or just kept
            self.epochs_seen = len((store.partial_of(self.output) / card.HISTORY).read_bytes().splitlines()) - 1
        return self.epochs_seen

    def failure(self) -> str | None:
        """Wait until the process ends; gives why it failed, None if it did not. What it said is kept only if it did."""
        code = child_process.end(self.process)
        if code == 0:
            self.said.unlink(missing_ok=True)
            return None
        if code < 0:
            name = signal.Signals(-code).name
            return f"Its process was ended by {name}: look for what did that (too little memory, perhaps)."
        return child_process.last_line(self.said) or f"Its process ended with {code} and without a word."

    def stop(self) -> None:
        """End the process now; its checkpoint stays."""
        child_process.stop(self.process)


def train(tasks: Sequence[Task], folder: Path, workers: int, on_epochs: OnEpochs) -> Generator[Ended]:
    """Train into `folder`/seed-0, `folder`/seed-1, …, `workers` at a time; tells of each seed as it ends.

    Closing the generator ends what is under way.
    """
    waiting, running = deque(tasks), list[Training]()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                task = waiting.popleft()
                running.append(Training(task, seed_folder(folder, task.seed)))
            time.sleep(PAUSE)
            on_epochs({training.seed: training.epochs for training in running})
            for training in [one for one in running if one.has_ended]:
                running.remove(training)
                yield training.seed, training.failure()
    finally:
        for training in running:
            training.stop()


def seed_folder(folder: Path, seed: int) -> Path:
    """Where the network of a seed is kept."""
    return folder / f"seed-{seed}"
