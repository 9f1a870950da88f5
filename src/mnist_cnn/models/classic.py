"""The network of the recipe that this project started from: 33,658 parameters."""

import keras
from keras import layers

from mnist_cnn.models.layers import Conv2D, Dense, MaxPool2D


def classic(dropout: float) -> keras.Sequential:
    """Build the network, unfitted: (n, 28, 28, 1) uint8 images to (n, 10) float32 probabilities.

    The recipe divides the pixels by 255 before the network; here that is its first layer, so that training, test and
    every later picture are scaled alike and nobody can forget it.
    """
    return keras.Sequential(
        [
            layers.Input((28, 28, 1), dtype="uint8", name="images"),
            layers.Rescaling(1 / 255),
            Conv2D(16, 2, activation="relu"),
            Conv2D(16, 2, activation="relu"),
            MaxPool2D(2),
            layers.Dropout(dropout),
            Conv2D(32, 2, activation="relu"),
            Conv2D(32, 2, activation="relu"),
            MaxPool2D(2),
            layers.Flatten(),
            Dense(32, activation="relu"),
            Dense(16, activation="relu"),
            Dense(10, activation="softmax", name="probabilities"),
        ],
        name="classic",
    )
