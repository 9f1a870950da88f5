"""Cross-validation of an adaptation: the folds, and the result on held-out digits. Plain arrays: no model."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_cnn.evaluation.metrics import Accuracy, accuracy, negative_log_likelihood

FOLDS = 3
LEAST_GAIN = 0.01  # nats per digit: a smaller gain makes no visible difference, and by chance some digit may get worse
CONFIDENT = 0.99  # a model that is this confident of another digit has reason to doubt the label


def folds_of(sources: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The fold, 0 to 2, of each digit (n,): all digits of one image in the same fold, each class spread evenly."""
    first = {source: labels[sources == source].min() for source in rng.permutation(np.unique(sources)).tolist()}
    ordered = sorted(first, key=lambda source: first[source])
    fold = {source: position % FOLDS for position, source in enumerate(ordered)}
    return np.array([fold[source] for source in sources.tolist()])


@dataclass(frozen=True)
class HeldOut:
    """Labels (n,) of digits, and their probabilities (n, 10) `before` and `after` fine-tuning on the others."""

    labels: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @property
    def accuracies(self) -> tuple[Accuracy, Accuracy]:
        """The accuracy before and after."""
        return accuracy(self.before, self.labels), accuracy(self.after, self.labels)

    @property
    def losses(self) -> tuple[float, float]:
        """The negative log-likelihood before and after, in nats per digit."""
        return negative_log_likelihood(self.before, self.labels), negative_log_likelihood(self.after, self.labels)

    @property
    def improved(self) -> bool:
        """Whether more predictions are correct, or as many with a clearly lower loss."""
        (before, after), (loss, later) = self.accuracies, self.losses
        return after.correct > before.correct or (after.correct == before.correct and loss - later >= LEAST_GAIN)

    @property
    def possible_label_errors(self) -> np.ndarray:
        """Which labels (n,) may be wrong: before and after, the model is very confident of the same other digit."""
        predicted = self.before.argmax(axis=1)
        confident = np.minimum(self.before.max(axis=1), self.after.max(axis=1)) >= CONFIDENT
        return np.asarray(confident & (predicted == self.after.argmax(axis=1)) & (predicted != self.labels))

    def to_dict(self) -> dict[str, Any]:
        """The result on held-out digits as JSON."""
        (before, after), (loss, later) = self.accuracies, self.losses
        return {
            "parts": FOLDS,
            "before": before.to_dict() | {"negative_log_likelihood": loss},
            "after": after.to_dict() | {"negative_log_likelihood": later},
        }
