"""The learning rate of each update. No framework."""

import math

from mnist_cnn.training.recipe import Recipe

LAST_OF_EXPONENTIAL = 0.01  # of the peak learning rate


def learning_rate(recipe: Recipe, step: int, updates: int) -> float:
    """The learning rate of update `step`, from 0, of so many: what `fit.WarmUpAndDecay` gives Keras."""
    done = (step + 0.5) / updates
    rising = done / recipe.warm_up if recipe.warm_up else 1.0
    left = min(max((1 - done) / (1 - recipe.warm_up), 0.0), 1.0)
    falling: dict[str, float] = {
        "constant": 1.0,
        "linear": left,
        "exponential": LAST_OF_EXPONENTIAL ** (1 - left),
        "cosine": 0.5 - 0.5 * math.cos(math.pi * left),
    }
    return float(recipe.learning_rate * min(rising, falling[recipe.schedule]))
