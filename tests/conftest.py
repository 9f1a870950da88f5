"""What several tests need: the program as a process, data, and one trained network."""

import contextlib
import functools
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

from mnist_cnn.artifact.export_format import ExportFormat
from mnist_cnn.data import source
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import RunError
from mnist_cnn.training import backend
from mnist_cnn.workflows.export import Export, export

if TYPE_CHECKING:
    from runs import Forks, Undisturbed

# Enough updates, at a high rate, for a network that has learnt something, in a few seconds.
QUICK = ["--data", "digits", "--epochs", "2", "--repeats", "4", "--batch-size", "32"]
QUICK += ["--learning-rate", "0.1", "--threads", "2"]
Cli = Callable[..., subprocess.CompletedProcess[str]]
Trained = tuple[Path, subprocess.CompletedProcess[str]]


def command_line(*words: object) -> list[str]:
    return [sys.executable, "-m", "mnist_cnn", *map(str, words)]


def in_own_process(*words: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person's shell does; gives exit code, stdout and stderr."""
    # JAX, once imported by another test, lets TensorFlow log more.
    as_it_was = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(
        command_line(*words),
        cwd=cwd,
        env=as_it_was | environment,
        capture_output=True,
        text=True,
        timeout=900,  # a machine that does much else
        check=False,
    )


def hear_ctrl_c() -> None:
    """Before a program starts: a shell's background job ignores Ctrl-C, and so does what it begins."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def seconds_to_start() -> float:
    """How long a process takes here that does nothing: some 0.03 s, and much more on a machine that does much else.

    A limit of wall time that is to hold at all times has a few of these on top.
    """
    began = time.monotonic()
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)
    return time.monotonic() - began


@pytest.hookimpl(trylast=True)  # when it is known which tests run
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of two processes, each begins with one half of all tests, and takes from the end of the other's when it is done.

    So each half begins with modules that have slow tests, and what is shared out in the end is short.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    slow = list(dict.fromkeys(item.path for item in items if item.get_closest_marker("slow")))
    halves = [[item for item in items if item.path in slow[half::2]] for half in (0, 1)]
    short = [item for item in items if item.path not in slow]
    fill = max(0, len(items) // 2 - len(halves[0]))
    items[:] = halves[0] + short[:fill] + halves[1] + short[fill:]


def trained_once(name: str, factory: pytest.TempPathFactory, train: Callable[[Path], Any]) -> Trained:
    """A model that all processes of these tests share: the first that asks trains it, into the folder that it is given.

    Gives the folder and what the command said. A test that changes files takes a copy.
    """
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "trained"
    shared.mkdir(exist_ok=True)
    folder, said = shared / name, shared / f"{name}.said"
    with FileLock(shared / f"{name}.lock"):
        if not said.exists():
            done = train(folder)
            assert done.returncode == 0, done.stderr
            said.write_bytes(pickle.dumps(done))
    return folder, pickle.loads(said.read_bytes())  # noqa: S301  our own


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """Run the command line; gives exit code, stdout and stderr.

    It is a process of its own where variables of the environment are given, and otherwise a fork of one that has loaded
    what reads: a second of processor time less for each command.
    """
    if sys.platform != "linux":
        yield in_own_process
        return
    from runs import Forks

    forks: list[Forks] = []

    def fork(*words: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        if environment:
            return in_own_process(*words, cwd=cwd, **environment)
        if not forks:
            forks.append(Forks(tmp_path_factory.mktemp("cli"), "reading"))
        return forks[0].completed(*words, cwd=cwd)

    yield fork
    for one in forks:
        one.close()


@pytest.fixture(scope="session")
def warm_cli(request: pytest.FixtureRequest, cli: Cli) -> Cli:
    """As `cli`, but in a fork of a process that has TensorFlow loaded: seconds of processor time less for each command.

    Not for what depends on how the program starts: the environment, its framework, and what these say.
    """
    if sys.platform != "linux":
        return cli
    forks: Forks = request.getfixturevalue("forks")
    return forks.completed


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
def trained(warm_cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A network trained through the real command line on real digits: its folder, and what the command said."""
    return trained_once("quick", tmp_path_factory, lambda folder: warm_cli("train", *QUICK, "--output", folder))


@pytest.fixture(scope="module")
def threads_as_they_are() -> Iterator[None]:
    """Other tests of this process may have computed with other threads, which can no longer be changed then."""
    configure = backend._configure_tensorflow

    def configure_if_possible(threads: int, deterministic: bool) -> None:
        with contextlib.suppress(RunError):
            configure(threads, deterministic)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "_configure_tensorflow", configure_if_possible)
        yield


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Forks]":
    """A process that has everything loaded and runs the program in forks of itself."""
    if sys.platform != "linux":
        pytest.skip("elsewhere a process with TensorFlow's threads cannot be forked")
    from runs import Forks

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
