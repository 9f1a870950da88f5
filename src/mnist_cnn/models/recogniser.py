"""The architecture of the recogniser: it sees a line of text, and says where on it which digits and marks are.

Convolutions as in CRNN (Shi, Bai, Yao, arXiv:1507.05717) make of each column a vector, and dilated convolutions along
the line in place of its recurrent layers (Yu, Koltun, arXiv:1511.07122) compare it with five digits' heights on both
sides.
"""

import keras
from keras import layers, ops

from mnist_cnn.models.finder import convolved, residual

TALL, STRIDE = 40, 4  # pixels: how high a line is, and the width of a column
CLASSES = 24  # nothing, ten digits, anything else that is written, and twelve marks
AROUND = 41  # pairs of pixels along the line, whose contrast each is compared with
LEAST_DEVIATION = 0.02  # of the range: weaker contrast is not stretched to more than a fifth of the usual one
DILATIONS = (1, 2, 4, 8)
RARE = 2.0  # the logit of nothing at first: most columns are not the middle of a character


def recogniser(filters: tuple[int, int, int] = (16, 32, 48), along: int = 80, dropout: float = 0.1) -> keras.Model:
    """Build the untrained network: (n, 40, w, 1) uint8 lines to (n, w/4, 24) float32 logits.

    w is any multiple of 4. The digits of a line are about 24 pixels high and in the middle; lines may have any
    polarity. Of each column of 4 pixels: class 0 is that there is no middle of a character, unless of a letter or
    symbol, 1 to 10 the middle of a digit, 11 anything else that is written, and from 12 on the middle of a mark.
    `filters` are those at a half, a quarter and an eighth of the height, `along` those of the columns.
    """
    half, quarter, eighth = filters
    lines = layers.Input((TALL, None, 1), dtype="uint8", name="lines")
    x = convolved(with_contrast_along(lines), half)
    x = residual(convolved(x, quarter, strides=2))
    x = residual(convolved(x, eighth, strides=(2, 1)))
    x = row_convolved(x, along, (TALL // 8, 1), padding="valid")
    for dilation in DILATIONS:
        more = row_convolved(row_convolved(x, along, (1, 3), dilation), along, (1, 3), dilation, activated=False)
        x = layers.ReLU()(layers.Add()([x, more]))
    x = layers.Dropout(dropout)(x)
    bias = keras.initializers.Constant([RARE] + [0.0] * (CLASSES - 1))
    logits = layers.Conv2D(CLASSES, 1, bias_initializer=bias, dtype="float32")(x)
    return keras.Model(lines, layers.Reshape((-1, CLASSES), dtype="float32", name="columns")(logits), name="recogniser")


def row_convolved(
    x: keras.KerasTensor,
    filters: int,
    size: tuple[int, int],
    dilation: int = 1,
    padding: str = "same",
    *,
    activated: bool = True,
) -> keras.KerasTensor:
    """A convolution along the line, batch normalization, and ReLU."""
    x = layers.Conv2D(
        filters,
        size,
        dilation_rate=(1, dilation),
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)
    x = layers.BatchNormalization(momentum=0.98)(x)
    return layers.ReLU()(x) if activated else x


def with_contrast_along(lines: keras.KerasTensor) -> keras.KerasTensor:
    """Lines (n, 40, w, 1) uint8 to (n, 20, w/2, 4): the pixels of each 2×2 as channels, of equal mean and contrast.

    These are those of what is around each on the line.
    """
    quarters = [lines[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    pixels = layers.Rescaling(1 / 255, dtype="float32")(layers.Concatenate(dtype="uint8")(quarters))
    mean, square = (
        layers.AveragePooling2D((1, AROUND), strides=1, padding="same", dtype="float32")(
            ops.mean(one, axis=(1, 3), keepdims=True)
        )
        for one in (pixels, pixels * pixels)
    )
    deviation = ops.sqrt(ops.maximum(square - mean * mean, 0.0) + LEAST_DEVIATION**2)
    return (pixels - mean) / deviation
