"""A recipe as a scikit-learn estimator."""

import inspect
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import validate_data

from mnist_cnn import DigitClassifier, Recipe
from mnist_cnn.data.dataset import Dataset, Examples
from mnist_cnn.errors import DataError, RecipeError
from mnist_cnn.reading.network import Classifier
from mnist_cnn.training.recipe import OF_DETECTORS, OF_TEACHER
from mnist_cnn.workflows import estimator
from mnist_cnn.workflows.estimator import digits_of, images_of

QUICK = {"epochs": 1, "repeats": 1, "threads": 2}


class SmallImages(DigitClassifier):
    """Makes images of the 2 to 20 columns of normal numbers that scikit-learn's checks bring along.

    Nothing else is different, so that what is checked is the estimator.
    """

    def _training(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
        numbers, labels = validate_data(self, X, y)
        return drawn(numbers), digits_of(labels)

    def _images(self, X: Any) -> np.ndarray:  # noqa: N803
        return drawn(validate_data(self, X, reset=False))


def drawn(numbers: np.ndarray) -> np.ndarray:
    pixels = np.clip(np.rint(128 + 40 * np.asarray(numbers, np.float64)), 0, 255)
    return images_of(np.pad(pixels, ((0, 0), (0, 784 - pixels.shape[1]))))


class Centres:
    """Stands in for a Keras model: the mean image of each digit. A real one takes seconds for each of 100 fits."""

    def __init__(self, training: Examples) -> None:
        self.compiled = True
        self.means = {int(one): training.images[training.labels == one].mean(0) for one in np.unique(training.labels)}

    def classify(self, images: np.ndarray) -> np.ndarray:
        far = np.full((len(images), 10), np.inf)
        for digit, mean in self.means.items():
            far[:, digit] = np.square(images - mean).sum(axis=(1, 2)) / 1e4
        chances = np.exp(far.min(axis=1, keepdims=True) - far)
        return np.asarray(chances / chances.sum(axis=1, keepdims=True), np.float32)


@pytest.fixture
def centres(monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(_recipe: Recipe, training: Examples, *_: object) -> Centres:
        return Centres(training)

    def classifier(model: Centres) -> Classifier:
        return model.classify

    monkeypatch.setattr(estimator, "trained", trained)
    monkeypatch.setattr(estimator, "keras_classifier", classifier)


def cannot_hold(one: DigitClassifier) -> dict[str, str]:
    """The checks of scikit-learn that cannot hold, each with its reason."""
    assert isinstance(one, DigitClassifier)
    return {"check_classifiers_classes": "labels are the digits 0 to 9 and not words, which the check brings along"}


@pytest.mark.usefixtures("centres")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([SmallImages("tiny", batch_size=1)], expected_failed_checks=cannot_hold)
def test_what_scikit_learn_asks_of_an_estimator(estimator: DigitClassifier, check: Any) -> None:
    check(estimator)


def test_every_hyperparameter_is_a_parameter_with_the_recipes_value_by_default() -> None:
    parameters = inspect.signature(DigitClassifier).parameters
    names = (
        {one.name for one in Recipe.hyperparameters()}
        - {"validation_split", "early_stopping", "ink_digits", "ink_negatives"}
        - OF_DETECTORS
        - OF_TEACHER
    )
    assert set(parameters) == names | {"recipe", "random_state", "threads", "verbose"}
    assert {parameters[name].default for name in names} == {None}
    recipe = DigitClassifier("fast", dropout=0.3)._whole_recipe()
    assert recipe == Recipe("fast", dropout=0.3, validation_split=0.0)
    mine = Recipe("best", epochs=3)
    assert clone(DigitClassifier(mine, epochs=4))._whole_recipe() == mine.replace(epochs=4, validation_split=0.0)


@pytest.mark.usefixtures("centres")
@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (784,)], ids=str)
@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float64], ids=lambda kind: kind.__name__)
def test_images_of_any_usual_form_are_the_same(shape: tuple[int, ...], kind: type, digits: Dataset) -> None:
    x_train, y_train = digits.train
    plain = DigitClassifier().fit(x_train, y_train)
    other = DigitClassifier().fit(x_train.reshape(-1, *shape).astype(kind), y_train.tolist())
    x_test = digits.test.images
    assert (other.predict(x_test.reshape(-1, *shape).astype(kind)) == plain.predict(x_test)).all()
    assert (other.n_features_in_, other.classes_.tolist()) == (784, list(range(10)))
    assert other.score(x_test.reshape(-1, *shape), digits.test.labels) > 0.8


