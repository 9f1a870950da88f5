import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from conftest import Cli
from mnist_cnn.cli import app
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ArtifactError, RecipeError
from mnist_cnn.evaluation.confident_learning import label_errors_of
from mnist_cnn.training import recipe
from mnist_cnn.workflows import label_errors, report
from mnist_cnn.workflows.cross_validation import folds_of

Trained = tuple[Path, object]


@pytest.mark.slow
@pytest.mark.usefixtures("threads_as_they_are")
def test_labels_of_both_sets_are_ranked_and_shown_in_the_report(
    trained: Trained, warm_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(trained[0], tmp_path / "run"))
    monkeypatch.setitem(recipe.VALUES, "fast", recipe.VALUES["fast"] | {"repeats": 6, "backend": "auto"})
    words = ["label-errors", str(folder), "--recipe", "fast", "--folds", "2", "--json", "--threads", "2"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stderr
    assert "Fold 2/2: train on 649 images, predict the other 648" in done.stderr
    found = json.loads(done.stdout)
    kept = json.loads((folder / "label_errors.json").read_text())
    assert found == {name: kept[name] for name in ("training", "test")}
    assert (found["training"]["count"], found["test"]["count"]) == (1297, 500)
    for of_set in found.values():
        given = [error["label_probability"] for error in of_set["ranked"]]
        assert given == sorted(given)
        assert len(given) == 30
        assert of_set["estimated"] < 0.05 * of_set["count"]
    assert "<h3>Training images" in (folder / "report.html").read_text()
    again = warm_cli("report", folder)
    assert again.returncode == 0, again.stderr
    assert "<h3>Training images" in (folder / "report.html").read_text()
    assert warm_cli("info", folder).returncode == 0


def test_a_damaged_list_is_refused_with_a_sentence(tmp_path: Path, digits: Dataset) -> None:
    path = tmp_path / "label_errors.json"
    assert report.label_errors_in(path, digits) is None
    few = label_errors_of(np.full((3, 10), 0.1, np.float32), np.array([1, 2, 3])).to_dict()
    path.write_text(json.dumps({"training": few, "test": few}))
    assert report.label_errors_in(path, digits) is not None
    for damaged in ("", "[]", "{}", json.dumps({"training": few, "test": {"count": 1}})):
        path.write_text(damaged)
        with pytest.raises(ArtifactError, match="is damaged: delete it, or make it again with `mnist-cnn lab"):
            report.label_errors_in(path, digits)


@pytest.mark.parametrize("folds", [1, 0, -5, 101])
def test_a_number_of_networks_out_of_range_is_refused_before_anything_is_trained(folds: int) -> None:
    with pytest.raises(RecipeError, match=r"folds is .* it must be a whole number from 2 to 100"):
        label_errors.find_label_errors("nowhere", folds=folds)


def test_every_image_is_in_one_part_and_the_seed_decides_which() -> None:
    parts = folds_of(103, 5, seed=1)
    assert sorted(np.concatenate(parts).tolist()) == list(range(103))
    assert {len(part) for part in parts} == {20, 21}
    assert all((one == other).all() for one, other in zip(parts, folds_of(103, 5, seed=1), strict=True))
    assert (parts[0] != folds_of(103, 5, seed=2)[0]).any()
    with pytest.raises(RecipeError, match="folds is 4: it must be a whole number from 2 to 3"):
        folds_of(3, 4, seed=0)
