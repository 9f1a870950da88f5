"""What goes wrong while a network is trained, made to happen: kills, signals, a full disk, no permission."""

import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import mnist_cnn
from conftest import Cli, command_line
from mnist_cnn.artifact import store
from mnist_cnn.errors import ArtifactError, RunError

# Three epochs of half a second to a second each, so that there is time to interfere.
SLOW = ["--data", "digits", "--epochs", "3", "--passes", "4", "--threads", "2", "--deterministic"]
FIXTURE = Path(__file__).parent / "fixtures" / "format-1"


def start(out: Path, *words: object, first: Callable[[], None] = lambda: None) -> "subprocess.Popen[str]":
    """Begin a run in the background, which does `first` before anything else."""

    def prepare() -> None:
        # Whoever started the tests in the background may have had Ctrl-C ignored, and that is inherited.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        first()

    command = command_line("train", *(words or [*SLOW, "--out", out]))
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=prepare)


def wait_for(event: Callable[[], bool], process: "subprocess.Popen[str]", seconds: float = 90) -> None:
    """Wait until something is so, or the process has ended."""
    end = time.monotonic() + seconds
    while not event():
        assert process.poll() is None, f"it ended too early: {process.communicate()}"
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def rows_in(out: Path) -> int:
    history = store.partial_of(out) / "history.csv"
    return len(history.read_text().splitlines()) - 1 if history.exists() else 0


