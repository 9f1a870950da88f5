"""How an epoch is run: by Keras' own `fit`, on JAX as one compiled program, or without Keras on ONNX Runtime."""

from typing import TYPE_CHECKING

from mnist_cnn.training import backend
from mnist_cnn.training.batches import Arrays, RunEpoch
from mnist_cnn.training.onnx_network import OnnxNetwork

if TYPE_CHECKING:
    import keras


def epochs(network: "keras.Model | OnnxNetwork", batch_size: int, validation: Arrays | None, seed: int) -> RunEpoch:
    """A function that trains the compiled model for one epoch over arrays in memory, in their order."""
    if isinstance(network, OnnxNetwork):
        from mnist_cnn.training import onnx_epochs

        return onnx_epochs.epochs(network, batch_size, validation)
    if backend.name() == "jax":
        from mnist_cnn.training import jax_epochs

        return jax_epochs.epochs(network, batch_size, validation)
    from mnist_cnn.training import keras_epochs

    return keras_epochs.epochs(network, batch_size, validation, seed)
