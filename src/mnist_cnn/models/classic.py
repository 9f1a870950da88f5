"""The network of the recipe that this project started from: 33,658 parameters."""

import keras
from keras import layers, ops

from mnist_cnn.models.layers import Conv2D, Dense, MaxPool2D


def classic(dropout: float) -> keras.Model:
    """Build the network, unfitted: (n, 28, 28, 1) uint8 images to (n, 10) float32 probabilities.

    The recipe divides the pixels by 255 before the network; here the network begins with that, so that training, test
    and every later image are scaled alike.
    """
    images = layers.Input((28, 28, 1), dtype="uint8", name="images")
    # TensorFlow turns Rescaling, and `/`, into a product with 1/255, which rounds half of the 256 values otherwise.
    x = ops.divide_no_nan(images, 255.0)
    for layer in [
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
    ]:
        x = layer(x)
    return keras.Model(images, x, name="classic")
