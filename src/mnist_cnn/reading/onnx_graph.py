"""The convolutions in the bytes of an ONNX model, and the same model with more outputs. Computes nothing.

Instead of the package `onnx` that takes a few lines of Protocol Buffers' wire format
(https://protobuf.dev/programming-guides/encoding); the numbers of the fields are those of onnx.proto.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

GRAPH = 7  # of a model
NODE, OUTPUT = 1, 12  # of a graph
INPUTS, OUTPUTS, KIND = 1, 2, 4  # of a node
NAME = 1  # of an output
LENGTH = 2  # how the value of a field is written: its length before it
ACTIVATIONS = frozenset({"Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Clip", "Sigmoid", "Tanh", "HardSigmoid", "Gelu"})
BEFORE_IT = frozenset({"Add", "BatchNormalization"})  # what may stand between a convolution and its activation function


class Convolution(NamedTuple):
    """The names of two tensors: the kernels of a convolution, and its output after the activation function."""

    kernels: str
    output: str


class Node(NamedTuple):
    """An operation, with the names of the tensors that it takes and gives."""

    kind: str
    inputs: list[str]
    outputs: list[str]


def convolutions(model: bytes) -> list[Convolution]:
    """The convolutions of a model, from input to output. Raises ValueError if it is not in the wire format.

    One that gives what the model gives is left out.
    """
    graphs = list(parts(memoryview(model), GRAPH))
    given = {text(name) for graph in graphs for output in parts(graph, OUTPUT) for name in parts(output, NAME)}
    nodes = [node_in(node) for graph in graphs for node in parts(graph, NODE)]
    takers: defaultdict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        for name in node.inputs:
            takers[name].append(node)
    found = [node for node in nodes if node.kind == "Conv" and len(node.inputs) > 1 and node.outputs]
    all_of_them = [Convolution(node.inputs[1], activated(node.outputs[0], takers)) for node in found]
    return [one for one in all_of_them if one.output not in given]


def activated(output: str, takers: dict[str, list[Node]]) -> str:
    """What an activation function makes of the output of a convolution; without one, that output."""
    name = output
    for _ in range(len(BEFORE_IT) + 1):
        match takers.get(name):
            case [Node(kind, _, [given])] if kind in ACTIVATIONS:
                return given
            case [Node(kind, _, [given, *_])] if kind in BEFORE_IT:
                name = given
            case _:
                break
    return output


def more_outputs(names: Iterable[str]) -> bytes:
    """What to append to a model so that these tensors are outputs as well.

    Parts of a message that is written twice are joined, so nothing in the model has to be changed.
    """
    return field(GRAPH, b"".join(field(OUTPUT, field(NAME, name.encode())) for name in names))


def field(number: int, value: bytes) -> bytes:
    """A field with a value that is a message or a text."""
    return varint_of(number << 3 | LENGTH) + varint_of(len(value)) + value


def varint_of(number: int) -> bytes:
    """A number, seven bits in a byte, the lowest first."""
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    return bytes([*written, number])


def node_in(message: memoryview) -> Node:
    """A node."""
    kind = "".join(text(part) for part in parts(message, KIND))
    return Node(kind, *([text(part) for part in parts(message, number)] for number in (INPUTS, OUTPUTS)))


def text(part: memoryview) -> str:
    """A name. Raises ValueError."""
    return str(part, "utf-8")


def parts(message: memoryview, number: int) -> Iterator[memoryview]:
    """The values of the fields with this number in a message. Raises ValueError."""
    place = 0
    while place < len(message):
        key, place = varint(message, place)
        match key & 7:
            case 0:  # a number
                place = varint(message, place)[1]
            case 1:  # eight bytes
                place += 8
            case 5:  # four bytes
                place += 4
            case 2:  # LENGTH
                length, place = varint(message, place)
                if key >> 3 == number:
                    yield message[place : place + length]
                place += length
            case kind:
                raise ValueError(f"There is no wire type {kind}.")
    if place > len(message):
        raise ValueError("The message is cut off.")


def varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number, and where the next field begins. Raises ValueError."""
    number = 0
    for index, byte in enumerate(message[place : place + 10]):
        number |= (byte & 127) << 7 * index
        if byte < 128:
            return number, place + index + 1
    raise ValueError("The message is cut off, or a number in it has no end.")