@pytest.mark.usefixtures("centres")
def test_digits_that_were_not_seen_have_no_column(digits: Dataset) -> None:
    seen = np.isin(digits.train.labels, (3, 5, 8))
    fitted = DigitClassifier().fit(digits.train.images[seen], digits.train.labels[seen])
    assert fitted.classes_.tolist() == [3, 5, 8]
    probabilities = fitted.predict_proba(digits.test.images)
    assert probabilities.shape == (500, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert set(fitted.predict(digits.test.images)) == {3, 5, 8}


def test_an_image_that_resembles_only_digits_not_seen_is_each_digit_alike(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = np.isin(digits.train.labels, (3, 5))
    one_hot = np.eye(10, dtype=np.float32)[[7, 5]]
    monkeypatch.setattr(estimator, "trained", lambda *_: Centres(digits.train))
    monkeypatch.setattr(estimator, "keras_classifier", lambda _: lambda _: one_hot)
    fitted = DigitClassifier().fit(digits.train.images[seen], digits.train.labels[seen])
    assert fitted.predict_proba(digits.test.images[:2]).tolist() == [[0.5, 0.5], [pytest.approx(0), 1]]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda x, y: (x / 255, y), r"X holds float64 pixels from 0 to 1, but whole numbers .*\(255 \* X\)\.round\(\)"),
        (lambda x, y: (x.astype(int) - 1, y), "X holds int64 pixels from -1 to 254, but whole numbers"),
        (lambda x, y: (x[:, :, :20], y), r"X has the shape \(100, 560\): images are expected as"),
        (lambda x, y: (x > 127, y), "X holds bool pixels from 0 to 1, but whole numbers"),
        (lambda x, y: (x, y + 1), r"y holds labels such as 10, but digits are integers from 0 to 9\.$"),
        (lambda x, y: (x, y - 1.0), r"y holds labels such as -1\.0, but digits are integers from 0 to 9\.$"),
        (
            lambda x, y: (x, y.astype(str)),
            r"y holds labels such as '\d', .* 0 to 9; for digits as strings: y.astype\(int\)",
        ),
        (lambda x, y: (x, y.astype(str).astype(object)), r"y holds labels such as '\d', .*: y.astype\(int\)"),
    ],
)
def test_wrong_arguments_are_a_value_error_in_one_sentence(change: Any, sentence: str, digits: Dataset) -> None:
    x, y = digits.train.images[:100], digits.train.labels[:100]
    with pytest.raises(DataError, match=sentence) as caught:
        DigitClassifier(**QUICK).fit(*change(x, y))
    assert isinstance(caught.value, ValueError)


def test_wrong_hyperparameters_are_an_error_at_fit_and_misspelt_ones_before(digits: Dataset) -> None:
    for wrong in (DigitClassifier("fsat"), DigitClassifier(dropout=2)):
        with pytest.raises(RecipeError):
            wrong.fit(*digits.train)
    with pytest.raises(TypeError, match="epoch"):
        DigitClassifier(epoch=3)  # type: ignore[call-arg]
    with pytest.raises(NotFittedError):
        DigitClassifier().predict(digits.test.images)


@pytest.mark.slow
def test_it_learns_and_survives_a_pickle_and_a_clone(digits: Dataset) -> None:
    fitted = DigitClassifier("fast", epochs=1, repeats=6, backend="auto").fit(*digits.train)
    assert fitted.score(*digits.test) > 0.85
    probabilities = fitted.predict_proba(digits.test.images)
    assert np.abs(fitted.model_.predict(digits.test.images[..., np.newaxis], verbose=0) - probabilities).max() < 1e-5
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    assert np.abs(again.predict_proba(digits.test.images) - probabilities).max() < 1e-6
    assert clone(fitted).get_params() == fitted.get_params()
    same = clone(fitted).fit(*digits.train)
    assert np.abs(same.predict_proba(digits.test.images) - probabilities).max() < 1e-3


PICKLED = """
import sys, joblib, keras
from mnist_cnn import DigitClassifier, load_data
(x_train, y_train), (x_test, _) = load_data("digits")
fitted = DigitClassifier("fast", epochs=1, repeats=1).fit(x_train, y_train)
joblib.dump((keras.backend.backend(), fitted, fitted.predict_proba(x_test)), sys.argv[1])
"""
UNPICKLED = """
import sys, joblib, keras, numpy as np
from mnist_cnn import load_data
trained_on, fitted, probabilities = joblib.load(sys.argv[1])
difference = np.abs(fitted.predict_proba(load_data("digits").test.images) - probabilities).max()
print(trained_on, keras.backend.backend(), difference < 1e-5)
"""


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.parametrize("framework", ["tensorflow", "jax"])
def test_a_pickle_is_read_by_another_process_on_either_framework(framework: str, tmp_path: Path) -> None:
    pytest.importorskip(framework)
    for code, backend in dict.fromkeys([(PICKLED, framework), (UNPICKLED, "tensorflow"), (UNPICKLED, framework)]):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "fitted.joblib")],
            env=os.environ | {"KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        if code is UNPICKLED:
            assert done.stdout == f"{framework} {backend} True\n"


@pytest.mark.slow
@pytest.mark.extended
def test_it_is_searched_and_cross_validated(digits: Dataset) -> None:
    x, y = digits.train.images[:300], digits.train.labels[:300]
    one = DigitClassifier("fast", repeats=1, backend="auto")
    search = GridSearchCV(one, {"epochs": [1, 4]}, cv=2).fit(x, y)
    assert search.best_params_ == {"epochs": 4}
    assert cross_val_score(one.set_params(epochs=4), x, y, cv=2).mean() > 0.3
