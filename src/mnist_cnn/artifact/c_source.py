"""An integer network as C99 without any runtime: weights and loops, no allocation, no floats, no libraries."""

from collections.abc import Sequence

import numpy as np

from mnist_cnn.artifact.integers import (
    ONE,
    Factors,
    IntegerGlobalPools,
    IntegerMaxPool,
    IntegerNetwork,
    IntegerWeights,
    margin,
)

PER_LINE = 24
DECLARATION = (
    "int model_classify(const uint8_t image[MODEL_HEIGHT * MODEL_WIDTH * MODEL_CHANNELS], "
    "int32_t scores[MODEL_CLASSES])"
)
HEADER = """\
/* A digit classifier in C99: integers only, no allocation, no libraries. Written by mnist-cnn. */
#ifndef MODEL_H
#define MODEL_H

#include <stdint.h>

#define MODEL_HEIGHT {height}
#define MODEL_WIDTH {width}
#define MODEL_CHANNELS {channels}
#define MODEL_CLASSES {classes}
#define MODEL_SCORE_ONE {one} /* a logit of 1 */
#define MODEL_WEIGHT_BYTES {weight_bytes} /* constants, in flash */
#define MODEL_RAM_BYTES {ram_bytes} /* buffers and scores, without the image and the stack */
#define MODEL_MULTIPLY_ADDS {multiply_adds} /* of one image */

/* The most probable class of an image, row by row, foreground 255, background 0. The logits times MODEL_SCORE_ONE are
   written to `scores`; softmax(scores / MODEL_SCORE_ONE) are the probabilities. The buffers are shared by all calls:
   no second call may begin before the first has ended. */
{declaration};

#endif
"""
EXAMPLE = """\
/* Classify images: reads raw bytes, MODEL_HEIGHT x MODEL_WIDTH x MODEL_CHANNELS for each image, from standard input.
   Prints the class and all scores of each.

   cc -std=c99 -O2 -o example example.c model.c && ./example < images.bin */
#include <stdint.h>
#include <stdio.h>

#include "model.h"

static uint8_t image[MODEL_HEIGHT * MODEL_WIDTH * MODEL_CHANNELS];
static int32_t scores[MODEL_CLASSES];

int main(void)
{
    while (fread(image, 1, sizeof image, stdin) == sizeof image) {
        int digit = model_classify(image, scores);
        int class;

        printf("%d:", digit);
        for (class = 0; class < MODEL_CLASSES; class++) {
            printf(" %ld", (long)scores[class]);
        }
        printf("\\n");
    }
    if (ferror(stdin)) {
        fprintf(stderr, "The images cannot be read.\\n");
        return 1;
    }
    return 0;
}
"""
BEGINNING = """\
/* See model.h. Sums are int32; each is multiplied by an integer and shifted, which stands for its scale:
   Jacob et al., arXiv:1712.05877. Weights are (filters, rows, columns, channels). */
#include "model.h"
"""
RESCALED = """
/* sum * multiplier / 2^shift, rounded half away from zero. */
static int32_t rescaled(int32_t sum, int32_t multiplier, uint8_t shift)
{
    const int64_t half = (int64_t)1 << (shift - 1);

    if (sum < 0) {
        return -(int32_t)((-(int64_t)sum * multiplier + half) >> shift);
    }
    return (int32_t)(((int64_t)sum * multiplier + half) >> shift);
}

/* The same as a byte: what is negative becomes 0, as by a ReLU. */
static uint8_t as_byte(int32_t sum, int32_t multiplier, uint8_t shift)
{
    const int32_t value = sum < 0 ? 0 : rescaled(sum, multiplier, shift);

    return value > 255 ? 255 : (uint8_t)value;
}
"""
CONVOLVE = """
struct convolution {
    int height, width, channels; /* of what it takes */
    int rows, columns, stride, top, left; /* of the kernel, and blank pixels around the image */
    int out_height, out_width, filters;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const uint8_t *shift;
};

static int32_t sum_at(const struct convolution *c, const uint8_t *in, int filter, int y, int x)
{
    int32_t sum = c->bias[filter];
    int row, column, channel;

    for (row = 0; row < c->rows; row++) {
        const int at_y = y * c->stride + row - c->top;
        if (at_y < 0 || at_y >= c->height) {
            continue;
        }
        for (column = 0; column < c->columns; column++) {
            const int at_x = x * c->stride + column - c->left;
            if (at_x >= 0 && at_x < c->width) {
                const uint8_t *pixel = in + ((int32_t)at_y * c->width + at_x) * c->channels;
                const int8_t *weight =
                    c->weights + (((int32_t)filter * c->rows + row) * c->columns + column) * c->channels;
                for (channel = 0; channel < c->channels; channel++) {
                    sum += (int32_t)pixel[channel] * weight[channel];
                }
            }
        }
    }
    return sum;
}
"""
CONVOLVED = """
static void convolve(const struct convolution *c, const uint8_t *in, uint8_t *out)
{
    int y, x, filter;

    for (y = 0; y < c->out_height; y++) {
        for (x = 0; x < c->out_width; x++) {
            for (filter = 0; filter < c->filters; filter++) {
                *out++ = as_byte(sum_at(c, in, filter, y, x), c->multiplier[filter], c->shift[filter]);
            }
        }
    }
}
"""
MAX_POOL = """
/* The maximum of windows of size x size pixels; rows and columns that do not fill one are dropped. */
static void max_pool(const uint8_t *in, uint8_t *out, int height, int width, int channels, int size)
{
    int y, x, channel, row, column;

    for (y = 0; y + size <= height; y += size) {
        for (x = 0; x + size <= width; x += size) {
            for (channel = 0; channel < channels; channel++) {
                uint8_t largest = 0;
                for (row = 0; row < size; row++) {
                    for (column = 0; column < size; column++) {
                        const uint8_t value = in[((int32_t)(y + row) * width + x + column) * channels + channel];
                        largest = value > largest ? value : largest;
                    }
                }
                *out++ = largest;
            }
        }
    }
}
"""
GLOBAL_POOLS = """
/* The maximum of each channel, then the mean of each. */
static void global_pools(const uint8_t *in, uint8_t *out, int pixels, int channels, int32_t multiplier, uint8_t shift)
{
    int pixel, channel;

    for (channel = 0; channel < channels; channel++) {
        uint8_t largest = 0;
        int32_t sum = 0;
        for (pixel = 0; pixel < pixels; pixel++) {
            const uint8_t value = in[(int32_t)pixel * channels + channel];
            largest = value > largest ? value : largest;
            sum += value;
        }
        out[channel] = largest;
        out[channels + channel] = as_byte(sum, multiplier, shift);
    }
}
"""
LAST = """
    for (class = 0; class < MODEL_CLASSES; class++) {{
        scores[class] = rescaled(sum_at(&layer_{index}, {source}, class, 0, 0),
                                 layer_{index}.multiplier[class], layer_{index}.shift[class]);
        if (scores[class] > scores[digit]) {{
            digit = class;
        }}
    }}
    return digit;
}}
"""


