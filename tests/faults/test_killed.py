"""Training killed at any moment: what is left is the state of before or of after it, and it goes on to the same bits.

A third of the kills come at a moment of the clock, a third at an operation on a file of the run, or a little later, and
a third at one on a checkpoint, so that the few milliseconds of writing are met as often as the seconds of computing.
"""

import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import mnist_cnn
from conftest import QUICK, hear_ctrl_c
from mnist_cnn.artifact import store
from mnist_cnn.data.dataset import Dataset
from runs import (
    EPOCHS,
    TRAIN,
    Ended,
    Forks,
    Undisturbed,
    assert_as_undisturbed,
    assert_every_file_is_whole,
    epochs_kept,
)
from tally import note
from test_adapt import saved, slanted

SEED = 7
LATER = 0.03  # seconds: a kill at an operation comes up to so much later


def moment(number: int, expected: Undisturbed, rng: random.Random) -> dict[str, Any]:
    """When the next kill is to come: by the clock, at an operation on a file, and at one on a checkpoint, in turn."""
    if number % 3 == 0:
        return {"after": rng.uniform(0, expected.seconds)}
    of_checkpoints = [one for one in expected.operations if "/.state" in one]
    at = rng.randrange(len(expected.operations)) if number % 3 == 1 else rng.choice(of_checkpoints)
    return {"kill": (at, rng.choice([0, rng.uniform(0, LATER)]))}


@pytest.mark.slow
@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.faults)])
def test_a_run_that_is_killed_again_and_again_goes_on_to_the_same_bits(
    kills: int, forks: Forks, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    rng, met = random.Random(SEED), Counter[str]()  # noqa: S311
    out, epochs, finished = tmp_path / "run", 0, 0
    partial = store.partial_of(out)
    while met.total() < kills or not finished or partial.exists():
        ended = forks.go_on(out, **(moment(met.total(), undisturbed, rng) if met.total() < kills else {}))
        assert ended.code in (0, -signal.SIGKILL), ended.said
        assert "Traceback" not in ended.said, ended.said
        if ended.code:
            met[where(ended)] += 1
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
        "training killed by SIGKILL, including while saving",
        met.total(),
        f"the state before or after it; the {finished} interrupted runs ended bit-for-bit the same",
        moments=dict(sorted(met.items())),
    )


def where(ended: Ended) -> str:
    """In which part of its work a run was killed, by the files that it had touched."""
    touched = " ".join(ended.operations)
    if ".card.json.part" in touched or (touched and "card.json" in touched):
        return "writing the card, completing the folder"
    if ".model." in touched:
        return "writing the networks and the report"
    if ended.operations and ".state." in ended.operations[-1]:
        return "writing a checkpoint"
    return "training" if "history" in touched else "beginning"


@pytest.mark.slow
@pytest.mark.extended  # runs above are killed as early; test_disk.py has checkpoints that are damaged
def test_a_run_killed_before_there_was_anything_to_go_on_with_can_be_begun_again(
    forks: Forks, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert forks.run(out, *TRAIN, "--output", out, kill=("os.rename", 0)).code == -signal.SIGKILL
    assert list(store.partial_of(out).rglob("*.json"))  # a part of a file
    assert "is missing or damaged, so the run cannot be resumed" in forks.run(out, "train", "--resume", out).sentence
    assert forks.run(out, *TRAIN, "--output", out).code == 0
    assert_as_undisturbed(out, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_stops_cleanly_and_says_how_to_go_on(number: signal.Signals, tmp_path: Path) -> None:
    """In a process of its own: TensorFlow, stopped in a fork, may end by a fault of its own instead."""
    partial = store.partial_of(tmp_path / "run")
    words = [sys.executable, "-m", "mnist_cnn", *TRAIN, "--epochs", "1000", "--output", str(tmp_path / "run")]
    process = subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,
    )
    while not (partial / store.CHECKPOINT / "state.npz").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 128 + number
    assert f"mnist-cnn train --resume {partial}" in said
    assert "Traceback" not in said
    note("training stopped by SIGINT or SIGTERM", 1, "a message that says how to resume")


@pytest.mark.slow
@pytest.mark.extended  # test_disk.py has what is noted then
def test_other_threads_are_admitted_not_to_give_the_same_bits(forks: Forks, tmp_path: Path) -> None:
    """Stopped once more on another number of threads, and back: the bits are still not what they would have been."""
    out = tmp_path / "run"
    one_epoch, all_epochs = ("shutil.rmtree .partial/checkpoint/.state", 0), (".model.keras", 0)
    assert forks.run(out, *TRAIN, "--output", out, kill=one_epoch).code == -signal.SIGKILL
    assert forks.run(out, "train", "--resume", out, "--threads", 2, kill=all_epochs).code == -signal.SIGKILL
    assert forks.run(out, "train", "--resume", out, "--threads", 1).code == 0
    remark = mnist_cnn.load(out).card.notes[0]
    assert f"Resumed after epoch {EPOCHS}, not bit for bit" in remark
    assert "threads was 1 and is now 2" in remark


@pytest.mark.slow
@pytest.mark.faults
def test_a_killed_adaptation_does_not_pretend_that_it_can_go_on(forks: Forks, digits: Dataset, tmp_path: Path) -> None:
    labels, model, out = saved(tmp_path / "hand", slanted(digits, 6)), tmp_path / "model", tmp_path / "mine"
    assert forks.run(model, "train", *QUICK, "--output", model).code == 0
    words = ["adapt", labels, "--model", model, "--output", out, "--threads", 1]
    assert forks.run(out, *words, kill=("os.mkdir .partial/checkpoint", 0)).code == -signal.SIGKILL
    assert forks.run(out, *words, kill=(".model.onnx.part", 0)).code == -signal.SIGKILL  # and before, it began again
    again = forks.run(out, *words)
    assert again.code == 1
    assert "already exists: delete it, or choose another --output" in again.sentence
    assert "--resume" not in again.said
    assert "--resume" not in forks.run(out, "info", store.partial_of(out)).said
    shutil.rmtree(store.partial_of(out))
    assert forks.run(out, *words, kill=("shutil.rmtree .partial/.card", 0)).code == -signal.SIGKILL
    whole = forks.run(out, *words)  # it wants for nothing but its name
    assert f"resume it (mnist-cnn train --resume {store.partial_of(out)})" in whole.sentence
    assert forks.run(out, "train", "--resume", out).code == 0
    assert "adaptation" in mnist_cnn.load(out).card.evaluation
    note(
        "adapting killed by SIGKILL",
        3,
        "nothing left, a folder to delete, or a complete folder that is only not renamed yet",
    )
