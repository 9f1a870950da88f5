"""A saved model as people use it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import mnist_cnn
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ArtifactError, DataError, EvaluationError, RunError
from mnist_cnn.reading.network import onnx_classifier

FOLDER = Path(__file__).parent / "fixtures" / "format-2"


@pytest.fixture(scope="module")
def model() -> mnist_cnn.Model:
    return mnist_cnn.load(FOLDER)


def test_it_predicts_digits_and_probabilities(model: mnist_cnn.Model, digits: Dataset) -> None:
    images = digits.test.images
    probabilities = model.predict_proba(images)
    assert (probabilities == onnx_classifier(FOLDER / "model.onnx")(images)).all()
    assert (model.predict(images) == probabilities.argmax(axis=1)).all()
    assert (model.predict(images) == digits.test.labels).sum() == 459
    assert (model.predict(images[..., np.newaxis]) == model.predict(images)).all()
    assert (model.predict(list(images[:3])) == model.predict(images[:3])).all()
    assert model.predict_proba(images[0]).shape == (1, 10)
    assert model.predict(images[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (np.zeros((2, 28, 28)), r"images holds float64 images, but uint8 .*\(255 \* images\)"),
        (np.zeros((2, 784), np.uint8), r"images has the shape \(2, 784\)"),
        ("photo.jpg", "images holds <U9 images, but uint8"),
    ],
)
def test_other_images_are_an_error_in_one_sentence(model: mnist_cnn.Model, images: object, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        model.predict(images)


def test_it_prints_short(model: mnist_cnn.Model) -> None:
    assert repr(model) == f"Model({str(FOLDER)!r}, recipe 'classic', 91.80% on digits)"


def test_it_is_evaluated_on_what_it_was_trained_on_or_on_other_data(model: mnist_cnn.Model, digits: Dataset) -> None:
    evaluation = model.evaluate()
    assert (evaluation.correct, evaluation.count) == (459, 500)
    first = (digits.test.images[:100], digits.test.labels[:100])
    assert model.evaluate((digits.train, first)).count == 100
    assert mnist_cnn.evaluate(model, digits).correct == 459
    assert mnist_cnn.evaluate(FOLDER).correct == 459
    assert mnist_cnn.evaluate(model.predict_proba, digits).correct == 459
    assert mnist_cnn.evaluate(model.predict_proba(digits.test.images), digits.test.labels).correct == 459


def test_a_model_of_another_library_says_how_to_evaluate_it(digits: Dataset) -> None:
    class Foreign:
        def predict(self, images: np.ndarray) -> np.ndarray:
            return images

    with pytest.raises(EvaluationError, match=r"a Foreign without predict_proba.*evaluate\(model\.predict\(x_test\), "):
        mnist_cnn.evaluate(Foreign(), digits)


def test_a_function_that_gives_no_probabilities_is_an_error_in_one_sentence(digits: Dataset) -> None:
    with pytest.raises(EvaluationError):
        mnist_cnn.evaluate(lambda images: images, digits)


def test_it_is_a_classifier_for_a_reader(model: mnist_cnn.Model, digits: Dataset) -> None:
    reader = mnist_cnn.Reader(model)
    assert (reader.classify(digits.test.images[:3]) == model.predict_proba(digits.test.images[:3])).all()


def test_it_is_saved_whole_or_as_one_file_and_nothing_is_overwritten(model: mnist_cnn.Model, tmp_path: Path) -> None:
    assert model.save(tmp_path / "copy") == tmp_path / "copy"
    assert mnist_cnn.load(tmp_path / "copy").card == model.card
    assert model.save(tmp_path / "net.onnx").read_bytes() == (FOLDER / "model.onnx").read_bytes()
    assert model.save(tmp_path / "net.keras").read_bytes() == (FOLDER / "model.keras").read_bytes()
    for path in ("copy", "net.onnx"):
        with pytest.raises(RunError, match="already exists and nothing is overwritten"):
            model.save(tmp_path / path)
    with pytest.raises(RunError, match="could not be written"):
        model.save(tmp_path / "net.onnx" / "inside")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "net.keras", "net.onnx"]


def test_the_bundled_model_is_saved_as_the_one_file_that_it_has(tmp_path: Path) -> None:
    bundled = mnist_cnn.load("bundled")
    assert bundled.save(tmp_path / "net.onnx").stat().st_size > 1e5
    for path in ("copy", "net.keras"):
        with pytest.raises(ArtifactError, match=r"has no model\.keras: save one of model\.onnx\."):
            bundled.save(tmp_path / path)
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def test_a_model_without_an_onnx_file_says_so(tmp_path: Path, model: mnist_cnn.Model) -> None:
    bundled = mnist_cnn.load("robust")
    assert bundled.card.recipe["name"] == "robust"
    with pytest.raises(ArtifactError, match="is not a saved model"):
        mnist_cnn.load(tmp_path)
    shutil.copytree(FOLDER, tmp_path / "x")
    (tmp_path / "x" / "model.onnx").write_bytes(b"x")
    with pytest.raises(ArtifactError, match="SHA-256"):
        mnist_cnn.load(tmp_path / "x")
    assert model.folder == FOLDER


@pytest.mark.slow
@pytest.mark.parametrize("name", [FOLDER, "robust"], ids=["folder", "bundled"])
def test_the_keras_model_takes_bytes_and_gives_the_same(name: str | Path, digits: Dataset) -> None:
    model = mnist_cnn.load(name)
    images = digits.test.images[:50]
    given = model.keras.predict(images[..., np.newaxis], verbose=0)
    assert np.abs(given - model.predict_proba(images)).max() <= 1e-5


def test_it_shows_its_learning_curves_and_its_confusion_matrix_in_a_notebook(model: mnist_cnn.Model) -> None:
    page = model._repr_html_()
    assert page.count("<svg ") == 2
    assert "<td" in page
    assert "91.80% on digits" in page
