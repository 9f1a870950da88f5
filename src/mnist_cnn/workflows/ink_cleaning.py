"""Wrong labels among digits of ink found by cross-validation over writers. Prints nothing, writes no file."""

from collections.abc import Sequence

import numpy as np

from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.callbacks.progress import ProgressCallback
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.rendering import as_examples, plain
from mnist_cnn.training.recipe import RECIPES
from mnist_cnn.workflows.cross_validation import out_of_fold

FOLDS = 4
RECIPE = RECIPES["fast"].replace(
    epochs=6, final_plain_epochs=1, rotation=10.0, zoom=0.1, shear=0.15, translation=1.0, elastic=1.0, repeats=0
)
# Contributors of UNIPEN with wrong labels, and with strokes that belong to the character beside. Elsewhere what is not
# recognised is a rare way of writing (docs/log.md).
NOISY = ("unipen/ibm/", "unipen/uqb/")
WRONG = 0.05  # a label with a lower probability than this is taken to be wrong


def recognised(digits: Sequence[InkCharacter], seed: int, callbacks: CallbackList) -> np.ndarray:
    """The probability (n,) of each digit's label, by a model that was trained on other writers' digits."""
    examples = as_examples(plain(digits), digits)
    writers = np.array([one.writer for one in digits])
    callbacks.on_message(
        f"Ink: the labels of {len(digits):,} digits are checked by cross-validation over their writers"
    )
    # Only progress: the callbacks of the run itself are not told of these models.
    shown = [ProgressCallback(quiet=one.quiet) for one in callbacks.callbacks if isinstance(one, ProgressCallback)]
    folds = min(FOLDS, len(np.unique(writers)))
    probabilities, _ = out_of_fold(
        RECIPE, examples, examples.images[:0], folds, seed, CallbackList(shown), groups=writers
    )
    return np.asarray(probabilities[np.arange(len(digits)), examples.labels])


def plausible(digits: Sequence[InkCharacter], probabilities: np.ndarray) -> np.ndarray:
    """Which digits to keep (n,) bool: all but those of noisy contributors whose label has too low a probability."""
    noisy = np.array([one.writer.startswith(NOISY) for one in digits])
    return ~noisy | (probabilities >= WRONG)
