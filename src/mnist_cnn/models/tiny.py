"""The architecture of the recipe `tiny`: five convolutions, 9,426 parameters or fewer."""

import keras
from keras import layers

from mnist_cnn.card import READING, Task
from mnist_cnn.models.best import convolved
from mnist_cnn.models.layers import Dense, MaxPool2D
from mnist_cnn.models.tiny_widths import widths_for


def tiny(dropout: float, task: Task = READING, parameters: int = 0) -> keras.Model:
    """Build the untrained model: (n, 28, 28, 1) uint8 images to (n, 10) float32 probabilities, or as `task` says.

    Few parameters do not mean little computation: the first kernels run on all 28×28 pixels, most others on 12×12.
    At most `parameters` by fewer filters, 0 for the standard ones; raises RecipeError if that is too few.
    """
    first, second, third, fourth, last = widths_for(parameters, task)
    images = layers.Input(task.input_shape, dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255)(images)
    x = convolved(x, first, 3, padding="valid")
    x = convolved(x, second, 3, strides=2, padding="valid")
    x = convolved(x, third, 3)
    x = convolved(x, fourth, 3)
    x = MaxPool2D(2)(x)
    x = convolved(x, last, 3)
    x = layers.Concatenate()([layers.GlobalMaxPooling2D()(x), layers.GlobalAveragePooling2D()(x)])
    x = layers.Dropout(dropout)(x)
    return keras.Model(images, Dense(task.classes, activation="softmax", name="probabilities")(x), name="tiny")
