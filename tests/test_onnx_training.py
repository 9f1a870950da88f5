"""Training on ONNX Runtime: its gradients, updates and files are those of Keras for the same layers."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import mnist_cnn
from conftest import Cli
from mnist_cnn.callbacks.callback import Callback, Logs
from mnist_cnn.card import READING, Task
from mnist_cnn.data.dataset import Dataset, Examples
from mnist_cnn.data.negatives import NOT_A_DIGIT
from mnist_cnn.errors import RecipeError, RunError
from mnist_cnn.models.architectures import as_saved
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.models.inference_graph import inference_graph
from mnist_cnn.models.onnx_writer import FLOAT, INT64, Graph
from mnist_cnn.training import onnx_epochs
from mnist_cnn.training.compiled_network import Built, WarmUpAndDecay, compiled
from mnist_cnn.training.fit import categorical, fit
from mnist_cnn.training.onnx_network import OnnxNetwork, session
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.training.schedule import learning_rate
from mnist_cnn.training.training_graph import GRADIENT, training_graph
from mnist_cnn.training.without_keras import lacking

LARGE = Task(49, 3, tuple("abcde"))  # pooled once more
EVEN = Task(37, 1, tuple("abc"))
SHORT = ["--data", "digits", "--repeats", "4", "--epochs", "2", "--threads", "2", "--recipe", "fast"]


def some(task: Task, count: int) -> Examples:
    """Noise, as images of a task."""
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (count, *task.image_shape), dtype=np.uint8)
    return Examples(images, rng.integers(0, task.classes, count).astype(np.uint8))


def twins(
    recipe: Recipe, task: Task, updates: int, weights: np.ndarray | None = None
) -> tuple[OnnxNetwork, keras.Model]:
    """The same network on ONNX Runtime and on Keras."""
    network = OnnxNetwork(recipe, task, seed=1, updates=updates, threads=1, class_weights=weights)
    rng = np.random.default_rng(2)
    network.set_weights([one + rng.uniform(0, 0.1, one.shape).astype(np.float32) for one in network.get_weights()])
    same = compiled(recipe, 0, updates, built=Built(task, weights=weights))
    same.set_weights(network.get_weights())
    return network, same


def learnt(network: OnnxNetwork) -> list[np.ndarray]:
    """The weights that learn, as Keras has them."""
    weights = network.get_weights()
    return weights[:7] + weights[9:]  # without the statistics of the normalization


def in_one_row(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.asarray(one).ravel() for one in arrays])


def keras_gradient(network: keras.Model, images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The gradient of the loss in one row, by TensorFlow."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.get(network.loss)(truth, network(images, training=True)))
    found = tape.gradient(loss, [one.value for one in network.trainable_variables])
    return in_one_row(found)


@pytest.mark.parametrize("task", [READING, LARGE, EVEN], ids=str)
def test_gradients_are_those_of_keras(task: Task) -> None:
    network, same = twins(Recipe("fast", label_smoothing=0.0), task, 1)
    images, labels = some(task, 8)  # with many, rounding might decide which of two pixels is the maximum of a pool
    truth = categorical(labels, task.classes)
    inputs = {"images": images.reshape(8, -1), "truth": truth, "factors": np.full((8, 1), 1 / 8, np.float32)}
    expected = keras_gradient(same, task.batch(images), truth)
    graph = session(training_graph(network.places, task, 8), threads=1)
    network.trainable[:] = graph.run([GRADIENT], inputs | network.inputs)[0]
    found = in_one_row(learnt(network))
    assert np.abs(expected).max() > 0.01
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_updates_loss_and_accuracy_are_those_of_keras(smoothing: float, weighted: bool, digits: Dataset) -> None:
    recipe = Recipe("fast", label_smoothing=smoothing, batch_size=30, learning_rate=0.001, repeats=1)
    weights = np.linspace(0.5, 1.5, 10).astype(np.float32) if weighted else None
    labels = digits.train.labels[:100].copy()  # the last batch has 10
    labels[::7] = NOT_A_DIGIT
    truth, pixels = categorical(labels), READING.batch(digits.train.images[:100])
    network, same = twins(recipe, READING, 4, weights)
    before = in_one_row(learnt(network))
    row = onnx_epochs.epochs(network, 30, (pixels, truth))(0, pixels, truth, None)
    fitted = same.fit(pixels, truth, batch_size=30, shuffle=False, verbose=0).history
    assert row["loss"] == pytest.approx(fitted["loss"][0], rel=1e-3)
    assert row["val_loss"] == pytest.approx(
        float(keras.losses.get(same.loss)(truth, network.predict(pixels[..., 0])).numpy().mean()), rel=1e-4
    )
    after, by_keras = in_one_row(learnt(network)), in_one_row(same.trainable_weights)
    assert np.linalg.norm(after - by_keras) < 0.02 * np.linalg.norm(after - before)
    for mine, theirs in zip(network.statistics[3], same.non_trainable_weights, strict=False):
        assert mine == pytest.approx(np.asarray(theirs), rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "exponential"])
@pytest.mark.parametrize("warm_up", [0.0, 0.25])
def test_the_learning_rate_is_that_of_keras(schedule: str, warm_up: float) -> None:
    recipe = Recipe("fast", schedule=schedule, warm_up=warm_up)
    by_keras = WarmUpAndDecay(recipe.learning_rate, 10, warm_up, schedule)
    for step in range(12):
        assert learning_rate(recipe, step, 10) == pytest.approx(float(by_keras(step)), rel=1e-5)


@pytest.mark.parametrize("task", [READING, LARGE], ids=str)
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_what_is_saved_gives_the_probabilities_of_keras(task: Task, temperature: float) -> None:
    network, same = twins(Recipe("fast"), task, 1)
    network.temperature = temperature
    images, _ = some(task, 12)
    expected = keras_classifier(as_saved(same, 0, temperature))(images)
    assert network.predict(images) == pytest.approx(expected, abs=1e-5)
    assert network.predict(images[:0]).shape == (0, task.classes)
    assert (network.count_params(), network.input_shape) == (same.count_params(), same.input_shape)
    onnx.checker.check_model(onnx.load_from_string(network.to_onnx()), full_check=True)


def test_a_training_graph_is_valid_onnx() -> None:
    network = OnnxNetwork(Recipe("fast"), LARGE, 0, 1, 1)
    onnx.checker.check_model(onnx.load_from_string(training_graph(network.places, LARGE, 10)), full_check=True)


def test_a_graph_is_read_by_onnx_as_it_was_written() -> None:
    graph = Graph("named", opset=15)
    x = graph.input("x", FLOAT, ["n", 300], "about x")
    parts = graph.node("Split", x, graph.whole(100, 200), outputs=2, axis=-1)
    graph.output(graph.op("LeakyRelu", parts[0], name="y", alpha=0.5), FLOAT, ["n", 100])
    graph.constant(np.array([[-1, 2**40]], np.int64), "large")
    read = onnx.load_from_string(graph.to_bytes({"key": "wörd"}))
    assert (read.graph.name, read.opset_import[0].version) == ("named", 15)
    assert [one.op_type for one in read.graph.node] == ["Split", "LeakyRelu"]
    assert onnx.helper.get_node_attr_value(read.graph.node[0], "axis") == -1
    assert onnx.helper.get_node_attr_value(read.graph.node[1], "alpha") == 0.5
    assert numpy_helper.to_array(read.graph.initializer[1]).tolist() == [[-1, 2**40]]
    assert read.graph.initializer[1].data_type == INT64
    shape = read.graph.input[0].type.tensor_type.shape
    assert (shape.dim[0].dim_param, shape.dim[1].dim_value, read.graph.input[0].doc_string) == ("n", 300, "about x")
    assert {one.key: one.value for one in read.metadata_props} == {"key": "wörd"}


@pytest.mark.parametrize(
    ("count", "threads", "sizes"), [(100, 1, [100]), (100, 2, [50, 50]), (101, 9, [50, 51]), (30, 4, [30])]
)
def test_a_batch_is_divided_into_parts_that_are_large_enough(count: int, threads: int, sizes: list[int]) -> None:
    parts = onnx_epochs.divided(200, 200 + count, threads)
    assert [part.stop - part.start for part in parts] == sizes
    assert (parts[0].start, parts[-1].stop) == (200, 200 + count)


def test_two_threads_take_the_mean_gradient_of_both_halves() -> None:
    images, labels = some(READING, 100)
    truth, pixels = categorical(labels), READING.batch(images)
    changes = []
    for threads, at_once in ((2, [slice(0, 100)]), (1, [slice(0, 50), slice(50, 100)])):
        network = OnnxNetwork(Recipe("fast", label_smoothing=0.0), READING, 0, 1, threads)
        gradients: list[np.ndarray] = []
        network.update = gradients.append  # type: ignore[method-assign]
        run = onnx_epochs.epochs(network, 100, None)
        for part in at_once:
            run(0, pixels[part], truth[part], None)
        changes.append(np.mean(gradients, axis=0))
    assert changes[0] == pytest.approx(changes[1], abs=1e-6)


@pytest.mark.parametrize(
    ("changed", "needs"),
    [
        ({}, ""),
        ({"rotation": 5.0, "restyle": 0.5, "schedule": "cosine", "early_stopping": 3}, ""),
        ({"dropout": 0.1}, "--dropout"),
        ({"optimizer": "lion", "test_time_shift": 1}, "--optimizer lion and --test-time-shift"),
        ({"precision": "mixed"}, "--precision mixed"),
    ],
)
def test_what_onnx_runtime_lacks_is_named(changed: dict[str, float | str], needs: str) -> None:
    assert lacking(Recipe("fast", **changed), [], [Callback()]) == needs


def test_other_recipes_options_and_callbacks_need_keras() -> None:
    class Own(keras.callbacks.Callback):  # type: ignore[misc]
        pass

    assert lacking(Recipe("tiny"), ["--init"], [Own()]) == "the recipe tiny and --init and a callback of Keras"


def test_an_epoch_learns_and_says_how_far_it_is(digits: Dataset) -> None:
    recipe = Recipe("fast", repeats=6, batch_size=64, steps_per_execution=10).for_images(len(digits.train))
    network = OnnxNetwork(recipe, READING, 0, 131, threads=2)
    heard: list[Logs] = []

    class Hear(Callback):
        def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
            heard.append({"batch": batch, **(logs or {})})

    [row] = fit(network, recipe, digits.train, digits.test, 0, callbacks=Hear())
    assert row["val_accuracy"] > 0.9
    batches = -(-6 * len(digits.train) // 64)
    assert [one["batch"] for one in heard] == [*range(9, batches - 1, 10), batches - 1]
    assert heard[-1]["loss"] == pytest.approx(row["loss"])


def test_the_same_seed_gives_the_same_network_and_another_another(digits: Dataset) -> None:
    def weights(seed: int) -> np.ndarray:
        recipe = Recipe("fast", repeats=1)
        network = OnnxNetwork(recipe, READING, seed, 14, threads=2)
        list(fit(network, recipe, digits.train, Examples(digits.test.images[:0], digits.test.labels[:0]), seed))
        return network.trainable

    first = weights(1)
    assert (first == weights(1)).all()
    assert (first != weights(2)).mean() > 0.9


def test_a_loss_that_is_no_number_ends_the_training(digits: Dataset) -> None:
    recipe = Recipe("fast", repeats=1)
    network = OnnxNetwork(recipe, READING, 0, 14, threads=1)
    network.trainable[0] = np.nan
    with pytest.raises(RunError, match="The loss became nan in epoch 1"):
        list(fit(network, recipe, digits.train, digits.test, 0))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cli: Cli) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("fast") / "run"
    return folder, cli("train", *SHORT, "--validation-split", "0.1", "--output", folder)


def test_a_model_is_whole_and_all_its_files_agree(
    run: tuple[Path, subprocess.CompletedProcess[str]], digits: Dataset
) -> None:
    folder, done = run
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == {
        *("card.json", "history.csv", "model.keras", "model.onnx", "report.html")
    }
    saved = mnist_cnn.load(folder)
    assert saved.card.recipe["backend"] == "onnxruntime"
    assert saved.card.evaluation["temperature"] != 1
    assert saved.card.evaluation["accuracy"] > 0.9
    assert len(saved.card.history) == 2
    by_keras = keras_classifier(saved.keras)(digits.test.images)
    assert by_keras == pytest.approx(saved.predict_proba(digits.test.images), abs=1e-5)
    assert saved.evaluate().accuracy == saved.card.evaluation["accuracy"]
    assert "Traceback" not in done.stderr


def test_a_stopped_run_is_resumed_bit_for_bit(tmp_path: Path) -> None:
    class Stop(mnist_cnn.Callback):
        def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002  as called
            raise KeyboardInterrupt

    settings = {"epochs": 2, "repeats": 1, "deterministic": True, "verbose": 0, "threads": 2}
    whole = mnist_cnn.train("fast", "digits", output=tmp_path / "whole", **settings)
    with pytest.raises(KeyboardInterrupt):
        mnist_cnn.train("fast", "digits", output=tmp_path / "parts", callbacks=[Stop()], **settings)
    resumed = mnist_cnn.resume(tmp_path / "parts", verbose=0)
    assert "bit for bit" in resumed.card.notes[0]
    assert (resumed.folder / "model.onnx").read_bytes() == (whole.folder / "model.onnx").read_bytes()


def test_early_stopping_keeps_the_best_weights(tmp_path: Path) -> None:
    model = mnist_cnn.train(
        *("fast", "digits"), output=tmp_path / "run", epochs=6, early_stopping=1, validation_split=0.2, verbose=0
    )
    losses = [row["val_loss"] for row in model.card.history]
    assert "Early stopping" in model.card.notes[0]
    assert f"epoch {1 + int(np.argmin(losses))} of {len(losses)}" in model.card.notes[0]


def test_a_backend_that_lacks_what_is_asked_is_rejected_only_if_it_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="ONNX Runtime does not train with --dropout"):
        mnist_cnn.train("fast", "digits", dropout=0.5, backend="onnxruntime", output=tmp_path / "run")
    with pytest.raises(RecipeError, match="ONNX Runtime does not train with the recipe tiny"):
        mnist_cnn.train("tiny", "digits", backend="onnxruntime", output=tmp_path / "run")
    assert not list(tmp_path.iterdir())


WITHOUT = ["tensorflow", "keras", "jax", "sklearn", "scipy", "matplotlib", "onnx", "tf2onnx", "tensorboard", "h5py"]


def on_base_install(words: Sequence[object], home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as if nothing but the base install was there."""
    code = (
        f"import sys\nsys.modules.update(dict.fromkeys({WITHOUT!r}))\nsys.argv[1:] = {list(map(str, words))!r}\n"
        "from mnist_cnn.cli import main\nmain()"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=home, timeout=300, check=False
    )


