"""The architecture of the segmenter: it sees a candidate of the finder, and says what it is and where its ink is.

It is the second stage of a detector in two stages (Ren, He, Girshick, Sun, arXiv:1506.01497), and a small U-Net
(Ronneberger, Fischer, Brox, arXiv:1505.04597) with a head that classifies.
"""

import keras
from keras import layers, ops

from mnist_cnn.models.finder import convolved, joined, residual

SIDE, INK = 64, 48  # pixels: of a crop, and of its middle, in which ink is marked
NO_DIGIT = 10  # the class of what is neither a digit nor a mark that is read
CLASSES = 23  # ten digits, no digit, and twelve marks
LEAST_DEVIATION = 0.02  # of the range: weaker contrast is not stretched to more than a fifth of the usual one
SEEN = 12  # pixels at each side of a close crop that do not count for its contrast
AROUND = (16, 32)  # filters for the wide crops, at a half and a quarter of their size
HIDDEN = 64  # units of the head


def segmenter(filters: tuple[int, int, int] = (16, 48, 80), dropout: float = 0.2) -> keras.Model:
    """Build the untrained network: (n, 64, 64, 2) uint8 crops to (n, 23) and (n, 48, 48, 1) float32.

    In the middle of a crop there is a candidate, its longer side 32 pixels in the first channel, and 12 in the second,
    which shows what is around it: an o is a zero among digits and a letter in a word. Crops may have any polarity. The
    first output are logits of the digits 0 to 9, of no digit and of each mark, the second the probability of each of
    the 48×48 pixels in the middle being ink of the candidate. `filters` are those at a half, a quarter and an eighth of
    the size.
    """
    half, quarter, eighth = filters
    crops = layers.Input((SIDE, SIDE, 2), dtype="uint8", name="crops")
    fine = convolved(convolved(with_contrast(crops[:, :, :, :1], SEEN), half), half)
    middle = residual(convolved(fine, quarter, strides=2))
    coarse = residual(residual(convolved(middle, eighth, strides=2)))
    inner = layers.Flatten()(layers.Cropping2D(2)(coarse))
    around = surroundings(crops[:, :, :, 1:])
    hidden = layers.Concatenate()([inner, layers.GlobalAveragePooling2D()(coarse), around])
    hidden = layers.Dropout(dropout)(layers.Dense(HIDDEN, activation="relu")(hidden))
    logits = layers.Dense(CLASSES, dtype="float32", name="logits")(hidden)
    x = convolved(joined(coarse, middle), quarter)
    margin = (SIDE - INK) // 4
    x = convolved(joined(layers.Cropping2D(margin // 2)(x), layers.Cropping2D(margin)(fine)), half)
    pixels = layers.Conv2D(4, 3, padding="same", dtype="float32")(x)
    ink = layers.Activation("sigmoid", dtype="float32", name="ink")(depth_to_space(pixels))
    return keras.Model(crops, [logits, ink], name="segmenter")


def surroundings(wide: keras.KerasTensor) -> keras.KerasTensor:
    """What is around the candidate in wide crops (n, 64, 64, 1) uint8, as features (n, 512 + 32): where, and what."""
    half, quarter = AROUND
    x = convolved(with_contrast(wide), half)
    x = residual(convolved(x, quarter, strides=2))
    x = residual(convolved(x, quarter, strides=2))
    return layers.Concatenate()([layers.Flatten()(layers.MaxPooling2D()(x)), layers.GlobalAveragePooling2D()(x)])


def with_contrast(crops: keras.KerasTensor, unseen: int = 0) -> keras.KerasTensor:
    """Crops (n, 64, 64, 1) uint8 to (n, 32, 32, 4): the pixels of each 2×2 as channels, of equal mean and contrast.

    For these, `unseen` pixels at each side do not count.
    """
    quarters = [crops[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    pixels = layers.Rescaling(1 / 255, dtype="float32")(layers.Concatenate(dtype="uint8")(quarters))
    margin = unseen // 2
    seen = pixels[:, margin : SIDE // 2 - margin, margin : SIDE // 2 - margin]
    mean = ops.mean(seen, axis=(1, 2, 3), keepdims=True)
    deviation = ops.sqrt(ops.mean((seen - mean) ** 2, axis=(1, 2, 3), keepdims=True) + LEAST_DEVIATION**2)
    return (pixels - mean) / deviation


def depth_to_space(x: keras.KerasTensor) -> keras.KerasTensor:
    """(n, h, w, 4) to (n, 2h, 2w, 1): the channels become the pixels of each 2×2."""
    height, width = x.shape[1:3]
    x = ops.reshape(x, (-1, height, width, 2, 2))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4)), (-1, 2 * height, 2 * width, 1))
