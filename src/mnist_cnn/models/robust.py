"""The architecture of the recipe `robust`, the bundled model: 445,915 parameters, with a non-digit output."""

import keras
from keras import layers

from mnist_cnn.card import READING, Task
from mnist_cnn.models.best import convolved
from mnist_cnn.models.layers import Conv2D, Dense

WIDEST = 11  # pixels: a stroke this wide would count as background; MNIST's are 2 to 5
FAINTEST = 0.1  # of the range: lower contrast is not stretched, so that an empty image stays empty


def robust(dropout: float, task: Task = READING) -> keras.Model:
    """Build the untrained model: (n, 28, 28, 1) uint8 images to (n, 10) float32 probabilities, or as `task` says.

    Of images that are not digits no background is removed: what is wider than a stroke may be what they show.

    It starts with few filters on all 28×28 pixels: hairlines are a fraction of a pixel wide. Where it has most filters,
    it drops the outermost pixels, which are background: a third less time in ONNX Runtime.
    """
    images = layers.Input(task.input_shape, dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255)(images)
    x = without_background(x) if task.is_digits else x
    x = convolved(x, 16, 3)
    x = residual(convolved(x, 32, 3, strides=2))
    x = residual(convolved(x, 64, 3, strides=2))
    x = convolved(x, 128, 3, padding="valid")
    x = convolved(x, 256, 3, padding="valid")
    x = layers.Concatenate()([layers.GlobalMaxPooling2D()(x), layers.GlobalAveragePooling2D()(x)])
    x = layers.Dropout(dropout)(x)
    return keras.Model(images, non_digit_shared(Dense(task.classes + 1, activation="softmax")(x)), name="robust")


def residual(x: keras.KerasTensor) -> keras.KerasTensor:
    """A convolution whose result is added to its input; He, Zhang, Ren, Sun, arXiv:1512.03385."""
    more = layers.BatchNormalization(momentum=0.95)(Conv2D(x.shape[-1], 3, padding="same", use_bias=False)(x))
    return layers.ReLU()(x + more)


def without_background(x: keras.KerasTensor) -> keras.KerasTensor:
    """Remove a background that is not black, and stretch the rest to full contrast.

    The white top-hat (Meyer 1979, "Iterative image transformations for an automatic screening of cervical smears"):
    what an opening with a square leaves is background, because no stroke is as wide. An opening is a minimum filter,
    then a maximum filter; over a square each is one over rows, then one over columns.
    """
    background = highest_around(-highest_around(-x))
    ink = x - background
    return ink / keras.ops.maximum(keras.ops.max(ink, axis=(1, 2, 3), keepdims=True), FAINTEST)


def highest_around(x: keras.KerasTensor) -> keras.KerasTensor:
    """The maximum over a square around each pixel."""
    for pool in ((1, WIDEST), (WIDEST, 1)):
        x = layers.MaxPooling2D(pool, strides=1, padding="same")(x)
    return x


def non_digit_shared(outputs: keras.KerasTensor) -> keras.KerasTensor:
    """Probabilities of ten digits and of a non-digit (n, 11) as (n, 10): the last one is divided among the ten.

    So a non-digit has ten similar probabilities, and the largest is small. One output for that is easier to learn than
    ten that must be equal (docs/log.md).
    """
    classes = outputs.shape[1] - 1
    return layers.Identity(name="probabilities")(outputs[:, :classes] + outputs[:, classes:] / classes)
