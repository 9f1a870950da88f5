"""Training on several devices of one machine, on TensorFlow only. Knows nothing about recipes or data.

Each batch is divided evenly among them and their gradients are averaged (`tf.distribute.MirroredStrategy`). Keras' own
`keras.distribution.DataParallel` has no effect on TensorFlow.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_cnn.errors import RecipeError, RunError
from mnist_cnn.training import backend

if TYPE_CHECKING:
    import keras


def mirrored(count: int) -> AbstractContextManager[Any]:
    """The scope in which to build and compile a model that is trained on so many devices: GPUs, if there are any.

    Raises RunError if there are fewer, or if Keras does not run on TensorFlow.
    """
    if count == 1:
        return nullcontext()
    if backend.name() != "tensorflow":
        raise RunError(
            f"Several devices need TensorFlow, and Keras runs on {backend.name()}: "
            "give --backend tensorflow, or set KERAS_BACKEND."
        )
    import tensorflow as tf

    there = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(there) < count:
        named = ", ".join(one.name.removeprefix("/device:") for one in there)
        raise RunError(
            f"devices is {count}, and TensorFlow finds {len(there)} here ({named}): train on a machine with enough, "
            "or start a new run with fewer."
        )
    return tf.distribute.MirroredStrategy([one.name for one in there[:count]]).scope()  # type: ignore[no-any-return]


def check_shared(count: int, batch_size: int, deterministic: bool) -> None:
    """Raise RecipeError unless batches divide evenly among so many devices, and `deterministic` is off for several."""
    if count > 1 and deterministic:
        raise RecipeError(
            "--deterministic promises bit-for-bit equal results, which several devices do not give: leave one out."
        )
    if batch_size % count:
        raise RecipeError(f"batch-size is {batch_size}: on {count} devices it must be a multiple of {count}.")


def even(count: int, images: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images and their truth without the last few that cannot be divided evenly among so many devices.

    The mean over unequal parts would be wrong, and a device without an image fails.
    """
    many = len(images) // count * count
    return images[:many], truth[:many]


def count_of(network: "keras.Model") -> int:
    """How many devices a model was built for."""
    strategy = getattr(network, "distribute_strategy", None)  # Keras has it on TensorFlow only
    return strategy.num_replicas_in_sync if strategy else 1


def on_one(network: "keras.Model") -> "keras.Model":
    """The same model with the same weights on one device: what is evaluated and saved."""
    if count_of(network) == 1:
        return network
    import keras

    network.compiled = False  # the training state is not part of it
    same = keras.models.clone_model(network)
    same.set_weights(network.get_weights())
    return same
