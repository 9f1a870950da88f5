"""A person's own network: `file.py:function` becomes a function that builds a Keras model for a task.

The file is a person's own program, named by that person, and is run.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_cnn.card import Task
from mnist_cnn.errors import RunError

if TYPE_CHECKING:
    import keras

EXPECTED = (
    "write a function(input_shape, classes) that gives a Keras model from pixels (n, *input_shape), 0 to 255, to "
    "probabilities (n, classes)"
)


def own_network(named: str) -> Callable[[Task], "keras.Model"]:
    """The function that builds a person's network for a task, uint8 in and probabilities out; raises RunError.

    The function itself gets `input_shape` (side, side, channels) and the number of `classes`, and its model pixels from
    0 to 255.
    """
    file, _, function = named.rpartition(":")
    path = Path(file)
    if not file or not function.isidentifier():
        raise RunError(f"network is {named!r}: name a file and a function in it, such as mine.py:build.")
    if not path.is_file():
        raise RunError(f"There is no file {path}: check the path given to --network.")

    def build(task: Task) -> "keras.Model":
        return as_classifier(made_by(loaded(path, function), task, named), task, named)

    return build


def loaded(path: Path, function: str) -> Callable[..., Any]:
    """The function of this name in a file of Python; raises RunError."""
    spec = importlib.util.spec_from_file_location(f"own_network_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise RunError(f"{path} is not a file of Python: name one that ends with .py.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a person's own program raises
        raise RunError(f"{path} cannot be run ({said(error)}): mend it first.") from error
    found = getattr(module, function, None)
    if not callable(found):
        raise RunError(f"{path} has no function {function}: {EXPECTED}.")
    return found  # type: ignore[no-any-return]  # whatever it is, it can be called


def made_by(function: Callable[..., Any], task: Task, named: str) -> "keras.Model":
    """What the function gives for a task; raises RunError if that is no Keras model that fits."""
    import keras

    try:
        network = function(task.input_shape, task.classes)
    except Exception as error:
        raise RunError(f"{named} failed ({said(error)}): {EXPECTED}.") from error
    if not isinstance(network, keras.Model):
        raise RunError(f"{named} gives a {type(network).__name__}: {EXPECTED}.")
    try:
        found = network.input_shape, network.output_shape
    except (AttributeError, ValueError):
        found = None, None
    if found != ((None, *task.input_shape), (None, task.classes)):
        raise RunError(f"{named} gives a model from {found[0]} to {found[1]}: {EXPECTED}.")
    return network


def as_classifier(network: "keras.Model", task: Task, named: str) -> "keras.Model":
    """The network with uint8 images as its input; raises RunError unless it gives probabilities."""
    import keras
    import numpy as np
    from keras import layers, ops

    some = np.zeros((2, *task.input_shape), np.uint8)
    some[1] = 255
    images = layers.Input(task.input_shape, dtype="uint8", name="images")
    whole = keras.Model(images, network(ops.cast(images, "float32")), name=network.name)
    rows = ops.convert_to_numpy(whole(some))
    if not np.isfinite(rows).all() or rows.min() < 0 or np.abs(rows.sum(axis=1) - 1).max() > 1e-3:
        raise RunError(
            f"{named} gives numbers that are no probabilities (they sum to {rows.sum(axis=1)[0]:.3g}): end the network "
            'with activation="softmax".'
        )
    return whole


def said(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200].rstrip(".")
