"""Whole trainings of a finder through the command line, tiny ones: files, model card, report, resuming, refusals."""

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
from mnist_cnn.evaluation.finder_evaluation import FinderEvaluation
from mnist_cnn.models.classifier import keras_finder
from mnist_cnn.reading.finder_network import onnx_finder
from mnist_cnn.training.history import FINDER_COLUMNS
from runs import Forks
from test_ink_preparation import run as drawn_ink

TINY = [
    *("train", "--recipe", "finder", "--data", "digits", "--epochs", "2", "--pages", "32", "--repeats", "1"),
    *("--batch-size", "16", "--threads", "2", "--deterministic"),
]


@pytest.fixture(scope="module")
def trained_finder(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return trained_once("found", tmp_path_factory, lambda folder: in_own_process(*TINY, "--output", folder))


def test_progress_is_on_stderr_and_results_are_on_stdout(trained_finder: Trained) -> None:
    folder, done = trained_finder
    assert (
        len(
            re.findall(
                r"epoch +\d/2  loss [\d.]+  val_loss [\d.]+  val_f1 [\d.]+%  [\d.]+ s, \d+:\d\d left", done.stderr
            )
        )
        == 2
    )
    assert "Without ink (--ink) pages have handwritten digits of this dataset" in done.stderr
    assert done.stdout.startswith("16 made pages of held-out writers: precision ")
    assert f"Saved to {folder}\n" in done.stdout
    assert_no_noise(done)


def test_the_folder_has_what_every_run_has(trained_finder: Trained) -> None:
    folder, _ = trained_finder
    assert sorted(path.name for path in folder.iterdir()) == [
        *("card.json", "history.csv", "model.keras", "model.onnx", "report.html"),
    ]
    with (folder / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == FINDER_COLUMNS
    assert [row["epoch"] for row in rows] == ["1", "2"]


def test_keras_and_onnx_take_images_of_any_size_and_agree(trained_finder: Trained) -> None:
    folder, _ = trained_finder
    by_keras, by_onnx = (
        keras_finder(load_keras(folder / card.KERAS_MODEL, store.FINDER)),
        onnx_finder(folder / card.ONNX_MODEL),
    )
    for shape in ((3, 64, 96), (1, 160, 32)):
        images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        places = by_onnx(images)
        assert places.shape == (shape[0], shape[1] // 4, shape[2] // 4, 14)
        assert by_keras(images) == pytest.approx(places, abs=5e-3)
    with pytest.raises(ArtifactError, match="cannot compute on 30×30 pixels"):
        by_onnx(np.zeros((1, 30, 30), np.uint8))


def test_the_card_says_what_was_done_and_how_good_it_is(trained_finder: Trained) -> None:
    folder, _ = trained_finder
    made = mnist_cnn.load(folder).card
    assert made.recipe["name"] == "finder"
    assert made.is_finder
    assert made.parameters == 483_534
    assert made.data["test"] == 0
    assert made.data["pages"] == {"side": 128, "validation": 3, "test": 16}
    assert made.data["training"] + made.data["validation"] == 1297
    evaluation = FinderEvaluation.from_dict(made.evaluation)
    assert evaluation.to_dict() == made.evaluation
    assert made.evaluation["digits"] > 0
    assert set(made.evaluation["confidence_intervals"]) == {"precision", "recall", "f1"}
    assert made.evaluation["nothing_found"]["count"] > 0
    assert set(made.history[0]) == set(FINDER_COLUMNS)


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        ("f1", 2, "evaluation.f1"),
        ("threshold", 0.123, "evaluation.by_threshold has not the chosen threshold"),
        ("by_threshold", [{}], r"evaluation.by_threshold\[0\].threshold is missing"),
        ("nothing_found", {"count": 1}, "evaluation.nothing_found.correct is missing"),
    ],
)
def test_a_card_with_other_values_than_a_finders_is_refused(
    place: str, value: object, fault: str, trained_finder: Trained, tmp_path: Path
) -> None:
    refuse(trained_finder[0], tmp_path, ("evaluation", place), value, fault)


def test_info_and_python_show_it(trained_finder: Trained, cli: Cli) -> None:
    folder, _ = trained_finder
    said = " ".join(cli("info", folder).stdout.split())
    assert "Made pages 16 of held-out writers on digits (not MNIST)" in said
    assert "No digit nothing found on " in said
    assert json.loads(cli("info", folder, "--json").stdout)["recipe"]["pages"] == 32
    model = mnist_cnn.load(folder)
    assert re.fullmatch(r"Model\('.*', recipe 'finder', F1 [\d.]+% on 16 made pages\)", repr(model))
    assert "<svg" in model._repr_html_()
    assert model.keras.output_shape == (None, None, None, 14)


def test_the_report_is_small_and_self_contained_and_can_be_made_again(
    trained_finder: Trained, warm_cli: Cli, tmp_path: Path
) -> None:
    assert_report(trained_finder[0], warm_cli, tmp_path, "(chosen)", "--recipe finder", "scikit-learn")


def test_commands_that_need_a_classifier_refuse_it_in_one_sentence(
    trained_finder: Trained, cli: Cli, digits: Dataset, tmp_path: Path
) -> None:
    assert_no_classifier(trained_finder[0], cli, digits, tmp_path)


def test_python_refuses_it_as_a_classifier(trained_finder: Trained, digits: Dataset) -> None:
    assert_no_classifier_in_python(trained_finder[0], digits)


def test_what_a_finder_has_not_is_refused_before_anything_is_made(tmp_path: Path, cli: Cli) -> None:
    assert_refused_at_once(
        cli,
        tmp_path,
        (("train", "--recipe", "finder", "--rotation", "5"), "rotation is not a hyperparameter of the recipe finder"),
        (("train", "--recipe", "finder", "--devices", "2"), "The recipe finder trains on one device"),
        (("train", "--recipe", "finder", "--data", "digits", "--batch-size", "6"), "it must be a multiple of 4"),
        (("study", "--recipe", "finder", "--data", "digits"), "A study needs a digit classifier"),
    )


@linux
@pytest.mark.slow
@pytest.mark.extended  # faults/test_killed.py has a classifier's, which saves and restores by the same code
def test_a_run_that_is_killed_leaves_no_process_and_goes_on_with_the_same_images(
    trained_finder: Trained, warm_cli: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    kill_after_an_epoch(TINY, out)
    done = warm_cli("train", "--resume", out)
    assert done.returncode == 0, done.stderr
    assert_same_run(out, trained_finder[0])


@pytest.mark.slow
@pytest.mark.extended
def test_it_is_trained_on_jax_as_well(tmp_path: Path, cli: Cli) -> None:
    assert_trained_on_jax(
        cli, [*TINY, "--epochs", "1", "--pages", "16", "--repeats", "1", "--mosaics", "0"], tmp_path / "run"
    )


@pytest.mark.slow
@pytest.mark.extended  # test_finder_training.py has what a card says of ink
def test_pages_are_written_with_ink_which_the_card_and_the_report_name(tmp_path: Path, forks: Forks) -> None:
    assert drawn_ink("finder", tmp_path / "run", forks) == "True\n", "the report made again is the same"
    assert_ink_is_named(tmp_path / "run")
