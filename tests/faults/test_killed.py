"""Training killed at any moment: what is left is the state of before or the one after it, and it goes on to the same bits.

Half of the kills come at a moment of the clock, half at an operation on a file of the run, or a little after it, so that
the few milliseconds of writing are met as often as the seconds of computing.
"""

import hashlib
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tally import note

import mnist_cnn
from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.card import Card
from mnist_cnn.reading.network import onnx_classifier

EPOCHS = 3
TRAIN = ["train", "--data", "digits", "--epochs", str(EPOCHS), "--passes", "1", "--threads", "1", "--deterministic"]
SEED = 7
AFTERWARDS = 0.03  # seconds: a kill at an operation comes up to so much later


@dataclass(frozen=True)
class Ended:
    """How a run ended: exit code (-9: killed), operations on its files, seconds, and what it said."""

    code: int
    operations: list[str]
    seconds: float
    said: str


class Forks:
    """Runs the program in forks of a process that has everything loaded."""

    def __init__(self, place: Path) -> None:
        self.said = place / "said"
        words = [sys.executable, str(Path(__file__).with_name("forks.py"))]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.answer() == {"ready": True}

    def answer(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def run(self, out: Path, *words: str, at: tuple[int, float] | None = None, after: float | None = None) -> Ended:
        """Run to the end, or kill it at an operation on a file and so much later, or after so many seconds."""
        task = {"words": words, "said": str(self.said), "folder": str(out), "kill": at}
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(task).encode() + b"\n")
        self.process.stdin.flush()
        pid, began = self.answer()["pid"], time.monotonic()
        if after is not None and not select.select([self.process.stdout], [], [], after)[0]:
            os.kill(pid, signal.SIGKILL)
        ended = self.answer()
        return Ended(ended["code"], ended["operations"], time.monotonic() - began, self.said.read_text())

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    forks = Forks(tmp_path_factory.mktemp("forks"))
    yield forks
    forks.close()


@dataclass(frozen=True)
class Undisturbed:
    """The run as it is when nothing goes wrong."""

    card: Card
    names: set[str]
    weights: str
    operations: list[str]
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    ended = forks.run(out, *TRAIN, "--out", str(out))
    assert ended.code == 0, ended.said
    return Undisturbed(
        mnist_cnn.load(out).card,
        {path.name for path in out.iterdir()},
        weights_of(out),
        ended.operations,
        ended.seconds,
    )


def weights_of(folder: Path) -> str:
    """The SHA-256 of a kept network's weights, as Keras has them."""
    with zipfile.ZipFile(folder / card.KERAS_MODEL) as archive:
        return hashlib.sha256(archive.read("model.weights.h5")).hexdigest()


def without_seconds(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


def epochs_kept(partial: Path, expected: Undisturbed) -> int:
    """How many epochs the checkpoint has, which must be whole and as it was in the undisturbed run."""
    path = partial / store.CHECKPOINT / "state.npz"
    if not path.exists():
        return EPOCHS if (partial / card.CARD).exists() else 0  # the last one is deleted behind the card
    with np.load(path) as state:
        arrays = {name: state[name] for name in state.files}  # which checks the CRC of each
    history = json.loads(str(arrays["history"]))
    assert without_seconds(history) == without_seconds(expected.card.history)[: len(history)]
    return len(history)


def assert_every_file_is_whole(folder: Path) -> None:
    """Whatever has its final name has all its bytes; history.csv is made again when a run goes on."""
    for path in folder.iterdir():
        match path.name:
            case card.KERAS_MODEL:
                with zipfile.ZipFile(path) as archive:
                    assert archive.testzip() is None
            case card.ONNX_MODEL:
                onnx_classifier(path)
            case card.REPORT:
                assert path.read_text().rstrip().endswith("</html>")
            case card.CARD:
                card.verify(folder, card.read(folder))


def assert_as_undisturbed(out: Path, expected: Undisturbed) -> None:
    kept = mnist_cnn.load(out).card
    assert {path.name for path in out.iterdir()} == expected.names
    assert weights_of(out) == expected.weights
    assert kept.evaluation == expected.card.evaluation
    assert without_seconds(kept.history) == without_seconds(expected.card.history)
    assert not store.partial_of(out).exists()


def moment(number: int, expected: Undisturbed, rng: random.Random) -> dict[str, Any]:
    """When the next kill is to come: by the clock, and every other time at an operation on a file."""
    if number % 2:
        return {"after": rng.uniform(0, expected.seconds)}
    return {"at": (rng.randrange(len(expected.operations)), rng.choice([0, 0, rng.uniform(0, AFTERWARDS)]))}


@pytest.mark.slow
@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.faults)])
def test_a_run_that_is_killed_again_and_again_goes_on_to_the_same_bits(
    kills: int, forks: Forks, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    rng, killed, finished, met = random.Random(SEED), 0, 0, Counter[str]()  # noqa: S311
    out, epochs = tmp_path / "run", 0
    while killed < kills or not finished or store.partial_of(out).exists():
        partial = store.partial_of(out)
        words = ["train", "--resume", str(out)] if card.goes_on(partial) else [*TRAIN, "--out", str(out)]
        ended = forks.run(out, *words, **(moment(killed, undisturbed, rng) if killed < kills else {}))
        assert "Traceback" not in ended.said, ended.said
        if ended.code == -signal.SIGKILL:
            killed += 1
            met[where(ended)] += 1
        else:
            assert ended.code == 0, ended.said
        if out.exists():
            assert_as_undisturbed(out, undisturbed)
            shutil.rmtree(out)
            finished, epochs = finished + 1, 0
        elif partial.exists():
            now = epochs_kept(partial, undisturbed)
            assert epochs <= now <= EPOCHS
            assert_every_file_is_whole(partial)
            epochs = now
    note(
        "training killed by SIGKILL, checkpoint and final save included",
        killed,
        f"the state of before or the one after it; all {finished} runs that they fell into ended with the same bits",
        moments=dict(sorted(met.items())),
    )


def where(ended: Ended) -> str:
    """In which part of its work a run was killed, by the files that it had touched."""
    touched = " ".join(ended.operations)
    if "card.part" in touched:
        return "writing the card, completing the folder"
    if "model.part" in touched:
        return "writing the networks and the report"
    if ended.operations and "state.part" in ended.operations[-1]:
        return "writing a checkpoint"
    return "training" if "history" in touched else "beginning"
