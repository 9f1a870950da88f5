"""A Keras classifier as a short chain of float layers: normalisation folded into weights, no softmax.

It is what code for a microcontroller is made from. Only what such a chain can hold is taken; anything else raises.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_cnn.errors import ExportError

if TYPE_CHECKING:
    import keras

SAME_IN_USE = {"InputLayer", "Dropout", "Identity", "Flatten"}  # what changes no value when a network is used


@dataclass(frozen=True)
class Weighted:
    """A convolution or a dense layer, then ReLU if `relu`.

    `kernel` is (rows, columns, channels, filters), `bias` (filters,); `same` is Keras' padding "same". The kernel of a
    dense layer is (1, 1, inputs, outputs): it takes all values of a map as the channels of one pixel.
    """

    kernel: np.ndarray
    bias: np.ndarray
    stride: int = 1
    same: bool = False
    relu: bool = False
    dense: bool = False


@dataclass(frozen=True)
class MaxPool:
    """The maximum of windows of `size` × `size` pixels that do not overlap."""

    size: int


@dataclass(frozen=True)
class GlobalPools:
    """The maximum of each channel over the map, then the mean of each, as one pixel with twice the channels."""


Layer = Weighted | MaxPool | GlobalPools


@dataclass(frozen=True)
class Folded:
    """A chain of float layers from pixels (0 to 255) of `input_shape` (height, width, channels) to logits.

    The softmax of the logits is what the network gives, with its temperature.
    """

    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]


def folded(network: "keras.Model") -> Folded:
    """The chain of a classifier; raises ExportError, which names the part that cannot be in it."""
    height, width, channels = network.input_shape[1:]
    chain: list[Layer] = []
    scale = 1.0  # of what the next layer with weights takes
    probabilities = False  # from the softmax on, only the temperature follows
    for operation in in_order(network.outputs[0]):
        kind = type(operation).__name__
        if kind in SAME_IN_USE or (probabilities and kind in {"Maximum", "Log"}):
            continue
        if probabilities and kind == "Softmax":
            break
        if kind == "Rescaling" and not np.any(operation.offset):
            if probabilities:
                chain[-1] = scaled(chain[-1], float(operation.scale), bias=True)
            else:
                scale *= float(operation.scale)
        elif kind == "DivideNoNan" and not chain:
            scale /= divisor_of(operation)
        elif kind in {"Conv2D", "Dense"} and not probabilities:
            chain.append(scaled(weighted(operation), scale))
            scale, probabilities = 1.0, activation_of(operation) == "softmax"
        elif kind == "BatchNormalization" and chain and is_linear(chain[-1]):
            chain[-1] = normalised(chain[-1], operation)
        elif kind == "ReLU" and chain and is_linear(chain[-1]) and not bent(operation):
            chain[-1] = activated(chain[-1])
        elif kind == "MaxPooling2D" and is_square(operation):
            chain.append(MaxPool(operation.pool_size[0]))
        elif kind == "Concatenate":
            chain.append(GlobalPools())
        else:
            raise unsupported(operation)
    require_complete(chain, probabilities)
    return Folded((height, width, channels), tuple(chain))


def in_order(tensor: "keras.KerasTensor") -> list[Any]:
    """The operations that lead to a tensor, the first first; raises ExportError if they are not one after another."""
    found: list[Any] = []
    while True:
        operation = tensor._keras_history.operation
        found.append(operation)
        inputs = operation._inbound_nodes[0].input_tensors
        if not inputs:
            return found[::-1]
        if len(inputs) > 1:
            tensor = pooled_by(operation, inputs)
        else:
            [tensor] = inputs


def pooled_by(operation: Any, inputs: list["keras.KerasTensor"]) -> "keras.KerasTensor":
    """What a concatenation of a map's maximum and mean takes these of; raises ExportError for any other one."""
    makers = [one._keras_history.operation for one in inputs]
    sources = [maker._inbound_nodes[0].input_tensors for maker in makers]
    kinds = [type(maker).__name__ for maker in makers]
    is_one = all(len(one) == 1 and one[0] is sources[0][0] for one in sources)
    if type(operation).__name__ != "Concatenate" or kinds != ["GlobalMaxPooling2D", "GlobalAveragePooling2D"]:
        raise unsupported(operation)
    if not is_one:
        raise unsupported(operation)
    return sources[0][0]


