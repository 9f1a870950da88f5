import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from mnist_cnn import card
from mnist_cnn.artifact import checked_files, keras_file, saved_files, store
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ArtifactError, ExportError, RunError
from mnist_cnn.models.architectures import ARCHITECTURES, as_saved, build
from mnist_cnn.models.calibrated import calibrated
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.models.layers import plain
from mnist_cnn.system import files
from mnist_cnn.training.recipe import RECIPES, Recipe

FIXTURE = Path(__file__).parent / "fixtures" / "format-1"


def test_a_run_begins_in_a_partial_folder(tmp_path: Path) -> None:
    partial = store.make_partial(tmp_path / "deep" / "run")
    assert partial == tmp_path / "deep" / "run.partial"
    assert partial.is_dir()
    assert not (tmp_path / "deep" / "run").exists()


@pytest.mark.parametrize("there", ["run", "run.partial"])
def test_nothing_that_is_there_is_overwritten(tmp_path: Path, there: str) -> None:
    (tmp_path / there).mkdir()
    (tmp_path / there / "mine").write_text("precious")
    with pytest.raises(RunError, match="already exists"):
        store.make_partial(tmp_path / "run")
    assert (tmp_path / there / "mine").read_text() == "precious"


def test_what_a_run_left_in_its_first_moments_is_taken_over(tmp_path: Path) -> None:
    partial = store.make_partial(tmp_path / "run")
    with files.scratch_beside(partial / "checkpoint" / "run.json") as scratch:
        (scratch / "run.json").write_text('{"recipe"')
        assert store.make_partial(tmp_path / "run") == partial


def test_only_of_what_can_go_on_it_is_said(tmp_path: Path) -> None:
    partial = store.make_partial(tmp_path / "run")
    (partial / "model.keras").write_bytes(b"what an adaptation that was killed has left")
    with pytest.raises(RunError, match=r"already exists: delete it, or choose another --output\."):
        store.make_partial(tmp_path / "run")
    with pytest.raises(ArtifactError, match="is not a saved model"):
        store.load(partial)
    (partial / card.SETTINGS).write_text("{}")
    with pytest.raises(RunError, match=r"already exists: resume it \(mnist-cnn train --resume .*run\.partial\)"):
        store.make_partial(tmp_path / "run")
    with pytest.raises(ArtifactError, match="is an unfinished run: resume it with"):
        store.load(partial)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be made"):
        store.make_partial(tmp_path / "file" / "run")


def test_a_free_name_is_one_that_no_run_has(tmp_path: Path) -> None:
    assert store.free_name(tmp_path / "run") == tmp_path / "run"
    (tmp_path / "run.partial").mkdir()
    (tmp_path / "run-2").mkdir()
    assert store.free_name(tmp_path / "run") == tmp_path / "run-3"


def test_a_run_is_found_by_either_name(tmp_path: Path) -> None:
    partial = store.make_partial(tmp_path / "run")
    assert store.find_partial(tmp_path / "run") == partial
    assert store.find_partial(partial) == partial


def test_a_run_that_has_ended_cannot_go_on(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "card.json").write_text("{}")
    for name in ("run", "run.partial"):
        with pytest.raises(RunError, match="is a finished run"):
            store.find_partial(tmp_path / name)
    with pytest.raises(RunError, match="There is no run at"):
        store.find_partial(tmp_path / "other")


def test_a_run_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    partial = store.make_partial(tmp_path / "run")
    with (
        store.lock_run(partial),
        pytest.raises(RunError, match="is in use by another process"),
        store.lock_run(partial),
    ):
        pass
    with store.lock_run(partial):  # free again
        pass


def test_a_folder_that_is_not_whole_does_not_get_its_final_name(tmp_path: Path) -> None:
    partial = store.make_partial(tmp_path / "run")
    with pytest.raises(ArtifactError):
        store.complete(partial)
    assert partial.is_dir()
    assert not (tmp_path / "run").exists()


