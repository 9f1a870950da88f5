"""Convert a SavedModel to a LiteRT (TensorFlow Lite) file, and load such a file as a classifier."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn.artifact.quiet import quiet
from mnist_cnn.card import READING, Task
from mnist_cnn.reading.network import Classifier, batches_of


def write(saved_model: Path, path: Path, quantize: str | None, images: np.ndarray) -> None:
    """Convert a SavedModel; `quantize` is None, "float16" (weights) or "int8", calibrated on images for a network.

    The batch size is dynamic: resize the input, then allocate. Raises what the converter raises.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    with quiet():
        if quantize == "float16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        written = converter.convert()
        if quantize == "int8":
            written = in_integers(tf.lite.TFLiteConverter.from_saved_model(str(saved_model)), written, images)
    path.write_bytes(written)


def in_integers(converter: Any, in_floats: bytes, images: np.ndarray) -> bytes:
    """The model with everything before its last matrix product in int8, weights per channel.

    From there on it stays float32, by LiteRT's "selective quantization" (tf.lite.experimental): probabilities in 256
    steps do not add up to 1 and are less accurate (docs/log.md).
    """
    import tensorflow as tf

    def representative() -> Iterator[list[np.ndarray]]:
        return ([image[np.newaxis]] for image in images)

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=last_and_after(in_floats))
    quantized = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=representative, debug_options=options
    )
    return bytes(quantized.get_nondebug_quantized_model())


def last_and_after(content: bytes) -> list[str]:
    """The tensors that a softmax takes as logits, and all that are computed from them."""
    opened = interpreter(content, threads=1, plain=True)
    names = {one["index"]: one["name"] for one in opened.get_tensor_details()}
    reached: set[int] = set()
    logits: list[int] = []
    for operation in opened._get_ops_details():  # in the order of computing; there is no public way to list them
        takes, gives = set(operation["inputs"].tolist()), operation["outputs"].tolist()
        if operation["op_name"] == "SOFTMAX" and not reached & takes:
            logits += takes
        if operation["op_name"] == "SOFTMAX" or reached & takes:
            reached.update(gives)
    return [names[index] for index in [*logits, *reached]]


def litert_classifier(path: Path, threads: int = 0, task: Task = READING) -> Classifier:
    """Load a LiteRT file as a classifier that computes with `threads` threads, 0 for LiteRT's default."""
    with quiet():
        opened = interpreter(path.read_bytes(), threads)
        opened.allocate_tensors()
    images_in, probabilities_out = opened.get_input_details()[0], opened.get_output_details()[0]
    pixels = images_in["dtype"]

    def run(batch: np.ndarray) -> np.ndarray:
        if opened.get_input_details()[0]["shape"][0] != len(batch):
            opened.resize_tensor_input(images_in["index"], batch.shape)
            with quiet():
                opened.allocate_tensors()
        opened.set_tensor(images_in["index"], batch.astype(pixels))
        opened.invoke()
        return np.asarray(opened.get_tensor(probabilities_out["index"]))

    def classify(images: np.ndarray) -> np.ndarray:
        none = np.zeros((0, task.classes), dtype=np.float32)
        return np.concatenate([none, *map(run, batches_of(images, task))])

    return classify


def write_integers(saved_model: Path, path: Path, images: np.ndarray) -> None:
    """Convert a SavedModel with a fixed batch of 1 to int8 throughout, input and output included.

    It takes pixels from 0 to 255 as float32, and `images` (n, height, width, channels) uint8 find the ranges: the input
    of the file is the pixel less 128. Raises what the converter raises.
    """
    import tensorflow as tf

    # An image with a pixel of 255, so that the scale of the input is 1.
    stretched = images[:1] * (255 / max(1, images[:1].max()))
    values = np.concatenate([images, stretched]).astype(np.float32)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[np.newaxis]] for image in values)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with quiet():
        path.write_bytes(converter.convert())


def operations(path: Path) -> list[str]:
    """The operations of a LiteRT file, in the order of computing."""
    opened = interpreter(path.read_bytes(), threads=1, plain=True)
    return [each["op_name"] for each in opened._get_ops_details()]  # there is no public way to list them


def integer_classifier(path: Path, task: Task = READING) -> Classifier:
    """Load a LiteRT file with a fixed batch of 1 and int8 in and out as a classifier."""
    with quiet():
        opened = interpreter(path.read_bytes(), threads=1)
        opened.allocate_tensors()
    takes, gives = opened.get_input_details()[0], opened.get_output_details()[0]
    scale, zero = gives["quantization"]

    def run(image: np.ndarray) -> np.ndarray:
        opened.set_tensor(takes["index"], (image[np.newaxis].astype(np.int16) - 128).astype(np.int8))
        opened.invoke()
        return np.asarray((opened.get_tensor(gives["index"]).astype(np.float32) - zero) * np.float32(scale))

    def classify(images: np.ndarray) -> np.ndarray:
        none = np.zeros((0, task.classes), dtype=np.float32)
        return np.concatenate([none, *(run(image) for batch in batches_of(images, task) for image in batch)])

    return classify


def interpreter(content: bytes, threads: int, plain: bool = False) -> Any:
    """TensorFlow's interpreter for LiteRT files; `plain` shows the operations as they are in the file."""
    import tensorflow as tf

    resolver = tf.lite.experimental.OpResolverType
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it will move to another package
        return tf.lite.Interpreter(
            model_content=content,
            num_threads=threads or None,
            experimental_op_resolver_type=resolver.BUILTIN_WITHOUT_DEFAULT_DELEGATES if plain else resolver.AUTO,
        )
