"""`mnist-cnn doctor`: what it says of an installation that is whole, and of one that is not."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mnist_cnn.cli import app
from mnist_cnn.reading import reader
from mnist_cnn.system import environment
from mnist_cnn.workflows import doctor
from test_architecture import HEAVY, light_install, loaded_by

run = CliRunner().invoke


def states(**environment: str) -> dict[str, str]:
    """The worst state of each kind of check."""
    done = run(app, ["doctor", "--json"], env=environment)
    document = json.loads(done.stdout)
    assert document["healthy"] == (done.exit_code == 0)
    return {check["name"]: check["state"] for check in document["checks"]}


def test_a_whole_installation_is_healthy_and_says_so() -> None:
    done = run(app, ["doctor"])
    assert done.exit_code == 0, done.stdout
    assert "an image of 0123456789 read in" in done.stdout
    assert "its SHA-256 is correct" in done.stdout
    assert "broken" not in done.stdout


@pytest.mark.parametrize(
    ("environment", "name", "says"),
    [
        ({"KERAS_BACKEND": "abacus"}, "training", "set KERAS_BACKEND to an installed one"),
        ({"MNIST_CNN_DATA": "nowhere.npz"}, "data", "set MNIST_CNN_DATA to a copy of MNIST, or unset it"),
    ],
    ids=["backend", "data"],
)
def test_what_is_set_wrongly_is_broken_with_what_to_do(environment: dict[str, str], name: str, says: str) -> None:
    done = run(app, ["doctor"], env=environment)
    assert done.exit_code == 1
    assert says in done.stdout
    assert states(**environment)[name] == "broken"


@pytest.mark.parametrize(
    ("metadata", "state", "says"),
    [
        (["numpy>=2.0", "absent>=1"], "broken", "absent (not installed)"),
        (["numpy>=99.1"], "broken", "older than 99.1"),
        (['absent>=1; extra == "ray"'], "note", "not installed: absent"),
        (['numpy>=99; extra == "keras"'], "broken", "older than 99"),
        (["numpy>=2.0", 'nonsense; extra == "other"'], "ok", "numpy 2"),
    ],
    ids=["absent", "old", "extra absent", "extra old", "well"],
)
def test_packages_are_judged_by_the_metadata_of_mnist_cnn(
    metadata: list[str], state: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment.importlib.metadata, "requires", lambda _: metadata)
    (check,) = doctor.packages()
    assert check.state == state
    assert says in check.found
    assert bool(check.advice) == (state != "ok")


@pytest.mark.parametrize(("version", "least", "is_older"), [("2.4.6", "2.10", True), ("5.0.0.93", "4.10", False)])
def test_versions_are_compared_as_numbers(version: str, least: str, is_older: bool) -> None:
    assert environment.older(version, least) is is_older


def test_a_damaged_network_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = shutil.copytree(doctor.WEIGHTS, tmp_path / "weights")
    damaged = bytearray((weights / "model.onnx").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (weights / "model.onnx").write_bytes(damaged)
    monkeypatch.setattr(doctor, "WEIGHTS", weights)
    assert states()["model"] == "broken"


def test_reading_that_fails_or_misreads_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_a_library(_: object) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(reader.Reader, "__init__", without_a_library)
    done = run(app, ["doctor"])
    assert done.exit_code == 1
    assert "libGL.so.1" in done.stdout
    monkeypatch.undo()
    monkeypatch.setattr(doctor, "DIGITS", "1123456789")
    assert "gave '0123456789'" in run(app, ["doctor"]).stdout


def test_a_folder_that_cannot_be_written_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refused)
    assert {check.state for check in doctor.folders()} == {"note"}
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert {check.state for check in doctor.folders()} == {"ok"}
    assert not list(tmp_path.iterdir())


def test_it_works_on_the_light_install(tmp_path: Path) -> None:
    done = light_install(["doctor"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_loads_nothing_that_trains() -> None:
    loaded = loaded_by("import mnist_cnn.workflows.doctor\nmnist_cnn.workflows.doctor.examine()")
    assert loaded & HEAVY <= {"cv2", "onnxruntime"}


@pytest.mark.slow
@pytest.mark.extended
def test_training_is_tried_when_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNIST_CNN_DATA", raising=False)
    (tried,) = doctor.train()
    assert tried.state == "ok", tried.found
    monkeypatch.setenv("KERAS_BACKEND", "abacus")
    (tried,) = doctor.train()
    assert tried.state == "broken"
    assert "Keras cannot start" in tried.found
