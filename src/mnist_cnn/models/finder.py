"""The architecture of the finder: a fully convolutional network that says where in an image digits are, and which.

It is a small U-Net (Ronneberger, Fischer, Brox, arXiv:1505.04597) with the outputs of CenterNet (Zhou, Wang, Krähenbühl
arXiv:1904.07850). Most of its parameters are where there are few places, a sixteenth of the height and width of an
image: there dilated convolutions see 200 pixels around, the word that a letter belongs to. What is finer comes back
from earlier layers.
"""

import keras
from keras import layers, ops

STRIDE = 4  # pixels of an image for one place of the outputs, down and across
MULTIPLE = 16  # height and width of an image must be multiples of this
CLASSES = 10
CHANNELS = CLASSES + 4
NEAR, FAR = 9, 21  # places of 4 pixels across: the surroundings with which a pixel is compared
LEAST_DEVIATION = 0.02  # of the range: weaker contrast is not stretched to more than a fifth of the usual one
RARE = -4.6  # the logit of 1%: at first a digit is expected at hardly any place


def finder(filters: tuple[int, int, int, int] = (16, 32, 48, 96), deep: int = 2) -> keras.Model:
    """Build the untrained network: (n, h, w, 1) uint8 images to (n, h/4, w/4, 14) float32.

    h and w are any multiples of 16; images may have any polarity. At each place of 4×4 pixels, of which the middle is
    (x, y) = (4·column + 2, 4·row + 2): ten logits of the digits 0 to 9 having their centre there; the natural logarithm
    of the bounding box's width and height in pixels; and how far its centre is to the right of the middle and below
    it, in units of 4 pixels. `filters` are those at a half, a quarter, an eighth and a sixteenth of the size, best
    multiples of 16, with which ONNX Runtime computes; `deep` is the number of residual blocks at the last.
    """
    half, quarter, eighth, sixteenth = filters
    images = layers.Input((None, None, 1), dtype="uint8", name="images")
    x = convolved(with_local_contrast(images), half)
    fine = convolved(convolved(x, quarter, strides=2), quarter)
    middle = residual(convolved(fine, eighth, strides=2))
    x = convolved(middle, sixteenth, strides=2)
    for index in range(deep):
        x = residual(x, dilation=1 + index)
    x = convolved(joined(x, middle), eighth)
    x = convolved(joined(x, fine), quarter)
    # In float32 also where the rest is not: logarithms of sizes need it.
    logits = layers.Conv2D(CLASSES, 1, bias_initializer=keras.initializers.Constant(RARE), dtype="float32")(x)
    boxes = layers.Conv2D(CHANNELS - CLASSES, 1, dtype="float32")(x)
    return keras.Model(images, layers.Concatenate(name="places", dtype="float32")([logits, boxes]), name="finder")


def with_local_contrast(images: keras.KerasTensor) -> keras.KerasTensor:
    """Images (n, h, w, 1) uint8 to (n, h/2, w/2, 8): the pixels of each 2×2 as channels, in two ways.

    Minus the mean of their surroundings and divided by the deviation, of near and of far ones. So neither light nor
    shadow nor faint ink must be learnt.
    """
    quarters = [images[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    pixels = layers.Rescaling(1 / 255, dtype="float32")(layers.Concatenate(dtype="uint8")(quarters))
    mean, square = (
        layers.AveragePooling2D(2, dtype="float32")(ops.mean(one, axis=-1, keepdims=True))
        for one in (pixels, pixels * pixels)
    )
    channels = []
    for size in (NEAR, FAR):
        mean, square = averaged(mean, size), averaged(square, size)
        deviation = ops.sqrt(ops.maximum(square - mean * mean, 0.0) + LEAST_DEVIATION**2)
        scale, shift = (layers.UpSampling2D(dtype="float32")(one) for one in (1 / deviation, mean / deviation))
        channels.append(pixels * scale - shift)
    return layers.Concatenate(dtype="float32")(channels)


def averaged(x: keras.KerasTensor, size: int) -> keras.KerasTensor:
    """The mean over a square around each place, of which there is less at an edge."""
    for pool in ((1, size), (size, 1)):
        x = layers.AveragePooling2D(pool, strides=1, padding="same", dtype="float32")(x)
    return x


def convolved(x: keras.KerasTensor, filters: int, strides: int | tuple[int, int] = 1) -> keras.KerasTensor:
    """A 3×3 convolution, batch normalization, ReLU."""
    return layers.ReLU()(normalised(x, filters, strides))


def normalised(
    x: keras.KerasTensor, filters: int, strides: int | tuple[int, int] = 1, dilation: int = 1, size: int = 3
) -> keras.KerasTensor:
    """A convolution and batch normalization."""
    x = layers.Conv2D(
        filters,
        size,
        strides=strides,
        dilation_rate=dilation,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)
    return layers.BatchNormalization(momentum=0.98)(x)


def residual(x: keras.KerasTensor, dilation: int = 1) -> keras.KerasTensor:
    """Two convolutions, the first dilated, whose result is added to their input; He et al., arXiv:1512.03385."""
    filters = x.shape[-1]
    more = normalised(layers.ReLU()(normalised(x, filters, dilation=dilation)), filters)
    return layers.ReLU()(layers.Add()([x, more]))


def joined(coarse: keras.KerasTensor, fine: keras.KerasTensor) -> keras.KerasTensor:
    """A coarse map, reduced to the filters of a fine one of twice its size, enlarged and added to that."""
    same = layers.UpSampling2D()(normalised(coarse, fine.shape[-1], size=1))
    return layers.ReLU()(layers.Add()([fine, same]))
