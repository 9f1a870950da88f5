"""Runs of training that are interfered with, and what must be true of their folders at any moment."""

import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mnist_cnn
from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.card import Card
from mnist_cnn.reading.network import onnx_classifier

EPOCHS = 3
PATIENCE = 900  # seconds, for a machine that does much else
TRAIN = ["train", "--data", "digits", "--epochs", str(EPOCHS), "--repeats", "1", "--threads", "1", "--deterministic"]


@dataclass(frozen=True)
class Ended:
    """How a run ended: exit code (-9: killed), operations on its files, seconds, and what it said."""

    code: int
    operations: list[str]
    seconds: float
    said: str

    @property
    def sentence(self) -> str:
        """What it said last."""
        return self.said.strip().splitlines()[-1]


class Forks:
    """Runs the program in forks of a process that has everything loaded: see forks.py for what can be asked."""

    def __init__(self, place: Path, *loaded: str) -> None:
        self.said = place / "said"
        words = [sys.executable, str(Path(__file__).with_name("forks.py")), *loaded]
        self.process = subprocess.Popen(words, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.answer() == {"ready": True}

    def answer(self) -> Any:
        """The next line."""
        assert self.process.stdout
        assert select.select([self.process.stdout], [], [], PATIENCE)[0], "the program does not end"
        return json.loads(self.process.stdout.readline())

    def begin(self, out: Path | None, *words: object, **how: Any) -> int:
        """Begin a run, of whose folder the files are watched if it is given; gives its process id."""
        task = {"words": [str(word) for word in words], "said": str(self.said)} | how
        if out:
            task["folder"] = str(out)
        assert self.process.stdin
        self.process.stdin.write(json.dumps(task).encode() + b"\n")
        self.process.stdin.flush()
        return int(self.answer()["pid"])

    def end(self, began: float = 0) -> Ended:
        """Wait for the end of the run."""
        ended = self.answer()
        return Ended(ended["code"], ended["operations"], time.monotonic() - began, self.said.read_text())

    def run(self, out: Path | None, *words: object, after: float | None = None, **how: Any) -> Ended:
        """Run to the end, or kill it after so many seconds."""
        pid, began = self.begin(out, *words, **how), time.monotonic()
        if after is not None and not select.select([self.process.stdout], [], [], after)[0]:
            os.kill(pid, signal.SIGKILL)
        return self.end(began)

    def completed(self, *words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """As `subprocess.run` gives it, in the environment and, if no other is given, the folder of this process."""
        errors = self.said.with_name("errors")
        where = {"cwd": str(cwd or Path.cwd()), "environment": dict(os.environ)}
        ended = self.run(None, *words, errors=str(errors), **where)
        return subprocess.CompletedProcess(list(map(str, words)), ended.code, ended.said, errors.read_text())

    def go_on(self, out: Path, **how: Any) -> Ended:
        """Go on with the run in a folder, or begin one where there is nothing to go on with."""
        goes_on = card.can_resume(store.partial_of(out))
        return self.run(out, *(["train", "--resume", out] if goes_on else [*TRAIN, "--output", out]), **how)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


@dataclass(frozen=True)
class Undisturbed:
    """The run as it is when nothing goes wrong."""

    card: Card
    names: set[str]
    weights: str
    operations: list[str]
    seconds: float


def undisturbed_by(forks: Forks, out: Path) -> Undisturbed:
    """Let a run be."""
    ended = forks.run(out, *TRAIN, "--output", out)
    assert ended.code == 0, ended.said
    names = {path.name for path in out.iterdir()}
    return Undisturbed(mnist_cnn.load(out).card, names, weights_of(out), ended.operations, ended.seconds)


def weights_of(folder: Path) -> str:
    """The SHA-256 of a kept network's weights, as Keras has them."""
    with zipfile.ZipFile(folder / card.KERAS_MODEL) as archive:
        return hashlib.sha256(archive.read("model.weights.h5")).hexdigest()


def without_seconds(history: list[dict[str, float]]) -> list[dict[str, float]]:
    """All of it that is to be the same."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


def epochs_kept(partial: Path, expected: Undisturbed) -> int:
    """How many epochs the checkpoint has, which must be whole and as it was in the undisturbed run."""
    path = partial / store.CHECKPOINT / "state.npz"
    if not path.exists():
        return EPOCHS if (partial / card.CARD).exists() else 0  # it is deleted after the card is written
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
    """Nothing of what happened is to be seen in the end."""
    kept = mnist_cnn.load(out).card
    assert {path.name for path in out.iterdir()} == expected.names
    assert weights_of(out) == expected.weights
    assert kept.evaluation == expected.card.evaluation
    assert without_seconds(kept.history) == without_seconds(expected.card.history)
    assert not store.partial_of(out).exists()
