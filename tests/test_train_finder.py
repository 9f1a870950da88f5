"""Whole trainings of a finder through the command line, tiny ones: files, model card, report, resuming, refusals."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import mnist_cnn
from conftest import Cli, Trained, command_line, trained_once
from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.artifact.store import load_keras
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ArtifactError, RecipeError
from mnist_cnn.evaluation.finder_evaluation import FinderEvaluation
from mnist_cnn.models.classifier import keras_finder
from mnist_cnn.reading.finder_network import onnx_finder
from mnist_cnn.training.history import FINDER_COLUMNS
from runs import Forks
from test_bulk import is_alive, wait_until
from test_ink_preparation import run as drawn_ink

TINY = [
    *("train", "--recipe", "finder", "--data", "digits", "--epochs", "2", "--pages", "48", "--repeats", "2"),
    *("--batch-size", "16", "--threads", "2", "--deterministic"),
]
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the children of a process")


@pytest.fixture(scope="session")
def trained_finder(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    # Other tests import TensorFlow in this process, which sets another level for all that it starts.
    return trained_once(
        "finder", tmp_path_factory, lambda folder: cli(*TINY, "--output", folder, TF_CPP_MIN_LOG_LEVEL="3")
    )


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
    assert done.stdout.startswith("24 made pages of held-out writers: precision ")
    assert f"Saved to {folder}\n" in done.stdout
    for noise in ("Traceback", "I0000", "W0000", "E0000"):
        assert noise not in done.stderr


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
    assert made.data["pages"] == {"side": 128, "validation": 5, "test": 24}
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
    document = json.loads((trained_finder[0] / card.CARD).read_text())
    document["evaluation"][place] = value
    document["digest"] = card.digest_of(document)
    (tmp_path / card.CARD).write_text(card.text_of(document), encoding="utf-8")
    with pytest.raises(ArtifactError, match=fault):
        card.read(tmp_path)


def test_info_and_python_show_it(trained_finder: Trained, warm_cli: Cli) -> None:
    folder, _ = trained_finder
    said = " ".join(warm_cli("info", folder).stdout.split())
    assert "Made pages 24 of held-out writers on digits (not MNIST)" in said
    assert "No digit nothing found on " in said
    assert json.loads(warm_cli("info", folder, "--json").stdout)["recipe"]["pages"] == 48
    model = mnist_cnn.load(folder)
    assert re.fullmatch(r"Model\('.*', recipe 'finder', F1 [\d.]+% on 24 made pages\)", repr(model))
    assert "<svg" in model._repr_html_()
    assert model.keras.output_shape == (None, None, None, 14)


def test_the_report_is_small_and_self_contained_and_can_be_made_again(
    trained_finder: Trained, warm_cli: Cli, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(trained_finder[0], tmp_path / "run"))
    first = (folder / card.REPORT).read_text(encoding="utf-8")
    assert len(first) < 1_000_000
    for part in ("(chosen)", "data:image/jpeg;base64,", "<svg", "Not MNIST.", "--recipe finder", "scikit-learn"):
        assert part in first.replace("</span> <span>", " ")
    assert not re.search(r"(src|href)=\"(?!data:|#)", first)
    done = warm_cli("report", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / card.REPORT).read_text(encoding="utf-8") == first
    refused = warm_cli("report", folder, "--corruptions")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "is a finder" in refused.stderr


def test_commands_that_need_a_classifier_refuse_it_in_one_sentence(
    trained_finder: Trained, warm_cli: Cli, digits: Dataset, tmp_path: Path
) -> None:
    for words in commands_with_a_classifier(trained_finder[0], digits, tmp_path):
        done = warm_cli(*words, cwd=tmp_path)
        assert done.returncode in (1, 2), (words, done.stdout)
        assert re.fullmatch(
            r"mnist-cnn: .* is a finder, .* and no digit classifier: name another model\.\n", done.stderr
        ), (words, done.stderr)


def commands_with_a_classifier(folder: Path, digits: Dataset, tmp_path: Path) -> tuple[tuple[object, ...], ...]:
    """Every command that takes a classifier, with the model in a folder in its place."""
    import cv2

    image = tmp_path / "3.png"
    cv2.imwrite(str(image), digits.test.images[0])
    (tmp_path / "labels.csv").write_text("path,label\n3.png,3\n")
    onnx = folder / card.ONNX_MODEL
    return (
        ("read", image, "--model", folder),
        ("read", image, "--model", onnx),
        ("explain", image, "--model", folder),
        ("evaluate", folder),
        ("evaluate", onnx, "--data", "digits"),
        ("export", folder, "--to", "onnx"),
        ("export", folder, "--to", "web", "-o", tmp_path / "web"),
        ("adapt", tmp_path / "labels.csv", "--model", folder),
        ("score", tmp_path / "labels.csv", "--model", folder),
        ("serve", "--model", folder, "--port", "0"),
        ("label-errors", folder),
    )


def test_python_refuses_it_as_a_classifier(trained_finder: Trained, digits: Dataset) -> None:
    model = mnist_cnn.load(trained_finder[0])
    for use in (lambda: model.predict(digits.test.images[:2]), model.evaluate, lambda: mnist_cnn.evaluate(model)):
        with pytest.raises(ArtifactError, match="is a finder"):
            use()
    for train in (
        lambda: mnist_cnn.DigitClassifier("finder").fit(digits.train.images[:50], digits.train.labels[:50]),
        lambda: mnist_cnn.find_label_errors(trained_finder[0], mnist_cnn.Recipe("finder")),
    ):
        with pytest.raises(RecipeError, match="needs a digit classifier, and the recipe finder trains"):
            train()


def test_what_a_finder_has_not_is_refused_before_anything_is_made(tmp_path: Path, warm_cli: Cli) -> None:
    for words, sentence in (
        (("train", "--recipe", "finder", "--rotation", "5"), "rotation is not a hyperparameter of the recipe finder"),
        (("train", "--recipe", "finder", "--devices", "2"), "The recipe finder trains on one device"),
        (("train", "--recipe", "finder", "--data", "digits", "--batch-size", "6"), "it must be a multiple of 4"),
        (("study", "--recipe", "finder", "--data", "digits"), "A study needs a digit classifier"),
    ):
        done = warm_cli(*words, cwd=tmp_path)
        assert done.returncode == 2, done.stdout
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def weights_of(folder: Path, shapes: store.Shapes = store.FINDER) -> list[np.ndarray]:
    return list(load_keras(folder / card.KERAS_MODEL, shapes).get_weights())


def children_of(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")  # of each thread
    return [int(word) for one in lists for word in one.read_text().split()]


@linux
@pytest.mark.slow
@pytest.mark.extended
def test_a_run_that_is_killed_leaves_no_process_and_goes_on_with_the_same_images(
    trained_finder: Trained, warm_cli: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    kill_after_an_epoch(TINY, out)
    done = warm_cli("train", "--resume", out)
    assert done.returncode == 0, done.stderr
    assert_same_run(out, trained_finder[0])
    assert all((a == b).all() for a, b in zip(weights_of(out), weights_of(trained_finder[0]), strict=True))


def kill_after_an_epoch(words: list[str], out: Path) -> None:
    """Start a run and kill it when its first epoch is saved; the processes that make its images end with it."""
    process = subprocess.Popen(command_line(*words, "--output", out), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    state = store.partial_of(out) / store.STATE
    deadline = time.monotonic() + 200
    while not state.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    makers = children_of(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert makers
    wait_until(lambda: not any(map(is_alive, makers)))
    assert not out.exists()


def assert_same_run(folder: Path, undisturbed: Path) -> None:
    """A run that was resumed has the history and the evaluation of one that was not."""
    resumed, expected = mnist_cnn.load(folder).card, mnist_cnn.load(undisturbed).card
    assert re.fullmatch(r"Resumed after epoch [12], bit for bit\.", resumed.notes[0])
    histories = (
        [{name: value for name, value in row.items() if name != "seconds"} for row in one.history]
        for one in (resumed, expected)
    )
    assert next(histories) == next(histories)
    assert resumed.evaluation == expected.evaluation


@pytest.mark.slow
@pytest.mark.extended
def test_it_is_trained_on_jax_as_well(tmp_path: Path, cli: Cli) -> None:
    pytest.importorskip("jax")
    words = [*TINY, "--epochs", "1", "--pages", "16", "--repeats", "1", "--mosaics", "0"]
    done = cli(*words, "--output", tmp_path / "run", KERAS_BACKEND="jax")
    assert done.returncode == 0, done.stderr
    made = mnist_cnn.load(tmp_path / "run").card
    assert made.recipe["backend"] == "jax"
    assert "model.onnx" in made.files
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_pages_are_written_with_ink_which_the_card_and_the_report_name(tmp_path: Path, forks: Forks) -> None:
    assert drawn_ink("finder", tmp_path / "run", forks) == "True\n", "the report made again is the same"
    about = mnist_cnn.load(tmp_path / "run").card.data["ink"]
    assert about["training"] == {"digits": 10, "others": 4, "writers": 1}
    assert about["held_out"] == {"digits": 10, "others": 4, "writers": 1}
    assert about["accuracy"] == {}
    report = (tmp_path / "run" / card.REPORT).read_text(encoding="utf-8")
    assert "--ink /somewhere/handwriting" in report.replace("</span> <span>", " ")
    assert "International Unipen Foundation" in report
