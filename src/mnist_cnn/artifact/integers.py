"""A chain of float layers as one of integers, and its result in NumPy, bit for bit as the C code computes it.

The scheme is that of Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
inference" (2018, arXiv:1712.05877): weights are int8 with a scale per filter, and sums int32. What follows a ReLU is
never negative, so it is uint8 without a zero point. The last layer gives logits in units of 1/65536 as int32.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mnist_cnn.artifact.layer_chain import Folded, Layer, MaxPool, Weighted
from mnist_cnn.card import READING, Task
from mnist_cnn.errors import ExportError
from mnist_cnn.reading.network import Classifier, batches_of
from mnist_cnn.reading.temperature import softmax

ONE = 65536  # a logit of 1
LARGEST_WEIGHT, LARGEST_VALUE = 127, 255
MOST_BITS = 62  # of the shift of a product of int64
LARGEST_SUM = 2**31 - 1
AT_ONCE = 100  # images: the windows of a thousand need gigabytes
Shape = tuple[int, int, int]  # height, width, channels


class Factors(NamedTuple):
    """Real factors as integers: multiplier · 2^-shift, of each filter."""

    multiplier: np.ndarray  # int32
    shift: np.ndarray  # uint8


@dataclass(frozen=True)
class IntegerWeights:
    """A convolution or dense layer: `weights` (filters, rows, columns, channels) int8, `bias` (filters,) int32."""

    weights: np.ndarray
    bias: np.ndarray
    factors: Factors
    stride: int
    same: bool
    takes: Shape
    gives: Shape

    @property
    def multiply_adds(self) -> int:
        """Products of one image."""
        return int(self.gives[0] * self.gives[1] * self.weights.size)

    @property
    def bytes(self) -> int:
        """Of all its constants."""
        return sum(one.nbytes for one in (self.weights, self.bias, *self.factors))


@dataclass(frozen=True)
class IntegerMaxPool:
    """The maximum of windows of `size` × `size`."""

    size: int
    takes: Shape
    gives: Shape


@dataclass(frozen=True)
class IntegerGlobalPools:
    """The maximum of each channel, then the mean of each, which is the sum times the factor (of one element)."""

    factors: Factors
    takes: Shape
    gives: Shape


IntegerLayer = IntegerWeights | IntegerMaxPool | IntegerGlobalPools


@dataclass(frozen=True)
class IntegerNetwork:
    """A classifier of integers: the last of its layers gives the logits."""

    layers: tuple[IntegerLayer, ...]

    @property
    def weight_bytes(self) -> int:
        """All constants: weights, biases and factors."""
        return sum(
            layer.bytes if isinstance(layer, IntegerWeights) else 5 * isinstance(layer, IntegerGlobalPools)
            for layer in self.layers
        )

    @property
    def multiply_adds(self) -> int:
        """Products of weights for one image."""
        return sum(layer.multiply_adds for layer in self.layers if isinstance(layer, IntegerWeights))

    @property
    def buffers(self) -> tuple[int, int]:
        """Bytes of the two buffers that layers write by turns; the last one writes its own."""
        sizes = [int(np.prod(layer.gives)) for layer in self.layers[:-1]]
        return max(sizes[::2], default=1), max(sizes[1::2], default=1)

    @property
    def ram_bytes(self) -> int:
        """The buffers and the scores, without the image and the stack."""
        return sum(self.buffers) + 4 * self.layers[-1].gives[2]

    def scores(self, images: np.ndarray) -> np.ndarray:
        """(n, height, width, channels) uint8 images → (n, classes) int64 logits times 65536."""
        values = images.astype(np.int64)
        for layer in self.layers[:-1]:
            values = np.clip(computed(layer, values), 0, LARGEST_VALUE)
        return computed(self.layers[-1], values).reshape(len(images), -1)


def integer_classifier(network: IntegerNetwork, task: Task = READING) -> Classifier:
    """The network as a classifier: (n, 28, 28) uint8 images to (n, 10) float32 probabilities, or as the task says."""

    def classify(images: np.ndarray) -> np.ndarray:
        none = np.zeros((0, task.classes), dtype=np.float32)
        found = [softmax(network.scores(batch) / ONE) for batch in batches_of(images, task, AT_ONCE)]
        return np.concatenate([none, *found], dtype=np.float32, casting="same_kind")

    return classify


def computed(layer: IntegerLayer, values: np.ndarray) -> np.ndarray:
    """What a layer gives for (n, height, width, channels) integers, before it is clipped to uint8."""
    if isinstance(layer, IntegerMaxPool):
        return largest(values, layer.size)
    if isinstance(layer, IntegerGlobalPools):
        means = rescaled(values.sum(axis=(1, 2), keepdims=True), layer.factors)
        return np.concatenate([values.max(axis=(1, 2), keepdims=True), means], axis=-1)
    kernel = layer.weights.transpose(1, 2, 3, 0)
    sums = convolved(values.reshape(-1, *layer.takes), kernel, layer.stride, layer.same)
    return rescaled(np.rint(sums).astype(np.int64) + layer.bias, layer.factors)


def convolved(values: np.ndarray, kernel: np.ndarray, stride: int, same: bool) -> np.ndarray:
    """Maps times a kernel (rows, columns, channels, filters), in float64, which holds such integers exactly."""
    rows, columns, _, filters = kernel.shape
    if same:
        margins = [margin(size, one, stride) for size, one in zip(values.shape[1:3], (rows, columns), strict=True)]
        values = np.pad(values, [(0, 0), *margins, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(values, (rows, columns), axis=(1, 2))[:, ::stride, ::stride]
    flat = windows.transpose(0, 1, 2, 4, 5, 3).reshape(*windows.shape[:3], -1)
    return np.asarray(flat.astype(np.float64) @ kernel.reshape(-1, filters).astype(np.float64))


def margin(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """How many zeros Keras' padding "same" adds before and after."""
    missing = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return missing // 2, missing - missing // 2


