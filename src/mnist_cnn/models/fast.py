"""The architecture of the recipe `fast` as a Keras model."""

import keras
from keras import layers

from mnist_cnn.card import READING, Task
from mnist_cnn.models.fast_layers import NAME, fast_layers
from mnist_cnn.models.layer_specs import Convolution, Layer, Normalization, Pooling
from mnist_cnn.models.layers import Conv2D, Dense, MaxPool2D


def fast(dropout: float, task: Task = READING) -> keras.Sequential:
    """Build the untrained model: (n, 28, 28, 1) uint8 images to (n, 10) float32 probabilities, or as `task` says."""
    beginning = [layers.Input(task.input_shape, dtype="uint8", name="images"), layers.Rescaling(1 / 255)]
    made = [one for layer in fast_layers(task) for one in keras_layers(layer, dropout)]
    return keras.Sequential([*beginning, *made], name=NAME)


def keras_layers(layer: Layer, dropout: float) -> list[keras.Layer]:
    """A layer as layers of Keras; dropout comes before the dense one."""
    match layer:
        case Convolution(filters, kernel, strides, relu, bias):
            return [Conv2D(filters, kernel, strides=strides, activation="relu" if relu else None, use_bias=bias)]
        case Normalization(momentum, epsilon):
            return [layers.BatchNormalization(momentum=momentum, epsilon=epsilon), layers.ReLU()]
        case Pooling(size):
            return [MaxPool2D(size)]
        case _:
            dense = Dense(layer.units, activation="softmax", name="probabilities")
            return [layers.Flatten(), layers.Dropout(dropout), dense]
