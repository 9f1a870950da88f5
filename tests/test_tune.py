"""The search for hyperparameters: what is searched, that it resumes, and that other processes can work on it."""

import json
from pathlib import Path

import pytest

import mnist_cnn
from datasets import strokes, write_csv
from mnist_cnn.errors import RunError
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.workflows import tune as tuning

pytestmark = pytest.mark.usefixtures("threads_as_they_are")

pytest.importorskip("optuna")
QUICK = {"backend": "tensorflow", "epochs": 2, "verbose": 0, "threads": 2}


def test_what_is_searched_depends_on_the_recipe_and_on_what_is_fixed() -> None:
    assert set(tuning.space(Recipe("classic"), [])) == {"learning_rate", "batch_size", "dropout", "label_smoothing"}
    assert {"rotation", "elastic"} <= set(tuning.space(Recipe("best"), []))
    assert "dropout" not in tuning.space(Recipe("classic"), ["dropout"])


def test_a_study_finds_keeps_resumes_and_shows(tmp_path: Path) -> None:
    data = strokes(200, 4)
    first = mnist_cnn.tune("fast", data, trials=1, output=tmp_path / "s", **QUICK)
    assert len(first.trials) == 1
    assert first.recipe.epochs == 2
    again = mnist_cnn.tune("fast", data, trials=2, output=tmp_path / "s", **QUICK)
    assert again.trials[0].hyperparameters == first.trials[0].hyperparameters
    assert len(again.trials) == 2
    document = json.loads((tmp_path / "s" / "best.json").read_text())
    assert document["validation_accuracy"] == again.accuracy == max(one.accuracy or 0 for one in again.trials)
    page = (tmp_path / "s" / "study.html").read_text()
    assert "2 trials" in page
    assert "mnist-cnn train --recipe fast" in page
    with pytest.raises(RunError, match="is a study of another recipe"):
        mnist_cnn.tune("fast", data, trials=3, output=tmp_path / "s", **QUICK | {"epochs": 1})
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "study.db").write_text("nothing")
    with pytest.raises(RunError, match="is not a study that can be resumed"):
        mnist_cnn.tune("fast", data, trials=1, output=tmp_path / "t", **QUICK)


@pytest.mark.slow
def test_several_processes_work_on_one_study(tmp_path: Path) -> None:
    images, labels = strokes(200, 4)
    path = write_csv(tmp_path / "a.csv", images, labels.tolist())
    tuned = mnist_cnn.tune("fast", str(path), trials=2, workers=2, output=tmp_path / "s", **QUICK | {"threads": 1})
    assert len(tuned.trials) in (2, 3)  # two processes may begin the last at the same moment
    assert str(path) in tuned.command
