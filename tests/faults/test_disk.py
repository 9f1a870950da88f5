"""A disk that is full or read-only, files that vanish, a clock that jumps, two at once: one sentence, and no harm."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import mnist_cnn
from mnist_cnn.artifact import store
from mnist_cnn.errors import ArtifactError, RunError
from mnist_cnn.training import checkpoint
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.workflows.run_card import resumed
from runs import EPOCHS, TRAIN, Forks, Undisturbed, assert_as_undisturbed, assert_every_file_is_whole, epochs_kept
from tally import note

FIXTURE = Path(__file__).parent.parent / "fixtures" / "format-2"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 4 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here: that needs to be root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


def assert_stopped_by(reason: str, code: int, said: str, out: Path, undisturbed: Undisturbed, before: int) -> int:
    """One sentence, nothing half written, nothing lost: gives how many epochs are kept."""
    assert code == 1, said
    assert reason in said.strip().splitlines()[-1]
    assert "Traceback" not in said
    assert not out.exists()
    partial = store.partial_of(out)
    assert not [path for path in partial.rglob("*") if ".part" in path.name]
    assert_every_file_is_whole(partial)
    epochs = epochs_kept(partial, undisturbed)
    assert before <= epochs <= EPOCHS
    return epochs


SIZES = ["4k", "8k", "16k", "100k", "200k", "300k", "400k", "500k", "650k"]


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [["200k"], pytest.param(SIZES, marks=pytest.mark.faults)], ids=len)
def test_a_full_disk_is_one_sentence_and_the_run_goes_on_when_there_is_room(
    sizes: list[str], disk: Path, forks: Forks, undisturbed: Undisturbed
) -> None:
    out, epochs, met = disk / "run", 0, Counter[str]()
    for size in sizes:
        remount(disk, f"size={size}")
        ended = forks.go_on(out)
        epochs = assert_stopped_by("No space left on device", ended.code, ended.said, out, undisturbed, epochs)
        met[ended.operations[-1].split("/")[-1]] += 1
    remount(disk, "size=20m,ro")
    ended = forks.go_on(out)
    assert_stopped_by("Read-only file system", ended.code, ended.said, out, undisturbed, epochs)
    remount(disk, "rw")
    ended = forks.go_on(out)
    assert ended.code == 0, ended.said
    assert_as_undisturbed(out, undisturbed)
    note("training on a full disk", len(sizes), "one-sentence error; with free space, resumed bit-for-bit")
    note("training on a disk that became read-only", 1, "one-sentence error; afterwards resumed bit-for-bit")


LIMITS = [10_000, 100_000, 140_000, 160_000, 188_000]


@pytest.mark.slow
@pytest.mark.extended  # a full disk, above, is met at the same operations
@pytest.mark.parametrize("limits", [[10_000, 160_000], pytest.param(LIMITS, marks=pytest.mark.faults)], ids=len)
def test_a_limit_on_the_size_of_files_is_one_sentence_and_the_run_goes_on_without(
    limits: list[int], tmp_path: Path, forks: Forks, undisturbed: Undisturbed
) -> None:
    out, epochs = tmp_path / "run", 0
    for limit in limits:
        ended = forks.go_on(out, limit=limit)
        epochs = assert_stopped_by("could not be written", ended.code, ended.said, out, undisturbed, epochs)
    assert forks.go_on(out).code == 0
    assert_as_undisturbed(out, undisturbed)
    note("training with a limit on file size", len(limits), "one-sentence error; resumed bit-for-bit")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may do anything, so go on as a user who may not."""
    if os.getuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("mode", [0o555, 0o000], ids=["read-only", "closed"])
def test_a_folder_that_may_not_be_written_is_one_sentence(mode: int) -> None:
    with as_nobody(), tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(mode)
        with pytest.raises(RunError, match=r"cannot be made \(Permission denied\): choose another --output"):
            store.make_partial(Path(place) / "run")
        with pytest.raises(ArtifactError):
            mnist_cnn.load(Path(place) / "run")
        Path(place).chmod(0o755)
    note("a folder without write permission", 1, "one-sentence error")


