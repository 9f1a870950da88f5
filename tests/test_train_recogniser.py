"""Whole trainings of a recogniser through the command line, tiny ones: files, model card, report, resuming."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

import mnist_cnn
from conftest import Cli, Trained, in_own_process, trained_once
from detector_runs import (
    assert_ink_is_named,
    assert_no_classifier,
    assert_no_classifier_in_python,
    assert_no_noise,
    assert_refused_at_once,
    assert_report,
    assert_same_run,
    assert_trained_on_jax,
    kill_after_an_epoch,
    linux,
    refuse,
)
from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.artifact.store import load_keras
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ArtifactError
from mnist_cnn.evaluation.recogniser_evaluation import RecogniserEvaluation
from mnist_cnn.models.classifier import keras_recogniser
from mnist_cnn.reading.recogniser_network import onnx_recogniser
from mnist_cnn.training.history import RECOGNISER_COLUMNS
from runs import Forks
from test_ink_preparation import run as drawn_ink

TINY = [
    *("train", "--recipe", "recogniser", "--data", "digits", "--epochs", "2", "--lines", "96", "--repeats", "1"),
    *("--batch-size", "16", "--threads", "2", "--deterministic"),
]


@pytest.fixture(scope="module")
def trained_recogniser(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return trained_once("recognised", tmp_path_factory, lambda folder: in_own_process(*TINY, "--output", folder))


def test_progress_is_on_stderr_and_results_are_on_stdout(trained_recogniser: Trained) -> None:
    folder, done = trained_recogniser
    line = r"epoch +\d/2  loss [\d.]+  val_loss [\d.]+  val_accuracy [\d.]+%  val_f1 [\d.]+%  [\d.]+ s, \d+:\d\d left"
    assert len(re.findall(line, done.stderr)) == 2
    assert "the recogniser takes more handwritten letters for digits" in done.stderr
    assert done.stdout.startswith("48 lines of made pages of held-out writers: digits F1 ")
    for words in ("; marks F1 ", "Digits in their middle: ", "Marks in their middle: ", f"Saved to {folder}\n"):
        assert words in done.stdout
    assert_no_noise(done)


def test_the_folder_has_what_every_run_has(trained_recogniser: Trained) -> None:
    folder, _ = trained_recogniser
    assert sorted(path.name for path in folder.iterdir()) == [
        *("card.json", "history.csv", "model.keras", "model.onnx", "report.html"),
    ]
    with (folder / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == RECOGNISER_COLUMNS
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


def test_keras_and_onnx_agree(trained_recogniser: Trained) -> None:
    folder, _ = trained_recogniser
    lines = np.random.default_rng(0).integers(0, 256, (3, 40, 100), np.uint8)
    by_keras = keras_recogniser(load_keras(folder / card.KERAS_MODEL, store.RECOGNISER))(lines)
    recognise = onnx_recogniser(folder / card.ONNX_MODEL)
    for one, line in zip(by_keras, lines, strict=True):
        assert one == pytest.approx(recognise(line), abs=5e-3)
    with pytest.raises(ArtifactError, match="and not images to places"):
        load_keras(folder / card.KERAS_MODEL, store.FINDER)


def test_the_card_says_what_was_done_and_how_good_it_is(trained_recogniser: Trained) -> None:
    made = mnist_cnn.load(trained_recogniser[0]).card
    assert made.recipe["name"] == "recogniser"
    assert (made.is_recogniser, made.is_finder, made.is_segmenter) == (True, False, False)
    assert made.parameters == 257_560
    assert made.data["test"] == 0
    assert made.data["lines"] == {"width": 256, "validation": 10, "test": 48}
    evaluation = RecogniserEvaluation.from_dict(made.evaluation)
    assert evaluation.to_dict() == made.evaluation
    assert made.evaluation["digits"]["count"] > 50
    assert set(made.history[0]) == set(RECOGNISER_COLUMNS)


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        ("digits_by_threshold", [{}], r"evaluation.digits_by_threshold\[0\].threshold is missing"),
        ("marks", {"count": 1}, "evaluation.marks.correct is missing"),
        ("confusion_matrix", [[0] * 24] * 23, "evaluation.confusion_matrix"),
        ("lines", "many", "evaluation.lines"),
    ],
)
def test_a_card_with_other_values_than_a_recognisers_is_refused(
    place: str, value: object, fault: str, trained_recogniser: Trained, tmp_path: Path
) -> None:
    refuse(trained_recogniser[0], tmp_path, ("evaluation", place), value, fault)


def test_info_and_python_show_it(trained_recogniser: Trained, cli: Cli) -> None:
    folder, _ = trained_recogniser
    said = " ".join(cli("info", folder).stdout.split())
    assert "Lines 48 of made pages of held-out writers on digits (not MNIST)" in said
    assert "Marks in their middle " in said
    assert json.loads(cli("info", folder, "--json").stdout)["recipe"]["lines"] == 96
    model = mnist_cnn.load(folder)
    result = r"F1 of digits [\d.]+%, marks [\d.]+% on 48 lines of made pages"
    assert re.fullmatch(rf"Model\('.*', recipe 'recogniser', {result}\)", repr(model))
    assert "<svg" in model._repr_html_()
    assert model.keras.output_shape == (None, None, 24)


def test_the_report_is_small_and_self_contained_and_can_be_made_again(
    trained_recogniser: Trained, warm_cli: Cli, tmp_path: Path
) -> None:
    assert_report(
        trained_recogniser[0], warm_cli, tmp_path, "of marks, on 48 lines", "--recipe recogniser", "other writing"
    )


def test_commands_that_need_a_classifier_refuse_it_in_one_sentence(
    trained_recogniser: Trained, cli: Cli, digits: Dataset, tmp_path: Path
) -> None:
    assert_no_classifier(trained_recogniser[0], cli, digits, tmp_path)


def test_python_refuses_it_as_a_classifier(trained_recogniser: Trained, digits: Dataset) -> None:
    assert_no_classifier_in_python(trained_recogniser[0], digits)


def test_what_a_recogniser_has_not_is_refused_before_anything_is_made(tmp_path: Path, cli: Cli) -> None:
    assert_refused_at_once(
        cli,
        tmp_path,
        (("train", "--recipe", "recogniser", "--crops", "5"), "crops is not a hyperparameter of the recipe recogniser"),
        (("train", "--recipe", "recogniser", "--devices", "2"), "The recipe recogniser trains on one device"),
    )


@linux
@pytest.mark.slow
@pytest.mark.extended  # faults/test_killed.py has a classifier's, which saves and restores by the same code
def test_a_run_that_is_killed_leaves_no_process_and_goes_on_with_the_same_lines_and_dropout(
    trained_recogniser: Trained, warm_cli: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    kill_after_an_epoch(TINY, out)
    done = warm_cli("train", "--resume", out)
    assert done.returncode == 0, done.stderr
    assert_same_run(out, trained_recogniser[0])


@pytest.mark.slow
@pytest.mark.extended
def test_it_is_trained_on_jax_as_well(tmp_path: Path, cli: Cli) -> None:
    assert_trained_on_jax(cli, [*TINY, "--epochs", "1", "--lines", "32"], tmp_path / "run")


@pytest.mark.slow
@pytest.mark.extended  # test_finder_training.py has what a card says of ink
def test_pages_are_written_with_ink_which_the_card_and_the_report_name(tmp_path: Path, forks: Forks) -> None:
    assert drawn_ink("recogniser", tmp_path / "run", forks) == "True\n", "the report made again is the same"
    assert_ink_is_named(tmp_path / "run")
