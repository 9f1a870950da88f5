"""What stands in for the training of a seed: the same process and the same files, without the minutes.

FAKE_LOG is a file that gets a line when a seed begins and when it ends. FAKE_FAIL and FAKE_CRASH are the seeds that
fail with a sentence or by a signal. FAKE_HOLD is a seed that stops after its first epoch until it is killed, unless it
goes on with one that was. FAKE_SECONDS is how long a seed takes after its first epoch.
"""

import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.errors import RunError
from mnist_cnn.study import seed as real
from mnist_cnn.study.seed import SeedTask

FIXTURE = Path(__file__).parent / "fixtures" / "format-1"


def note(word: str, task: SeedTask) -> None:
    with Path(os.environ["FAKE_LOG"]).open("a", encoding="utf-8") as stream:
        stream.write(f"{word} {task.seed} {task.threads} {os.getpid()} {time.monotonic()}\n")


def train(task: SeedTask, out: Path) -> None:
    partial = store.partial_of(out)
    goes_on = (partial / card.HISTORY).exists()
    note("resume" if goes_on else "begin", task)
    if os.environ.get("FAKE_FAIL") == str(task.seed):
        raise RunError("The loss became nan in epoch 1: lower --learning-rate.")
    if os.environ.get("FAKE_CRASH") == str(task.seed):
        os.kill(os.getpid(), signal.SIGKILL)
    partial.mkdir(exist_ok=True)
    (partial / card.HISTORY).write_text("epoch\n1\n")
    while os.environ.get("FAKE_HOLD") == str(task.seed) and not goes_on:
        time.sleep(0.01)
    time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))
    keep(task, partial)
    partial.rename(out)
    note("end", task)


def keep(task: SeedTask, partial: Path) -> None:
    """The network of the fixture, as if it were this task's: the accuracy tells the seed and the epochs."""
    for name in card.HASHED_FILES:
        shutil.copy(FIXTURE / name, partial / name)
    kept = card.read(FIXTURE)
    correct = 400 + 7 * task.seed % 5 + 10 * task.recipe["epochs"]
    matrix = [[0] * 10 for _ in range(10)]
    matrix[0][:2] = correct, 500 - correct
    accuracy = {"correct": correct, "count": 500, "accuracy": correct / 500, "confusion_matrix": matrix}
    made = replace(
        kept,
        recipe=task.recipe | {"backend": "tensorflow"},
        seed=task.seed,
        threads=task.threads,
        data=kept.data
        | {"origin": task.data, "sha256": task.data_sha256}
        | ({"teacher": task.teacher} if task.teacher else {}),
        evaluation=kept.evaluation | accuracy,
        seconds={"training": 1.5 + task.seed, "testing": 0.1},
    )
    card.write(partial, made.sealed())


if __name__ == "__main__":
    real.train = train
    real.main()
