"""What a model is called, and what that stands for."""

import json
import shutil
from pathlib import Path

import pytest

import mnist_cnn
from mnist_cnn import card
from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.model_names import BUNDLED, newest_runs, path_of

FIXTURE = Path(__file__).parent / "fixtures" / "format-2"


def run_of(name: str, recipe: str, created: str, **evaluation: object) -> Path:
    """A finished run in runs/, of which nothing but the model card is looked at."""
    folder = Path("runs") / name
    folder.mkdir(parents=True)
    document = json.loads((FIXTURE / card.CARD).read_text("utf-8"))
    document["recipe"]["name"] = recipe
    document["created"] = created
    document["evaluation"] |= evaluation
    (folder / card.CARD).write_text(card.text_of(document | {"digest": card.digest_of(document)}), "utf-8")
    return folder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", [None, "robust", "bundled", BUNDLED])
def test_the_bundled_model_has_names(name: str | Path | None) -> None:
    assert path_of(name) == BUNDLED


def test_a_recipe_is_its_newest_finished_run() -> None:
    run_of("a", "fast", "2026-02-01T00:00:00+00:00")
    newest = run_of("b", "fast", "2026-03-01T00:00:00+00:00")
    run_of("c", "fast", "2026-01-01T00:00:00+00:00")
    run_of("d.partial", "fast", "2026-04-01T00:00:00+00:00")
    run_of("e", "fast", "2026-04-01T00:00:00+00:00", adaptation={})
    run_of("f", "robust", "2026-04-01T00:00:00+00:00")
    damaged = run_of("g", "fast", "2026-04-01T00:00:00+00:00")
    (damaged / card.CARD).write_text("nonsense")
    assert newest_runs() == {"fast": newest}
    assert path_of("fast") == newest
    assert path_of("robust") == BUNDLED


def test_a_folder_or_file_of_that_name_comes_first() -> None:
    run_of("a", "fast", "2026-02-01T00:00:00+00:00")
    shutil.copytree(FIXTURE, "fast")
    assert path_of("fast") == Path("fast")
    Path("robust").touch()
    assert path_of("robust") == Path("robust")
    Path("best").mkdir()  # without a model card, so whoever opens it says what is wrong
    assert path_of("best") == Path("best")
    assert path_of("runs/none") == Path("runs/none")
    assert path_of("none.onnx") == Path("none.onnx")


def test_a_name_that_is_nothing_gets_the_nearest() -> None:
    run_of("a", "classic", "2026-02-01T00:00:00+00:00")
    with pytest.raises(ArtifactError, match=r"^There is no model 'rubust' \(.*\): did you mean 'robust'\?$"):
        path_of("rubust")
    with pytest.raises(ArtifactError, match=r"name a folder or file, or one of: robust, classic\.$"):
        path_of("best")


def test_a_name_is_understood_wherever_a_model_is_loaded() -> None:
    run = Path("runs/mine")
    run.parent.mkdir()
    shutil.copytree(FIXTURE, run)
    name = str(card.read(FIXTURE).recipe["name"])
    assert mnist_cnn.load(name).folder == run
    assert mnist_cnn.load("robust").folder == BUNDLED
    assert mnist_cnn.Reader(name).min_confidence == 0.5


@pytest.mark.parametrize("write", [mnist_cnn.report, mnist_cnn.find_label_errors])
def test_nothing_is_written_beside_the_bundled_model(write: object) -> None:
    before = sorted(BUNDLED.iterdir())
    with pytest.raises(ArtifactError, match="is the bundled model, and nothing is written into its folder"):
        write("robust")  # type: ignore[operator]
    assert sorted(BUNDLED.iterdir()) == before
