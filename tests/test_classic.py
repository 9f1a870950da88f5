"""The recipe `classic` does what examples/classic.py does: bit for bit, given the same seed and order of images.

On TensorFlow, the backend of the example.
"""

import multiprocessing
import re
import runpy
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_cnn.data import contents, source
from mnist_cnn.data.contents import NAMES
from mnist_cnn.data.dataset import Dataset, split
from mnist_cnn.training.compiled_network import compiled
from mnist_cnn.training.epoch_examples import epoch_order
from mnist_cnn.training.fit import categorical, fit, updates
from mnist_cnn.training.recipe import Recipe

ROOT = Path(__file__).parents[1]
CLASSIC = ROOT / "examples" / "classic.py"
EPOCHS = 2
SEED = 3

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the example runs on TensorFlow")


def example(dataset: Dataset, instead_of_fit: Any) -> dict[str, Any]:
    """Run the example on a dataset, with another method in place of `fit`; gives its variables."""
    with pytest.MonkeyPatch.context() as patch:
        data = [(part.images, part.labels) for part in (dataset.train, dataset.test)]
        patch.setattr(tf.keras.datasets.mnist, "load_data", lambda: data)
        patch.setattr(tf.keras.Sequential, "fit", instead_of_fit)
        keras.utils.set_random_seed(SEED)
        return runpy.run_path(str(CLASSIC))


@pytest.fixture(scope="module")
def script(digits: Dataset) -> dict[str, Any]:
    """The example's variables, and as "fit" what it gave to `fit`, without training."""
    given: dict[str, Any] = {}
    variables = example(digits, lambda _, *arrays, **settings: given.update(settings, arrays=arrays))
    return variables | {"fit": given}


def test_the_pixels_are_the_same(script: dict[str, Any], digits: Dataset) -> None:
    network = compiled(Recipe(), SEED)
    images = digits.train.images[..., np.newaxis]
    scaled = keras.Model(network.inputs, network.layers[1].input).predict(images, verbose=0)
    assert script["x_train"].shape == scaled.shape
    assert (scaled == script["x_train"].astype(np.float32)).all()  # what Keras makes of float64


def test_the_labels_are_the_same(script: dict[str, Any], digits: Dataset) -> None:
    assert script["y_train"].shape == (1_297, 10)
    assert (categorical(digits.train.labels) == script["y_train"]).all()


def test_the_architecture_is_the_same(script: dict[str, Any]) -> None:
    network, model = compiled(Recipe(), SEED), script["model"]
    assert network.count_params() == model.count_params() == 33_658
    for layer, other in zip(network.layers[1:], model.layers, strict=True):  # the first is the input
        assert type(layer) is type(other)
        assert layer.output.shape == other.output.shape
        assert layer.get_config() | {"name": ""} == other.get_config() | {"name": ""}


def test_loss_metrics_and_optimizer_are_the_same(script: dict[str, Any]) -> None:
    network, model = compiled(Recipe(), SEED), script["model"]
    settings, others = (one.get_compile_config() for one in (network, model))
    assert settings["loss"] == others["loss"] == "categorical_crossentropy"
    assert settings["metrics"] == others["metrics"] == ["accuracy"]
    assert network.optimizer.get_config() | {"name": ""} == model.optimizer.get_config() | {"name": ""}
    assert type(network.optimizer) is type(model.optimizer) is keras.optimizers.SGD


def test_fit_is_given_the_recipes_hyperparameters(script: dict[str, Any]) -> None:
    recipe = Recipe().for_images(54_000)
    assert recipe.repeats == 1
    expected = {name: getattr(recipe, name) for name in ("batch_size", "validation_split", "epochs")}
    assert script["fit"].pop("arrays") == (script["x_train"], script["y_train"])
    assert script["fit"] == expected


