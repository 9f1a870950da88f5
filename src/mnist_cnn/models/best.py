"""The architecture of the recipe `best`: five sub-networks of seven convolutions, 554,370 parameters in all."""

import keras
from keras import layers

from mnist_cnn.card import READING, Task
from mnist_cnn.models.layers import Conv2D, Dense, MaxPool2D
from mnist_cnn.models.subnetworks import stacked

SUBNETWORKS = 5


def best(dropout: float, task: Task = READING) -> keras.Model:
    """Build the untrained model: (n, 28, 28, 1) uint8 images to (n, sub-networks, 10) float32 probabilities.

    Or as `task` says, with sub-networks.
    """
    images = layers.Input(task.input_shape, dtype="uint8", name="images")
    scaled = layers.Rescaling(1 / 255)(images)
    return keras.Model(
        images, stacked([subnetwork(scaled, dropout, task.classes) for _ in range(SUBNETWORKS)]), name="best"
    )


def subnetwork(x: keras.KerasTensor, dropout: float, classes: int) -> keras.KerasTensor:
    """Scaled images to (n, classes) probabilities: for ten classes 110,874 parameters.

    It starts with few filters on all 28×28 pixels; the last ones are reduced to their maximum and their mean.
    """
    x = convolved(x, 16, 3, padding="valid")
    x = convolved(x, 16, 3, padding="valid")
    x = MaxPool2D(2)(x)
    x = convolved(x, 32, 3)
    x = convolved(x, 32, 3)
    x = MaxPool2D(2)(x)
    x = convolved(x, 64, 3)
    x = convolved(x, 64, 3)
    x = convolved(x, 64, 3)
    x = layers.Concatenate()([layers.GlobalMaxPooling2D()(x), layers.GlobalAveragePooling2D()(x)])
    x = layers.Dropout(dropout)(x)
    return Dense(classes, activation="softmax")(x)


def convolved(
    x: keras.KerasTensor, filters: int, size: int, strides: int = 1, padding: str = "same"
) -> keras.KerasTensor:
    """A convolution, batch normalization, ReLU."""
    x = Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)(x)
    # A momentum of 0.95 averages the last few dozen batches: for earlier ones the weights were different.
    return layers.ReLU()(layers.BatchNormalization(momentum=0.95)(x))
