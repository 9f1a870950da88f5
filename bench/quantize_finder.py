"""Quantize a trained finder to 8 bits: python bench/quantize_finder.py MODEL.onnx SOURCES.npz HELD-OUT.npz OUT.onnx.

SOURCES.npz and HELD-OUT.npz are what `pages.sources.save` wrote for training and for validation: the ranges of
activations are those on made pages of the former, precision and recall before and after are those of the latter.
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

from mnist_cnn.data.pages.made import made_page
from mnist_cnn.data.pages.sources import load
from mnist_cnn.evaluation.finder_evaluation import measured
from mnist_cnn.reading.finder_network import onnx_finder

SIDE, CALIBRATION, TEST = 128, 100, 1200


class Pages(CalibrationDataReader):
    """Made pages, one at a time."""

    def __init__(self, pages: Iterator[np.ndarray]) -> None:
        self.pages = pages

    def get_next(self) -> Any:
        """The next input of the network, or None."""
        page = next(self.pages, None)
        return None if page is None else {"images": page[None, ..., None]}


def quantized(model: Path, pages: Iterator[np.ndarray], out: Path) -> None:
    """Write the model with 8-bit convolutions, but for the first, which sees local contrast, and the outputs.

    Weights have 7 bits: processors without VNNI add pairs of products in 16 bits, which 8 bits would exceed.
    """
    convolutions = [node.name for node in onnx.load(model).graph.node if node.op_type == "Conv"]
    quantize_static(
        model,
        out,
        Pages(pages),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv"],
        nodes_to_exclude=[convolutions[0], *convolutions[-2:]],
    )


def main() -> None:
    """Quantize, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "sources", "held_out", "out"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    rng, sources = np.random.default_rng(0), load(options.sources)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "quantized.onnx"
        quantized(options.model, (made_page(rng, sources, SIDE).grey for _ in range(CALIBRATION)), made)
        options.out.write_bytes(made.read_bytes())
    rng, held_out = np.random.default_rng(1), load(options.held_out)
    pages = [made_page(rng, held_out, SIDE) for _ in range(TEST)]
    images = np.stack([page.grey for page in pages])
    for path in (options.model, options.out):
        find = onnx_finder(path, 1)
        begin = time.perf_counter()
        places = find(images)
        seconds = time.perf_counter() - begin
        print(f"{path}: {path.stat().st_size:,} bytes, {seconds / TEST * 1e3:.2f} ms a page, {measured(places, pages)}")


if __name__ == "__main__":
    main()
