"""The network of the recipe `robust`, which ships: 322,715 parameters, and a way to say that something is no digit."""

import keras
from keras import layers

from mnist_cnn.models.best import convolved
from mnist_cnn.models.layers import Dense, MaxPool2D

WIDEST = 11  # pixels: a stroke as wide as that would be paper; MNIST's are 2 to 5
FAINTEST = 0.1  # of the range: less contrast is not stretched, so that an empty image stays empty


def robust(dropout: float) -> keras.Model:
    """Build the network, unfitted: (n, 28, 28, 1) uint8 images to (n, 10) float32 probabilities.

    It begins on all 28×28 pixels with few filters: hairlines are a fraction of a pixel wide. Where it has most filters
    it drops the outermost pixels, which are paper: a third less time in ONNX Runtime.
    """
    images = layers.Input((28, 28, 1), dtype="uint8", name="images")
    x = on_black(layers.Rescaling(1 / 255)(images))
    x = convolved(x, 16, 3)
    x = convolved(x, 32, 3, strides=2)
    x = convolved(x, 48, 3)
    x = MaxPool2D(2)(x)
    x = convolved(x, 96, 3)
    x = convolved(x, 128, 3, padding="valid")
    x = convolved(x, 128, 3)
    x = layers.Concatenate()([layers.GlobalMaxPooling2D()(x), layers.GlobalAveragePooling2D()(x)])
    x = layers.Dropout(dropout)(x)
    return keras.Model(images, shared_out(Dense(11, activation="softmax")(x)), name="robust")


def on_black(x: keras.KerasTensor) -> keras.KerasTensor:
    """Take away paper that is not black, and stretch what is left to the full contrast.

    The white top-hat (Meyer 1979, "Iterative image transformations for an automatic screening of cervical smears"):
    what is left by opening with a square is paper, because no stroke is as wide. Opening is the maximum, all around, of
    the minimum, and a square's is that of its rows' and columns'.
    """
    least = x
    for pool in ((1, WIDEST), (WIDEST, 1)):
        least = -layers.MaxPooling2D(pool, strides=1, padding="same")(-least)
    paper = least
    for pool in ((1, WIDEST), (WIDEST, 1)):
        paper = layers.MaxPooling2D(pool, strides=1, padding="same")(paper)
    ink = x - paper
    return ink / keras.ops.maximum(keras.ops.max(ink, axis=(1, 2, 3), keepdims=True), FAINTEST)


def shared_out(eleven: keras.KerasTensor) -> keras.KerasTensor:
    """Probabilities of ten digits and of no digit (n, 11) as (n, 10): the last one is divided among the ten.

    So what is no digit is every digit alike, and the most probable one has a small probability. Saying that by one
    number is easier to learn than by ten that must be equal (docs/log.md).
    """
    return layers.Identity(name="probabilities")(eleven[:, :10] + eleven[:, 10:] / 10)