def header_of(network: IntegerNetwork) -> str:
    """The text of model.h."""
    height, width, channels = network.layers[0].takes
    return HEADER.format(
        height=height,
        width=width,
        channels=channels,
        classes=network.layers[-1].gives[2],
        one=ONE,
        declaration=DECLARATION,
        weight_bytes=network.weight_bytes,
        ram_bytes=network.ram_bytes,
        multiply_adds=network.multiply_adds,
    )


def source_of(network: IntegerNetwork) -> str:
    """The text of model.c."""
    kinds = {type(layer) for layer in network.layers}
    hidden = any(isinstance(layer, IntegerWeights) for layer in network.layers[:-1])
    functions = [
        BEGINNING,
        RESCALED,
        CONVOLVE,
        *([CONVOLVED] if hidden else []),
        *([MAX_POOL] if IntegerMaxPool in kinds else []),
        *([GLOBAL_POOLS] if IntegerGlobalPools in kinds else []),
    ]
    constants = [
        constants_of(layer, index) for index, layer in enumerate(network.layers) if isinstance(layer, IntegerWeights)
    ]
    return "".join([*functions, *constants, classify_of(network)])


def constants_of(layer: IntegerWeights, index: int) -> str:
    """The arrays of a layer, and the structure that names them."""
    filters, rows, columns, _ = layer.weights.shape
    height, width, channels = layer.takes
    top, left = (
        margin(size, kernel, layer.stride)[0] if layer.same else 0
        for size, kernel in ((height, rows), (width, columns))
    )
    numbers = [height, width, channels, rows, columns, layer.stride, top, left, *layer.gives[:2], filters]
    names = [f"{name}_{index}" for name in ("weights", "bias", "multiplier", "shift")]
    return (
        array("int8_t", names[0], layer.weights.ravel().tolist())
        + array("int32_t", names[1], layer.bias.tolist())
        + array("int32_t", names[2], layer.factors.multiplier.tolist())
        + array("uint8_t", names[3], layer.factors.shift.tolist())
        + f"static const struct convolution layer_{index} = {{\n    {', '.join(map(str, numbers))},\n"
        + f"    {', '.join(names)}\n}};\n"
    )


