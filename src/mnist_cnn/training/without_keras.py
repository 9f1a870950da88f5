"""What a training asks for that ONNX Runtime does not have, so that it needs Keras."""

from collections.abc import Iterable

from mnist_cnn.models.fast_layers import NAME
from mnist_cnn.training.recipe import Recipe


def lacking(recipe: Recipe, options: Iterable[str], callbacks: Iterable[object]) -> str:
    """What Keras is needed for, in words; empty if ONNX Runtime can do everything that is asked.

    `options` are those of the training that are in use, apart from the recipe's hyperparameters.
    """
    needs = [f"the recipe {recipe.name}"] if recipe.name != NAME else []
    if recipe.optimizer != "adam":
        needs.append(f"--optimizer {recipe.optimizer}")
    if recipe.precision != "float32":
        needs.append(f"--precision {recipe.precision}")
    needs += [f"--{name.replace('_', '-')}" for name in ("dropout", "test_time_shift") if getattr(recipe, name)]
    needs += options
    needs += ["a callback of Keras"] if any(map(is_of_keras, callbacks)) else []
    return " and ".join(needs)


def is_of_keras(callback: object) -> bool:
    """Whether a callback is one of Keras, which may do anything with a model of Keras."""
    return any(one.__module__.partition(".")[0] == "keras" for one in type(callback).__mro__)
