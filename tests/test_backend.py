import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from conftest import Cli
from mnist_cnn.cli import app
from mnist_cnn.errors import RunError
from mnist_cnn.training import backend
from mnist_cnn.training.batches import batches
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.workflows.train import train


def python(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)


def test_tensorflow_starts_without_a_word() -> None:
    done = python("from mnist_cnn.training import backend; backend.start(); import tensorflow; tensorflow.zeros(3) + 1")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_else_is_said_on_stderr_while_it_starts_is_passed_on() -> None:
    done = python(
        "import os, sys\n"
        "class Speaker:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'keras':\n"
        "            os.write(2, b'a word from C\\nI0000 a start-up note\\n')\n"
        "sys.meta_path.insert(0, Speaker())\n"
        "from mnist_cnn.training import backend; backend.start()"
    )
    assert (done.returncode, done.stderr) == (0, "a word from C\n")


@pytest.mark.parametrize(("framework", "unused"), [("tensorflow", "h5py"), ("jax", "scipy.sparse")])
def test_what_keras_need_not_load_is_left_out_and_can_be_had_afterwards(framework: str, unused: str) -> None:
    pytest.importorskip(framework)
    code = (
        "import sys\nfrom mnist_cnn.system import environment\nfrom mnist_cnn.training import backend\n"
        f"environment.own_process = True\nbackend.start()\nassert {unused!r} not in sys.modules\n"
        "import h5py, sklearn\nassert h5py.File\n"
        "if backend.name() == 'jax':\n    from jax.experimental.sparse import BCOO\n    assert BCOO.fromdense\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"KERAS_BACKEND": framework}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_threads_can_be_set_once_and_asked_for_again_but_not_changed() -> None:
    done = python(
        "from mnist_cnn.training import backend; backend.start(); backend.configure(2, False)\n"
        "import tensorflow; tensorflow.zeros(3) + 1; backend.configure(2, True)\n"
        "try:\n    backend.configure(1, False)\nexcept Exception as error:\n    print(type(error).__name__, error)"
    )
    assert done.stdout.startswith("RunError TensorFlow has already computed in this process")


@pytest.mark.parametrize("name", ["nonsense", "openvino"])
def test_a_backend_that_is_not_there_is_one_sentence(name: str, cli: Cli) -> None:
    done = cli("evaluate", Path(__file__).parent / "fixtures" / "format-1", KERAS_BACKEND=name)
    assert done.returncode == 1
    assert "Keras cannot start" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_batches_are_in_order_and_leave_nothing_out() -> None:
    images = np.arange(7, dtype=np.uint8).reshape(7, 1, 1, 1) * np.ones((1, 28, 28, 1), dtype=np.uint8)
    truth = np.eye(10, dtype=np.float32)[:7]
    found = [(x.numpy()[:, 0, 0, 0].tolist(), y.numpy().argmax(axis=1).tolist()) for x, y in batches(images, truth, 3)]
    assert found == [([0, 1, 2], [0, 1, 2]), ([3, 4, 5], [3, 4, 5]), ([6], [6])]
    assert len(batches(images, truth, 3)) == 3
    for size in (7, 100):
        [(pixels, answers)] = batches(images, truth, size)
        assert (pixels.numpy() == images).all()
        assert (answers.numpy() == truth).all()


@pytest.fixture
def only_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with TensorFlow alone, and a process in which Keras has not started."""
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in ("jax", "torch") else real(name, *rest)
    )


@pytest.mark.usefixtures("only_tensorflow")
@pytest.mark.parametrize(
    ("recipe", "hyperparameters", "wanted"),
    [
        ("classic", {"backend": "torch"}, "torch"),
        ("classic", {"backend": "jax"}, "jax"),
        ("fast", {"backend": "jax"}, "jax"),
        (Recipe("fast", backend="torch"), {}, "torch"),
        (Recipe("best", backend="jax"), {"epochs": 1}, "jax"),
    ],
    ids=str,
)
def test_a_framework_that_was_requested_and_is_not_installed_is_refused_before_anything_is_made(
    recipe: str | Recipe, hyperparameters: dict[str, Any], wanted: str, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match=f"The backend {wanted} was requested, which is not installed: install {wanted}"):
        train(recipe, "digits", output=tmp_path / "run", verbose=0, **hyperparameters)
    assert not list(tmp_path.iterdir())
    assert "KERAS_BACKEND" not in os.environ


@pytest.mark.usefixtures("only_tensorflow")
@pytest.mark.parametrize(
    "words",
    [
        ["train", "--backend", "torch"],
        ["train", "--recipe", "fast", "--backend", "jax"],
        ["study", "--recipe", "fast", "--backend", "jax"],
    ],
    ids=" ".join,
)
def test_so_it_is_on_the_command_line(words: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [*words, "--data", "digits", "--output", str(tmp_path / "run")])
    assert done.exit_code == 1
    assert "was requested, which is not installed" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("only_tensorflow")
def test_a_framework_that_a_recipe_only_prefers_may_be_missing() -> None:
    assert not backend.is_required(Recipe("fast"))
    assert not backend.is_required(Recipe("classic", backend="auto"))
    assert "fastest on jax, which is not installed" in str(backend.prefer("jax"))


@pytest.mark.usefixtures("only_tensorflow")
def test_a_framework_that_was_requested_beside_another_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(RunError, match="The backend torch was requested, and Keras is set to run on tensorflow"):
        backend.prefer("torch", required=True)
    assert backend.prefer("tensorflow", required=True) is None