def test_the_base_install_trains_evaluates_reports_reads_and_resumes(digits: Dataset, tmp_path: Path) -> None:
    data = tmp_path / "digits.npz"
    (x_train, y_train), (x_test, y_test) = digits
    np.savez(data, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    words = ["train", "--recipe", "fast", "--data", data, "--validation-split", "0.1", "--repeats", "4"]
    done = on_base_install([*words, "-o", "run"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        *("card.json", "history.csv", "model.onnx", "report.html")
    }
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Reliability diagram: accuracy by confidence" in page
    assert "The chart needs matplotlib" in page
    judged = on_base_install(["evaluate", "run", "--json"], tmp_path)
    accuracy = json.loads((tmp_path / "run" / "card.json").read_text())["evaluation"]["accuracy"]
    assert json.loads(judged.stdout)["evaluation"]["accuracy"] == accuracy > 0.9
    assert on_base_install(["report", "run"], tmp_path).returncode == 0
    assert (tmp_path / "run" / "report.html").read_text() == page
    image = digits.test.images[0]
    assert mnist_cnn.Reader(tmp_path / "run").classify(image[np.newaxis]).shape == (1, 10)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dropout", "0.2"], "Training with --dropout needs packages that the base install leaves out"),
        (["--recipe", "classic"], "or train the recipe fast (--recipe fast), which needs none of them"),
    ],
)
def test_the_base_install_says_what_needs_more(words: list[str], said: str, tmp_path: Path) -> None:
    done = on_base_install(["train", "--recipe", "fast", *words], tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_model_without_keras_form_becomes_one(digits: Dataset, tmp_path: Path) -> None:
    network, same = twins(Recipe("fast"), READING, 1)
    (tmp_path / "model.onnx").write_bytes(inference_graph(network.places, network.get_weights(), READING))
    from mnist_cnn.artifact.trainable import put_into, weights_of

    put_into(same, weights_of(tmp_path / "model.onnx"))
    images = digits.test.images[:50]
    assert keras_classifier(same)(images) == pytest.approx(network.predict(images), abs=1e-4)
