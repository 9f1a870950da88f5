"""The network of the recipe `best`: five columns of seven convolutions, 554,370 parameters in all."""

import keras
from keras import layers

from mnist_cnn.models.columns import side_by_side
from mnist_cnn.models.layers import Conv2D, Dense, MaxPool2D

COLUMNS = 5


def best(dropout: float) -> keras.Model:
    """Build the network, unfitted: (n, 28, 28, 1) uint8 images to (n, columns, 10) float32 probabilities."""
    images = layers.Input((28, 28, 1), dtype="uint8", name="images")
    scaled = layers.Rescaling(1 / 255)(images)
    return keras.Model(images, side_by_side([column(scaled, dropout) for _ in range(COLUMNS)]), name="best")


def column(x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    """Scaled images to (n, 10) probabilities: 110,874 parameters.

    It begins on all 28×28 pixels with few filters; the last ones are summed up by their largest and their mean value.
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
    return Dense(10, activation="softmax")(x)


def convolved(
    x: keras.KerasTensor, filters: int, size: int, strides: int = 1, padding: str = "same"
) -> keras.KerasTensor:
    """A convolution, batch normalisation, ReLU."""
    x = Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)(x)
    # A momentum of 0.95 follows the last few dozen batches: the weights they belong to have changed since earlier ones.
    return layers.ReLU()(layers.BatchNormalization(momentum=0.95)(x))