@pytest.mark.slow
@pytest.mark.parametrize("every", [25, pytest.param(2, marks=pytest.mark.faults)])
@pytest.mark.extended
def test_whatever_is_removed_under_a_run_it_ends_as_ever_or_with_a_sentence(
    every: int, forks: Forks, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """At every so manieth operation on a file, a file, the checkpoint or the whole folder is removed before it."""
    outcomes = Counter[str]()
    for number in range(every // 2, len(undisturbed.operations), every):
        out = tmp_path / str(number)
        partial = store.partial_of(out)
        there = ["", "checkpoint", "checkpoint/state.npz", "checkpoint/run.json", "history.csv", "model.keras"]
        gone = str(partial / there[number // every % len(there)])
        ended = forks.run(out, *TRAIN, "--output", out, remove=(number, gone))
        assert "Traceback" not in ended.said, ended.said
        if ended.code == 0:
            assert_as_undisturbed(out, undisturbed)
            outcomes["no error, bit-for-bit the same"] += 1
            continue
        assert ended.code == 1
        assert ended.sentence.startswith("mnist-cnn: ")
        assert not out.exists()
        again = forks.go_on(out)
        assert "Traceback" not in again.said, again.said
        if again.code:
            shutil.rmtree(partial)
            assert forks.go_on(out).code == 0
        assert_as_undisturbed(out, undisturbed)
        outcomes[f"one-sentence error, then {'trained again' if again.code else 'resumed'} bit-for-bit"] += 1
        shutil.rmtree(out)
    said = "; ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    note("a file or folder deleted during a run", outcomes.total(), said)


@pytest.mark.slow
def test_a_clock_that_jumps_changes_nothing(forks: Forks, undisturbed: Undisturbed, tmp_path: Path) -> None:
    ended = forks.run(tmp_path / "run", *TRAIN, "--output", tmp_path / "run", clock=True)
    assert ended.code == 0, ended.said
    assert_as_undisturbed(tmp_path / "run", undisturbed)
    assert all(0 <= row["seconds"] < 600 for row in mnist_cnn.load(tmp_path / "run").card.history)
    note(
        "a clock that jumps by ten years at each reading, and to 1970",
        1,
        "the same model bit-for-bit, and correct times",
    )


@pytest.mark.slow
@pytest.mark.extended  # test_store.py has the lock
@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.faults)])
def test_of_two_runs_into_one_folder_one_wins_and_the_other_says_why(
    times: int, forks: Forks, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other, reasons = Forks(tmp_path / "other"), Counter[str]()
    try:
        for number in range(times):
            out = tmp_path / f"run{number}"
            for one in (forks, other):
                one.begin(out, *TRAIN, "--output", out)
            loser, winner = sorted([forks.end(), other.end()], key=lambda ended: -ended.code)
            assert (winner.code, loser.code) == (0, 1), loser.said
            said = ["is in use by another process", "already exists"]
            reasons[next(reason for reason in said if reason in loser.sentence)] += 1
            assert_as_undisturbed(out, undisturbed)
            shutil.rmtree(out)
    finally:
        other.close()
    note(
        "two runs in one folder at the same time",
        times,
        "one finishes with the same model bit-for-bit, the other ends with a one-sentence error",
    )


@pytest.mark.slow
@pytest.mark.extended  # test_store.py has the lock
def test_a_run_that_another_process_holds_is_left_alone(forks: Forks, undisturbed: Undisturbed, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert forks.run(out, *TRAIN, "--output", out, kill=("shutil.rmtree .partial/.card", 0)).code == -signal.SIGKILL
    with store.lock_run(store.partial_of(out)):  # whole as it is, it lacks nothing but its name
        assert "is in use by another process" in forks.run(out, "train", "--resume", out).sentence
    assert forks.run(out, "train", "--resume", out).code == 0
    assert_as_undisturbed(out, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["state", "settings"])
def test_a_damaged_checkpoint_is_one_sentence(damage: str, forks: Forks, tmp_path: Path) -> None:
    partial = store.make_partial(tmp_path / "run")
    (partial / "checkpoint" / "run.json").write_text(
        '{"recipe": ' if damage == "settings" else json.dumps(asdict(settings_of_a_run()))
    )
    (partial / "checkpoint" / "state.npz").write_bytes(b"PK\x03\x04 cut")
    ended = forks.run(tmp_path / "run", "train", "--resume", tmp_path / "run")
    assert ended.code == 1
    assert "damaged, so the run cannot be resumed" in ended.sentence
    assert "Traceback" not in ended.said


def settings_of_a_run() -> checkpoint.Settings:
    return checkpoint.Settings(
        recipe=Recipe(epochs=1, repeats=1),
        seed=0,
        threads=2,
        deterministic=False,
        tensorboard=False,
        data="digits",
        data_sha256=mnist_cnn.load_data("digits").sha256,
        data_warning=None,
        versions={},
        machine={},
        inexact=[],
    )


def test_why_a_run_is_not_bit_for_bit_the_same_is_noted_however_often_it_is_resumed() -> None:
    first = replace(settings_of_a_run(), threads=1, deterministic=True)
    assert resumed([{"epoch": 1}], first.differences(first)) == ["Resumed after epoch 1, bit for bit."]
    second = replace(first, threads=2)
    second = replace(second, inexact=first.differences(second))
    (said,) = resumed([{"epoch": 1}], second.differences(replace(second, threads=1)))
    assert said.startswith("Resumed after epoch 1, not bit for bit")
    assert "threads was 1 and is now 2" in said


@pytest.mark.slow
def test_other_data_in_the_same_place_are_noticed_when_a_run_goes_on(forks: Forks, tmp_path: Path) -> None:
    partial = store.make_partial(tmp_path / "run")
    settings = asdict(settings_of_a_run()) | {"data_sha256": "0" * 64}
    (partial / "checkpoint" / "run.json").write_text(json.dumps(settings))
    ended = forks.run(tmp_path / "run", "train", "--resume", tmp_path / "run")
    assert ended.code == 1
    assert "is not what" in ended.sentence


@pytest.mark.slow
def test_a_report_that_cannot_be_written_leaves_the_old_one(forks: Forks, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FIXTURE, tmp_path / "kept"))
    (folder / "report.html").write_text("old")
    ended = forks.run(folder, "report", folder, limit=10_000)
    assert ended.code == 1
    assert "could not be written" in ended.sentence
    assert (folder / "report.html").read_text() == "old"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*(path.name for path in FIXTURE.iterdir()), "report.html"]
    )
    assert forks.run(folder, "report", folder).code == 0
