"""The whole job through the real command line, on real digits."""

import csv
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import mnist_cnn
from conftest import QUICK, Cli, Trained
from mnist_cnn.data.dataset import Dataset, split
from mnist_cnn.evaluation import temperature_scaling
from mnist_cnn.evaluation.metrics import negative_log_likelihood
from mnist_cnn.reading.network import onnx_classifier
from mnist_cnn.workflows.evaluate import classifier_of


def test_a_quick_network_reads_nine_of_ten_digits(trained: Trained) -> None:
    folder, _ = trained
    assert mnist_cnn.load(folder).card.evaluation["accuracy"] >= 0.9


def test_results_are_on_stdout_and_progress_is_on_stderr(trained: Trained) -> None:
    folder, done = trained
    assert re.search(r"Test accuracy on digits \(not MNIST\): \d\d\.\d\d% \(\d+ of 500 correct", done.stdout)
    assert len(re.findall(r"^ {3}\d ", done.stdout, re.MULTILINE)) == 10
    assert done.stdout.endswith(
        f"Saved to {folder}\nReport: {folder / 'report.html'}\nTry it: mnist-cnn read photo.jpg --model {folder}\n"
    )
    assert "Expected calibration error" not in done.stdout
    assert re.search(r"epoch +2/2  loss \d\.\d+ ", done.stderr)


@pytest.mark.slow
def test_quiet_training_shows_results_only(warm_cli: Cli, tmp_path: Path) -> None:
    done = warm_cli("train", *QUICK, "--epochs", 1, "--repeats", 1, "--quiet", "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Test accuracy on digits (not MNIST): ")
    assert "Expected calibration error" not in done.stdout
    assert done.stderr == ""


def assert_only_what_is_for_the_person(said: str) -> None:
    for noise in ("oneDNN", "I0000", "E0000", "Warning", "Traceback", "absl"):
        assert noise not in said


def test_nothing_is_said_that_is_not_for_the_person(trained: Trained) -> None:
    _, done = trained
    assert_only_what_is_for_the_person(done.stdout + done.stderr)


def test_the_folder_holds_just_what_it_should(trained: Trained) -> None:
    folder, _ = trained
    names = {"model.keras", "model.onnx", "card.json", "history.csv", "report.html"}
    assert {path.name for path in folder.iterdir()} == names
    assert not folder.with_name("quick.partial").exists()


def test_history_has_a_row_an_epoch(trained: Trained) -> None:
    folder, _ = trained
    with (folder / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [float(row["loss"]) for row in rows] == [row["loss"] for row in mnist_cnn.load(folder).card.history]


def test_the_card_says_what_was_done(trained: Trained) -> None:
    card = mnist_cnn.load(trained[0]).card
    assert (card.recipe["epochs"], card.recipe["repeats"], card.recipe["learning_rate"]) == (2, 4, 0.1)
    assert (card.seed, card.threads, card.parameters) == (0, 2, 33_658)
    assert (card.data["name"], card.data["training"], card.data["validation"], card.data["test"]) == (
        "digits",
        1167,
        130,
        500,
    )
    assert {"python", "mnist-cnn", "keras", "numpy"} <= set(card.versions)
    assert 0.05 < card.evaluation["temperature"] < 20


def test_the_kept_network_is_calibrated_in_every_file(trained: Trained, digits: Dataset) -> None:
    folder, _ = trained
    kept = mnist_cnn.load(folder)
    by_onnx = onnx_classifier(folder / "model.onnx")
    validation = split(digits.train, 0.1)[1]
    assert temperature_scaling.fit(by_onnx(validation.images), validation.labels) == pytest.approx(1, abs=0.01)
    likelihood = negative_log_likelihood(by_onnx(digits.test.images), digits.test.labels)
    assert likelihood == pytest.approx(kept.card.evaluation["negative_log_likelihood"], rel=1e-4)
    by_keras, by_reader = classifier_of(kept.artifact), mnist_cnn.Reader(folder).classify
    for classify in (by_keras, by_reader):
        assert np.abs(classify(digits.test.images) - by_onnx(digits.test.images)).max() <= 1e-5


def test_keras_onnx_and_the_card_agree(trained: Trained, digits: Dataset) -> None:
    folder, _ = trained
    by_keras = mnist_cnn.evaluate(folder)
    by_onnx = mnist_cnn.evaluate(folder / "model.onnx", "digits")
    card = mnist_cnn.load(folder).card
    assert card.data["sha256"] == digits.sha256
    assert by_keras.to_dict()["confusion_matrix"] == card.evaluation["confusion_matrix"]
    assert by_onnx.to_dict()["confusion_matrix"] == card.evaluation["confusion_matrix"]


def test_evaluate_prints_what_train_printed(trained: Trained, warm_cli: Cli) -> None:
    folder, trained_said = trained
    done = warm_cli("evaluate", folder)
    assert done.returncode == 0
    accuracy = trained_said.stdout.splitlines()[0]
    assert done.stdout.splitlines()[0] == accuracy
    assert "Precision" in done.stdout


def test_evaluate_gives_one_json_document(trained: Trained, warm_cli: Cli) -> None:
    done = warm_cli("evaluate", trained[0] / "model.onnx", "--data", "digits", "--json")
    document = json.loads(done.stdout)
    assert document["data"]["is_mnist"] is False
    assert document["evaluation"]["count"] == 500
    assert done.stderr == ""


def test_info_shows_the_card_for_people_and_for_programs(trained: Trained, warm_cli: Cli) -> None:
    folder, _ = trained
    assert "on digits (not MNIST)" in " ".join(warm_cli("info", folder).stdout.split())
    assert (
        json.loads(warm_cli("info", folder / "card.json", "--json").stdout)["digest"]
        == mnist_cnn.load(folder).card.digest
    )


def test_the_report_can_be_made_again_and_is_the_same(trained: Trained, warm_cli: Cli, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained[0], tmp_path / trained[0].name))  # the report says how the run is called
    before = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    done = warm_cli("report", folder)
    assert done.stdout.strip() == f"Report: {folder / 'report.html'}"
    assert (folder / "report.html").read_bytes() == before