def largest(values: np.ndarray, size: int) -> np.ndarray:
    """The maximum of windows that do not overlap."""
    n, height, width, channels = values.shape
    whole = values[:, : height // size * size, : width // size * size]
    return np.asarray(whole.reshape(n, height // size, size, width // size, size, channels).max(axis=(2, 4)))


def rescaled(sums: np.ndarray, factors: Factors) -> np.ndarray:
    """Sums times their factors, rounded half away from zero, as integers without division."""
    shift = factors.shift.astype(np.int64)
    products = np.abs(sums) * factors.multiplier.astype(np.int64)
    return np.asarray(np.sign(sums) * ((products + (np.int64(1) << (shift - 1))) >> shift))


def factors_of(real: np.ndarray) -> Factors:
    """Positive factors as multipliers of 31 bits and shifts to the right."""
    mantissa, exponent = np.frexp(real)
    multiplier, shift = np.rint(mantissa * 2**31).astype(np.int64), 31 - exponent
    grown = multiplier == 2**31
    multiplier, shift = np.where(grown, 2**30, multiplier), shift - grown
    small = np.maximum(shift - MOST_BITS, 0)  # a factor of nearly nothing
    multiplier, shift = multiplier >> np.minimum(small, 31), shift - small
    if np.any(shift < 1):
        raise ExportError("The model cannot be exported to microcontroller (its logits exceed 32 bits): train again.")
    return Factors(multiplier.astype(np.int32), shift.astype(np.uint8))


def quantized(network: Folded, images: np.ndarray) -> IntegerNetwork:
    """The integer network of a chain; `images` (n, height, width, channels) uint8 find the ranges of its values."""
    values, shape = images.astype(np.float64), network.input_shape
    scales = np.ones(shape[2])  # of each channel of what comes next; pixels are themselves
    layers: list[IntegerLayer] = []
    for layer in network.layers:
        values = in_floats(layer, values)
        gives: Shape = values.shape[1:]
        if isinstance(layer, MaxPool):
            layers.append(IntegerMaxPool(layer.size, shape, gives))
        elif isinstance(layer, Weighted):
            if layer.dense:
                scales, shape = np.tile(scales, shape[0] * shape[1]), (1, 1, int(np.prod(shape)))
            scale = range_of(values) if layer.relu else 1 / ONE
            layers.append(in_integers(layer, scales, scale, shape, gives))
            scales = np.full(gives[2], scale)
        else:
            scale = range_of(values[..., shape[2] :])
            real = scales[:1] / (shape[0] * shape[1] * scale)
            layers.append(IntegerGlobalPools(factors_of(real), shape, gives))
            scales = np.concatenate([scales, np.full(shape[2], scale)])
        shape = gives
    return IntegerNetwork(tuple(layers))


def in_floats(layer: Layer, values: np.ndarray) -> np.ndarray:
    """What a float layer gives for (n, height, width, channels)."""
    if isinstance(layer, MaxPool):
        return largest(values, layer.size)
    if not isinstance(layer, Weighted):
        return np.concatenate([pool(values, axis=(1, 2), keepdims=True) for pool in (np.max, np.mean)], axis=-1)
    values = values.reshape(len(values), 1, 1, -1) if layer.dense else values
    sums = convolved(values, layer.kernel, layer.stride, layer.same) + layer.bias
    return np.asarray(np.maximum(sums, 0) if layer.relu else sums)


def range_of(values: np.ndarray) -> float:
    """The scale by which a byte holds these values."""
    return (float(values.max()) or 1.0) / LARGEST_VALUE


def in_integers(layer: Weighted, scales: np.ndarray, scale: float, takes: Shape, gives: Shape) -> IntegerWeights:
    """A layer that takes channels in steps of `scales` and gives integers in steps of `scale`."""
    kernel = layer.kernel * scales[:, np.newaxis]
    steps = np.abs(kernel).max(axis=(0, 1, 2)) / LARGEST_WEIGHT
    # A filter without weights, or nearly, still has its bias, which must not exceed 32 bits.
    steps = np.maximum.reduce([steps, np.abs(layer.bias) / 2**30, np.full_like(steps, 1e-12)])
    weights = np.rint(kernel / steps).astype(np.int8).transpose(3, 0, 1, 2)
    bias = np.rint(layer.bias / steps).astype(np.int64)
    sums = np.abs(weights.astype(np.int64)).sum(axis=(1, 2, 3)) * LARGEST_VALUE + np.abs(bias)
    require_32_bits(np.maximum(sums, sums * steps / scale))
    factors = factors_of(steps / scale)
    return IntegerWeights(weights, bias.astype(np.int32), factors, layer.stride, layer.same, takes, gives)


def require_32_bits(sums: np.ndarray) -> None:
    """Raise ExportError if a sum may exceed int32."""
    if np.any(sums > LARGEST_SUM):
        raise ExportError("The model cannot be exported to microcontroller (its sums exceed 32 bits): train again.")
