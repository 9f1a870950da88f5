"""Training on several devices of one machine, which is TensorFlow's alone. Knows nothing about recipes or data.

Each update's batch is divided evenly among them and their gradients are averaged (`tf.distribute.MirroredStrategy`).
Keras' own `keras.distribution.DataParallel` does nothing on TensorFlow.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_cnn.errors import RecipeError, RunError
from mnist_cnn.training import backend

if TYPE_CHECKING:
    import keras


def mirrored(count: int) -> AbstractContextManager[Any]:
    """Where a network is to be built and compiled so that it is trained on so many devices: GPUs, if there are any.

    Raises RunError if there are fewer, or if Keras does not run on TensorFlow.
    """
    if count == 1:
        return nullcontext()
    if backend.name() != "tensorflow":
        raise RunError(
            f"Several devices are used on TensorFlow only, and Keras runs on {backend.name()}: "
            "give --backend tensorflow, or set KERAS_BACKEND."
        )
    import tensorflow as tf

    there = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(there) < count:
        named = ", ".join(one.name.removeprefix("/device:") for one in there)
        raise RunError(
            f"devices is {count}, and TensorFlow finds {len(there)} here ({named}): train where there are as many, "
            "or anew with no more than there are."
        )
    return tf.distribute.MirroredStrategy([one.name for one in there[:count]]).scope()  # type: ignore[no-any-return]


def check_shared(count: int, batch_size: int, deterministic: bool) -> None:
    """Raise RecipeError unless batches can be divided evenly among so many devices, and no same bits are asked for."""
    if count > 1 and deterministic:
        raise RecipeError(
            "--deterministic promises the same bits, which several devices do not give: leave it or --devices out."
        )
    if batch_size % count:
        raise RecipeError(f"batch-size is {batch_size}: on {count} devices it must be a multiple of {count}.")


def even(count: int, images: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images and their truth without the last few that so many devices cannot share evenly.

    The mean over unequal shares would be another one, and a device without an image fails.
    """
    many = len(images) // count * count
    return images[:many], truth[:many]


def count_of(network: "keras.Model") -> int:
    """How many devices a network was built for."""
    strategy = getattr(network, "distribute_strategy", None)  # Keras has it on TensorFlow only
    return strategy.num_replicas_in_sync if strategy else 1


def on_one(network: "keras.Model") -> "keras.Model":
    """The same network, with the same weights, as one device has it: what is judged and kept."""
    if count_of(network) == 1:
        return network
    import keras

    network.compiled = False  # how it was trained is not part of it
    same = keras.models.clone_model(network)
    same.set_weights(network.get_weights())
    return same
