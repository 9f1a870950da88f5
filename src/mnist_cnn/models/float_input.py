"""A saved model with every layer in float32, as converters to other formats need it."""

import keras
import numpy as np
from keras import layers, ops

TINY = float(np.finfo(np.float32).tiny)


def with_input_dtype(network: keras.Model, input_dtype: str) -> keras.Model:
    """The model for (n, 28, 28, 1) images of dtype "uint8" or "float32", both 0 to 255, to (n, 10) probabilities.

    Integers give the same probabilities with both; fractions of floats count. Inside, uint8 is converted to float32
    first, because LiteRT cannot pad uint8.
    """
    same = in_float32(network)
    if input_dtype == "float32":
        return same
    images = layers.Input(network.input_shape[1:], dtype="uint8", name="images")
    return keras.Model(images, same(ops.cast(images, "float32")), name=network.name)


def in_float32(network: keras.Model) -> keras.Model:
    """The model with float32 images, its uint8 layers computing in float32, and the same weights."""

    def in_float(layer: keras.Operation) -> keras.Operation:
        if isinstance(layer, keras.Model):
            return in_float32(layer)
        if not isinstance(layer, layers.Layer):  # a sum or a slice, which is the same for every dtype
            return layer
        config = layer.get_config()
        if layer.dtype_policy.name == "uint8":
            config["dtype"] = "float32"
        if config.get("activation") == "softmax":
            config["activation"] = softmax
        return type(layer).from_config(config)

    images = layers.Input(network.input_shape[1:], dtype="float32", name="images")
    graph = keras.Model(network.inputs, network.outputs[0], name=network.name)  # a Sequential is cloned otherwise
    same = keras.models.clone_model(graph, input_tensors=[images], clone_function=in_float)
    same.set_weights(network.get_weights())
    return same


def softmax(logits: keras.KerasTensor) -> keras.KerasTensor:
    """Probabilities, each with the smallest float added, which changes none of them.

    LiteRT's quantization rounds the direct output of a softmax to 256 steps, even where it is excluded from
    quantization; it does not round a sum.
    """
    return ops.softmax(logits) + TINY
