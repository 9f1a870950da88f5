"""Which digits are held out together, and what holding them out has shown. Plain arrays: no network."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_cnn.evaluation.metrics import Accuracy, accuracy, negative_log_likelihood

PARTS = 3
LEAST_GAIN = 0.01  # nats a digit: with less a person sees no difference, and by chance some digit may be read worse
SURE = 0.99  # a network that is so sure of another digit than the label's has reason to doubt the label


def parts_of(pictures: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """In which part, 0 to 2, each digit (n,) is held out: those of one picture together, and of each digit alike."""
    first = {picture: labels[pictures == picture].min() for picture in rng.permutation(np.unique(pictures)).tolist()}
    ordered = sorted(first, key=lambda picture: first[picture])
    part = {picture: place % PARTS for place, picture in enumerate(ordered)}
    return np.array([part[picture] for picture in pictures.tolist()])


@dataclass(frozen=True)
class HeldOut:
    """Labels (n,) of digits, and probabilities (n, 10) for them `before` and `after` learning from the others."""

    labels: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @property
    def accuracies(self) -> tuple[Accuracy, Accuracy]:
        """How many are read rightly before and after."""
        return accuracy(self.before, self.labels), accuracy(self.after, self.labels)

    @property
    def losses(self) -> tuple[float, float]:
        """The negative log-likelihood before and after, in nats a digit."""
        return negative_log_likelihood(self.before, self.labels), negative_log_likelihood(self.after, self.labels)

    @property
    def better(self) -> bool:
        """Whether more are read rightly, or as many with clearly more confidence in what is right."""
        (before, after), (loss, later) = self.accuracies, self.losses
        return after.correct > before.correct or (after.correct == before.correct and loss - later >= LEAST_GAIN)

    @property
    def doubtful(self) -> np.ndarray:
        """Which labels (n,) look wrong: before and after, the network is very sure of the same other digit."""
        read = self.before.argmax(axis=1)
        sure = np.minimum(self.before.max(axis=1), self.after.max(axis=1)) >= SURE
        return np.asarray(sure & (read == self.after.argmax(axis=1)) & (read != self.labels))

    def to_dict(self) -> dict[str, Any]:
        """What holding out has shown, as JSON has it."""
        (before, after), (loss, later) = self.accuracies, self.losses
        return {
            "parts": PARTS,
            "before": before.to_dict() | {"negative_log_likelihood": loss},
            "after": after.to_dict() | {"negative_log_likelihood": later},
        }
