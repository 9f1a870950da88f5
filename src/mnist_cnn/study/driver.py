"""The process of a study that talks to Ray, with the words ADDRESS FOLDER TASK SEEDS (the last two in JSON).

Ray decides where a seed is trained, how many at a time, and what is tried again. A task's machine may share no disk
with this one, so it gives the network's files back as bytes. Standard output has a JSON object a line:
{"connected": true}, {"note": sentence}, {"epochs": {seed: epochs}}, {"ended": seed, "failure": sentence or null}, and
last {"done": true}. If the process fails, its last line on stderr says why. Like `seed`, it ends when its standard
input does.
"""

import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import ray

from mnist_cnn.artifact import store
from mnist_cnn.errors import ArtifactError, RunError
from mnist_cnn.study.processes import Training, seed_folder
from mnist_cnn.study.seed import Task
from mnist_cnn.system import environment
from mnist_cnn.system.child_process import end_with_parent
from mnist_cnn.system.ray_cluster import Event, connect, first_line

TRIES = 4  # how often Ray begins a task whose worker dies
PAUSE = 0.5  # seconds between two looks at what goes on
OBJECT_STORE = 512 * 2**20  # bytes; a network's files are a few MB

Files = dict[str, bytes]
"""What is in the folder of a kept network, by name."""


class Board:
    """An actor that every task writes to and the study reads: epochs done, and which seeds were begun again."""

    def __init__(self) -> None:
        self.epochs: dict[int, int] = {}
        self.begun_again: list[int] = []

    def begin(self, seed: int) -> None:
        """A worker has begun with a seed."""
        if seed in self.epochs:
            self.begun_again.append(seed)
        self.epochs[seed] = 0

    def tell(self, seed: int, epochs: int) -> None:
        """So many epochs of a seed are done."""
        self.epochs[seed] = epochs

    def read(self) -> tuple[dict[int, int], list[int]]:
        """The epochs done by each seed, and the seeds begun again since this was last asked."""
        begun_again, self.begun_again = self.begun_again, []
        return self.epochs, begun_again


def train_there(task: Task, board: Any) -> Files | str:
    """One task, on whatever machine: train in a process of its own; gives the files, or why it failed."""
    ray.get(board.begin.remote(task.seed))
    with tempfile.TemporaryDirectory() as scratch:
        training = Training(task, seed_folder(Path(scratch), task.seed))
        told = 0
        try:
            while not training.has_ended:
                time.sleep(PAUSE)
                if (epochs := training.epochs) > told:
                    told = epochs
                    board.tell.remote(task.seed, told)
            return training.failure() or {file.name: file.read_bytes() for file in training.output.iterdir()}
        finally:
            training.stop()


def drive(tasks: list[Task], folder: Path) -> Iterator[Event]:
    """Have all tasks done by the cluster that this process is connected to; gives what happens."""
    threads = tasks[0].threads
    if not any(node["Alive"] and node["Resources"].get("CPU", 0) >= threads for node in ray.nodes()):
        yield {"note": f"No machine of the cluster had {threads} cores at first; the seeds waited until one had."}
    board = ray.remote(Board).options(num_cpus=0).remote()
    begin = ray.remote(max_retries=TRIES - 1)(train_there)
    waiting = {begin.options(num_cpus=task.threads).remote(task, board): task.seed for task in tasks}
    while waiting:
        ended, _ = ray.wait([*waiting], timeout=PAUSE)
        try:
            epochs, begun_again = ray.get(board.read.remote())
        except ray.exceptions.RayError:  # the machine of the board is gone; only the progress needs it
            epochs, begun_again = {}, []
        yield from ({"note": f"The worker of seed {seed} died, and Ray began the seed again."} for seed in begun_again)
        yield {"epochs": {seed: epochs[seed] for seed in waiting.values() if seed in epochs}}
        for reference in ended:
            seed = waiting.pop(reference)
            yield from receive(reference, seed, seed_folder(folder, seed))


def receive(reference: Any, seed: int, output: Path) -> Iterator[Event]:
    """Write what a task gave into the folder `output`, whole or not at all."""
    try:
        result: Files | str = ray.get(reference)
    except ray.exceptions.RayError as error:
        result = f"Ray gave it up after at most {TRIES} tries ({type(error).__name__}: {first_line(error)})."
    if isinstance(result, str):
        yield {"ended": seed, "failure": result}
        return
    partial = store.partial_of(output)
    shutil.rmtree(partial, ignore_errors=True)  # where an earlier call of the study was stopped
    partial.mkdir()
    for name, content in result.items():
        (partial / Path(name).name).write_bytes(content)
    try:
        kept = store.complete(partial).card
    except (ArtifactError, RunError) as error:
        yield {"ended": seed, "failure": str(error)}
        return
    here = environment.versions()
    if others := [f"{name} {version}" for name, version in kept.versions.items() if here.get(name) != version]:
        yield {"note": f"Seed {seed} was trained with other versions than those of the study: {', '.join(others)}."}
    yield {"ended": seed, "failure": None}


def main() -> None:
    """Connect, do the tasks, and tell of them."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    address, folder, task, seeds = sys.argv[1:]
    tasks = [replace(Task(**json.loads(task)), seed=seed) for seed in json.loads(seeds)]
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as events:
        os.dup2(2, 1)  # what Ray prints is none of them
        try:
            connect(address, tasks[0].threads, OBJECT_STORE)
            for event in chain([{"connected": True}], drive(tasks, Path(folder)), [{"done": True}]):
                print(json.dumps(event), file=events, flush=True)
        except Exception as error:  # Ray raises whatever the layer that failed raises
            sys.exit(first_line(error))
        finally:
            ray.shutdown()
