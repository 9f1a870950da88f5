"""A teacher's probabilities become a part of what a model learns: its targets. Plain arrays, no framework.

The method is that of Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network" (arXiv:1503.02531).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.temperature import at
from mnist_cnn.training.recipe import Recipe

AT_ONCE = 2_000  # images between two reports of the teacher's progress


@dataclass(frozen=True)
class Teacher:
    """What a model learns from beside the labels: the probabilities of `classify`, another model, for each image.

    What it gave for the images of an epoch is kept while they come again.
    """

    classify: Classifier
    recipe: Recipe
    known: dict[int, np.ndarray] = field(default_factory=dict)

    def targets(
        self, epoch: int, images: np.ndarray, truth: np.ndarray, told: Callable[[int, int], None]
    ) -> np.ndarray:
        """The targets (n, classes) for the images of an epoch, whose labels are the probabilities `truth`.

        `told` is called with the number of images that the teacher has seen, and of all. A negative, which is of no
        class, keeps its own target.
        """
        drawn = drawn_as(self.recipe, epoch)
        if drawn not in self.known:
            if not self.recipe.teacher_epochs:
                self.known.clear()  # always new ones
            self.known[drawn] = self.probabilities(images, told)
        share = self.recipe.teacher_share
        mixed = (1 - share) * truth + share * at(self.known[drawn], self.recipe.teacher_temperature)
        return np.where(truth.max(axis=1, keepdims=True) > 0.5, mixed, truth).astype(np.float32)

    def probabilities(self, images: np.ndarray, told: Callable[[int, int], None]) -> np.ndarray:
        """The teacher's probabilities (n, classes) for images (n, *image_shape)."""
        parts = []
        for start in range(0, len(images), AT_ONCE):
            told(start, len(images))
            parts.append(self.classify(images[start : start + AT_ONCE]))
        told(len(images), len(images))
        return np.concatenate(parts)


def drawn_as(recipe: Recipe, epoch: int) -> int:
    """The epoch whose images are those of `epoch` where a teacher must look at all of them: an earlier one, or itself.

    The final epochs without augmentation have images of their own.
    """
    augmented = recipe.epochs - recipe.final_plain_epochs
    if not recipe.teacher_epochs or epoch >= augmented:
        return min(epoch, augmented) if recipe.teacher_epochs else epoch
    return epoch % recipe.teacher_epochs


def sharpening(recipe: Recipe) -> float:
    """The temperature that undoes the teacher's: the model was compared with it at that temperature."""
    return 1 / recipe.teacher_temperature