def test_the_readme_and_the_tour_show_the_example() -> None:
    block = f"```python\n{CLASSIC.read_text(encoding='utf-8')}```\n"
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## The recipe\n")[1].split("\n## ")[0]
    assert block in section
    assert block in (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")


def train_both(dataset: Dataset) -> dict[str, list[list[np.ndarray]]]:
    """Train the example's model and the recipe's on images in the same order: initial and final variables, history."""
    tf.config.experimental.enable_op_determinism()
    recipe = Recipe(epochs=EPOCHS, repeats=1)
    training, validation = split(dataset.train, recipe.validation_split)
    orders = [epoch_order(len(training), 1, np.random.default_rng((SEED, epoch))) for epoch in range(EPOCHS)]
    ways: dict[str, list[list[np.ndarray]]] = {}
    keras_fit = tf.keras.Sequential.fit

    def in_order(model: Any, x: np.ndarray, y: np.ndarray, **settings: Any) -> None:
        """As Keras' `fit`, but each epoch in the order in which the recipe shuffles the images."""
        begin, rows = values(model), []
        for epoch, order in enumerate(orders):
            order = np.concatenate([order, np.arange(len(training), len(x))])
            now = settings | {"shuffle": False, "initial_epoch": epoch, "epochs": epoch + 1}
            rows.append(keras_fit(model, x[order], y[order], **now).history)
        ways["example"] = [begin, values(model), numbers(rows)]

    example(dataset, in_order)
    network = compiled(recipe, SEED, updates(recipe, len(training)))
    begin = values(network)
    rows = list(fit(network, recipe, training, validation, SEED))
    ways["recipe"] = [begin, values(network), numbers(rows)]
    return ways


def values(network: Any) -> list[np.ndarray]:
    """The weights and the states of the random generators."""
    return [np.asarray(variable) for variable in network.variables]


def numbers(rows: list[Any]) -> list[np.ndarray]:
    """Loss and accuracy of each epoch, in training and in validation."""
    return [np.ravel([row[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")]) for row in rows]


@pytest.mark.slow
@pytest.mark.extended
def test_the_same_seed_and_order_give_the_same_weights_and_history_bit_for_bit(digits: Dataset) -> None:
    # In a process of its own, because deterministic operations are a setting of the whole process.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        ways = pool.submit(train_both, digits).result(timeout=300)
    for one, other in zip(ways["recipe"], ways["example"], strict=True):
        assert len(one) == len(other)
        for array, same in zip(one, other, strict=True):
            assert (array == same).all()
    assert any((before != after).any() for before, after in zip(*ways["recipe"][:2], strict=True))


def run_example(data: Path, epochs: int) -> tuple[float, np.ndarray]:
    """Run the whole example as a process: its test accuracy in percent and its confusion matrix."""
    command = [sys.executable, str(ROOT / "bench" / "classic_script.py"), str(data), "0", str(epochs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "Total params: 33,658" in done.stdout
    found = re.search(r"Test accuracy: (\d+\.\d\d)%\n(\[\[[^a-z]+\]\])\n$", done.stdout)
    assert found, done.stdout
    return float(found[1]), np.array(re.findall(r"\d+", found[2]), int).reshape(10, 10)


def saved(dataset: Dataset, path: Path) -> Path:
    """The dataset as an .npz file with Keras' four arrays."""
    arrays = (dataset.train.images, dataset.train.labels, dataset.test.images, dataset.test.labels)
    np.savez(path, **dict(zip(NAMES, arrays, strict=True)))
    return path


@pytest.mark.slow
def test_the_example_runs_on_the_embedded_digits(digits: Dataset, tmp_path: Path) -> None:
    accuracy, matrix = run_example(saved(digits, tmp_path / "digits.npz"), epochs=1)
    assert (matrix.sum(axis=1) == np.bincount(digits.test.labels)).all()
    assert accuracy == pytest.approx(100 * np.trace(matrix) / 500, abs=0.01)


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.mnist
def test_the_example_learns_mnist(mnist_path: Path, tmp_path: Path) -> None:
    accuracy, matrix = run_example(saved(source.load(str(mnist_path)), tmp_path / "mnist.npz"), epochs=1)
    assert accuracy > 80
    assert accuracy == pytest.approx(100 * np.trace(matrix) / 10_000, abs=0.01)


def load_by_both(stands_in: bool) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The four arrays of the mnist.npz in KERAS_HOME as Keras gives them, and as this package does.

    Keras' hash of the file is left out, since the same arrays can be saved in many ways, and this package's hash of the
    arrays is that of the file if it stands in for MNIST's.
    """
    from keras.src.datasets import mnist

    with pytest.MonkeyPatch.context() as patch:
        get_file = mnist.get_file
        patch.setattr(mnist, "get_file", lambda fname, origin, file_hash: get_file(fname, origin))  # noqa: ARG005
        pairs = tf.keras.datasets.mnist.load_data()
        arrays = [array for pair in pairs for array in pair]
        if stands_in:
            patch.setattr(contents, "MNIST_SHA256", contents.sha256_of(dict(zip(NAMES, arrays, strict=True))))
            patch.setattr(contents, "MNIST_TRAINING_IMAGES", len(arrays[0]))
        dataset = source.load("mnist")
    return arrays, [array for part in (dataset.train, dataset.test) for array in (part.images, part.labels)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", pytest.param("mnist", marks=[pytest.mark.mnist, pytest.mark.extended])])
def test_both_load_the_same_arrays_from_keras_copy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    data = str(request.getfixturevalue("mnist_path")) if name == "mnist" else name
    (tmp_path / "datasets").mkdir()
    saved(source.load(data), tmp_path / "datasets" / "mnist.npz")
    monkeypatch.delenv("MNIST_CNN_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # a download fails
    # In a process of its own, because Keras looks at KERAS_HOME when it is imported.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        arrays, ours = pool.submit(load_by_both, name != "mnist").result(timeout=300)
    assert len(arrays) == len(ours) == 4
    for one, other in zip(arrays, ours, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        assert (one == other).all()
    assert len({array.tobytes() for array in arrays}) == 4
