"""The layers of a Keras model as rows of a table: plain values, which a model card can hold."""

from typing import Any

import keras
from keras import layers

Row = dict[str, Any]
ACTIVATIONS = {"relu": "ReLU", "linear": ""}


def layer_table(network: keras.Model) -> list[Row]:
    """A row for each layer from input to output: `layer`, `details`, `output_shape`, `parameters`, `count`.

    Equal layers side by side, as sub-networks have them, are one row with their `count`; `parameters` are those of all
    of them. Operations that are no layers, such as sums, are left out. Gives nothing for a model whose layers have no
    shape before it is called.
    """
    rows: list[Row] = []
    beside: list[Row] = []  # the last rows, none of which takes what another gives
    given: list[Any] = []  # by the layers in them
    for layer in network.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        try:
            output, taken = layer.output, keras.tree.flatten(layer.input)
        except (AttributeError, ValueError, RuntimeError):  # of a model that is a class of its own
            return []
        if not isinstance(output, keras.KerasTensor):
            return []
        if any(one is other for one in taken for other in given):
            beside, given = [], []
        about = {"layer": type(layer).__name__, "details": details(layer), "output_shape": list(output.shape[1:])}
        row = next((row for row in beside if row.items() >= about.items()), None)
        if row is None:
            row = {**about, "parameters": 0, "count": 0}
            rows.append(row)
            beside.append(row)
        row["parameters"] += layer.count_params()
        row["count"] += 1
        given.append(output)
    return rows


def details(layer: keras.Layer) -> str:
    """What distinguishes a layer from others of its type, in a few words."""
    told = [
        "×".join(map(str, size))
        for name in ("kernel_size", "pool_size")
        if isinstance(size := getattr(layer, name, None), tuple)
    ]
    strides = getattr(layer, "strides", None)
    if isinstance(strides, tuple) and strides != getattr(layer, "pool_size", (1,) * len(strides)):
        told.append(f"stride {'×'.join(map(str, strides if len(set(strides)) > 1 else strides[:1]))}")
    if isinstance(layer, layers.Dropout):
        told.append(f"{layer.rate:.0%}")
    if getattr(layer, "padding", "valid") == "same":
        told.append("same padding")
    if activation := getattr(layer, "activation", None):
        name = getattr(activation, "__name__", type(activation).__name__)
        told.append(ACTIVATIONS.get(name, name))
    return ", ".join(filter(None, told))
