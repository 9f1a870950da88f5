"""The network of the recipe `tiny`: fewer than 10,000 parameters."""

import keras
from keras import layers

from mnist_cnn.models.best import convolved
from mnist_cnn.models.layers import Dense, MaxPool2D


def tiny(dropout: float) -> keras.Model:
    """Build the network, unfitted: (n, 28, 28, 1) uint8 images to (n, 10) float32 probabilities."""
    images = layers.Input((28, 28, 1), dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255)(images)
    x = convolved(x, 16, 5, strides=2)
    x = convolved(x, 16, 3)
    x = MaxPool2D(2)(x)
    x = convolved(x, 16, 3)
    x = convolved(x, 24, 3)
    x = layers.Concatenate()([layers.GlobalMaxPooling2D()(x), layers.GlobalAveragePooling2D()(x)])
    x = layers.Dropout(dropout)(x)
    return keras.Model(images, Dense(10, activation="softmax", name="probabilities")(x), name="tiny")
