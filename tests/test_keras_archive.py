"""A `.keras` file that was written without Keras is the one that Keras would have written."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from mnist_cnn.artifact import keras_archive
from mnist_cnn.artifact.store import load_keras, shapes_of
from mnist_cnn.card import READING, Task
from mnist_cnn.errors import ExportError
from mnist_cnn.models.architectures import build
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.models.layers import plain
from mnist_cnn.training.onnx_network import OnnxNetwork
from mnist_cnn.training.recipe import Recipe

LARGE = Task(49, 3, tuple("abcde"))  # pooled once more


def network_for(task: Task) -> OnnxNetwork:
    """A network with weights and statistics that are not those of the beginning."""
    network = OnnxNetwork(Recipe("fast"), task, seed=1, updates=1, threads=1)
    rng = np.random.default_rng(2)
    network.set_weights([one + rng.uniform(0, 0.1, one.shape).astype(np.float32) for one in network.get_weights()])
    return network


def write(path: Path, network: OnnxNetwork) -> None:
    keras_archive.write(path, network.name, network.places, network.get_weights())


@pytest.mark.parametrize("task", [READING, LARGE], ids=str)
def test_keras_loads_it_with_the_same_layers_weights_and_probabilities(task: Task, tmp_path: Path) -> None:
    network, ours, theirs = network_for(task), tmp_path / "ours.keras", tmp_path / "theirs.keras"
    write(ours, network)
    keras.backend.clear_session()  # so that names are counted from the beginning
    built = plain(build("fast", 0.0, task))
    built.set_weights(network.get_weights())
    built.save(theirs)
    loaded, same = load_keras(ours, shapes_of(task)), load_keras(theirs, shapes_of(task))
    assert json.dumps(loaded.get_config()) == json.dumps(same.get_config())  # where a tuple is a list
    assert loaded.name == "fast"
    for own, other in zip(loaded.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)
    images = np.random.default_rng(3).integers(0, 256, (20, *task.image_shape), dtype=np.uint8)
    np.testing.assert_allclose(keras_classifier(loaded)(images), network.predict(images), atol=1e-5)
    assert weights_of(ours) == weights_of(theirs)
    assert metadata_of(ours)["keras_version"] == metadata_of(theirs)["keras_version"] == keras.__version__


def weights_of(path: Path) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the weights in a file."""
    found: dict[str, tuple[int, ...]] = {}

    def visit(name: str, entry: Any) -> None:
        if hasattr(entry, "shape"):  # else it is a group
            found[name] = entry.shape

    with (
        zipfile.ZipFile(path) as members,
        keras_archive.hdf5_file(io.BytesIO(members.read("model.weights.h5")), "r") as file,
    ):
        file.visititems(visit)
    return found


def metadata_of(path: Path) -> Any:
    with zipfile.ZipFile(path) as members:
        return json.loads(members.read("metadata.json"))


def test_a_file_that_does_not_hold_the_weights_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_for(READING)
    right = keras_archive.hdf5
    monkeypatch.setattr(keras_archive, "hdf5", lambda layers, weights: right(layers, [one + 1 for one in weights]))
    with pytest.raises(ExportError, match=r"model\.keras is left out: other weights are read back"):
        write(tmp_path / "model.keras", network)
    assert list(tmp_path.iterdir()) == []
