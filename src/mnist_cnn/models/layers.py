"""The layers of the architectures: Keras' own, or on JAX equivalents that are computed and initialised differently.

On a CPU, XLA takes thirty times as long for the gradient of a convolution as for the same sums written as one matrix
product, is slow at the gradient of pooling, and draws initial weights by compiling a program for every shape, a quarter
of a second each (docs/log.md). On other frameworks these are Keras' layers themselves.
"""

import random
from typing import Any

import keras
import numpy as np
from keras import layers, ops

Conv2D: Any = layers.Conv2D
Dense: Any = layers.Dense
MaxPool2D: Any = layers.MaxPool2D


class DrawnByNumPy(keras.initializers.Initializer):  # type: ignore[misc]  # Keras ships no types
    """Initial weights distributed like Keras' "glorot_uniform", drawn by NumPy; Glorot, Bengio (2010)."""

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> np.ndarray:
        """An array of this shape; like Keras' own, it depends on Python's random generator."""
        rng = np.random.default_rng(random.getrandbits(64))
        field = int(np.prod(shape[:-2]))
        limit = np.sqrt(6 / (field * (shape[-2] + shape[-1])))
        return rng.uniform(-limit, limit, shape).astype(dtype or "float32")


class ProductConv2D(layers.Conv2D):  # type: ignore[misc]
    """A convolution as one matrix product, with a row of the inputs under the kernel for each output pixel (im2col)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"kernel_initializer": DrawnByNumPy()} | kwargs)

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Images (n, height, width, channels) times kernel (rows, columns, channels, filters)."""
        rows, columns, channels, filters = kernel.shape
        if self.padding == "same":
            inputs = ops.pad(inputs, [(0, 0), *self.margins(inputs.shape), (0, 0)])
        (down, across), (_, height, width, _) = self.strides, inputs.shape
        height, width = (height - rows) // down + 1, (width - columns) // across + 1
        # First across, then down: rows + columns slices to concatenate instead of rows × columns.
        beside = [inputs[:, :, c : c + (width - 1) * across + 1 : across] for c in range(columns)]
        covered = ops.concatenate(beside, axis=-1)
        covered = ops.concatenate([covered[:, r : r + (height - 1) * down + 1 : down] for r in range(rows)], axis=-1)
        product = ops.matmul(ops.reshape(covered, (-1, rows * columns * channels)), ops.reshape(kernel, (-1, filters)))
        return ops.reshape(product, (-1, height, width, filters))

    def margins(self, shape: tuple[int, ...]) -> list[tuple[int, int]]:
        """How many blank pixels padding "same" adds above and below, left and right."""
        missing = [
            max(0, (-(-size // step) - 1) * step + kernel - size)
            for size, step, kernel in zip(shape[1:3], self.strides, self.kernel_size, strict=True)
        ]
        return [(one // 2, one - one // 2) for one in missing]


class ReshapedMaxPool2D(layers.MaxPool2D):  # type: ignore[misc]
    """Pooling over windows that do not overlap, as a maximum over two axes of a reshaped tensor."""

    def call(self, inputs: Any) -> Any:
        """Images (n, height, width, channels); rows and columns that do not fill a window are dropped, as by Keras."""
        if self.padding != "valid" or tuple(self.strides) != tuple(self.pool_size):
            return super().call(inputs)
        (rows, columns), (_, height, width, channels) = self.pool_size, inputs.shape
        height, width = height // rows, width // columns
        whole = inputs[:, : height * rows, : width * columns]
        return ops.max(ops.reshape(whole, (-1, height, rows, width, columns, channels)), axis=(2, 4))


class DrawnDense(layers.Dense):  # type: ignore[misc]
    """Keras' dense layer with initial weights drawn by NumPy."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"kernel_initializer": DrawnByNumPy()} | kwargs)


if keras.backend.backend() == "jax":
    Conv2D, Dense, MaxPool2D = ProductConv2D, DrawnDense, ReshapedMaxPool2D
    # So that a summary of the training model names the layers that the saved model has.
    for own, keras_own in ((ProductConv2D, layers.Conv2D), (DrawnDense, layers.Dense)):
        own.__name__ = keras_own.__name__
    ReshapedMaxPool2D.__name__ = "MaxPooling2D"


def pooled_to(largest: int, x: keras.KerasTensor) -> keras.KerasTensor:
    """A map (n, side, side, channels) pooled until its side is at most `largest` pixels."""
    while x.shape[1] > largest:
        x = MaxPool2D(2)(x)
    return x


PLAIN = {ProductConv2D: layers.Conv2D, DrawnDense: layers.Dense, ReshapedMaxPool2D: layers.MaxPool2D}


def plain(network: keras.Model) -> keras.Model:
    """The same model made of Keras' own layers in float32, with the same weights: what is saved and loaded anywhere."""

    def made_plain(layer: keras.Operation) -> keras.Operation:
        if not isinstance(layer, layers.Layer):  # a sum or a slice, which is the same everywhere
            return layer
        kind = PLAIN.get(type(layer), type(layer))
        config = layer.get_config()
        if layer.dtype_policy.name.startswith("mixed"):
            config["dtype"] = "float32"
        if "kernel_initializer" in config:
            config["kernel_initializer"] = "glorot_uniform"
        return kind.from_config(config)

    network.compiled = False  # the training state is not part of it, and Keras could not load all of it
    same = keras.models.clone_model(network, clone_function=made_plain, recursive=True)
    same.set_weights(network.get_weights())
    return same
