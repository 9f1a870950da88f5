"""Write a classifier for a microcontroller: as plain C, and as LiteRT in int8 for those who have its runtime."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.artifact import c_source, litert, saved_model
from mnist_cnn.artifact.integers import integer_classifier, quantized
from mnist_cnn.artifact.layer_chain import Folded, MaxPool, Weighted, folded
from mnist_cnn.card import Task
from mnist_cnn.reading.network import Classifier

if TYPE_CHECKING:
    import keras

LITERT, ARRAY = "model.tflite", "model_tflite"
ALIGNED = 16  # bytes: what the runtime for microcontrollers asks of a model
ARRAY_HEADER = """\
/* model.tflite as an array. Its input is int8, the pixel less 128; its output int8, (probability * 256) - 128. */
#ifndef MODEL_TFLITE_H
#define MODEL_TFLITE_H

#ifdef __cplusplus
extern "C" {
#endif

extern const unsigned char model_tflite[];
extern const unsigned int model_tflite_length;

#ifdef __cplusplus
}
#endif

#endif
"""


@dataclass(frozen=True)
class Written:
    """What the C code computes, and its needs: bytes of constants and of memory, products of one image."""

    classifier: Classifier
    weight_bytes: int
    ram_bytes: int
    multiply_adds: int

    def sizes(self) -> dict[str, int]:
        """The numbers, for a model card."""
        return {
            "weight_bytes": self.weight_bytes,
            "ram_bytes": self.ram_bytes,
            "multiply_adds": self.multiply_adds,
        }


def write(network: "keras.Model", folder: Path, images: np.ndarray, task: Task) -> Written:
    """Write the folder; `images` (n, height, width, channels) uint8 find the ranges of values.

    Raises ExportError if the network has parts that the C code has not, and what the converter raises.
    """
    chain = folded(network)
    integers = quantized(chain, images)
    folder.mkdir()
    with tempfile.TemporaryDirectory() as scratch:
        saved_model.write(single(chain), Path(scratch) / "saved_model")
        litert.write_integers(Path(scratch) / "saved_model", folder / LITERT, images)
    texts = {
        "model.h": c_source.header_of(integers),
        "model.c": c_source.source_of(integers),
        "example.c": c_source.EXAMPLE,
        f"{ARRAY}.h": ARRAY_HEADER,
        f"{ARRAY}.c": c_source.bytes_as_c((folder / LITERT).read_bytes(), ARRAY, ALIGNED),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="ascii", newline="\n")
    return Written(
        integer_classifier(integers, task), integers.weight_bytes, integers.ram_bytes, integers.multiply_adds
    )


def single(chain: Folded) -> "keras.Model":
    """The chain in Keras for one image, a batch whose size is fixed: no shape is left to compute on the device."""
    from keras import Input, Model, layers

    image = Input(batch_shape=(1, *chain.input_shape), dtype="float32", name="image")
    x = image
    for layer in chain.layers:
        if isinstance(layer, MaxPool):
            x = layers.MaxPooling2D(layer.size)(x)
        elif not isinstance(layer, Weighted):
            whole = x.shape[1:3]
            x = layers.Concatenate()([layers.MaxPooling2D(whole)(x), layers.AveragePooling2D(whole)(x)])
        else:
            x = with_weights(layer, x)
    return Model(image, layers.Softmax()(x))


def with_weights(layer: Weighted, x: "keras.KerasTensor") -> "keras.KerasTensor":
    """A layer of weights in Keras."""
    from keras import layers

    activation = "relu" if layer.relu else None
    filters = layer.kernel.shape[-1]
    if layer.dense:
        made = layers.Dense(filters, activation=activation)
        after, kernel = made(layers.Reshape((layer.kernel.shape[2],))(x)), layer.kernel[0, 0]
    else:
        padding = "same" if layer.same else "valid"
        made = layers.Conv2D(filters, layer.kernel.shape[:2], layer.stride, padding, activation=activation)
        after, kernel = made(x), layer.kernel
    made.set_weights([kernel, layer.bias])
    return after
