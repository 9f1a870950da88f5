"""The most that is promised: images of 96×96 pixels in colour, and 1,000 classes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mnist_cnn
from datasets import write_csv
from mnist_cnn.artifact import saved_files
from mnist_cnn.card import LARGEST_SIDE, MOST_CLASSES, NO_CLASSIFIERS, Task
from mnist_cnn.data import source
from mnist_cnn.errors import DataError
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.reading.network import onnx_classifier, onnx_task
from mnist_cnn.training import backend
from mnist_cnn.training.compiled_network import Built, compiled
from mnist_cnn.training.recipe import RECIPES, Recipe

pytestmark = pytest.mark.usefixtures("threads_as_they_are")

NAMES = tuple(f"kind {number}" for number in range(MOST_CLASSES))
LARGEST_TASK = Task(LARGEST_SIDE, 3, NAMES)


QUICKEST = "classic"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == QUICKEST else pytest.mark.extended)
        for name in RECIPES
        if name not in NO_CLASSIFIERS
    ],
)
def test_every_recipe_learns_saves_and_predicts_the_largest_images_of_the_most_classes(
    name: str, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, *LARGEST_TASK.image_shape)).astype(np.uint8)
    recipe = Recipe(name, backend="tensorflow").for_images(len(images), task=LARGEST_TASK)
    network = compiled(recipe, seed=0, built=Built(LARGEST_TASK))
    before = [np.array(one) for one in network.get_weights()]
    loss = network.train_on_batch(images, np.eye(MOST_CLASSES, dtype=np.float32)[[0, 1, 998, 999]], return_dict=True)
    assert np.isfinite(loss["loss"])
    assert any((old != new).any() for old, new in zip(before, network.get_weights(), strict=True))
    finished = backend.finished(network, recipe)
    given = keras_classifier(finished)(images)
    assert given.shape == (4, MOST_CLASSES)
    assert given.sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert saved_files.save(finished, recipe, tmp_path, images, given, 1.0, LARGEST_TASK) == []
    file = tmp_path / "model.onnx"
    assert onnx_task(file) == LARGEST_TASK
    assert np.abs(onnx_classifier(file, task=LARGEST_TASK)(images) - given).max() < 1e-4


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,000 folders with three images of 12×12 pixels each: a pattern for each class, hardly changed."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("data") / "thousand"
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        pattern = 200 * rng.integers(0, 2, (12, 12))
        for number in range(3):
            pixels = pattern + rng.integers(0, 56, (12, 12))
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.slow
@pytest.mark.extended
def test_a_thousand_classes_go_from_folders_to_predictions_and_exports(thousand: Path, tmp_path: Path) -> None:
    dataset = source.load(thousand)
    assert (len(dataset.train), len(dataset.test), dataset.class_names) == (2000, 1000, NAMES)
    assert dataset.train.labels.dtype == np.uint16
    quick = {"backend": "tensorflow", "epochs": 4, "learning_rate": 0.005}
    model = mnist_cnn.train("fast", dataset, output=tmp_path / "run", verbose=0, **quick)
    assert model.card.evaluation["accuracy"] > 0.9
    assert model.class_names == NAMES == onnx_task(model.folder / "model.onnx").class_names
    page = (model.folder / "report.html").read_text(encoding="utf-8")
    assert "classifier of 1000 classes" in page.replace("1,000", "1000")
    assert len(page) < 8e6
    best = mnist_cnn.predict(thousand / "kind 7", model.folder, top_k=3)
    assert [len(one.classes) for one in best] == [3, 3, 3]
    assert any(one.classes[0] == "kind 7" for one in best)
    made = mnist_cnn.export(
        model.folder, "onnx", quantize="int8", data=str(thousand), output=tmp_path / "small.onnx", verbose=0
    )
    assert made.card["class_names"] == list(NAMES)
    assert onnx_task(tmp_path / "small.onnx").class_names == NAMES
    assert mnist_cnn.evaluate(model.folder / "model.onnx", str(thousand)).class_names == NAMES


def test_more_than_a_thousand_classes_are_one_sentence(tmp_path: Path) -> None:
    images = np.zeros((2002, 8, 8), np.uint8)
    images[::2, 2:4] = 255
    path = write_csv(tmp_path / "a.csv", images, [f"class {number // 2}" for number in range(2002)])
    with pytest.raises(DataError, match=r"holds 1,001 different labels.*at most 1,000 classes"):
        source.load(str(path))
