"""The network of the recipe `best`: two columns of six convolutions, 562,004 parameters in all."""

import keras
from keras import layers

from mnist_cnn.models.columns import side_by_side
from mnist_cnn.models.layers import Conv2D, Dense, MaxPool2D

COLUMNS = 2


def best(dropout: float) -> keras.Model:
    """Build the network, unfitted: (n, 28, 28, 1) uint8 images to (n, columns, 10) float32 probabilities."""
    images = layers.Input((28, 28, 1), dtype="uint8", name="images")
    scaled = layers.Rescaling(1 / 255)(images)
    return keras.Model(images, side_by_side([column(scaled, dropout) for _ in range(COLUMNS)]), name="best")


def column(x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    """Scaled images to (n, 10) probabilities: 281,002 parameters.

    Most of the work is done on 14×14 and 7×7 pixels; the last ones are summed up by their largest and their mean value.
    """
    x = convolved(x, 32, 5, strides=2)
    x = convolved(x, 64, 3)
    x = convolved(x, 64, 3)
    x = MaxPool2D(2)(x)
    x = convolved(x, 96, 3)
    x = convolved(x, 96, 3)
    x = convolved(x, 96, 3)
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
