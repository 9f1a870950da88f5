"""How an epoch is run, on whatever framework: by Keras' own `fit`, or on JAX as one compiled program."""

from typing import TYPE_CHECKING

from mnist_cnn.training import backend
from mnist_cnn.training.batches import Arrays, RunEpoch

if TYPE_CHECKING:
    import keras


def epochs(network: "keras.Model", batch_size: int, validation: Arrays | None, seed: int) -> RunEpoch:
    """A function that trains the compiled model for one epoch over arrays in memory, in their order."""
    if backend.name() == "jax":
        from mnist_cnn.training import jax_epochs

        return jax_epochs.epochs(network, batch_size, validation)
    from mnist_cnn.training import keras_epochs

    return keras_epochs.epochs(network, batch_size, validation, seed)
