"""An ONNX graph, built node by node, as the bytes of a file: what onnx.proto says, without the package onnx.

That package and protobuf are not in the base install, and writing needs little of either: a message is its fields, each
a key, number << 3 | kind, and a value, which is a number in groups of 7 bits (kind 0), bytes with their length before
them (2), or 4 bytes (5). https://protobuf.dev/programming-guides/encoding and
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto have the numbers of fields and types.
"""

import struct
from collections.abc import Mapping, Sequence

import numpy as np

from mnist_cnn.reading.onnx_graph import field, varint_of

FLOAT, UINT8, INT64 = 1, 2, 7
TYPES = {np.dtype(np.float32): FLOAT, np.dtype(np.uint8): UINT8, np.dtype(np.int64): INT64}
IR_VERSION = 8  # with which ONNX Runtime 1.20 and much older ones read a file
Attribute = int | float | str | Sequence[int]


class Graph:
    """A graph to which nodes are added in the order of computation; a value in it is known by its name."""

    def __init__(self, name: str, opset: int) -> None:
        self.name = name
        self.opset = opset
        self.nodes: list[bytes] = []
        self.constants: list[bytes] = []
        self.inputs: list[bytes] = []
        self.outputs: list[bytes] = []

    def op(self, kind: str, *inputs: str, name: str = "", **attributes: Attribute) -> str:
        """Add a node with one output; gives its name."""
        return self.add(kind, inputs, [name or f"{kind}_{len(self.nodes)}"], attributes)[0]

    def node(self, kind: str, *inputs: str, outputs: int, **attributes: Attribute) -> list[str]:
        """Add a node with several outputs; gives their names."""
        return self.add(kind, inputs, [f"{kind}_{len(self.nodes)}_{one}" for one in range(outputs)], attributes)

    def add(
        self, kind: str, inputs: Sequence[str], outputs: list[str], attributes: Mapping[str, Attribute]
    ) -> list[str]:
        """Add a node with outputs of these names, and give them."""
        parts = [text(1, one) for one in inputs] + [text(2, one) for one in outputs]
        parts += [text(3, outputs[0]), text(4, kind)]
        self.nodes.append(b"".join([*parts, *(field(5, attribute(*one)) for one in attributes.items())]))
        return outputs

    def constant(self, value: np.ndarray, name: str = "") -> str:
        """Add an array of float32, uint8 or int64."""
        name = name or f"constant_{len(self.constants)}"
        self.constants.append(tensor(value, name))
        return name

    def whole(self, *numbers: int) -> str:
        """Add whole numbers, such as a shape."""
        return self.constant(np.array(numbers, np.int64))

    def number(self, value: float) -> str:
        """Add one number, float32."""
        return self.constant(np.array(value, np.float32))

    def input(self, name: str, kind: int, shape: Sequence[int | str], about: str = "") -> str:
        """Declare an input; a size that may be any number has a word in its shape."""
        self.inputs.append(value_info(name, kind, shape, about))
        return name

    def output(self, name: str, kind: int, shape: Sequence[int | str], about: str = "") -> None:
        """Declare an output, which a node has made."""
        self.outputs.append(value_info(name, kind, shape, about))

    def to_bytes(self, metadata: Mapping[str, str] | None = None) -> bytes:
        """The model: a file of ONNX."""
        parts = ((1, self.nodes), (5, self.constants), (11, self.inputs), (12, self.outputs))
        graph = text(2, self.name) + b"".join(field(key, one) for key, many in parts for one in many)
        properties = [text(1, key) + text(2, value) for key, value in (metadata or {}).items()]
        return (
            number(1, IR_VERSION)
            + text(2, "mnist-cnn")
            + field(7, graph)
            + field(8, number(2, self.opset))
            + b"".join(field(14, one) for one in properties)
        )


def number(key: int, value: int) -> bytes:
    """A field with a whole number; a negative one in 64 bits, as two's complement."""
    return varint_of(key << 3) + varint_of(value & 2**64 - 1)


def text(key: int, value: str) -> bytes:
    """A field with text."""
    return field(key, value.encode())


def attribute(name: str, value: Attribute) -> bytes:
    """An AttributeProto: a whole number, a float, a word, or whole numbers."""
    if isinstance(value, int):
        return text(1, name) + number(3, value) + number(20, 2)
    if isinstance(value, float):
        return text(1, name) + varint_of(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1)
    if isinstance(value, str):
        return text(1, name) + text(4, value) + number(20, 3)
    return text(1, name) + b"".join(number(8, one) for one in value) + number(20, 7)


def tensor(value: np.ndarray, name: str) -> bytes:
    """A TensorProto."""
    shape = b"".join(number(1, size) for size in value.shape)
    little = value.astype(value.dtype.newbyteorder("<"))
    return shape + number(2, TYPES[value.dtype]) + text(8, name) + field(9, little.tobytes())


def value_info(name: str, kind: int, shape: Sequence[int | str], about: str) -> bytes:
    """A ValueInfoProto of a tensor."""
    sizes = [number(1, one) if isinstance(one, int) else text(2, one) for one in shape]
    of_tensor = number(1, kind) + field(2, b"".join(field(1, one) for one in sizes))
    return text(1, name) + field(2, field(1, of_tensor)) + (text(3, about) if about else b"")
