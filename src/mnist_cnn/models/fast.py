"""The architecture of the recipe `fast`: three convolutions, 39,226 parameters."""

import keras
from keras import layers

from mnist_cnn.card import READING, Task
from mnist_cnn.models.layers import Conv2D, Dense, MaxPool2D

LARGER = 48  # pixels: larger images are pooled once more before the dense layer


def fast(dropout: float, task: Task = READING) -> keras.Sequential:
    """Build the untrained model: (n, 28, 28, 1) uint8 images to (n, 10) float32 probabilities, or as `task` says.

    Two strides of 2 and no padding reduce a 28×28 image to 12×12, then 5×5, then 3×3 pixels: at this size memory
    traffic takes the time, not multiplication. Only the last convolution is normalized: there it costs least and helps
    as much as everywhere (docs/log.md).
    """
    return keras.Sequential(
        [
            layers.Input(task.input_shape, dtype="uint8", name="images"),
            layers.Rescaling(1 / 255),
            Conv2D(8, 5, strides=2, activation="relu"),
            Conv2D(32, 3, strides=2, activation="relu"),
            Conv2D(96, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.95),
            layers.ReLU(),
            *([MaxPool2D(2)] if task.side > LARGER else []),
            layers.Flatten(),
            layers.Dropout(dropout),
            Dense(task.classes, activation="softmax", name="probabilities"),
        ],
        name="fast",
    )
