"""The layers of a sequential classifier as plain values, for what computes without Keras, and their weights.

Before the first layer pixels are divided by 255. Weights are in Keras' order and layouts: the kernel of a convolution
(rows, columns, channels, filters), that of a dense layer (inputs, units) with inputs in the order row, column, channel.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_cnn.card import Task


@dataclass(frozen=True)
class Convolution:
    """A convolution with a square kernel and no padding."""

    filters: int
    kernel: int
    strides: int = 1
    relu: bool = False
    bias: bool = True


@dataclass(frozen=True)
class Normalization:
    """Batch normalization of each channel, then ReLU; Ioffe, Szegedy (2015), arXiv:1502.03167."""

    momentum: float
    epsilon: float = 1e-3


@dataclass(frozen=True)
class Pooling:
    """The maximum over squares of so many pixels a side, which do not overlap."""

    size: int


@dataclass(frozen=True)
class Dense:
    """A dense layer of all features, with softmax: the last layer."""

    units: int


Layer = Convolution | Normalization | Pooling | Dense


@dataclass(frozen=True)
class Placed:
    """A layer with what it takes: images of `side` pixels and so many `channels`, of which it makes `made` pixels."""

    layer: Layer
    side: int
    channels: int
    made: int

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of its weights that learn."""
        match self.layer:
            case Convolution(filters, kernel, bias=bias):
                return [(kernel, kernel, self.channels, filters), *([(filters,)] if bias else [])]
            case Normalization():
                return [(self.channels,), (self.channels,)]
            case Dense(units):
                return [(self.side**2 * self.channels, units), (units,)]
        return []

    def to_matrix(self, weights: np.ndarray) -> np.ndarray:
        """Weights as a matrix: a kernel as (filters, what it covers), a vector as a column.

        That of a dense layer is (inputs, units) with inputs in the order channel, row, column.
        """
        if weights.ndim == 1:
            return weights[:, np.newaxis]
        if isinstance(self.layer, Dense):
            cube = weights.reshape(self.side, self.side, self.channels, -1)
            return cube.transpose(2, 0, 1, 3).reshape(weights.shape)
        return weights.reshape(-1, weights.shape[-1]).T

    def from_matrix(self, matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """What `to_matrix` was given, of this shape."""
        if isinstance(self.layer, Dense) and len(shape) > 1:
            cube = matrix.reshape(self.channels, self.side, self.side, -1)
            return cube.transpose(1, 2, 0, 3).reshape(shape)
        return np.ascontiguousarray(matrix.T).reshape(shape)


def placed(layers: Sequence[Layer], task: Task) -> list[Placed]:
    """The layers of a classifier for a task, each with the shape of what it takes."""
    side, channels, found = task.side, task.channels, []
    for layer in layers:
        made = side
        if isinstance(layer, Convolution):
            made = (side - layer.kernel) // layer.strides + 1
        elif isinstance(layer, Pooling):
            made = side // layer.size
        found.append(Placed(layer, side, channels, made))
        side, channels = made, layer.filters if isinstance(layer, Convolution) else channels
    return found


def initial_weights(places: Sequence[Placed], rng: np.random.Generator) -> list[np.ndarray]:
    """Weights that learn, float32, distributed as Keras' are: "glorot_uniform", Glorot, Bengio (2010), and 0 or 1."""
    found: list[np.ndarray] = []
    for place in places:
        for number, shape in enumerate(place.shapes):
            if len(shape) == 1:  # biases, and of a normalization first its scale
                first = isinstance(place.layer, Normalization) and number == 0
                found.append(np.full(shape, float(first), np.float32))
            else:
                limit = np.sqrt(6 / (np.prod(shape[:-2]) * (shape[-2] + shape[-1])))
                found.append(rng.uniform(-limit, limit, shape).astype(np.float32))
    return found


def spec_table(places: Sequence[Placed]) -> list[dict[str, Any]]:
    """A row for each layer of the Keras model with these layers, as `layer_table` gives them."""
    first = places[0]
    rows = [_row("Rescaling", "", (first.side, first.side, first.channels))]
    for place in places:
        size = place.made
        match place.layer:
            case Convolution(filters, kernel, strides, relu):
                told = [f"{kernel}×{kernel}", f"stride {strides}" if strides > 1 else "", "ReLU" if relu else ""]
                rows.append(_row("Conv2D", ", ".join(filter(None, told)), (size, size, filters), place))
            case Normalization():
                shape = (size, size, place.channels)
                rows.append(_row("BatchNormalization", "", shape, place))
                rows[-1]["parameters"] *= 2  # the means and variances, which do not learn
                rows.append(_row("ReLU", "", shape))
            case Pooling(pool):
                rows.append(_row("MaxPooling2D", f"{pool}×{pool}", (size, size, place.channels)))
            case Dense(units):
                rows.append(_row("Flatten", "", (place.side**2 * place.channels,)))
                rows.append(_row("Dense", "softmax", (units,), place))
    return rows


def _row(layer: str, details: str, shape: Sequence[int], place: Placed | None = None) -> dict[str, Any]:
    parameters = sum(math.prod(one) for one in place.shapes) if place else 0
    return {"layer": layer, "details": details, "output_shape": list(shape), "parameters": parameters, "count": 1}
