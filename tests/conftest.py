"""What several tests need: the program as a process, data, and one trained network."""

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mnist_cnn.artifact.export_format import ExportFormat
from mnist_cnn.data import source
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.workflows.export import Export, export

if TYPE_CHECKING:
    from runs import Forks, Undisturbed

# Enough updates, at a high rate, for a network that has learnt something, in a few seconds.
QUICK = ["--data", "digits", "--epochs", "2", "--repeats", "12", "--learning-rate", "0.1", "--threads", "2"]
Cli = Callable[..., subprocess.CompletedProcess[str]]


def command_line(*words: object) -> list[str]:
    return [sys.executable, "-m", "mnist_cnn", *map(str, words)]


def hear_ctrl_c() -> None:
    """Before a program starts: a shell's background job ignores Ctrl-C, and so does what it begins."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cli() -> Cli:
    """Run the command line as a process of its own; gives exit code, stdout and stderr."""

    def run(*words: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command_line(*words),
            cwd=cwd,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return source.load("digits")


@pytest.fixture(scope="session")
def mnist_path() -> Path:
    named = os.environ.get("MNIST_CNN_DATA")
    if not named or not Path(named).exists():
        pytest.skip("the real MNIST is not here: set MNIST_CNN_DATA to its file")
    return Path(named)


@pytest.fixture(scope="session")
def trained(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A network trained through the real command line on real digits: its folder, and what the command said."""
    folder = tmp_path_factory.mktemp("runs") / "quick"
    done = cli("train", *QUICK, "--output", folder)
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Forks]":
    """A process that has everything loaded and runs the program in forks of itself."""
    from runs import Forks  # in tests/faults

    forks = Forks(tmp_path_factory.mktemp("forks"))
    yield forks
    forks.close()


@pytest.fixture(scope="session")
def undisturbed(forks: "Forks", tmp_path_factory: pytest.TempPathFactory) -> "Undisturbed":
    """A run with which nothing interferes."""
    from runs import undisturbed_by

    return undisturbed_by(forks, tmp_path_factory.mktemp("undisturbed") / "run")


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[ExportFormat], Export]:
    """A kept network of the fixtures in any format, each made when it is first asked for."""
    folder = tmp_path_factory.mktemp("exports")
    kept = Path(__file__).parent / "fixtures" / "format-2"

    @functools.cache
    def made(export_format: ExportFormat) -> Export:
        out = folder / f"kept{export_format.suffix}"
        return export(
            kept, export_format.to, quantize=export_format.quantize, input_dtype=export_format.input_dtype, output=out
        )

    return made
