"""What each convolution of a network in ONNX form makes of an image: its activations, and the filters behind them."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn.card import READING
from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.network import OURS, PIXELS, SECONDS, computed, content_of, session_of
from mnist_cnn.reading.onnx_graph import Convolution, convolutions, more_outputs

LAYERS = 12  # convolutions that are shown of a network; the bundled one has seven
MAPS = 16  # feature maps of a layer: those with the highest activations
KERNELS = 9  # of a filter: those with the largest weights
LARGEST_MAP, LARGEST_KERNEL = 28, 11  # pixels of a side; a layer with larger ones is left out


@dataclass(frozen=True)
class FeatureMap:
    """What a filter found where: `values` (h, w) float32, not negative.

    `filter` counts the filters of its layer from 0. Of its kernels, `kernels` (k, rows, columns) float32 are those with
    the largest weights, for the input channels `channels`.
    """

    filter: int
    values: np.ndarray
    channels: tuple[int, ...]
    kernels: np.ndarray


@dataclass(frozen=True)
class Layer:
    """The feature maps of one convolution with the highest activations, by filter, and how many `filters` it has.

    `inputs` is the number of input channels.
    """

    filters: int
    inputs: int
    maps: tuple[FeatureMap, ...]

    def to_dict(self) -> dict[str, Any]:
        """The layer as a JSON document; of the maps bytes in base64, 255 for the highest activation of the layer."""
        highest = max([1e-9, *(float(one.values.max()) for one in self.maps)])
        height, width = self.maps[0].values.shape
        rows, columns = self.maps[0].kernels.shape[1:]
        return {
            "filters": self.filters,
            "inputs": self.inputs,
            "height": height,
            "width": width,
            "kernel": [rows, columns],
            "maps": [
                {
                    "filter": one.filter,
                    "image": base64.b64encode(
                        np.rint(one.values * (255 / highest)).astype(np.uint8).tobytes()
                    ).decode(),
                    "channels": list(one.channels),
                    "kernels": [
                        [round(weight, 3) for weight in kernel]
                        for kernel in one.kernels.reshape(-1, rows * columns).tolist()
                    ],
                }
                for one in self.maps
            ],
        }


Watcher = Callable[[np.ndarray], list[Layer]]
"""A (28, 28) uint8 image, foreground 255 → the convolutions that see it, from the input to the output."""


def onnx_watcher(path: Path, threads: int = 0) -> Watcher:
    """Load an ONNX file of a digit classifier as a function that gives its layers; none if it has no convolutions.

    Raises ArtifactError if the file cannot be read or is damaged, and so does the function if the model cannot compute
    or takes longer than any model of ours would.
    """
    content = content_of(path)
    try:
        watched = watched_in(content)
        session = session_of(content + more_outputs(names_of(watched)), threads)
        [taken] = session.get_inputs()
        pixels = PIXELS[taken.type]
    except Exception as error:  # as network.loaded
        raise ArtifactError(f"The layers of {path} cannot be shown: use {OURS}.") from error

    def watch(image: np.ndarray) -> list[Layer]:
        batch = READING.batch(image[np.newaxis]).astype(pixels, copy=False)
        names = names_of(watched)
        outputs = computed(session, names, {taken.name: batch}, SECONDS, path, "1 image", OURS)
        tensors = dict(zip(names, outputs, strict=True))
        layers = [layer_of(tensors[one.output], tensors[one.kernels]) for one in watched]
        return [layer for layer in layers if layer]

    return watch if watched else lambda _: []


def watched_in(model: bytes) -> list[Convolution]:
    """The convolutions of a model that are shown. Raises ValueError."""
    return convolutions(model)[:LAYERS]


def names_of(watched: list[Convolution]) -> list[str]:
    """The tensors that are needed to show these convolutions."""
    return list(dict.fromkeys(name for one in watched for name in one))


def layer_of(output: Any, kernels: Any) -> Layer | None:
    """The layer with this output (n, filters, h, w) and these kernels (filters, inputs, rows, columns).

    None if it is not of this form, for example of another dimension, or larger than is shown.
    """
    if not (shown(output, LARGEST_MAP) and shown(kernels, LARGEST_KERNEL) and output.shape[1] == len(kernels)):
        return None
    values = np.maximum(np.nan_to_num(output[0].astype(np.float32), posinf=0), 0)
    best = np.sort(np.argsort(-values.max(axis=(1, 2)), kind="stable")[:MAPS])
    maps = tuple(map_of(int(index), values[index], kernels[index].astype(np.float32)) for index in best)
    return Layer(len(kernels), kernels.shape[1], maps)


def shown(tensor: Any, side: int) -> bool:
    """Whether a tensor has the form of feature maps or kernels with sides up to so many pixels."""
    return isinstance(tensor, np.ndarray) and tensor.ndim == 4 and tensor.size > 0 and max(tensor.shape[2:]) <= side


def map_of(index: int, values: np.ndarray, kernels: np.ndarray) -> FeatureMap:
    """The feature map of a filter with the kernels (inputs, rows, columns) that matter most, by their norm."""
    best = np.sort(np.argsort(-np.square(kernels).sum(axis=(1, 2)), kind="stable")[:KERNELS])
    return FeatureMap(index, values, tuple(best.tolist()), kernels[best])
