"""The training images of an epoch of a classifier. They depend on (seed, epoch) only. No framework.

What changes or draws images is imported where a recipe does so: OpenCV comes with it.
"""

from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.data.dataset import Examples
from mnist_cnn.training.recipe import Recipe

if TYPE_CHECKING:
    from mnist_cnn.data.ink.training_ink import TrainingInk


def epoch_examples(
    recipe: Recipe, training: Examples, seed: int, epoch: int, ink: "TrainingInk | None" = None
) -> Examples:
    """The images of an epoch, in order: each training image `repeats` times, augmented differently each time.

    Digits drawn from `ink`, and negatives, labelled NOT_A_DIGIT, are among them if the recipe has any.
    """
    rng = np.random.default_rng((seed, epoch))
    order = epoch_order(len(training), recipe.repeats, rng)
    images, labels = training.images[order], training.labels[order]
    if recipe.augments and epoch < recipe.epochs - recipe.final_plain_epochs:
        from mnist_cnn.data.augment import augmented

        images = augmented(images, recipe.augmentation, rng)
    if recipe.restyle:
        from mnist_cnn.data.restyle import restyled

        images = restyled(images, labels, recipe.restyle, rng)
    parts = [Examples(images, labels)]
    if ink and recipe.ink_digits:
        parts.append(ink.draw_digits(round(len(order) * recipe.ink_digits), rng))
    if count := round(len(order) * recipe.negatives):
        from mnist_cnn.data.negatives import negatives

        recorded = round(count * recipe.ink_negatives) if ink and len(ink.others) else 0
        parts.append(not_digits(negatives(count - recorded, training.images, training.labels, rng)))
        if ink and recorded:
            parts.append(not_digits(ink.draw_others(recorded, rng)))
    if len(parts) == 1:
        return parts[0]
    mixed = rng.permutation(sum(map(len, parts)))
    return Examples(
        np.concatenate([part.images for part in parts])[mixed], np.concatenate([part.labels for part in parts])[mixed]
    )


def not_digits(images: np.ndarray) -> Examples:
    """These images (n, 28, 28) as negatives."""
    from mnist_cnn.data.negatives import NOT_A_DIGIT

    return Examples(images, np.full(len(images), NOT_A_DIGIT, np.uint8))


def epoch_order(count: int, repeats: int, rng: np.random.Generator) -> np.ndarray:
    """The order of an epoch's images: `repeats` permutations of 0 … count-1, one after the other."""
    return np.concatenate([rng.permutation(count) for _ in range(repeats)])