def test_a_network_is_a_function_of_images(trained: Trained, digits: Dataset) -> None:
    classify = classifier_of(mnist_cnn.load(trained[0]).artifact)
    assert np.mean(classify(digits.test.images).argmax(axis=1) == digits.test.labels) >= 0.9


def test_a_run_that_is_there_is_not_overwritten(trained: Trained, warm_cli: Cli) -> None:
    folder, _ = trained
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = warm_cli("train", *QUICK, "--output", folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "already exists and nothing is overwritten" in done.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_by_default_each_run_gets_a_folder_of_its_own_in_runs_and_verbose_training_shows_more(
    tmp_path: Path, warm_cli: Cli
) -> None:
    done = warm_cli("train", *QUICK, "--epochs", "1", "--repeats", "1", "--tensorboard", "--verbose", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Expected calibration error" in done.stdout
    [folder] = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"classic-\d{8}-\d{6}", folder.name)
    assert list((folder / "tensorboard").rglob("events.out.tfevents.*"))


def test_digits_stand_in_for_mnist_with_a_warning_nobody_can_overlook(tmp_path: Path, cli: Cli) -> None:
    nowhere = {
        "HOME": str(tmp_path),
        "KERAS_HOME": str(tmp_path),
        "https_proxy": "http://127.0.0.1:9",
        "MNIST_CNN_DATA": "",
    }
    done = cli("train", "--epochs", "1", "--repeats", "1", "--output", tmp_path / "run", **nowhere)
    assert done.returncode == 0, done.stderr
    assert_only_what_is_for_the_person(done.stdout + done.stderr)  # of a process that started with this command
    assert "WARNING" in done.stderr
    assert "not MNIST" in done.stdout
    warning = mnist_cnn.load(tmp_path / "run").card.data["warning"]
    assert "MNIST could not be obtained" in warning
    assert "MNIST could not be obtained" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.skipif("MNIST_CNN_DATA" in os.environ, reason="MNIST is here, and the next test trains on that")
def test_classic_reads_97_of_100_of_scikit_learns_digits(tmp_path: Path, cli: Cli) -> None:
    done = cli("train", "--data", "digits", "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert mnist_cnn.load(tmp_path / "run").card.evaluation["accuracy"] >= 0.97


@pytest.mark.mnist
def test_what_mnist_gives_is_not_marked_as_something_else(cli: Cli, mnist_path: Path) -> None:
    model = Path(__file__).parent / "fixtures" / "format-2" / "model.onnx"
    done = cli("evaluate", model, "--data", mnist_path)
    assert re.match(r"Test accuracy: \d\d\.\d\d% \(\d,\d{3} of 10,000 correct", done.stdout), done.stdout
    assert "not MNIST" not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.mnist
def test_classic_reads_mnist(tmp_path: Path, cli: Cli, mnist_path: Path) -> None:
    words = ("train", "--data", "mnist", "--epochs", "1", "--learning-rate", "0.1")
    done = cli(*words, "--output", tmp_path / "run", MNIST_CNN_DATA=str(mnist_path))
    assert done.returncode == 0, done.stderr
    card = mnist_cnn.load(tmp_path / "run").card
    assert card.data["name"] == "mnist"
    assert card.evaluation["accuracy"] >= 0.95
    assert "not MNIST" not in done.stdout + (tmp_path / "run" / "report.html").read_text()


def test_train_prints_the_summary_of_the_model_as_the_recipe_does(trained: Trained) -> None:
    _, said = trained
    assert "Total params: 33,658" in said.stderr
    assert "conv2d (Conv2D)" in said.stderr
    assert "F1 score" not in said.stdout  # that is for --verbose


def test_a_network_whose_loss_explodes_without_becoming_nan_is_not_saved_without_a_word(
    warm_cli: Cli, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    words = "train --recipe fast --backend tensorflow --data digits --repeats 1 --learning-rate 10 --beta-2 0.999 -o"
    done = warm_cli(*words.split(" "), folder)
    assert done.returncode == 0
    (told,) = json.loads((folder / "card.json").read_text())["notes"]
    assert told.startswith("The model is at chance: its test accuracy of ")
    assert "lower --learning-rate" in told
    assert told in " ".join(done.stderr.replace("│", " ").split())
    report = (folder / "report.html").read_text()
    assert "<strong>At chance.</strong>" in report
    assert "The model is at chance: its test accuracy" in report


def test_an_honest_quick_network_is_no_reason_to_warn(trained: Trained) -> None:
    folder, done = trained
    assert "at chance" not in done.stderr + (folder / "card.json").read_text()
    assert "At chance" not in (folder / "report.html").read_text()
