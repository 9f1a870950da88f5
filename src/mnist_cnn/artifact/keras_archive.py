"""A sequential network as a `.keras` file, written without Keras, which starts for longer than all else here takes.

The format is that of Keras 3 (`keras.saving`): a ZIP archive with the layers as JSON and their weights as HDF5. Names
are those that Keras gives, and what is left out of a layer's description is Keras' default. A test has Keras load what
is written here, and compares it with the model that Keras builds and saves itself.
"""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mnist_cnn.errors import ExportError
from mnist_cnn.models.layer_specs import Convolution, Normalization, Placed, Pooling
from mnist_cnn.system.files import make_whole

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
FLOAT32 = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}
SNAKE = {
    "Rescaling": "rescaling",
    "Conv2D": "conv2d",
    "BatchNormalization": "batch_normalization",
    "ReLU": "re_lu",
    "MaxPooling2D": "max_pooling2d",
    "Flatten": "flatten",
    "Dropout": "dropout",
    "Dense": "dense",
}


class KerasLayer(NamedTuple):
    """A layer as Keras has it: its class, what is not default in it, and how many of the weights are its own."""

    kind: str
    config: dict[str, Any]
    weights: int = 0


def write(path: Path, name: str, places: Sequence[Placed], weights: Sequence[np.ndarray]) -> None:
    """Write a network of these layers, called `name`, whole or not at all, and read its weights back.

    `weights` are in Keras' order and layouts. Needs h5py, which comes with Keras. Raises ExportError if other weights
    are read back, and OSError if the file cannot be written.
    """
    layers = list(keras_layers(places))
    content = archive(name, places[0], layers, weights)

    def write_and_compare(part: Path) -> None:
        part.write_bytes(content)
        pairs = zip(weights_in(part, layers), weights, strict=True)
        if not all(np.array_equal(read, written) for read, written in pairs):
            raise ExportError(f"{path.name} is left out: other weights are read back than were written.")

    make_whole(path, write_and_compare)


def keras_layers(places: Sequence[Placed]) -> Iterator[KerasLayer]:
    """The layers of Keras' model, as `models.fast` builds it: with dropout, which is without effect here."""
    yield KerasLayer("Rescaling", {"scale": 1 / 255, "offset": 0.0})
    for place in places:
        match place.layer:
            case Convolution(filters, kernel, strides, relu, bias):
                config = {"filters": filters, "kernel_size": [kernel] * 2, "strides": [strides] * 2, "use_bias": bias}
                yield KerasLayer("Conv2D", config | {"activation": "relu" if relu else "linear"}, 1 + bias)
            case Normalization(momentum, epsilon):
                yield KerasLayer("BatchNormalization", {"momentum": momentum, "epsilon": epsilon}, 4)
                yield KerasLayer("ReLU", {})
            case Pooling(size):
                yield KerasLayer("MaxPooling2D", {"pool_size": [size] * 2, "strides": [size] * 2})
            case dense:
                yield KerasLayer("Flatten", {})
                yield KerasLayer("Dropout", {"rate": 0.0})
                config = {"name": "probabilities", "units": dense.units, "activation": "softmax"}
                yield KerasLayer("Dense", config, 2)


def numbered(layers: Sequence[KerasLayer]) -> list[str]:
    """The names that Keras gives the layers of a new model: conv2d, conv2d_1 and so on."""
    seen: Counter[str] = Counter()
    names = []
    for layer in layers:
        name = SNAKE[layer.kind]
        names.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names


def archive(name: str, first: Placed, layers: Sequence[KerasLayer], weights: Sequence[np.ndarray]) -> bytes:
    """The content of the file, for images as the `first` layer takes them."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as members:
        saved = {"keras_version": version("keras"), "date_saved": f"{datetime.now():%Y-%m-%d@%H:%M:%S}"}
        members.writestr(METADATA, json.dumps(saved))
        members.writestr(CONFIG, json.dumps(config_of(name, first, layers)))
        members.writestr(WEIGHTS, hdf5(layers, weights))
    return made.getvalue()


def config_of(name: str, first: Placed, layers: Sequence[KerasLayer]) -> dict[str, Any]:
    """The model as Keras describes it."""
    shape = [None, first.side, first.side, first.channels]
    taken = {"batch_shape": shape, "dtype": "uint8", "name": "images"}
    described = [part("InputLayer", taken, "keras.layers")]
    for own_name, layer in zip(numbered(layers), layers, strict=True):
        described.append(part(layer.kind, {"name": own_name, "dtype": FLOAT32} | layer.config, "keras.layers"))
    model = {"name": name, "dtype": FLOAT32, "layers": described, "build_input_shape": shape}
    return part("Sequential", model, "keras") | {"build_config": {"input_shape": shape}, "compile_config": {}}


def part(kind: str, config: dict[str, Any], module: str) -> dict[str, Any]:
    """A part of a model as Keras describes it."""
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def hdf5(layers: Sequence[KerasLayer], weights: Sequence[np.ndarray]) -> bytes:
    """The weights as HDF5, by the layer and their number in it."""
    made, waiting = io.BytesIO(), iter(weights)
    with hdf5_file(made, "w") as file:
        file.create_group("vars")
        for name, layer in zip(numbered(layers), layers, strict=True):
            own = file.create_group(f"layers/{name}/vars")
            for number in range(layer.weights):
                own[str(number)] = next(waiting)
    return made.getvalue()


def hdf5_file(content: io.BytesIO, mode: str) -> Any:
    """An HDF5 file in memory."""
    import h5py  # type: ignore[import-untyped]  # here, because it is not part of the base install

    return h5py.File(content, mode)


def weights_in(path: Path, layers: Sequence[KerasLayer]) -> list[np.ndarray]:
    """The weights in a file of such layers, in Keras' order."""
    with zipfile.ZipFile(path) as members, hdf5_file(io.BytesIO(members.read(WEIGHTS)), "r") as file:
        return [
            np.asarray(file[f"layers/{name}/vars/{number}"])
            for name, layer in zip(numbered(layers), layers, strict=True)
            for number in range(layer.weights)
        ]
