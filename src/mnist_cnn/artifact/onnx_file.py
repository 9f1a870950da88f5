"""Write a Keras model as an ONNX file, describe it, quantize it. Checks nothing and knows nothing of folders."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.artifact.quiet import quiet
from mnist_cnn.card import DIGITS, Task
from mnist_cnn.reading.network import CLASSES_KEY, INK_KEY, INK_RANGE

if TYPE_CHECKING:
    import keras
    import onnx

OPSET = 15  # what Keras writes unless it is told otherwise; ONNX Runtime has read it since 1.10
BATCH = 100
ANY = 32  # pixels of an image for a network that takes any height or width
# What is worth computing in integers: everything else is a thousandth of the work.
QUANTIZED = ["Conv", "Gemm", "MatMul", "Relu", "MaxPool", "GlobalMaxPool", "GlobalAveragePool"]


def write(network: "keras.Model", path: Path) -> None:
    """Write the model by Keras' own export, for batches of any size; raises what the converter raises."""
    with quiet():
        height, width, channels = (size or ANY for size in network.input_shape[1:])
        network(np.zeros((1, height, width, channels), np.uint8))  # Keras exports only a model that has been called
        network.export(path, format="onnx", opset_version=OPSET, verbose=False)
    scale_at_once(path)


def scale_at_once(path: Path) -> None:
    """Let one operation cast the pixels and multiply them by a number, if that is how a file begins: the same bits.

    ONNX Runtime multiplies images of one channel, (n, height, width, 1), by a number pixel after pixel, in 40 times the
    time of the same numbers in another shape (docs/log.md); DequantizeLinear does not look at the shape.
    """
    import onnx

    model = onnx.load(path)
    nodes, numbers = model.graph.node, {one.name for one in model.graph.initializer if list(one.dims) in ([], [1])}
    for cast in [node for node in nodes if node.op_type == "Cast" and node.input[0] == model.graph.input[0].name]:
        match [node for node in nodes if cast.output[0] in node.input]:
            case [scaled] if scaled.op_type == "Mul" and (factor := numbers & set(scaled.input)):
                made = onnx.helper.make_node("DequantizeLinear", [cast.input[0], *factor], scaled.output, scaled.name)
                nodes.insert(list(nodes).index(cast), made)
                nodes.remove(cast)
                nodes.remove(scaled)
                onnx.save(model, path)


def describe(path: Path, task: Task) -> None:
    """Write into the file what its input means, since floats might as well be expected from 0 to 1, and its classes."""
    import onnx

    model = onnx.load(path)
    onnx.helper.set_model_props(model, {INK_KEY: INK_RANGE} | names_of(task))
    shape = "×".join(map(str, task.input_shape))
    model.graph.input[0].doc_string = f"n×{shape}, foreground 255, background 0; rescaling is part of the model"
    model.graph.output[0].doc_string = f"n×{task.classes} probabilities"
    onnx.save(model, path)


def name_classes(path: Path, task: Task) -> None:
    """Write the names of the classes into the file, if they are not the ten digits."""
    import onnx

    if names := names_of(task):
        model = onnx.load(path)
        onnx.helper.set_model_props(model, names)
        onnx.save(model, path)


def names_of(task: Task) -> dict[str, str]:
    """The names of the classes as metadata; nothing for the ten digits."""
    return {} if task.class_names == DIGITS else {CLASSES_KEY: json.dumps(task.class_names)}


def quantize(path: Path, images: np.ndarray) -> None:
    """Replace a float32 file by one that computes in int8 what takes time, calibrated on images for a network.

    Static, QDQ, per channel. The last matrix product and what follows stay float32: that halves the divergence from
    the original (docs/log.md).
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with quiet():
        quant_pre_process(path, path, skip_symbolic_shape=True)
        model = onnx.load(path)
        quantize_static(
            model,
            path,
            Calibration(model.graph.input[0].name, images),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=QUANTIZED,
            nodes_to_exclude=last_and_after(model),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


class Calibration:
    """Images batch by batch, as ONNX Runtime's quantization asks for them; None when there are no more."""

    def __init__(self, name: str, images: np.ndarray) -> None:
        self.batches: Iterator[dict[str, np.ndarray]] = (
            {name: images[start : start + BATCH]} for start in range(0, len(images), BATCH)
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch by the input's name."""
        return next(self.batches, None)

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        """The batches that are left."""
        return self.batches


def last_and_after(model: "onnx.ModelProto") -> list[str]:
    """The names of the nodes that compute the logits of a softmax, and of all that follow."""
    maker = {name: node for node in model.graph.node for name in node.output}
    reached: set[str] = set()
    names = []
    for node in model.graph.node:  # in the order of computation
        if node.op_type == "Softmax" and not reached & set(node.input):
            names.append(maker[node.input[0]].name)
        if node.op_type == "Softmax" or reached & set(node.input):
            reached |= set(node.output)
            names.append(node.name)
    return names


def opset_of(path: Path) -> int:
    """The ONNX opset version of a file."""
    import onnx

    return int(next(one.version for one in onnx.load(path).opset_import if one.domain in ("", "ai.onnx")))
