"""The network of the recipe `fast`: three convolutions, 39,226 parameters."""

import keras
from keras import layers

from mnist_cnn.models.layers import Conv2D, Dense


def fast(dropout: float) -> keras.Sequential:
    """Build the network, unfitted: (n, 28, 28, 1) uint8 images to (n, 10) float32 probabilities.

    Two strides of 2 and no padding leave a 28×28 image 12×12, then 5×5, then 3×3 pixels: at this size what takes time
    is moving pixels about, not multiplying them. Only the last convolution is normalised: there it costs least and
    helps as much as everywhere (docs/log.md).
    """
    return keras.Sequential(
        [
            layers.Input((28, 28, 1), dtype="uint8", name="images"),
            layers.Rescaling(1 / 255),
            Conv2D(8, 5, strides=2, activation="relu"),
            Conv2D(32, 3, strides=2, activation="relu"),
            Conv2D(96, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.95),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dropout(dropout),
            Dense(10, activation="softmax", name="probabilities"),
        ],
        name="fast",
    )
