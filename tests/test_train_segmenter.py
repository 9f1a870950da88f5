"""Whole trainings of a segmenter through the command line, tiny ones: files, model card, report, resuming, refusals."""

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
from mnist_cnn.evaluation.segmenter_evaluation import SegmenterEvaluation
from mnist_cnn.models.classifier import keras_segmenter
from mnist_cnn.reading.segmenter_network import onnx_segmenter
from mnist_cnn.reading.weights import FINDER
from mnist_cnn.system.files import sha256_of
from mnist_cnn.training.history import SEGMENTER_COLUMNS
from mnist_cnn.workflows import report as report_workflow
from runs import Forks
from test_ink_preparation import run as drawn_ink

TINY = [
    *("train", "--recipe", "segmenter", "--data", "digits", "--epochs", "2", "--crops", "160", "--repeats", "1"),
    *("--batch-size", "16", "--threads", "2", "--deterministic"),
]


@pytest.fixture(scope="module")
def trained_segmenter(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return trained_once("marked", tmp_path_factory, lambda folder: in_own_process(*TINY, "--output", folder))


def test_progress_is_on_stderr_and_results_are_on_stdout(trained_segmenter: Trained) -> None:
    folder, done = trained_segmenter
    line = (
        r"epoch +\d/2  loss [\d.]+  val_loss [\d.]+  val_accuracy [\d.]+%  val_roc_auc [\d.]+  [\d.]+ s, \d+:\d\d left"
    )
    assert len(re.findall(line, done.stderr)) == 2
    assert "the segmenter takes more handwritten letters for digits" in done.stderr
    assert done.stdout.startswith("80 crops of made pages of held-out writers: ROC AUC of digits against non-digits 0.")
    for words in ("Labels of the digits: ", "by the ink that is marked: ", "by true ink: ", f"Saved to {folder}\n"):
        assert words in done.stdout
    assert_no_noise(done)


def test_the_folder_has_what_every_run_has(trained_segmenter: Trained) -> None:
    folder, _ = trained_segmenter
    assert sorted(path.name for path in folder.iterdir()) == [
        *("card.json", "history.csv", "model.keras", "model.onnx", "report.html"),
    ]
    with (folder / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == SEGMENTER_COLUMNS
    assert [row["epoch"] for row in rows] == ["1", "2"]


def test_keras_and_onnx_agree(trained_segmenter: Trained) -> None:
    folder, _ = trained_segmenter
    crops = np.random.default_rng(0).integers(0, 256, (70, 64, 64, 2), np.uint8)
    by_keras = keras_segmenter(load_keras(folder / card.KERAS_MODEL, store.SEGMENTER))(crops)
    for one, other in zip(by_keras, onnx_segmenter(folder / card.ONNX_MODEL)(crops), strict=True):
        assert one == pytest.approx(other, abs=1e-3)
    with pytest.raises(ArtifactError, match="and not images to places"):
        load_keras(folder / card.KERAS_MODEL, store.FINDER)


def test_the_card_says_what_was_done_and_how_good_it_is(trained_segmenter: Trained) -> None:
    folder, _ = trained_segmenter
    made = mnist_cnn.load(folder).card
    assert made.recipe["name"] == "segmenter"
    assert made.is_segmenter
    assert not made.is_finder
    assert made.data["test"] == 0
    assert made.data["crops"] == {"side": 64, "validation": 16, "test": 80, "finder": sha256_of(FINDER)}
    evaluation = SegmenterEvaluation.from_dict(made.evaluation)
    assert evaluation.to_dict() == made.evaluation
    assert made.evaluation["labels"]["count"] > 5
    assert made.evaluation["by_true_ink"]["count"] == made.evaluation["labels"]["count"]
    assert set(made.history[0]) == set(SEGMENTER_COLUMNS)


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        ("roc_auc", 2, "evaluation.roc_auc"),
        ("by_threshold", [{}], r"evaluation.by_threshold\[0\].threshold is missing"),
        ("labels", {"count": 1}, "evaluation.labels.correct is missing"),
        ("crops", "many", "evaluation.crops"),
    ],
)
def test_a_card_with_other_values_than_a_segmenters_is_refused(
    place: str, value: object, fault: str, trained_segmenter: Trained, tmp_path: Path
) -> None:
    refuse(trained_segmenter[0], tmp_path, ("evaluation", place), value, fault)


