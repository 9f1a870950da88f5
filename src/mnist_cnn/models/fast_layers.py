"""The layers of the recipe `fast`, for every framework: three convolutions, 39,226 parameters for MNIST."""

from mnist_cnn.card import Task
from mnist_cnn.models.layer_specs import Convolution, Dense, Layer, Normalization, Pooling

NAME = "fast"
LARGER = 48  # pixels: larger images are pooled once more before the dense layer


def fast_layers(task: Task) -> list[Layer]:
    """The layers for a task.

    Two strides of 2 and no padding reduce a 28×28 image to 12×12, then 5×5, then 3×3 pixels: at this size memory
    traffic takes the time, not multiplication. Only the last convolution is normalized: there it costs least and helps
    as much as everywhere (docs/log.md).
    """
    return [
        Convolution(8, 5, strides=2, relu=True),
        Convolution(32, 3, strides=2, relu=True),
        Convolution(96, 3, bias=False),
        Normalization(momentum=0.95),
        *([Pooling(2)] if task.side > LARGER else []),
        Dense(task.classes),
    ]
