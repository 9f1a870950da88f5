"""What the layers of a network make of an image: of graphs that a person can check by hand, and of the bundled one."""

import base64
from pathlib import Path

import numpy as np
import pytest

from drawing import mask
from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.activations import KERNELS, MAPS, layer_of, onnx_watcher
from mnist_cnn.reading.model_names import onnx_file_of
from mnist_cnn.reading.normalise import to_mnist
from mnist_cnn.reading.onnx_graph import Convolution, convolutions, field, more_outputs, varint_of

BUNDLED = onnx_file_of(None)
FIXTURE = Path(__file__).parent / "fixtures" / "format-1" / "model.onnx"


@pytest.fixture(scope="module")
def digit() -> np.ndarray:
    return to_mnist(mask("5"))


def test_the_bundled_network_has_seven_layers(digit: np.ndarray) -> None:
    layers = onnx_watcher(BUNDLED)(digit)
    assert [layer.filters for layer in layers] == [16, 32, 32, 64, 64, 128, 256]
    assert [layer.inputs for layer in layers] == [1, 16, 32, 32, 64, 64, 128]
    assert [layer.maps[0].values.shape[0] for layer in layers] == [28, 14, 14, 7, 7, 5, 3]
    for layer in layers:
        numbers = [one.filter for one in layer.maps]
        assert len(numbers) == MAPS
        assert numbers == sorted(set(numbers))
        assert all((one.values >= 0).all() for one in layer.maps)
        assert all(len(one.kernels) == len(one.channels) == min(KERNELS, layer.inputs) for one in layer.maps)


def test_the_first_layer_is_the_convolution_of_the_image_with_its_filters(digit: np.ndarray) -> None:
    """Where nothing but background is, a map has one value, the bias; the rest is what the kernel makes of the ink."""
    first = onnx_watcher(BUNDLED)(digit)[0]
    changed = digit.copy()
    changed[:3, :3] = 255
    other = onnx_watcher(BUNDLED)(changed)[0]
    for one, same in zip(first.maps, other.maps, strict=True):
        assert (one.kernels == same.kernels).all()
        assert (one.values[8:, 8:] == same.values[8:, 8:]).all()  # further than a kernel of 3×3 sees
    assert any((one.values != same.values).any() for one, same in zip(first.maps, other.maps, strict=True))


def test_the_document_has_bytes_and_weights(digit: np.ndarray) -> None:
    for layer in onnx_watcher(BUNDLED)(digit):
        document = layer.to_dict()
        size = document["height"] * document["width"]
        images = [np.frombuffer(base64.b64decode(one["image"]), np.uint8) for one in document["maps"]]
        assert {len(image) for image in images} == {size}
        assert max(image.max() for image in images) == 255
        rows, columns = document["kernel"]
        assert {len(kernel) for one in document["maps"] for kernel in one["kernels"]} == {rows * columns}


def test_the_highest_maps_and_the_heaviest_kernels_are_taken() -> None:
    output = np.zeros((1, 20, 4, 4), np.float32)
    output[0, :, 1, 2] = np.arange(20) - 2  # the first three are not above zero
    kernels = np.zeros((20, 12, 3, 3), np.float32)
    kernels[:, :, 1, 1] = np.arange(12)
    layer = layer_of(output, kernels)
    assert layer
    assert [one.filter for one in layer.maps] == list(range(4, 20))
    assert layer.maps[-1].values[1, 2] == 17
    assert layer.maps[0].channels == tuple(range(3, 12))
    assert layer_of(output, kernels[:5]) is None  # not its own kernels
    assert layer_of(np.zeros((1, 20, 64, 64), np.float32), kernels) is None
    assert layer_of(output[0], kernels) is None
    missing = layer_of(np.full((1, 20, 4, 4), np.nan, np.float32), kernels)
    assert missing
    assert not missing.to_dict()["maps"][0]["image"].strip("A=")


def node(kind: str, inputs: list[str], outputs: list[str]) -> bytes:
    named = [(1, one) for one in inputs] + [(2, one) for one in outputs] + [(4, kind)]
    return field(1, b"".join(field(number, text.encode()) for number, text in named))


def model(*nodes: bytes) -> bytes:
    return varint_of(1 << 3) + varint_of(8) + field(7, b"".join(nodes) + field(12, field(1, b"end")))


def test_a_convolution_is_followed_to_its_activation_function() -> None:
    plain = [node("Conv", ["x", "w"], ["a"]), node("Relu", ["a"], ["b"])]
    residual = [node("Conv", ["b", "v", "bias"], ["c"]), node("Add", ["b", "c"], ["d"]), node("Relu", ["d"], ["e"])]
    pooled = [node("Conv", ["e", "u"], ["f"]), node("MaxPool", ["f"], ["g"]), node("Conv", ["g", "t"], ["end"])]
    assert convolutions(model(*plain, *residual, *pooled)) == [
        Convolution("w", "b"),
        Convolution("v", "e"),
        Convolution("u", "f"),
    ]


def test_more_outputs_are_a_second_part_of_the_graph() -> None:
    name = "x" * 200  # a length of two bytes
    content = BUNDLED.read_bytes()
    assert convolutions(content + more_outputs([name])) == convolutions(content)
    assert more_outputs(["a"]) == b"\x3a\x05\x62\x03\x0a\x01a"
    assert name.encode() in more_outputs([name])


@pytest.mark.parametrize(
    "content", [b"\x3a\xff", b"\x3a\x05ab", b"\xff" * 20, b"\x3b\x00", b"\x09abc", bytes(range(256))]
)
def test_what_is_no_message_is_rejected(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cut off|wire type|no end|utf-8"):
        convolutions(content)
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"The layers of .* cannot be shown: use a model.onnx"):
        onnx_watcher(path)


def test_a_network_without_convolutions_has_no_layers(digit: np.ndarray) -> None:
    assert onnx_watcher(FIXTURE)(digit) == []
