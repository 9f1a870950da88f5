"""Test-time augmentation: the mean of a model's probabilities over shifted copies of each image.

Known from Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks" (2012).
"""

import keras
from keras import layers, ops


def with_test_time_augmentation(network: keras.Model, pixels: int) -> keras.Model:
    """The model on each image shifted by up to `pixels` in each direction: the mean over (2·pixels+1)² copies.

    Maps (n, 28, 28, 1) uint8 images to (n, 10) probabilities. Pixels shifted in are blank; with 0 pixels it is the
    model itself.
    """
    if not pixels:
        return network
    images = layers.Input(network.input_shape[1:], dtype="uint8", name="images")
    padded = layers.ZeroPadding2D(pixels, dtype="uint8")(images)
    cuts = [(start, 2 * pixels - start) for start in range(2 * pixels + 1)]
    views = [layers.Cropping2D((rows, columns), dtype="uint8")(padded) for rows in cuts for columns in cuts]
    every = network(layers.Concatenate(axis=0, dtype="uint8", name="views")(views))
    mean = ops.mean(ops.reshape(every, (len(views), -1, network.output_shape[1])), axis=0)
    return keras.Model(images, layers.Identity(name="probabilities")(mean), name=network.name)
