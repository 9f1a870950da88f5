"""A network that reads every image several times, moved a little, and takes the mean: test-time augmentation.

Known from Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks" (2012).
"""

import keras
from keras import layers, ops


def moved_about(network: keras.Model, pixels: int) -> keras.Model:
    """The network on each image as it is and moved by up to `pixels` each way: (2·pixels+1)² views.

    Takes (n, 28, 28, 1) uint8 images and gives the mean of the views' probabilities, (n, 10). What is moved in is
    blank; with 0 pixels it is the network itself.
    """
    if not pixels:
        return network
    images = layers.Input((28, 28, 1), dtype="uint8", name="images")
    padded = layers.ZeroPadding2D(pixels, dtype="uint8")(images)
    cuts = [(start, 2 * pixels - start) for start in range(2 * pixels + 1)]
    views = [layers.Cropping2D((rows, columns), dtype="uint8")(padded) for rows in cuts for columns in cuts]
    every = network(layers.Concatenate(axis=0, dtype="uint8", name="views")(views))
    mean = ops.mean(ops.reshape(every, (len(views), -1, 10)), axis=0)
    return keras.Model(images, layers.Identity(name="probabilities")(mean), name=network.name)