def test_a_card_that_does_not_name_its_finder_is_refused(trained_segmenter: Trained, tmp_path: Path) -> None:
    crops = {"side": 64, "validation": 1, "test": 1}
    refuse(trained_segmenter[0], tmp_path, ("data", "crops"), crops, "data.crops.finder is missing")


def test_info_and_python_show_it(trained_segmenter: Trained, cli: Cli) -> None:
    folder, _ = trained_segmenter
    said = " ".join(cli("info", folder).stdout.split())
    assert "Crops 80 of made pages of held-out writers on digits (not MNIST)" in said
    assert "By marked ink " in said
    assert json.loads(cli("info", folder, "--json").stdout)["recipe"]["crops"] == 160
    model = mnist_cnn.load(folder)
    assert re.fullmatch(r"Model\('.*', recipe 'segmenter', ROC AUC 0\.\d{4} on 80 crops of made pages\)", repr(model))
    assert "<svg" in model._repr_html_()
    assert model.keras.output_shape == [(None, 23), (None, 48, 48, 1)]


def test_the_report_is_small_and_self_contained_and_can_be_made_again(
    trained_segmenter: Trained, warm_cli: Cli, tmp_path: Path
) -> None:
    assert_report(trained_segmenter[0], warm_cli, tmp_path, "ROC AUC 0.", "--recipe segmenter", sha256_of(FINDER))


def test_a_report_needs_the_finder_of_the_training(
    trained_segmenter: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "finder.onnx"
    other.write_bytes(FINDER.read_bytes() + b"\0")
    monkeypatch.setattr(report_workflow, "FINDER", other)
    with pytest.raises(ArtifactError, match="was trained on the candidates of another finder than the bundled one"):
        mnist_cnn.report(trained_segmenter[0], verbose=0)


def test_commands_that_need_a_classifier_refuse_it_in_one_sentence(
    trained_segmenter: Trained, cli: Cli, digits: Dataset, tmp_path: Path
) -> None:
    assert_no_classifier(trained_segmenter[0], cli, digits, tmp_path)


def test_python_refuses_it_as_a_classifier(trained_segmenter: Trained, digits: Dataset) -> None:
    assert_no_classifier_in_python(trained_segmenter[0], digits)


def test_what_a_segmenter_has_not_is_refused_before_anything_is_made(tmp_path: Path, cli: Cli) -> None:
    assert_refused_at_once(
        cli,
        tmp_path,
        (("train", "--recipe", "segmenter", "--pages", "5"), "pages is not a hyperparameter of the recipe segmenter"),
        (("train", "--recipe", "segmenter", "--devices", "2"), "The recipe segmenter trains on one device"),
        (("study", "--recipe", "segmenter", "--data", "digits"), "A study needs a digit classifier"),
    )


@linux
@pytest.mark.slow
@pytest.mark.extended  # faults/test_killed.py has a classifier's, which saves and restores by the same code
def test_a_run_that_is_killed_leaves_no_process_and_goes_on_with_the_same_crops_and_dropout(
    trained_segmenter: Trained, warm_cli: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    kill_after_an_epoch(TINY, out)
    assert sha256_of(store.partial_of(out) / store.CANDIDATES) == sha256_of(FINDER)
    done = warm_cli("train", "--resume", out)
    assert done.returncode == 0, done.stderr
    assert_same_run(out, trained_segmenter[0])


@pytest.mark.slow
@pytest.mark.extended
def test_it_is_trained_on_jax_as_well(tmp_path: Path, cli: Cli) -> None:
    assert_trained_on_jax(cli, [*TINY, "--epochs", "2", "--crops", "32"], tmp_path / "run")


@pytest.mark.slow
@pytest.mark.extended  # test_finder_training.py has what a card says of ink
def test_pages_are_written_with_ink_which_the_card_and_the_report_name(tmp_path: Path, forks: Forks) -> None:
    assert drawn_ink("segmenter", tmp_path / "run", forks) == "True\n", "the report made again is the same"
    assert_ink_is_named(tmp_path / "run")