def weights(folder: Path) -> list[np.ndarray]:
    return [np.asarray(w) for w in store.load_keras(folder / "model.keras").get_weights()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as it is when nothing goes wrong."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    process = start(out)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return out


def assert_same_bits(out: Path, undisturbed: Path) -> None:
    assert all((a == b).all() for a, b in zip(weights(out), weights(undisturbed), strict=True))
    here, there = mnist_cnn.load(out).card, mnist_cnn.load(undisturbed).card
    assert here.evaluation == there.evaluation
    seconds = {"seconds"}
    assert [{k: v for k, v in row.items() if k not in seconds} for row in here.history] == [
        {k: v for k, v in row.items() if k not in seconds} for row in there.history
    ]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits_twice(tmp_path: Path, undisturbed: Path) -> None:
    process = start(tmp_path / "run")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert_same_bits(tmp_path / "run", undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_run_killed_in_any_epoch_goes_on_to_the_same_bits(
    after: int, tmp_path: Path, undisturbed: Path, cli: Cli
) -> None:
    out = tmp_path / "run"
    process = start(out)
    wait_for(lambda: (store.partial_of(out) / "history.csv").exists() and rows_in(out) >= after, process)
    time.sleep(0.4)  # somewhere inside the next epoch, or while TensorFlow is loaded
    process.kill()
    process.communicate()
    assert not out.exists()
    done = cli("train", "--resume", out)
    assert done.returncode == 0, done.stderr
    if after:
        assert "bit for bit." in done.stderr
        assert "Resumed after epoch" in mnist_cnn.load(out).card.notes[0]
    assert_same_bits(out, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_stops_cleanly_and_says_how_to_go_on(
    number: signal.Signals, tmp_path: Path, undisturbed: Path, cli: Cli
) -> None:
    out = tmp_path / "run"
    process = start(out)
    wait_for(lambda: rows_in(out) >= 1, process)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert f"mnist-cnn train --resume {store.partial_of(out)}" in said
    assert "Traceback" not in said
    assert cli("train", "--resume", store.partial_of(out)).returncode == 0
    assert_same_bits(out, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("file", ["model.keras", "model.onnx", "report.html", "card.json"])
def test_a_run_killed_while_it_is_kept_is_whole_or_partial(
    file: str, tmp_path: Path, undisturbed: Path, cli: Cli
) -> None:
    out = tmp_path / "run"
    process = start(out)
    parts = store.partial_of(out), out
    stem = file.split(".")[0]
    wait_for(lambda: any(path.exists() and any(stem in p.name for p in path.iterdir()) for path in parts), process)
    process.kill()
    process.communicate()
    if out.exists():
        store.load(out)
    else:
        done = cli("train", "--resume", out)
        assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {path.name for path in undisturbed.iterdir()}
    assert_same_bits(out, undisturbed)


@pytest.mark.slow
def test_other_threads_are_admitted_not_to_give_the_same_bits(tmp_path: Path, cli: Cli) -> None:
    out = tmp_path / "run"
    process = start(out, *SLOW, "--epochs", "9", "--out", out)
    wait_for((store.partial_of(out) / "checkpoint" / "state.npz").exists, process)
    process.kill()
    process.communicate()
    # Stopped once more on one thread, and back to two: the bits are still not what they would have been.
    epochs = rows_in(out)
    process = start(out, "--resume", out, "--threads", "1")
    wait_for(lambda: rows_in(out) > epochs, process)
    process.kill()
    process.communicate()
    done = cli("train", "--resume", out, "--threads", "2")
    assert done.returncode == 0, done.stderr
    note = mnist_cnn.load(out).card.notes[0]
    assert "not bit for bit" in note
    assert "threads was 2 and is now 1" in note


@pytest.mark.slow
def test_two_processes_cannot_train_in_one_folder(tmp_path: Path, cli: Cli) -> None:
    out = tmp_path / "run"
    process = start(out)
    wait_for(lambda: rows_in(out) >= 0 and (store.partial_of(out) / "history.csv").exists(), process)
    done = cli("train", "--resume", out)
    assert done.returncode == 1
    assert "Another process is training" in done.stderr
    assert cli("train", *SLOW, "--out", out).returncode == 1
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    store.load(out)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [2_000, 100_000, 150_000, 170_000], ids=lambda limit: f"{limit} bytes")
def test_a_disk_that_takes_no_more_is_one_sentence_and_the_run_goes_on_later(
    limit: int, tmp_path: Path, undisturbed: Path, cli: Cli
) -> None:
    """A limit on the size of files fails the write that passes it, as a full disk does: the checkpoint (about 140 kB),
    or one of the files that are kept after it.
    """
    out = tmp_path / "run"
    process = start(out, first=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "could not be written" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert not out.exists()
    assert not [path for path in store.partial_of(out).rglob("*") if ".part" in path.name]
    done = cli("train", "--resume", out)
    assert done.returncode == 0, done.stderr
    assert_same_bits(out, undisturbed)


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_the_run_goes_on_later(tmp_path: Path, undisturbed: Path, cli: Cli) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here: that needs to be root")
    try:
        process = start(disk / "run")
        _, said = process.communicate(timeout=120)
        assert process.returncode == 1
        assert "No space left on device" in said.splitlines()[-1]
        assert "Traceback" not in said
        assert not (disk / "run").exists()
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        done = cli("train", "--resume", disk / "run")
        assert done.returncode == 0, done.stderr
        assert_same_bits(disk / "run", undisturbed)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Root may do anything, so go on as a user who may not."""
    if os.getuid():
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.mark.parametrize("mode", [0o555, 0o000], ids=["read-only", "closed"])
@pytest.mark.usefixtures("as_nobody")
def test_a_folder_that_may_not_be_written_is_one_sentence(mode: int) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(mode)
        with pytest.raises(RunError, match=r"cannot be made \(Permission denied\): choose another --out"):
            store.begin(Path(place) / "run")
        with pytest.raises(ArtifactError):
            mnist_cnn.load(Path(place) / "run")
        Path(place).chmod(0o755)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["state", "settings"])
def test_a_damaged_checkpoint_is_one_sentence(damage: str, tmp_path: Path, cli: Cli) -> None:
    partial = store.begin(tmp_path / "run")
    (partial / "checkpoint" / "run.json").write_text('{"recipe": ' if damage == "settings" else settings_of_a_run())
    (partial / "checkpoint" / "state.npz").write_bytes(b"PK\x03\x04 cut")
    done = cli("train", "--resume", tmp_path / "run")
    assert done.returncode == 1
    assert "damaged, so the run cannot go on" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def settings_of_a_run() -> str:
    digits = mnist_cnn.load_data("digits")
    return json.dumps(
        {
            "recipe": {"epochs": 1, "passes": 1},
            "seed": 0,
            "threads": 2,
            "deterministic": False,
            "tensorboard": False,
            "data": "digits",
            "data_sha256": digits.sha256,
            "data_warning": None,
            "versions": {},
            "machine": {},
            "inexact": [],
        }
    )


@pytest.mark.slow
def test_other_data_in_the_same_place_are_noticed_when_a_run_goes_on(tmp_path: Path, cli: Cli) -> None:
    partial = store.begin(tmp_path / "run")
    settings = json.loads(settings_of_a_run()) | {"data_sha256": "0" * 64}
    (partial / "checkpoint" / "run.json").write_text(json.dumps(settings))
    done = cli("train", "--resume", tmp_path / "run")
    assert done.returncode == 1
    assert "is not what" in done.stderr


@pytest.mark.slow
def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, cli: Cli) -> None:
    folder = Path(shutil.copytree(FIXTURE, tmp_path / "kept"))
    (folder / "report.html").write_text("old")
    command = command_line("report", folder)
    limit = 10_000
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 1
    assert "could not be written" in done.stderr
    assert (folder / "report.html").read_text() == "old"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*(p.name for p in FIXTURE.iterdir()), "report.html"]
    )
    assert cli("report", folder).returncode == 0


def test_a_network_kept_by_somebody_else_in_a_newer_form_is_not_guessed_at(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FIXTURE, tmp_path / "kept"))
    (folder / "card.json").write_text(json.dumps({"format": 7, "anything": 1}))
    with pytest.raises(ArtifactError, match="update it"):
        mnist_cnn.load(folder)
