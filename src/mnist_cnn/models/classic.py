"""The network of the recipe that this project started from: 33,658 parameters."""

import keras
from keras import layers, ops

from mnist_cnn.card import READING, Task
from mnist_cnn.models.layers import Conv2D, Dense, MaxPool2D, pooled_to

LARGEST_MAP = 11  # pixels a side before the dense layers: for images of 28 pixels it is 5


def classic(dropout: float, task: Task = READING) -> keras.Model:
    """Build the network, unfitted: (n, 28, 28, 1) uint8 images to (n, 10) float32 probabilities, or as `task` says.

    The recipe divides the pixels by 255 before the network; here the network begins with that, so that training, test
    and every later image are scaled alike.
    """
    images = layers.Input(task.input_shape, dtype="uint8", name="images")
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
    ]:
        x = layer(x)
    x = pooled_to(LARGEST_MAP, x)
    for layer in [
        layers.Flatten(),
        Dense(32, activation="relu"),
        Dense(16, activation="relu"),
        Dense(task.classes, activation="softmax", name="probabilities"),
    ]:
        x = layer(x)
    return keras.Model(images, x, name="classic")
