"""A kept network becomes the same one with every layer in float32, as other programs' converters want it."""

import keras
import numpy as np
from keras import layers, ops

TINY = float(np.finfo(np.float32).tiny)


def taking(network: keras.Model, input_dtype: str) -> keras.Model:
    """The network for (n, 28, 28, 1) images of "uint8" or "float32", both ink 0 to 255, to (n, 10) probabilities.

    Whole numbers give the same probabilities either way; a float's fraction counts. Inside, bytes are made floats
    first, because LiteRT knows no padding of bytes.
    """
    same = in_float32(network)
    if input_dtype == "float32":
        return same
    images = layers.Input((28, 28, 1), dtype="uint8", name="images")
    return keras.Model(images, same(ops.cast(images, "float32")), name=network.name)


def in_float32(network: keras.Model) -> keras.Model:
    """The network with float32 images, its layers of bytes computing in float32, and with the same weights."""

    def in_float(layer: keras.Operation) -> keras.Operation:
        if isinstance(layer, keras.Model):
            return in_float32(layer)
        if not isinstance(layer, layers.Layer):  # a sum or a slice, which is the same for any numbers
            return layer
        config = layer.get_config()
        if layer.dtype_policy.name == "uint8":
            config["dtype"] = "float32"
        if config.get("activation") == "softmax":
            config["activation"] = softmax
        return type(layer).from_config(config)

    images = layers.Input((28, 28, 1), dtype="float32", name="images")
    graph = keras.Model(network.inputs, network.outputs[0], name=network.name)  # a Sequential is cloned otherwise
    same = keras.models.clone_model(graph, input_tensors=[images], clone_function=in_float)
    same.set_weights(network.get_weights())
    return same


def softmax(logits: keras.KerasTensor) -> keras.KerasTensor:
    """Probabilities, each with the smallest float added, which changes none.

    LiteRT's quantization rounds what comes straight out of a softmax to 256 steps wherever it goes next, even where it
    is told to leave it alone; out of a sum it does not.
    """
    return ops.softmax(logits) + TINY
