"""The driver process of a study on a Ray cluster, with the arguments ADDRESS FOLDER TASK SEEDS (the last two in JSON).

Ray decides where a seed is trained, how many at a time, and what is retried. A task's machine need not share a disk
with this one, so it returns the model's files as bytes. The events are {"note": sentence}, {"epochs": {seed: epochs}}
and {"ended": seed, "failure": sentence or null}.
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray

from mnist_cnn.artifact import store
from mnist_cnn.errors import ArtifactError, RunError
from mnist_cnn.study.local_training import SeedProcess
from mnist_cnn.study.seed import SeedTask, seed_folder
from mnist_cnn.system import environment
from mnist_cnn.workers import ray_driver
from mnist_cnn.workers.ray_cluster import Event

TRIES = 4  # how often Ray starts a task whose worker dies
PAUSE = 0.5  # seconds between two checks of the tasks

Files = dict[str, bytes]
"""The files of a saved model by name."""


class ProgressBoard:
    """A Ray actor that the tasks write to and the driver reads: finished epochs, and which seeds were restarted."""

    def __init__(self) -> None:
        self.epochs: dict[int, int] = {}
        self.restarted: list[int] = []

    def start(self, seed: int) -> None:
        """A worker has started a seed."""
        if seed in self.epochs:
            self.restarted.append(seed)
        self.epochs[seed] = 0

    def report(self, seed: int, epochs: int) -> None:
        """So many epochs of a seed are finished."""
        self.epochs[seed] = epochs

    def read(self) -> tuple[dict[int, int], list[int]]:
        """The finished epochs of each seed, and the seeds restarted since the last call."""
        restarted, self.restarted = self.restarted, []
        return self.epochs, restarted


def train_on_worker(task: SeedTask, board: Any) -> Files | str:
    """One Ray task, on any machine: train in a child process; returns the files, or why it failed."""
    ray.get(board.start.remote(task.seed))
    with tempfile.TemporaryDirectory() as scratch:
        process = SeedProcess(task, seed_folder(Path(scratch), task.seed))
        reported = 0
        try:
            while not process.has_ended:
                time.sleep(PAUSE)
                if (epochs := process.epochs) > reported:
                    reported = epochs
                    board.report.remote(task.seed, reported)
            return process.failure() or {file.name: file.read_bytes() for file in process.output.iterdir()}
        finally:
            process.stop()


def train_all(tasks: list[SeedTask], folder: Path) -> Iterator[Event]:
    """Train all tasks on the cluster that this process is connected to; yields what happens."""
    threads = tasks[0].threads
    if not any(node["Alive"] and node["Resources"].get("CPU", 0) >= threads for node in ray.nodes()):
        yield {"note": f"At first no machine of the cluster had {threads} cores, so the seeds waited for one."}
    board = ray.remote(ProgressBoard).options(num_cpus=0).remote()
    train = ray.remote(max_retries=TRIES - 1)(train_on_worker)
    waiting = {train.options(num_cpus=task.threads).remote(task, board): task.seed for task in tasks}
    while waiting:
        ended, _ = ray.wait([*waiting], timeout=PAUSE)
        try:
            epochs, restarted = ray.get(board.read.remote())
        except ray.exceptions.RayError:  # the machine of the board is gone; only the progress needs it
            epochs, restarted = {}, []
        yield from ({"note": f"The worker of seed {seed} died, and Ray restarted the seed."} for seed in restarted)
        yield {"epochs": {seed: epochs[seed] for seed in waiting.values() if seed in epochs}}
        for reference in ended:
            seed = waiting.pop(reference)
            yield from receive(reference, seed, seed_folder(folder, seed))


def receive(reference: Any, seed: int, output: Path) -> Iterator[Event]:
    """Write the files that a task returned into the folder `output`, all or none."""
    try:
        result: Files | str = ray.get(reference)
    except ray.exceptions.RayError as error:
        reason = f"{type(error).__name__}: {ray_driver.reason_of(error)}"
        result = f"Ray gave up on it after at most {TRIES} tries ({reason})."
    if isinstance(result, str):
        yield {"ended": seed, "failure": result}
        return
    partial = store.partial_of(output)
    shutil.rmtree(partial, ignore_errors=True)  # left by an earlier call of the study that was stopped
    try:
        partial.mkdir()  # fails where a link or a file is in its place
        for name, content in result.items():
            (partial / Path(name).name).write_bytes(content)
        saved = store.complete(partial).card
    except (ArtifactError, RunError, OSError) as error:
        yield {"ended": seed, "failure": str(error)}
        return
    here = environment.versions()
    if others := [f"{name} {version}" for name, version in saved.versions.items() if here.get(name) != version]:
        yield {"note": f"Seed {seed} was trained with versions that differ from the study's: {', '.join(others)}."}
    yield {"ended": seed, "failure": None}


def main() -> None:
    """Train what the command line says."""
    address, folder, task, seeds = sys.argv[1:]
    tasks = [replace(SeedTask(**json.loads(task)), seed=seed) for seed in json.loads(seeds)]
    ray_driver.drive(address, tasks[0].threads, train_all(tasks, Path(folder)))
