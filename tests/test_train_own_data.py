"""Training on people's own data: other classes, sizes and colours, small sets, and training as people expect it."""

import csv
import json
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import mnist_cnn
from conftest import Cli, command_line, hear_ctrl_c
from datasets import strokes, write_folders
from mnist_cnn.card import DIGITS
from mnist_cnn.cli import app
from mnist_cnn.data import source
from mnist_cnn.errors import ArtifactError, DataError, RecipeError, RunError
from mnist_cnn.evaluation import html_report
from mnist_cnn.reading.network import onnx_task
from mnist_cnn.study.compare import ModelComparison, compare
from mnist_cnn.training import loggers
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.workflows import label_errors

pytestmark = pytest.mark.usefixtures("threads_as_they_are")

QUICK = {"backend": "tensorflow", "epochs": 4, "batch_size": 16, "learning_rate": 0.01, "verbose": 0, "threads": 2}
NAMES = ("circle", "square", "star")


class Heard(mnist_cnn.Callback):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.warnings: list[str] = []
        self.epochs = 0

    def on_message(self, text: str) -> None:
        self.messages.append(text)

    def on_warning(self, text: str) -> None:
        self.warnings.append(text)

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
        self.epochs = epoch + 1


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Colour images of three classes, 40 of each, in folders."""
    return write_folders(tmp_path_factory.mktemp("data") / "shapes", NAMES, each=40, size=(48, 40))


@pytest.fixture(scope="module")
def shapes(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> mnist_cnn.Model:
    """A model of them, on colour images of 32 pixels."""
    output = tmp_path_factory.mktemp("runs") / "shapes"
    return mnist_cnn.train("fast", folders, output=output, image_size=32, channels=3, **QUICK)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[mnist_cnn.Model, Heard]:
    """A model of few images of 0 and 1, sorted by class and some of them test images as well; its report failed."""

    def failing(*_: object, **__: object) -> Path:
        raise RecipeError("batch-size is 100")

    images, labels = strokes(60, 10)
    images, order = (images > 100).astype(np.uint8), np.argsort(labels, kind="stable")
    options = {name: value for name, value in QUICK.items() if name != "batch_size"} | {"epochs": 1}
    heard = Heard()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(html_report, "write", failing)
        model = mnist_cnn.train(
            "classic",
            ((images[order], labels[order]), (images[:20], labels[:20])),
            output=tmp_path_factory.mktemp("runs") / "odd",
            callbacks=[heard],
            class_weights="balanced",
            class_names=tuple("abcdefghij"),
            **options,
        )
    return model, heard


def test_names_sizes_and_colours_go_through_card_report_and_files(shapes: mnist_cnn.Model, folders: Path) -> None:
    task = shapes.card.task
    assert (task.class_names, task.side, task.channels) == (NAMES, 32, 3)
    assert shapes.class_names == NAMES
    assert np.shape(shapes.card.evaluation["confusion_matrix"]) == (3, 3)
    assert shapes.card.evaluation["class_names"] == list(NAMES)
    assert onnx_task(shapes.folder / "model.onnx") == task
    page = (shapes.folder / "report.html").read_text(encoding="utf-8")
    for name in NAMES:
        assert f'<th scope="row">{name}</th>' in page
    assert "classifier of 3 classes" in page
    assert "--image-size 32 --channels 3" in page.replace("</span> <span>", " ")
    assert "brought to 32×32" in page
    images = source.load(str(folders), image_size=32, channels=3).test.images
    assert shapes.predict_proba(images).shape == (len(images), 3)
    assert mnist_cnn.load(shapes.folder).evaluate().accuracy == shapes.card.evaluation["accuracy"] > 0.8
    with pytest.raises(DataError, match=r"images are expected as \(n, 32, 32, 3\)"):
        shapes.predict(np.zeros((1, 28, 28), np.uint8))


def test_it_is_evaluated_on_other_images_of_its_classes(shapes: mnist_cnn.Model, tmp_path: Path) -> None:
    other = write_folders(tmp_path / "more", ["star", "circle"], each=10, seed=5)
    evaluation = mnist_cnn.evaluate(shapes.folder, str(other))
    assert evaluation.class_names == NAMES
    assert evaluation.confusion_matrix[1].sum() == 0
    by_onnx = mnist_cnn.evaluate(shapes.folder / "model.onnx", str(other))
    assert (by_onnx.confusion_matrix == evaluation.confusion_matrix).all()
    write_folders(other, ["zebra"], each=4)
    with pytest.raises(DataError, match="has the class 'zebra', which is none of the model's"):
        mnist_cnn.evaluate(shapes.folder, str(other))


def test_a_reader_says_that_it_reads_digits(shapes: mnist_cnn.Model) -> None:
    for model in (shapes.folder, shapes.folder / "model.onnx"):
        with pytest.raises(ArtifactError, match=r"into 3 classes .circle, square, star.*mnist-cnn predict"):
            mnist_cnn.Reader(model)


def test_whole_images_are_classified_with_the_most_probable_classes(shapes: mnist_cnn.Model, folders: Path) -> None:
    found = mnist_cnn.predict(folders, shapes.folder, top_k=2)
    assert len(found) == 120
    right = sum(Path(one.name).parent.name == one.classes[0] for one in found)
    assert right >= 100
    assert all(len(one.classes) == 2 and one.probabilities[0] >= one.probabilities[1] for one in found)
    same = mnist_cnn.predict(folders, shapes.folder / "model.onnx", top_k=2)
    assert [one.classes for one in same] == [one.classes for one in found]


def test_exports_carry_the_names(shapes: mnist_cnn.Model, tmp_path: Path) -> None:
    made = mnist_cnn.export(shapes.folder, "onnx", input_dtype="float32", output=tmp_path / "shapes.onnx", verbose=0)
    assert made.card["class_names"] == list(NAMES)
    assert made.card["input"].startswith("n×32×32×3 float32")
    assert onnx_task(tmp_path / "shapes.onnx").class_names == NAMES


def test_a_model_of_an_ensemble_must_have_the_same_classes(shapes: mnist_cnn.Model) -> None:
    with pytest.raises(ArtifactError, match="have other classes or take other images"):
        mnist_cnn.evaluate([shapes.folder, "robust"], "digits")


# Small and odd sets


def test_pixels_of_0_and_1_are_noticed_trained_on_and_saved(odd: tuple[mnist_cnn.Model, Heard]) -> None:
    model, _ = odd
    assert any("multiplied by 255" in text for text in model.card.data["checks"])
    assert {"model.keras", "model.onnx"} <= set(model.card.files)


def test_sorted_labels_are_validated_on_all_classes(odd: tuple[mnist_cnn.Model, Heard]) -> None:
    model, heard = odd
    assert model.card.data["validation"] == 10
    assert any("drawn at random from each class" in text for text in model.card.data["checks"])
    assert any("of 20 test images are also among the training images" in text for text in heard.warnings)


def test_fewer_images_than_a_batch_are_said_and_trained_on(odd: tuple[mnist_cnn.Model, Heard], tmp_path: Path) -> None:
    model, heard = odd
    assert model.card.recipe["batch_size"] == 16
    assert any("only 50 training images: a batch has 16, not 64" in text for text in heard.messages)
    with pytest.raises(RecipeError, match="batch-size is 50: there are only 30 images"):
        mnist_cnn.train("fast", strokes(40, 10), output=tmp_path / "s", **QUICK | {"batch_size": 50})


def test_a_report_that_fails_does_not_cost_the_model(odd: tuple[mnist_cnn.Model, Heard]) -> None:
    model, heard = odd
    assert model.card.evaluation["accuracy"] > 0
    assert any("The report could not be written (batch-size is 100)" in text for text in heard.warnings)


# As people expect it


def test_epochs_that_are_given_are_single_passes() -> None:
    assert Recipe("classic").for_images(1200).repeats == 45
    assert Recipe("classic", epochs=3).for_images(1200).repeats == 1
    assert Recipe("classic").replace(epochs=3).for_images(1200).repeats == 1
    assert Recipe("classic", epochs=3, repeats=5).for_images(1200).repeats == 5
    assert Recipe("classic").for_images(54_000).repeats == 1
    assert Recipe("finder", epochs=3).repeats == 3


def test_early_stopping_keeps_the_weights_of_the_best_epoch(tmp_path: Path) -> None:
    options = QUICK | {"epochs": 30, "learning_rate": 0.05, "validation_split": 0.2}
    heard = Heard()
    model = mnist_cnn.train(
        "fast", strokes(200, 4), output=tmp_path / "r", early_stopping=2, callbacks=[heard], **options
    )
    losses = [row["val_loss"] for row in model.card.history]
    best = int(np.argmin(losses)) + 1
    assert len(losses) == best + 2 <= 30
    assert heard.epochs == len(losses)
    assert any(f"the weights are those of epoch {best} of {len(losses)}" in note for note in model.card.notes)
    with pytest.raises(RecipeError, match="early-stopping looks at the validation images"):
        mnist_cnn.train("fast", strokes(200, 4), output=tmp_path / "s", early_stopping=2, **QUICK)


def test_a_training_on_a_small_set_ends_after_so_many_seconds_with_what_there_is(tmp_path: Path) -> None:
    options = QUICK | {"epochs": 1000, "batch_size": 8}
    model = mnist_cnn.train("fast", strokes(50, 10), output=tmp_path / "r", max_seconds=0, **options)
    assert len(model.card.history) == 1
    assert model.card.notes[0] == "Ended early, after 1 of 1000 epochs."
    assert (model.folder / "report.html").exists()
    assert (model.card.recipe["batch_size"], model.card.recipe["repeats"]) == (8, 1)


@pytest.mark.slow
def test_ctrl_c_twice_ends_the_training_with_what_there_is(tmp_path: Path) -> None:
    words = ["train", "--data", "digits", "--recipe", "fast", "--backend", "tensorflow", "--epochs", 5000]
    run = subprocess.Popen(
        command_line(*words, "-o", tmp_path / "r"),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,
    )
    assert run.stderr
    while not (line := run.stderr.readline()).startswith("epoch"):
        assert line, run.communicate()
    run.send_signal(signal.SIGINT)
    while "Press Ctrl-C again" not in (line := run.stderr.readline()):
        assert line, run.communicate()
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=900)
    assert run.returncode == 0, err
    assert "Ending: the last whole epoch is evaluated and saved." in err
    assert f"Saved to {tmp_path / 'r'}" in out
    card = mnist_cnn.load(tmp_path / "r").card
    assert 1 <= len(card.history) < 5000
    assert any(note.startswith("Ended early, after") for note in card.notes)


def test_an_epoch_that_is_broken_off_is_dropped(tmp_path: Path) -> None:
    class InTheThird(mnist_cnn.Callback):
        def set_model(self, model: Any) -> None:
            self.model = model

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
            self.epoch = epoch

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:  # noqa: ARG002
            if self.epoch == 2:
                self.model.stop_training = True

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
            self.weights = self.model.get_weights()

    heard, options = InTheThird(), QUICK | {"epochs": 5}
    broken = mnist_cnn.train("fast", strokes(200, 4), output=tmp_path / "r", callbacks=[heard], **options)
    assert len(broken.card.history) == 2
    assert all((x == y).all() for x, y in zip(broken.keras.get_weights(), heard.weights, strict=True))


def test_balanced_weights_let_a_rare_class_count(odd: tuple[mnist_cnn.Model, Heard]) -> None:
    from mnist_cnn.card import Task
    from mnist_cnn.training.fit import class_weights

    labels = np.array([0] * 90 + [1] * 10)
    task = Task(class_names=("many", "few", "none"))
    weights = class_weights(Recipe("fast", class_weights="balanced"), labels, task)
    assert weights is not None
    np.testing.assert_allclose(weights, [100 / 180, 5, 0], rtol=1e-6)
    assert class_weights(Recipe("fast"), labels, task) is None
    model, _ = odd
    assert model.card.recipe["class_weights"] == "balanced"
    assert model.class_names == tuple("abcdefghij")


@pytest.mark.parametrize("optimizer", ["momentum", "adamw", "nadam", "rmsprop", "lion"])
def test_keras_optimizers_are_known_by_their_names(optimizer: str) -> None:
    from mnist_cnn.training.compiled_network import compiled

    network = compiled(Recipe("fast", optimizer=optimizer, schedule="exponential"), 0, 100)
    assert type(network.optimizer).__name__.lower() in (optimizer, "sgd")
    rates = [float(network.optimizer._learning_rate(step)) for step in (0, 99)]
    assert rates[1] < rates[0] or optimizer == "sgd"
    with pytest.raises(RecipeError, match="weight-decay is that of adamw"):
        Recipe("fast", optimizer="sgd", weight_decay=0.1).for_images(1000)


def test_a_saved_model_is_fine_tuned_and_only_its_last_layer_if_asked(shapes: mnist_cnn.Model, tmp_path: Path) -> None:
    data = str(write_folders(tmp_path / "four", ["a", "b", "c", "d"], each=20, seed=3))
    options = {name: value for name, value in QUICK.items() if name != "learning_rate"}
    model = mnist_cnn.train(
        None, data, init=shapes.folder, freeze=True, output=tmp_path / "r", image_size=32, channels=3, **options
    )
    assert model.card.recipe["name"] == "fast"
    assert model.card.recipe["learning_rate"] == pytest.approx(0.002)
    assert any("Started from the weights of" in note and "all layers but the last" in note for note in model.card.notes)
    before, after = (one.keras.get_weights() for one in (shapes, model))
    assert all((x == y).all() for x, y in zip(before[:-2], after[:-2], strict=True))
    assert after[-1].shape == (4,)
    with pytest.raises(RecipeError, match="has other layers: leave --recipe out"):
        mnist_cnn.train("classic", data, init=shapes.folder)
    with pytest.raises(RecipeError, match="--freeze keeps the layers of a saved model"):
        mnist_cnn.train("fast", data, freeze=True)


OWN = """
import keras
from keras import layers

