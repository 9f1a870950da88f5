"""A scikit-learn estimator: labelled images in memory → a classifier in memory. Saves nothing and prints nothing."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mnist_cnn.callbacks.progress import callbacks_for
from mnist_cnn.data.dataset import Examples
from mnist_cnn.errors import DataError
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.system import environment
from mnist_cnn.training import backend
from mnist_cnn.training.recipe import OF_DETECTORS, OF_TEACHER, Recipe
from mnist_cnn.workflows.cross_validation import trained

if TYPE_CHECKING:
    from mnist_cnn.reading.network import Classifier

environment.require_training("DigitClassifier")
from sklearn.base import BaseEstimator, ClassifierMixin  # noqa: E402  after the sentence for the base install
from sklearn.utils import check_random_state  # noqa: E402
from sklearn.utils.multiclass import check_classification_targets  # noqa: E402
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data  # noqa: E402

PIXELS = 28 * 28


# All images are trained on, none are drawn from ink, and there is no teacher.
NOT_HERE = {"validation_split", "early_stopping", "ink_digits", "ink_negatives"} | OF_DETECTORS | OF_TEACHER


class DigitClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A recipe as a scikit-learn estimator, for `GridSearchCV`, `cross_val_score` and pipelines.

    `recipe` is the name of one or a `Recipe`; every other hyperparameter is the recipe's unless it is given. All images
    are trained on: there is no validation part. `random_state` decides initial weights, shuffling, augmentation and
    dropout, `threads` is left to the framework by default, and `verbose` is that of `train`.

    `X` are images (n, 28, 28), (n, 28, 28, 1) or (n, 784), foreground 255 and background 0, of integers or whole
    floats; `y` their digits (n,), integers 0 to 9. After `fit` there are `classes_`, the digits seen; `model_`, the
    Keras model, which takes (n, 28, 28, 1) uint8; and `n_features_in_`, 784. What is wrong with the arguments is an
    error at `fit`, a DataError or RecipeError, and DataError is a ValueError.
    """

    def __init__(
        self,
        recipe: str | Recipe = "classic",
        *,
        epochs: int | None = None,
        batch_size: int | None = None,
        optimizer: str | None = None,
        beta_2: float | None = None,
        learning_rate: float | None = None,
        schedule: str | None = None,
        warm_up: float | None = None,
        label_smoothing: float | None = None,
        class_weights: str | None = None,
        weight_decay: float | None = None,
        dropout: float | None = None,
        parameters: int | None = None,
        rotation: float | None = None,
        zoom: float | None = None,
        shear: float | None = None,
        translation: float | None = None,
        elastic: float | None = None,
        restyle: float | None = None,
        negatives: float | None = None,
        final_plain_epochs: int | None = None,
        test_time_shift: int | None = None,
        precision: str | None = None,
        backend: str | None = None,
        repeats: int | None = None,
        steps_per_execution: int | None = None,
        random_state: Any = 0,
        threads: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.recipe = recipe
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.beta_2 = beta_2
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.warm_up = warm_up
        self.label_smoothing = label_smoothing
        self.class_weights = class_weights
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.parameters = parameters
        self.rotation = rotation
        self.zoom = zoom
        self.shear = shear
        self.translation = translation
        self.elastic = elastic
        self.restyle = restyle
        self.negatives = negatives
        self.final_plain_epochs = final_plain_epochs
        self.test_time_shift = test_time_shift
        self.precision = precision
        self.backend = backend
        self.repeats = repeats
        self.steps_per_execution = steps_per_execution
        self.random_state = random_state
        self.threads = threads
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803  scikit-learn's names
        """Train a model on images and their digits; gives the estimator. Raises DataError, RecipeError or RunError."""
        recipe = self._whole_recipe()
        images, labels = self._training(X, y)
        self.classes_ = np.unique(labels)
        seed = int(check_random_state(self.random_state).randint(2**31))
        backend.prefer(recipe.backend, required=self.backend is not None or backend.is_required(recipe))
        backend.start()
        if self.threads is not None:
            backend.configure(self.threads, deterministic=False)
        examples = Examples(images, labels.astype(np.uint8))
        callbacks = callbacks_for(self.verbose, ())
        self.model_ = trained(recipe.for_images(len(labels)), examples, seed, 0, 1, callbacks)
        self.model_.compiled = False  # a pickle must ask for no loss of this package, and for no layers
        if backend.name() == "jax":
            from mnist_cnn.models.layers import plain  # here, because Keras comes with it

            self.model_ = plain(self.model_)
        self._classifier = keras_classifier(self.model_)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803  scikit-learn's names
        """Probabilities (n, len(classes_)), each row summing to 1, in the order of `classes_`."""
        check_is_fitted(self)
        images = self._images(X)
        if self._classifier is None:
            self._classifier = keras_classifier(self.model_)
        # The smallest float changes no probability, and makes a row of zeros alike for all digits.
        of_seen = self._classifier(images)[:, self.classes_].astype(np.float64) + np.finfo(np.float32).tiny
        return np.asarray(of_seen / of_seen.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803  scikit-learn's names
        """The most probable digit of each image, (n,)."""
        columns = self.predict_proba(X).argmax(axis=1)  # first: it says so if nothing is fitted
        return np.asarray(self.classes_[columns])

    def _whole_recipe(self) -> Recipe:
        """The recipe with what was given; raises RecipeError."""
        recipe = Recipe(self.recipe) if isinstance(self.recipe, str) else self.recipe
        recipe.require_classifier("DigitClassifier")
        names = (one.name for one in Recipe.hyperparameters() if one.name not in NOT_HERE)
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return recipe.replace(validation_split=0.0, **given)

    def _training(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803  scikit-learn's names
        """Images (n, 28, 28) uint8 and their digits (n,); raises DataError for any others."""
        pixels, labels = validate_data(self, flat(X), y)
        return images_of(pixels), digits_of(labels)

    def _images(self, X: Any) -> np.ndarray:  # noqa: N803  scikit-learn's names
        """Images (n, 28, 28) uint8; raises DataError for any others."""
        return images_of(validate_data(self, flat(X), reset=False))

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        return state | {"_classifier": None} if "_classifier" in state else state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.classifier_tags.poor_score = True  # of what is no image
        return tags

    _classifier: "Classifier | None"


def flat(X: Any) -> Any:  # noqa: N803  scikit-learn's name
    """(n, 784) from (n, 28, 28) or (n, 28, 28, 1), of which scikit-learn's own checks know nothing."""
    return X.reshape(len(X), -1) if isinstance(X, np.ndarray) and X.ndim > 2 else X


def images_of(pixels: np.ndarray) -> np.ndarray:
    """(n, 28, 28) uint8 from (n, 784) numbers; raises DataError unless they are whole ones from 0 to 255."""
    if pixels.shape[1] != PIXELS:
        raise DataError(f"X has the shape {pixels.shape}: images are expected as (n, 28, 28) or (n, 784).")
    if pixels.dtype != np.uint8:
        low, high = float(pixels.min(initial=0)), float(pixels.max(initial=0))
        if low < 0 or high > 255 or (pixels != np.rint(pixels)).any() or (pixels.dtype.kind in "bf" and 0 < high <= 1):
            raise DataError(
                f"X holds {pixels.dtype} pixels from {low:g} to {high:g}, but whole numbers from 0 (background) to 255 "
                "(foreground) are expected; for pixels from 0.0 to 1.0: (255 * X).round()."
            )
    return pixels.astype(np.uint8).reshape(-1, 28, 28)


def digits_of(labels: Any) -> np.ndarray:
    """(n,) integers from 0 to 9; raises DataError for any other labels."""
    check_classification_targets(labels)
    labels = column_or_1d(labels, warn=True)
    wrong = labels[~np.isin(labels, np.arange(10))] if labels.dtype.kind in "iuf" else labels
    if len(wrong):
        hint = "; for digits as strings: y.astype(int)" if labels.dtype.kind in "OUST" else ""
        raise DataError(f"y holds labels such as {wrong.tolist()[0]!r}, but digits are integers from 0 to 9{hint}.")
    return np.asarray(labels.astype(np.int64))
