"""Layers and their weights → an ONNX file that classifies images. Knows nothing of training."""

from collections.abc import Mapping, Sequence

import numpy as np

from mnist_cnn.card import Task
from mnist_cnn.models.layer_specs import Convolution, Dense, Normalization, Placed, Pooling
from mnist_cnn.models.onnx_writer import FLOAT, UINT8, Graph

OPSET = 15  # what Keras' own export writes; ONNX Runtime has read it since 1.10


def inference_graph(
    places: Sequence[Placed],
    weights: Sequence[np.ndarray],
    task: Task,
    temperature: float = 1.0,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """The file: (n, side, side, channels) uint8 images to (n, classes) float32 probabilities, for any n.

    `weights` are all of a Keras model with these layers, statistics included, in Keras' order. Normalizations are
    folded into the convolutions before them, as in Keras' own export. Logits are divided by the `temperature`.
    """
    graph, waiting = Graph("classifier", OPSET), iter(weights)
    images = graph.input("images", UINT8, ["n", *task.input_shape], "foreground 255, background 0")
    x = graph.op("DequantizeLinear", images, graph.number(1 / 255))  # the same as Cast and Mul, and far faster
    x = graph.op("Transpose", x, perm=[0, 3, 1, 2])
    for place, following in zip(places, [*places[1:], None], strict=True):
        match place.layer:
            case Convolution(_, size, strides, relu, has_bias):
                kernel = next(waiting)
                shift = next(waiting) if has_bias else np.zeros(kernel.shape[-1], np.float32)
                if following and isinstance(following.layer, Normalization):
                    kernel, shift = folded(kernel, shift, [next(waiting) for _ in range(4)], following.layer.epsilon)
                oihw = graph.constant(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
                bias = graph.constant(shift)
                x = graph.op("Conv", x, oihw, bias, kernel_shape=[size, size], strides=[strides, strides])
                x = graph.op("Relu", x) if relu else x
            case Normalization():
                x = graph.op("Relu", x)
            case Pooling(size):
                x = graph.op("MaxPool", x, kernel_shape=[size, size], strides=[size, size])
            case Dense():
                flat = graph.op("Transpose", x, perm=[0, 2, 3, 1])
                flat = graph.op("Reshape", flat, graph.whole(-1, place.side**2 * place.channels))
                product = graph.op("MatMul", flat, graph.constant(next(waiting)))
                x = graph.op("Add", product, graph.constant(next(waiting)))
    if temperature != 1:
        x = graph.op("Div", x, graph.number(temperature))
    graph.output(graph.op("Softmax", x, name="probabilities", axis=-1), FLOAT, ["n", task.classes])
    return graph.to_bytes(metadata)


def folded(
    kernel: np.ndarray, shift: np.ndarray, normalization: Sequence[np.ndarray], epsilon: float
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias of a convolution that gives what its normalization gave: scale, offset, mean and variance."""
    scale, offset, mean, variance = normalization
    by = scale / np.sqrt(variance + np.float32(epsilon))
    return kernel * by, (shift - mean) * by + offset