def build(input_shape, classes):
    return keras.Sequential([
        layers.Input(input_shape),
        layers.Rescaling(1 / 255),
        layers.SeparableConv2D(8, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(classes, activation="softmax"),
    ])

def logits(input_shape, classes):
    return keras.Sequential([layers.Input(input_shape), layers.Flatten(), layers.Dense(classes)])

def wrong(input_shape, classes):
    return keras.Sequential([layers.Input((5,)), layers.Dense(classes, activation="softmax")])

def failing(input_shape, classes):
    raise ValueError("no")
"""


def test_a_network_of_ones_own_is_trained_saved_and_evaluated(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    named = f"{tmp_path / 'mine.py'}:build"
    model = mnist_cnn.train("fast", strokes(200, 4), network=named, output=tmp_path / "r", **QUICK)
    assert model.card.notes[-1].startswith("The network is that of") or any(
        "not the recipe's" in n for n in model.card.notes
    )
    assert {"model.keras", "model.onnx"} <= set(model.card.files)
    images, labels = strokes(50, 4, seed=9)
    assert (model.predict(images) == labels).mean() > 0.8
    for function, sentence in (
        ("logits", 'end the network with activation="softmax"'),
        ("wrong", "gives a model from"),
        ("failing", "failed .ValueError: no"),
        ("absent", "has no function absent"),
    ):
        with pytest.raises(RunError, match=sentence):
            mnist_cnn.train(
                "fast", strokes(200, 4), network=f"{tmp_path / 'mine.py'}:{function}", **QUICK, output=tmp_path / "s"
            )
    with pytest.raises(RunError, match="There is no file"):
        mnist_cnn.train("fast", strokes(200, 4), network="nowhere.py:build", **QUICK)


# Logs


def test_a_logger_that_does_not_exist_or_is_not_installed_is_said_before_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(RecipeError, match="There is no logger 'comet': choose one of tensorboard, wandb, mlflow"):
        loggers.check(["comet"])
    monkeypatch.setattr(loggers, "LOGGERS", {"wandb": "not_there"})
    with pytest.raises(mnist_cnn.MnistCnnError, match=r"mnist-cnn\[wandb\]"):
        loggers.check(["wandb"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of SQLAlchemy, at what MLflow does
def test_mlflow_and_weights_and_biases_have_the_metrics_of_each_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)  # where MLflow's default, a file of SQLite, is
    options = QUICK | {"epochs": 2}
    mnist_cnn.train("fast", strokes(60, 4), output=tmp_path / "r", log=["mlflow", "wandb"], **options)
    (run,) = mlflow.search_runs(output_format="list", search_all_experiments=True)
    assert run.data.params["name"] == "fast"
    assert run.data.metrics["loss"] > 0
    assert run.info.status == "FINISHED"
    assert (tmp_path / "mlflow.db").exists()
    assert list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))


def test_history_csv_is_the_log_as_a_table(shapes: mnist_cnn.Model) -> None:
    with (shapes.folder / "history.csv").open(newline="") as stream:
        assert [float(row["loss"]) for row in csv.DictReader(stream)] == [row["loss"] for row in shapes.card.history]
    assert json.loads((shapes.folder / "card.json").read_text())["data"]["class_names"] == list(NAMES)
    assert DIGITS != NAMES


# Studies and label errors


@pytest.mark.slow
def test_a_study_of_other_classes_names_them_and_resumes_only_as_it_was(
    folders: Path, tmp_path: Path, cli: Cli
) -> None:
    study = ["study", "--recipe", "fast", "--seeds", "1", "--epochs", "2", "--backend", "tensorflow"]
    study += ["--data", str(folders), "--image-size", "32", "--channels", "3", "-o", str(tmp_path / "study")]
    done = cli(*study)
    assert done.returncode == 0, done.stderr
    assert "Classes: 3 on 32×32 colour images: circle, square, star" in done.stdout
    about = json.loads((tmp_path / "study" / "study.json").read_text())["data"]
    assert (about["class_names"], about["image_size"], about["channels"]) == (list(NAMES), 32, 3)
    assert about["preparation"] == {"image_size": 32, "channels": 3, "invert": False}
    assert mnist_cnn.load(tmp_path / "study" / "seed-0").class_names == NAMES
    study[study.index("32")] = "28"
    other = cli(*study)
    assert other.returncode == 1
    assert "is a study with other settings" in other.stderr


def test_likely_label_errors_have_the_names_of_the_classes(
    shapes: mnist_cnn.Model, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_errors, "DEFAULT_RECIPE", Recipe("fast", epochs=1, repeats=1))
    run = Path(shutil.copytree(shapes.folder, tmp_path / "run"))
    moved = Path(shutil.copytree(folders, tmp_path / "moved"))
    words = ["label-errors", str(run), "--folds", "2", "--data"]
    done = CliRunner().invoke(app, [*words, str(moved), "--threads", "2"])
    assert done.exit_code == 0, done.stderr
    assert re.search(r"#\d+ +label (circle|square|star) \(\d", done.stdout)
    assert re.search(r"suggested (circle|square|star) \(\d", done.stdout)
    kept = json.loads((run / "label_errors.json").read_text())
    assert kept["training"]["class_names"] == kept["test"]["class_names"] == list(NAMES)
    assert "<h3>Training images" in (run / "report.html").read_text(encoding="utf-8")
    write_folders(moved, ["star"], each=41, seed=9)
    other = CliRunner().invoke(app, [*words, str(moved)])
    assert other.exit_code == 1
    assert f"The data at {moved} is not what {run} was trained on" in other.stderr


def test_two_models_are_compared_on_images_of_their_classes(
    shapes: mnist_cnn.Model, folders: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(shapes.folder, tmp_path / "other"))
    made = compare(shapes.folder, other, str(folders))
    assert isinstance(made, ModelComparison)
    assert made.counts.count == 24
    assert made.data["class_names"] == list(NAMES)
    with pytest.raises(ArtifactError, match="have other classes"):
        compare(shapes.folder, "robust", str(folders))