def unsupported(operation: Any) -> ExportError:
    """The error that names an operation."""
    return ExportError(
        f"The model cannot be exported to microcontroller (its part {operation.name!r:.40} of the kind "
        f"{type(operation).__name__} is none that the C code has): export tiny, fast or classic, or choose litert."
    )


def weighted(layer: Any) -> Weighted:
    """A convolution or dense layer of Keras with its own activation."""
    activation = activation_of(layer)
    kernel = np.asarray(layer.kernel, np.float64)
    bias = np.asarray(layer.bias, np.float64) if layer.use_bias else np.zeros(kernel.shape[-1])
    is_dense = kernel.ndim == 2
    if activation not in {"linear", "relu", "softmax"} or not (is_dense or is_plain(layer)):
        raise unsupported(layer)
    if is_dense:
        return Weighted(kernel[np.newaxis, np.newaxis], bias, relu=activation == "relu", dense=True)
    return Weighted(kernel, bias, layer.strides[0], layer.padding == "same", activation == "relu")


def activation_of(layer: Any) -> str:
    """The name of a layer's activation."""
    return str(getattr(layer.activation, "__name__", layer.activation))


def is_plain(layer: Any) -> bool:
    """Whether a convolution has one stride, no dilation and no groups."""
    return len(set(layer.strides)) == 1 and set(layer.dilation_rate) == {1} and layer.groups == 1


def is_square(layer: Any) -> bool:
    """Whether a pooling layer has square windows that do not overlap, and drops what does not fill one."""
    return len({*layer.pool_size, *layer.strides}) == 1 and layer.padding == "valid"


def is_linear(layer: Layer) -> bool:
    """Whether a layer has weights and no activation yet."""
    return isinstance(layer, Weighted) and not layer.relu


def bent(layer: Any) -> bool:
    """Whether a ReLU is another one than max(x, 0)."""
    return layer.max_value is not None or bool(layer.negative_slope) or bool(layer.threshold)


def divisor_of(operation: Any) -> float:
    """What a division divides by; raises ExportError unless that is a number."""
    arguments = operation._inbound_nodes[0].arguments
    numbers = [one for one in (*arguments.args, *arguments.kwargs.values()) if isinstance(one, (int, float))]
    if len(numbers) != 1 or not numbers[0]:
        raise unsupported(operation)
    return float(numbers[0])


def scaled(layer: Layer, scale: float, *, bias: bool = False) -> Weighted:
    """A layer of weights that takes its inputs times `scale`; with `bias`, that gives its outputs times it."""
    if not isinstance(layer, Weighted):  # a softmax is always that of a layer of weights
        raise TypeError(layer)
    return replace(layer, kernel=layer.kernel * scale, bias=layer.bias * scale if bias else layer.bias)


def normalised(layer: Layer, normalisation: Any) -> Weighted:
    """A layer of weights with the batch normalisation that follows it, by its moving averages (Ioffe, Szegedy 2015)."""
    if not isinstance(layer, Weighted):
        raise TypeError(layer)
    mean, variance = (np.asarray(one, np.float64) for one in (normalisation.moving_mean, normalisation.moving_variance))
    gamma = np.asarray(normalisation.gamma, np.float64) if normalisation.scale else 1.0
    beta = np.asarray(normalisation.beta, np.float64) if normalisation.center else 0.0
    factor = gamma / np.sqrt(variance + normalisation.epsilon)
    return replace(layer, kernel=layer.kernel * factor, bias=(layer.bias - mean) * factor + beta)


def activated(layer: Layer) -> Weighted:
    """A layer of weights with the ReLU that follows it."""
    if not isinstance(layer, Weighted):
        raise TypeError(layer)
    return replace(layer, relu=True)


def require_complete(chain: list[Layer], probabilities: bool) -> None:
    """Raise ExportError unless a chain ends with logits, with ReLU after all other weights."""
    weights = [one for one in chain if isinstance(one, Weighted)]
    if not probabilities or not all(one.relu for one in weights[:-1]):
        raise ExportError(
            "The model cannot be exported to microcontroller (its layers are not convolutions and dense layers with "
            "ReLU, and a softmax at the end): export tiny, fast or classic, or choose litert."
        )
