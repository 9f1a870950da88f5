"""Training on JAX and on PyTorch, each in processes of its own: the code is the same, what differs is in one place."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mnist_cnn
from conftest import Cli
from mnist_cnn.reading.network import onnx_classifier

SHORT = ["--data", "digits", "--repeats", "6", "--epochs", "2", "--threads", "2"]


@pytest.fixture(params=["jax", "torch"])
def framework(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if not importlib.util.find_spec(name):
        pytest.skip(f"{name} is not installed here (`make test-torch` makes an environment with PyTorch)")
    return name


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.parametrize("recipe", ["classic", "tiny"])
def test_a_network_is_trained_kept_and_judged(framework: str, recipe: str, tmp_path: Path, cli: Cli) -> None:
    words = [*SHORT, "--recipe", recipe, "--batch-size", "32", "--learning-rate", "0.01", "--optimizer", "adam"]
    done = cli("train", *words, "--output", tmp_path / "run", KERAS_BACKEND=framework)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    kept = mnist_cnn.load(tmp_path / "run")
    assert kept.card.recipe["backend"] == framework
    assert kept.card.versions[framework]
    assert kept.card.evaluation["accuracy"] > 0.8
    in_tensorflow = importlib.util.find_spec("tensorflow") is not None
    assert ("model.onnx" in kept.card.files) == in_tensorflow
    if in_tensorflow:
        judged = cli("evaluate", tmp_path / "run" / "model.onnx", "--data", "digits", "--json")
    else:
        assert "model.onnx is left out: TensorFlow makes it, and is not installed" in kept.card.notes[-1]
        judged = cli("evaluate", tmp_path / "run", "--json", KERAS_BACKEND=framework)
    assert json.loads(judged.stdout)["evaluation"]["accuracy"] == kept.card.evaluation["accuracy"]


@pytest.mark.slow
@pytest.mark.extended
def test_mixed_precision_trains_and_a_float32_network_is_kept(framework: str, tmp_path: Path, cli: Cli) -> None:
    words = [*SHORT, "--recipe", "tiny", "--precision", "mixed", "--batch-size", "32"]
    done = cli("train", *words, "--output", tmp_path / "run", KERAS_BACKEND=framework)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert mnist_cnn.load(tmp_path / "run").card.evaluation["accuracy"] > 0.8


@pytest.mark.slow
@pytest.mark.extended
def test_a_stopped_run_goes_on_bit_for_bit(framework: str, tmp_path: Path, cli: Cli) -> None:
    words = [*SHORT, "--deterministic", "--recipe", "classic"]
    whole = cli("train", *words, "--output", tmp_path / "whole", KERAS_BACKEND=framework)
    assert whole.returncode == 0, whole.stderr
    stop_after_one = (
        "import mnist_cnn, sys\n"
        "class Stop(mnist_cnn.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n"
        "        raise KeyboardInterrupt\n"
        f"mnist_cnn.train(mnist_cnn.Recipe(epochs=2, repeats=6), 'digits', output={str(tmp_path / 'parts')!r},"
        " threads=2, deterministic=True, callbacks=[Stop()])"
    )
    subprocess.run(
        [sys.executable, "-c", stop_after_one],
        env=os.environ | {"KERAS_BACKEND": framework},
        capture_output=True,
        timeout=300,
        check=False,
    )
    done = cli("train", "--resume", tmp_path / "parts", KERAS_BACKEND=framework)
    assert done.returncode == 0, done.stderr
    assert "bit for bit" in done.stderr
    files = [mnist_cnn.load(tmp_path / name).card.history[-1]["loss"] for name in ("whole", "parts")]
    assert files[0] == files[1]


@pytest.mark.slow
def test_fast_runs_on_jax_where_it_needs_keras_and_its_onnx_gives_the_same(tmp_path: Path, cli: Cli) -> None:
    if not importlib.util.find_spec("jax"):
        pytest.skip("jax is not installed here")
    words = ["train", "--recipe", "fast", "--data", "digits", "--repeats", "1", "--dropout", "0.1", "--threads", "2"]
    done = cli(*words, "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    kept = mnist_cnn.load(tmp_path / "run")
    assert kept.card.recipe["backend"] == "jax"
    assert "Keras trains this: ONNX Runtime has no --dropout" in done.stderr
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    probabilities = onnx_classifier(tmp_path / "run" / "model.onnx")(images)
    assert probabilities == pytest.approx(kept.predict_proba(images), abs=1e-5)


def test_a_recipe_that_is_fastest_on_a_framework_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from mnist_cnn.training import backend

    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.delitem(backend.sys.modules, "keras", raising=False)
    assert "fastest on jax, which is not installed" in str(backend.prefer("jax"))
    assert backend.prefer("auto") is None
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert "Keras is set to run on tensorflow" in str(backend.prefer("jax"))
    assert backend.prefer("tensorflow") is None
