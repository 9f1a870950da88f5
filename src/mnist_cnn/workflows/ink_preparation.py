"""Ink → what a training takes of it: checked, split by writer, and described for the model card."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.data.dataset import Examples
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.collection import Ink, writers
from mnist_cnn.data.ink.rendering import as_examples, plain, varied
from mnist_cnn.data.ink.training_ink import LIKE_DIGITS, TrainingInk, shares
from mnist_cnn.data.ink.writers import held_out
from mnist_cnn.errors import DataError
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.network import Classifier
from mnist_cnn.system.files import DAMAGE, read_limited, write_whole
from mnist_cnn.system.schema import SHARE, ListOf
from mnist_cnn.workflows.ink_cleaning import plausible, recognised

RECOGNISED = "recognised.json"  # in the folder of a checkpoint: the result of the cross-validation
LARGEST = 2**26  # bytes of it


@dataclass(frozen=True, eq=False)
class PreparedInk:
    """Ink as a training takes it.

    `training` is of writers to train on, `held_out` are digits of the others. `left_out` is the number of digits whose
    label is taken to be wrong, which are in neither.
    """

    ink: Ink
    training: TrainingInk
    held_out: Sequence[InkCharacter]
    left_out: int

    @cached_property
    def plain_validation(self) -> Examples:
        """The held-out writers' digits as they were written."""
        return as_examples(plain(self.held_out), self.held_out)

    def varied_validation(self, rng: np.random.Generator) -> Examples:
        """The held-out writers' digits in another hand, pen and light, as the training digits are."""
        return as_examples(varied(self.held_out, rng), self.held_out)

    def accuracies(self, classify: Classifier) -> dict[str, Accuracy]:
        """How many of the held-out writers' digits are right, by dataset."""
        examples = self.plain_validation
        correct = classify(examples.images).argmax(axis=1) == examples.labels
        of = np.array([one.writer.partition("/")[0] for one in self.held_out])
        return {str(name): Accuracy(int(correct[of == name].sum()), int((of == name).sum())) for name in np.unique(of)}

    def about(self) -> dict[str, Any]:
        """What the model card says of it."""
        digits, others = self.training.digits, self.training.others
        return {
            "sources": list(self.ink.sources),
            "origin": list(self.ink.origin),
            "sha256": self.ink.sha256,
            "training": {"digits": len(digits), "others": len(others), "writers": writers([*digits, *others])},
            "held_out": {"digits": len(self.held_out), "writers": writers(self.held_out)},
            "left_out": self.left_out,
        }


def prepared(ink: Ink, folder: Path, seed: int, callbacks: CallbackList) -> PreparedInk:
    """Check the digits by cross-validation, or take its result from the folder of a checkpoint, and split by writer.

    Raises DataError if there is nothing to train on, or nothing held out.
    """
    digits = ink.digits
    probabilities = kept(folder / RECOGNISED, len(digits))
    if probabilities is None:
        probabilities = np.round(recognised(digits, seed, callbacks), 4)
        write_whole(folder / RECOGNISED, json.dumps(probabilities.tolist()))
    keep = plausible(digits, probabilities)
    apart = np.array([held_out(one.writer) for one in digits])
    seen, unseen = np.flatnonzero(keep & ~apart), np.flatnonzero(keep & apart)
    if not len(seen) or not len(unseen):
        raise DataError(
            f"The ink has {len(seen):,} digits of writers to train on and {len(unseen):,} of writers "
            "to validate on, and needs both: give the whole of UNIPEN, or both files of Pen-Digits."
        )
    training = [digits[index] for index in seen.tolist()]
    others = [one for one in ink.others if one.label not in LIKE_DIGITS and not held_out(one.writer)]
    left_out = int((~keep).sum())
    result = PreparedInk(
        ink,
        TrainingInk(training, shares(training, probabilities[seen]), others),
        [digits[index] for index in unseen.tolist()],
        left_out,
    )
    callbacks.on_message(
        f"Ink: {len(seen):,} digits to train on, and {len(unseen):,} of {writers(result.held_out)} other writers to "
        f"validate on; {left_out:,} with labels that are probably wrong are left out"
    )
    return result


def kept(path: Path, count: int) -> np.ndarray | None:
    """The result of an earlier cross-validation over `count` digits; None if there is none that fits."""
    try:
        document = json.loads(read_limited(path, LARGEST))
    except (OSError, RecursionError, *DAMAGE):
        return None
    if ListOf(SHARE, length=count, longest=count).fault(document, ""):
        return None
    return np.array(document)
