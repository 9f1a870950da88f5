"""Standard streams that are closed, full, not UTF-8, or that nobody reads: no traceback, and no work is lost."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Cli
from mnist_cnn.callbacks import progress
from mnist_cnn.cli.frame import sentence_of
from mnist_cnn.terminal.screen import Results
from test_read_cli import save

FULL = (
    "mnist-cnn: Standard output cannot be written (No space left on device): make room there, or send it elsewhere.\n"
)
PROGRAM = f"{sys.executable} -m mnist_cnn"
ASCII = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images."""
    made = tmp_path / "images"
    made.mkdir()
    save(made / "a.png", "42")
    save(made / "b.png", "17/5")
    return made


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    words = ["bash", "-c", f"set -o pipefail; {command}"]
    return subprocess.run(words, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("words", ["--workers 2", "--json", "--verbose"])
def test_reading_ends_quietly_with_its_reader(words: str, folder: Path) -> None:
    for buffered in ("", "1"):
        done = shell(f"{PROGRAM} read {folder} {words} | true", PYTHONUNBUFFERED=buffered)
        assert (done.returncode, done.stderr) == (141, "")


def test_what_does_more_than_print_goes_on_without_its_reader(folder: Path, tmp_path: Path) -> None:
    done = shell(f"{PROGRAM} read {folder} --annotate {tmp_path / 'drawn'} | true", PYTHONUNBUFFERED="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert len([*(tmp_path / "drawn").iterdir()]) == 2


@pytest.mark.parametrize(
    "words", ["info", "info fast --json", "info robust", "read {}", "read {} --json", "--version", "--help"]
)
def test_a_full_standard_output_has_a_sentence_of_its_own(words: str, folder: Path) -> None:
    for buffered in ("", "1"):
        done = shell(f"{PROGRAM} {words.format(folder)} > /dev/full", PYTHONUNBUFFERED=buffered)
        assert (done.returncode, done.stderr) == (1, FULL)


@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_full_standard_output_does_not_cost_the_work(buffered: str, folder: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "drawn"
    done = shell(f"{PROGRAM} read {folder} --annotate {drawn} > /dev/full", PYTHONUNBUFFERED=buffered)
    assert (done.returncode, done.stderr) == (1, FULL)
    assert len([*drawn.iterdir()]) == 2


def test_a_full_standard_error_costs_only_the_notes(folder: Path) -> None:
    done = shell(f"{PROGRAM} read {folder} nowhere.png 2> /dev/full")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_streams_may_be_closed(closed: str, folder: Path) -> None:
    done = shell(f"{PROGRAM} read {folder} {closed}")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == (0 if ">&-" in closed.replace("2>&-", "") else 2)


def test_standard_input_that_is_closed_is_an_image_that_cannot_be_read() -> None:
    done = shell(f"{PROGRAM} read - <&-")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


def test_a_terminal_may_know_only_ascii(cli: Cli, folder: Path, tmp_path: Path) -> None:
    (folder / "a.png").rename(folder / "é日.png")
    done = cli("read", folder, folder / "ü.png", **ASCII)
    assert (done.returncode, len(done.stdout.splitlines()), len(done.stderr.splitlines())) == (1, 2, 1)
    assert "Traceback" not in done.stderr
    for words in (["info", "robust"], ["--help"], ["doctor"], ["explain", folder / "b.png"]):
        done = cli(*words, cwd=tmp_path, **ASCII)
        assert (done.returncode, done.stderr) == (0, "")


def test_names_that_are_not_utf_8_are_printed_and_annotated(cli: Cli, folder: Path, tmp_path: Path) -> None:
    (folder / "a.png").rename(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.png"))
    done = cli("read", folder, "--annotate", tmp_path / "drawn")
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 2, "")
    assert len([*(tmp_path / "drawn").iterdir()]) == 2


def test_a_full_disk_is_not_a_matter_of_the_path() -> None:
    full = sentence_of(OSError(errno.ENOSPC, "No space left on device", "/x"))
    assert full == "/x cannot be written (No space left on device): make room there, then try again."
    closed = sentence_of(OSError(errno.EACCES, "Permission denied", "/x"))
    assert closed == "/x cannot be accessed (Permission denied): check the path and its permissions."


def test_notes_that_cannot_be_written_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else of Rich is told apart: whatever the system says, the work goes on."""
    told = []
    monkeypatch.setattr(progress.Notes, "on_broken_pipe", lambda self: told.append(self))
    with Path("/dev/full").open("w") as full:
        progress.Notes(file=full).print("a note")
        assert told
        results = Results(file=full)
        results.only_prints = True
        with pytest.raises(OSError, match="No space left"):
            results.print("a result")
        with pytest.raises(OSError, match="No space left"):
            full.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
