import importlib.util
import os
import subprocess
import sys

import pytest

from mnist_cnn.training import backend


def test_what_only_keras_writes_is_written_on_what_starts_soonest(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"jax", "tensorflow"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in there else None)
    assert backend.for_saving(keras_only=True) == "numpy"
    assert backend.for_saving(keras_only=False) == "tensorflow"
    there.remove("jax")  # without which Keras on NumPy has no convolutions
    assert backend.for_saving(keras_only=True) == "tensorflow"
    there.remove("tensorflow")
    assert backend.for_saving(keras_only=True) is None


def test_where_tensorflow_is_left_out_nothing_else_is() -> None:
    code = (
        "import sys; from mnist_cnn.training import backend; backend.leave_out_tensorflow(); import json.tool\n"
        "try:\n    import tensorflow\nexcept ModuleNotFoundError as error:\n    print(error.name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "tensorflow\n"
