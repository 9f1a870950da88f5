"""Many pictures, read by several processes or on a cluster: the same readings, whatever dies on the way."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import mnist_cnn
from conftest import Cli, command_line, hear_ctrl_c
from drawing import inked, mask
from mnist_cnn.bulk import local_reading
from mnist_cnn.bulk.local_reading import read_in_parallel
from mnist_cnn.cli import app
from mnist_cnn.errors import ArtifactError, ImageError, ReaderError, RunError
from mnist_cnn.reading.reading import Reading

invoke = CliRunner().invoke
# A worker that dies of every picture whose name has "poison" in it, and the first time of one with "once".
DIES = """
import os, pathlib
from mnist_cnn.reading.reader import Reader
whole = Reader.read_part
def read(self, picture, single=False, **part):
    first = pathlib.Path(str(picture) + ".first")
    if "poison" in str(picture) or ("once" in str(picture) and not first.exists()):
        first.touch()
        os._exit(9)
    return whole(self, picture, single, **part)
Reader.read_part = read
from mnist_cnn.bulk.reader_process import main
main()
"""


def picture(number: int) -> np.ndarray:
    return inked(mask(f"{number % 10}", 30, 3), 240, 30)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    made.mkdir()
    for number in range(25):
        Image.fromarray(picture(number)).save(made / f"{number:02}.png")
    (made / "11b.png").write_bytes(b"nonsense")
    return made


def read(pictures: list[Path], workers: int = 2) -> list[str]:
    return [one.text if isinstance(one, Reading) else str(one) for one in read_in_parallel(pictures, workers)]


def test_several_processes_say_the_same_bytes_as_one(cli: Cli, folder: Path) -> None:
    words = ["read", folder, folder / "nowhere", folder / "03.png"]
    for more in (["--json"], []):
        one, two = cli(*words, *more), cli(*words, *more, "--workers", 2)
        assert (one.returncode, one.stdout) == (two.returncode, two.stdout) == (1, one.stdout)
        assert one.stderr == two.stderr
        assert "11b.png is not a supported image file" in two.stderr
    document = json.loads(cli(*words, "--json", "--workers", 3).stdout)["images"]
    assert [one.get("text") for one in document[:4]] == ["0", "1", "2", "3"]
    assert len(document) == 28


def test_a_printed_list_is_what_json_says_it_is(cli: Cli, folder: Path, tmp_path: Path) -> None:
    for words in ([folder], [tmp_path / "nowhere"], [folder / "00.png", tmp_path / "nowhere"]):
        said = cli("read", *words, "--json").stdout
        assert said == json.dumps(json.loads(said)) + "\n"


def test_it_works_from_python_and_with_arrays(folder: Path) -> None:
    names = [folder / f"{number:02}.png" for number in range(10)]
    mixed = [*names[:3], *(picture(number) for number in range(3, 10))]
    readings = list(mnist_cnn.read_in_parallel(mixed, 2, single=True))
    assert [one.text for one in readings if isinstance(one, Reading)] == list("0123456789")
    reader = mnist_cnn.Reader()
    for one, source in zip(readings, mixed, strict=True):
        assert isinstance(one, Reading)
        assert one.to_dict() == reader.read(source, single=True).to_dict()


def test_a_killed_process_is_noticed_and_its_pictures_are_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = sorted(folder.iterdir())
    whole = read(names)
    monkeypatch.setattr(local_reading, "COMMAND", (sys.executable, "-c", DIES))
    (folder / "07.png").rename(folder / "07once.png")
    names = sorted(folder.glob("*.png"))
    assert read(names) == whole
    assert (folder / "07once.png.first").exists()


def test_a_picture_that_kills_whatever_reads_it_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_reading, "COMMAND", (sys.executable, "-c", DIES))
    names = [folder / "00.png", (folder / "01.png").rename(folder / "01poison.png"), folder / "02.png"]
    results = list(read_in_parallel(names, 2))
    assert isinstance(results[1], ImageError)
    assert "01poison.png cannot be read (the process that reads it died 3 times)" in str(results[1])
    assert [one.text for one in results if isinstance(one, Reading)] == ["0", "2"]


def test_a_process_that_cannot_begin_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_reading, "COMMAND", (sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(RunError, match=r"could not be started \(it ended with exit code 3;"):
        read([folder / "00.png"])


def test_few_pictures_are_under_way_at_a_time() -> None:
    taken = []

    def endless() -> Iterator[np.ndarray]:
        for number in range(10_000):
            taken.append(number)
            yield picture(number)

    results = read_in_parallel(endless(), 2)
    for number in range(3):
        one = next(results)
        assert isinstance(one, Reading)
        assert one.text == str(number)
    results.close()
    assert len(taken) <= 2 * local_reading.AHEAD * local_reading.TOGETHER


def test_few_pictures_are_shared_out_among_all() -> None:
    assert [len(some) for some in local_reading.short_lists(["x"] * 9, 2)] == [1] * 9
    assert [len(some) for some in local_reading.short_lists(["x"] * 260, 2)] == [16] * 16 + [4]
    assert [len(some) for some in local_reading.short_lists(iter("x" * 20), 2)] == [2] * 10
    assert [len(some) for some in local_reading.short_lists((one for one in "x" * 20), 2)] == [16, 4]


def test_what_is_wrong_is_said_before_a_process_begins(folder: Path) -> None:
    with pytest.raises(ReaderError, match="workers is 0: it must be a whole number from 1 to 256"):
        read_in_parallel([], 0)
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_in_parallel([], 2, model=folder / "nothing.onnx")
    with pytest.raises(ReaderError, match="The minimum confidence must be a number from 0 to 1"):
        read_in_parallel([], 2, min_confidence=2)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_it_is_stopped(number: int, folder: Path) -> None:
    words = command_line("read", *[folder] * 400, "--workers", 2)
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,
    )
    assert process.stdout
    process.stdout.readline()
    workers = descendants(process.pid, b"")
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[number]
    assert "Traceback" not in said
    wait_until(lambda: not any(is_alive(worker) for worker in workers))
    assert len(workers) == 2


def descendants(pid: int, words: bytes = b"mnist_cnn.bulk.reader_process") -> list[int]:
    """The processes that this one has begun, at whatever remove, with these words on their command line."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            for one in task.read_text().split():
                if words in (Path("/proc") / one / "cmdline").read_bytes():
                    found.append(int(one))
                found += descendants(int(one), words)
    return found


def is_alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(true: "object", seconds: float = 60) -> None:
    assert callable(true)
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("bad", "code", "sentence"),
    [
        (["x.png", "--workers", "0"], 2, "workers is 0: it must be"),
        (["x.png", "--ray", "local"], 2, "--ray: give both --ray ADDRESS and --output FOLDER, or neither"),
        (["x.png", "--output", "y.parquet"], 2, "y.parquet does not end with .csv, .jsonl or .json: name such a file"),
        (["x.png", "--ray", "local", "--output", "y", "--workers", "2"], 2, "--workers cannot be given with --ray"),
    ],
)
def test_wrong_usage_is_one_sentence(bad: list[str], code: int, sentence: str, tmp_path: Path) -> None:
    done = invoke(app, ["read", *bad])
    assert done.exit_code == code
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_without_ray_the_command_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else there(name))
    done = invoke(app, ["read", "x.png", "--ray", "local", "--output", str(tmp_path / "y.parquet")])
    assert done.exit_code == 1
    assert 'pyarrow, which is not installed: pip install "mnist-cnn[ray]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