def array(kind: str, name: str, values: Sequence[int], qualifiers: str = "static const") -> str:
    """A constant array in C."""
    lines = [", ".join(map(str, values[start : start + PER_LINE])) for start in range(0, len(values), PER_LINE)]
    return f"\n{qualifiers} {kind} {name}[{len(values)}] = {{\n    " + ",\n    ".join(lines) + "\n};\n"


def classify_of(network: IntegerNetwork) -> str:
    """The function that calls each layer, and its two buffers."""
    sizes = network.buffers
    used = sizes[: max(1, min(2, len(network.layers) - 1))]
    buffers = "".join(f"static uint8_t buffer_{index}[{size}];\n" for index, size in enumerate(used))
    calls = [
        call_of(layer, index, source_name(index), f"buffer_{index % 2}")
        for index, layer in enumerate(network.layers[:-1])
    ]
    last = len(network.layers) - 1
    return (
        f"\n{buffers if last else ''}\n{DECLARATION}\n"
        + "{\n    int digit = 0;\n    int class;\n\n"
        + "".join(f"    {call}\n" for call in calls)
        + LAST.format(index=last, source=source_name(last)).lstrip("\n")
    )


def source_name(index: int) -> str:
    """Where a layer finds what the one before it gave."""
    return f"buffer_{(index - 1) % 2}" if index else "image"


def call_of(layer: object, index: int, source: str, target: str) -> str:
    """One layer as a statement."""
    if isinstance(layer, IntegerWeights):
        return f"convolve(&layer_{index}, {source}, {target});"
    if isinstance(layer, IntegerMaxPool):
        return f"max_pool({source}, {target}, {', '.join(map(str, layer.takes))}, {layer.size});"
    if isinstance(layer, IntegerGlobalPools):
        height, width, channels = layer.takes
        return f"global_pools({source}, {target}, {height * width}, {channels}, {first(layer.factors)});"
    raise TypeError(layer)


def first(factors: Factors) -> str:
    """A single factor as two arguments."""
    return f"{int(factors.multiplier[0])}, {int(factors.shift[0])}"


def bytes_as_c(content: bytes, name: str, aligned: int) -> str:
    """A file as a C11 array `name`, aligned, and its length `name_length`."""
    values = np.frombuffer(content, np.uint8).tolist()
    return (
        f'/* Written by mnist-cnn. */\n#include "{name}.h"\n\n#include <stdalign.h>\n'
        + array("unsigned char", name, values, f"alignas({aligned}) const")
        + f"const unsigned int {name}_length = {len(values)};\n"
    )