def whole(partial: Path) -> None:
    for file in FIXTURE.iterdir():
        (partial / file.name).write_bytes(file.read_bytes())


def test_a_whole_folder_gets_its_final_name_and_loses_its_checkpoint(tmp_path: Path) -> None:
    partial = store.make_partial(tmp_path / "run")
    whole(partial)
    artifact = store.complete(partial)
    assert artifact.folder == tmp_path / "run"
    assert not partial.exists()
    assert sorted(path.name for path in artifact.folder.iterdir()) == sorted(path.name for path in FIXTURE.iterdir())


def test_a_file_deleted_after_it_was_verified_keeps_the_folder_from_its_final_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = store.make_partial(tmp_path / "run")
    whole(partial)
    monkeypatch.setattr(store, "remove_scratch", lambda folder: (folder / "model.keras").unlink())
    with pytest.raises(RunError, match=r"model\.keras was deleted by another process: delete the folder and train"):
        store.complete(partial)
    assert partial.is_dir()
    assert not (tmp_path / "run").exists()


def test_a_final_name_taken_meanwhile_is_left_alone(tmp_path: Path) -> None:
    partial = store.make_partial(tmp_path / "run")
    whole(partial)
    (tmp_path / "run").mkdir()
    with pytest.raises(RunError, match="was created by another process"):
        store.complete(partial)
    assert list((tmp_path / "run").iterdir()) == []
    assert store.load(partial).card.seed == 0


def test_a_file_that_does_not_agree_with_the_network_is_not_kept(tmp_path: Path, digits: Dataset) -> None:
    network = store.load_keras(FIXTURE / "model.keras")
    images = digits.test.images[:20]
    other = np.roll(keras_classifier(network)(images), 1, axis=1)
    with pytest.raises(ExportError, match=r"model\.onnx is left out: its probabilities differ .* by up to"):
        checked_files.export_onnx(network, tmp_path / "model.onnx", images, other)
    assert list(tmp_path.iterdir()) == []


def test_keeping_says_so_when_there_is_no_onnx_form(
    tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"keras.src.ops.linalg": {"Inv"}, None: keras_file.PARTS[None] | {"__tensor__"}}
    monkeypatch.setattr(keras_file, "PARTS", keras_file.PARTS | parts)  # which no model of mnist-cnn has
    inputs = keras.Input((28, 28, 1), dtype="uint8")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    # A matrix inverse is in TensorFlow and not in ONNX.
    root = keras.ops.linalg.inv(keras.ops.reshape(flat[:, :100], (-1, 10, 10)) + 20 * keras.ops.eye(10))[:, 0]
    network = keras.Model(inputs, keras.layers.Softmax()(root))
    images = digits.test.images[:20]
    [sentence] = saved_files.save(network, Recipe(), tmp_path, images, keras_classifier(network)(images))
    assert sentence.startswith("model.onnx is left out: it cannot be read back")
    assert "\n" not in sentence
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_network_of_every_recipe_is_let_in_again(name: str, tmp_path: Path) -> None:
    recipe = RECIPES[name]
    network = calibrated(plain(as_saved(build(name, recipe.dropout), recipe.test_time_shift)), 1.1)
    network.save(tmp_path / "model.keras")
    assert store.load_keras(tmp_path / "model.keras").count_params() == network.count_params()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nonsense", b"text"], ids=["empty", "broken zip", "text"])
def test_what_is_not_a_keras_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(ArtifactError, match="cannot be loaded") as caught:
        store.load_keras(tmp_path / "model.keras")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "most"), [("metadata.json", 2**20), ("config.json", 2**24), ("model.weights.h5", 2**28), ("other", -1)]
)
def test_each_part_of_a_keras_file_has_a_size_that_it_may_have(name: str, most: int) -> None:
    for size, fine in ((0, most >= 0), (max(most, 0), most >= 0), (most + 1, False)):
        for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            member = zipfile.ZipInfo(name)
            member.file_size, member.compress_type = size, compression
            assert keras_file.expected(member) is (fine and compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
