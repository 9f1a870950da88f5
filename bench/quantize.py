"""Quantize a finder, segmenter or recogniser to 8 bits: python bench/quantize.py MODEL SOURCES.npz HELD-OUT.npz OUT.

SOURCES.npz and HELD-OUT.npz are what `pages.sources.save` wrote for training and for validation: the ranges of
activations are those on made pages, or crops or lines of them, of the former; how good it is before and after, of the
latter.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from sklearn.metrics import roc_auc_score

from mnist_cnn.artifact import onnx_file
from mnist_cnn.data.pages.line_process import LinesWanted, wanted_lines
from mnist_cnn.data.pages.made import made_page
from mnist_cnn.data.pages.page_crops import Crop, made_crops
from mnist_cnn.data.pages.sources import Sources, load
from mnist_cnn.evaluation.finder_evaluation import measured
from mnist_cnn.evaluation.recogniser_evaluation import evaluate_recogniser
from mnist_cnn.reading import detector, weights
from mnist_cnn.reading.finder_network import onnx_finder
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.recogniser_network import onnx_recogniser
from mnist_cnn.reading.segmenter_network import NO_DIGIT, onnx_segmenter

SIDE, CALIBRATION, TEST = 128, 100, 1200
MANY = 16  # channels that no first convolution sees


class Inputs(CalibrationDataReader):
    """Inputs of a network, (h, w, channels) uint8, one at a time."""

    def __init__(self, name: str, inputs: Iterator[np.ndarray]) -> None:
        self.name, self.inputs = name, inputs

    def get_next(self) -> Any:
        """The next input, or None."""
        one = next(self.inputs, None)
        return None if one is None else {self.name: one[None]}


def export(model: Any, shown: np.ndarray, outputs: int, out: Path) -> None:
    """Write a Keras model of images (n, h, w) uint8 in 8 bits, calibrated on those that are `shown`."""
    print(f"{model.count_params():,} parameters", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "model.onnx"
        onnx_file.write(model, whole)
        quantized(whole, "images", iter(shown[..., None]), outputs, out)


def quantized(model: Path, name: str, inputs: Iterator[np.ndarray], outputs: int, out: Path) -> None:
    """Write the model in 8 bits, but for the first convolutions, which see contrast, and those that are `outputs`.

    Weights have 7 bits: processors without VNNI add pairs of products in 16 bits, which 8 bits would exceed.
    """
    graph = onnx.load(model).graph
    channels = {weights.name: weights.dims[1] for weights in graph.initializer if len(weights.dims) == 4}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    kept = [
        *(node for node in convolutions if channels.get(node.input[1], MANY) < MANY),
        *convolutions[len(convolutions) - outputs :],
    ]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "quantized.onnx"
        quantize_static(
            model,
            made,
            Inputs(name, inputs),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
            nodes_to_exclude=[node.name for node in kept],
        )
        out.write_bytes(made.read_bytes())


def some_crops(rng: np.random.Generator, sources: Sources) -> Iterator[Crop]:
    """Crops of made pages, as the segmenter learns from."""
    find = weights.bundled_detection().find
    while True:
        yield from made_crops(rng, sources, lambda grey: detector.candidates(Octaves(grey), find).boxes)


def finder_is_good(path: Path, held_out: Sources) -> str:
    """Time, precision, recall and F1 of a finder."""
    rng = np.random.default_rng(1)
    pages = [made_page(rng, held_out, SIDE) for _ in range(TEST)]
    find, images = onnx_finder(path, 1), np.stack([page.grey for page in pages])
    begin = time.perf_counter()
    places = find(images)
    return f"{(time.perf_counter() - begin) / TEST * 1e3:.2f} ms a page, {measured(places, pages)}"


def segmenter_is_good(path: Path, held_out: Sources) -> str:
    """Time, accuracy and area under the ROC curve of a segmenter."""
    made = some_crops(np.random.default_rng(1), held_out)
    crops = [next(made) for _ in range(TEST)]
    segment, images = onnx_segmenter(path, 1), np.stack([crop.grey for crop in crops])
    labels = np.array([crop.label for crop in crops])
    begin = time.perf_counter()
    probabilities = segment(images).probabilities
    seconds = (time.perf_counter() - begin) / TEST
    real = labels < NO_DIGIT
    right = (probabilities[:, :-1].argmax(axis=1) == labels)[real].mean()
    return (
        f"{seconds * 1e3:.2f} ms a crop, {right:.1%} of digits, AUC {roc_auc_score(real, 1 - probabilities[:, -1]):.4f}"
    )


def recogniser_is_good(path: Path, held_out: Sources) -> str:
    """Time of a recogniser, and what it finds."""
    lines = wanted_lines(LinesWanted((1,), TEST), held_out)
    recognise = onnx_recogniser(path, 1)
    begin = time.perf_counter()
    said = np.stack([recognise(line) for line in lines.images])
    seconds = (time.perf_counter() - begin) / TEST
    return f"{seconds * 1e3:.2f} ms a line, {'; '.join(evaluate_recogniser(said, lines).lines)}"


def inputs_of(name: str, rng: np.random.Generator, sources: Sources) -> Iterator[np.ndarray]:
    """What activations are measured on, for the network whose input has this name."""
    if name == "images":
        yield from (made_page(rng, sources, SIDE).grey[..., None] for _ in range(CALIBRATION))
    elif name == "lines":
        yield from wanted_lines(LinesWanted((0,), 10 * CALIBRATION), sources).images[..., None]
    else:
        made = some_crops(rng, sources)
        yield from (next(made).grey for _ in range(10 * CALIBRATION))


# By the name of a network's input: how many outputs it has, and what says how good it is.
KINDS = {"images": (2, finder_is_good), "crops": (1, segmenter_is_good), "lines": (1, recogniser_is_good)}


def main() -> None:
    """Quantize, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "sources", "held_out", "out"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    name = onnx.load(options.model).graph.input[0].name
    outputs, is_good = KINDS[name]
    inputs = inputs_of(name, np.random.default_rng(0), load(options.sources))
    quantized(options.model, name, inputs, outputs, options.out)
    for path in (options.model, options.out):
        print(f"{path}: {path.stat().st_size:,} bytes, {is_good(path, load(options.held_out))}")


if __name__ == "__main__":
    main()
