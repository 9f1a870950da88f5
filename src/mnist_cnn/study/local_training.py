"""Train seeds on this machine, each in a process of its own. Knows nothing about tables or results."""

import contextlib
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.study.seed import SeedTask, seed_folder
from mnist_cnn.system.files import new_file
from mnist_cnn.workers import child_process

COMMAND = child_process.command("mnist_cnn.study.seed")
PAUSE = 0.1  # seconds between two checks of the processes

SeedResult = tuple[int, str | None]
"""A seed, and why it failed: a sentence, or None if its model is saved."""

OnEpochs = Callable[[dict[int, int]], None]
"""Called now and then with the number of finished epochs of each running seed."""


class SeedProcess:
    """The process that trains one seed into a folder; its output goes to a log file beside that folder."""

    def __init__(self, task: SeedTask, output: Path) -> None:
        self.seed = task.seed
        self.output = output
        self.log = output.with_name(f"{output.name}.log")
        self.last_epochs = 0
        with new_file(self.log) as stream:
            self.process = child_process.start([*COMMAND, task.to_json(), str(output)], stream, stream)

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    @property
    def epochs(self) -> int:
        """The number of finished epochs."""
        with contextlib.suppress(OSError):  # not started yet, or already renamed
            self.last_epochs = len((store.partial_of(self.output) / card.HISTORY).read_bytes().splitlines()) - 1
        return self.last_epochs

    def failure(self) -> str | None:
        """Wait until the process ends; returns why it failed, or None. The log stays only if it did."""
        code = child_process.wait(self.process)
        if code == 0:
            self.log.unlink(missing_ok=True)
            return None
        if code < 0:
            return f"Its process was ended by {signal.Signals(-code).name}: find out why (too little memory, perhaps)."
        return child_process.last_line(self.log) or f"Its process ended with exit code {code} and no message."

    def stop(self) -> None:
        """Kill the process; its checkpoint stays."""
        child_process.stop(self.process)


def train_locally(tasks: Sequence[SeedTask], folder: Path, workers: int, on_epochs: OnEpochs) -> Generator[SeedResult]:
    """Train into `folder`/seed-0, `folder`/seed-1, …, `workers` at a time; yields each seed as it ends.

    Closing the generator stops the running processes.
    """
    waiting, running = deque(tasks), list[SeedProcess]()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                task = waiting.popleft()
                running.append(SeedProcess(task, seed_folder(folder, task.seed)))
            time.sleep(PAUSE)
            on_epochs({one.seed: one.epochs for one in running})
            for ended in [one for one in running if one.has_ended]:
                running.remove(ended)
                yield ended.seed, ended.failure()
    finally:
        for one in running:
            one.stop()
