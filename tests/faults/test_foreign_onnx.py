"""Models in ONNX form from elsewhere: what gives no probabilities, takes for ever or wants all memory is refused."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import hear_ctrl_c, seconds_to_start
from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading import network
from mnist_cnn.reading.network import onnx_classifier
from mnist_cnn.reading.reader import Reader
from tally import note

FLOAT, node = TensorProto.FLOAT, helper.make_node
Nodes = list[onnx.NodeProto]


def constant(name: str, value: object) -> TensorProto:
    return numpy_helper.from_array(np.asarray(value), name)


def write(
    path: Path,
    nodes: Nodes,
    *constants: TensorProto,
    output: int = FLOAT,
    batch: str | int = "n",
    shape: tuple[str | int, ...] = ("n", 10),
) -> Path:
    """A model: `sums` are ten numbers per image, and the nodes make `y` of them."""
    start = [
        node("Cast", ["x"], ["floats"], to=FLOAT),
        node("Reshape", ["floats", "flat"], ["rows"]),
        node("MatMul", ["rows", "weights"], ["sums"]),
    ]
    weights = np.random.default_rng(0).normal(size=(784, 10)).astype(np.float32)
    graph = helper.make_graph(
        [*start, *nodes],
        "foreign",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [batch, 28, 28, 1])],
        [helper.make_tensor_value_info("y", output, shape)],
        [constant("flat", np.array([-1, 784], np.int64)), constant("weights", weights), *constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def softmax(name: str = "sums") -> onnx.NodeProto:
    return node("Softmax", [name], ["y"])


def honest(path: Path) -> Path:
    return write(path, [softmax()])


def logits(path: Path) -> Path:
    return write(path, [node("Identity", ["sums"], ["y"])])


def not_a_number(path: Path) -> Path:
    return write(path, [node("Mul", ["sums", "nan"], ["y"])], constant("nan", np.float32(np.nan)))


def infinite(path: Path) -> Path:
    return write(path, [node("Div", ["sums", "zero"], ["y"])], constant("zero", np.float32(0)))


def negative(path: Path) -> Path:
    nodes = [node("Softmax", ["sums"], ["p"]), node("Mul", ["p", "three"], ["q"]), node("Sub", ["q", "fifth"], ["y"])]
    return write(path, nodes, constant("three", np.float32(3)), constant("fifth", np.float32(0.2)))


def texts(path: Path) -> Path:
    return write(path, [node("Cast", ["sums"], ["y"], to=TensorProto.STRING)], output=TensorProto.STRING)


def doubles(path: Path) -> Path:
    nodes = [node("Softmax", ["sums"], ["p"]), node("Cast", ["p"], ["y"], to=TensorProto.DOUBLE)]
    return write(path, nodes, output=TensorProto.DOUBLE)


def one_row(path: Path) -> Path:
    return write(path, [node("Softmax", ["sums"], ["p"]), node("ReduceMean", ["p"], ["y"], axes=[0], keepdims=1)])


def one_number(path: Path) -> Path:
    return write(path, [node("ReduceMean", ["sums"], ["y"], keepdims=0)])


def one_image(path: Path) -> Path:
    return write(path, [softmax()], batch=1, shape=(1, 10))


def sparse_when_blank(path: Path) -> Path:
    """Only an empty image gives something else than probabilities."""
    nodes = [
        node("Softmax", ["sums"], ["p"]),
        node("ReduceMax", ["rows"], ["most"], axes=[1], keepdims=1),
        node("Cast", ["most"], ["marked"], to=TensorProto.BOOL),
        node("Where", ["marked", "p", "sums"], ["y"]),
    ]
    return write(path, nodes)


def enormous(path: Path) -> Path:
    """A constant of 64 GiB, written as its shape."""
    nodes = [
        node("Expand", ["one", "shape"], ["constant"]),
        node("ReduceSum", ["constant"], ["sum"], keepdims=0),
        node("Add", ["sums", "sum"], ["more"]),
        softmax("more"),
    ]
    return write(path, nodes, constant("one", np.ones(1, np.float32)), constant("shape", np.array([2**34], np.int64)))


def endless(path: Path) -> Path:
    """A loop whose condition stays true."""
    body = helper.make_graph(
        [node("Identity", ["true"], ["still"]), node("Identity", ["value"], ["same"])],
        "turn",
        [
            helper.make_tensor_value_info("count", TensorProto.INT64, []),
            helper.make_tensor_value_info("true", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("same", FLOAT, None),
        ],
    )
    loop = node("Loop", ["", "yes", "sums"], ["last"], body=body)
    return write(path, [loop, softmax("last")], constant("yes", np.array(True)))


def costly_constant(path: Path) -> Path:
    """Products of constants that take minutes: they would be computed while the model is loaded."""
    steps = [node("MatMul", ["square" if not step else f"p{step}", "square"], [f"p{step + 1}"]) for step in range(900)]
    nodes = [*steps, node("ReduceSum", ["p900"], ["sum"], keepdims=0), node("Add", ["sums", "sum"], ["more"])]
    return write(path, [*nodes, softmax("more")], constant("square", np.zeros((900, 900), np.float32)))


NONSENSE: dict[Callable[[Path], Path], str] = {
    logits: "does not return probabilities",
    not_a_number: r"does not return probabilities \(the lowest is nan",
    infinite: "does not return probabilities",
    negative: "does not return probabilities",
    sparse_when_blank: "does not return probabilities",
    texts: r"does not return ten probabilities per image \(object",
    doubles: r"does not return ten probabilities per image \(float64",
    one_row: r"does not return ten probabilities per image \(float32 \(1, 10\) for 3 images\)",
    one_number: "does not return ten probabilities per image",
    one_image: "cannot compute on 3 images",
    enormous: "cannot compute on 1 images",
}


@pytest.mark.parametrize("make", NONSENSE, ids=lambda make: make.__name__)
def test_a_model_that_gives_no_probabilities_is_refused_when_it_is_loaded(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = make(tmp_path / "model.onnx")
    for load in (onnx_classifier, Reader):
        with pytest.raises(ArtifactError, match=NONSENSE[make]) as caught:
            load(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)
    note("model.onnx that returns no probabilities, or wants 64 GiB", 1, "rejected on loading")


@pytest.mark.parametrize("make", [endless, costly_constant], ids=lambda make: make.__name__)
def test_a_model_that_computes_for_ever_is_stopped(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "SECONDS", 0.5)
    began = time.process_time()  # which other work of the machine does not make longer
    with pytest.raises(ArtifactError, match="was stopped after computing for"):
        onnx_classifier(make(tmp_path / "model.onnx"), 1)
    assert time.process_time() - began < 15  # of minutes
    note("model.onnx that computes for ever", 1, "stopped by the time limit, rejected")


def test_a_later_answer_is_checked_as_well(tmp_path: Path) -> None:
    """A model that answers badly only for an image that it was not tried on."""
    nodes = [
        node("Softmax", ["sums"], ["p"]),
        node("ReduceSum", ["rows", "across"], ["ink"], keepdims=1),
        node("Equal", ["ink", "seven"], ["is_seven"]),
        node("Where", ["is_seven", "sums", "p"], ["y"]),
    ]
    constants = constant("across", np.array([1], np.int64)), constant("seven", np.float32(7))
    classify = onnx_classifier(write(tmp_path / "model.onnx", nodes, *constants))
    images = np.zeros((3, 28, 28), np.uint8)
    assert np.allclose(classify(images).sum(axis=1), 1)
    images[1, 14, 14] = 7
    with pytest.raises(ArtifactError, match="does not return probabilities"):
        classify(images)


def test_an_honest_model_is_let_in_and_gives_what_it_computes(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (1203, 28, 28), dtype=np.uint8)
    probabilities = onnx_classifier(honest(tmp_path / "model.onnx"))(images)
    assert probabilities.shape == (1203, 10)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)


SAYS_WHEN_IT_COMPUTES = """
from mnist_cnn.cli import main
from mnist_cnn.reading.watchdog import Watchdog
start = Watchdog.start
Watchdog.start = lambda self: (start(self), print("computing", flush=True))
main()
"""


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_model_that_computes_for_ever_does_not_stop_the_person(
    sent: signal.Signals, code: int, tmp_path: Path
) -> None:
    path = endless(tmp_path / "model.onnx")
    words = ["-c", SAYS_WHEN_IT_COMPUTES, "explain", "digit.png", "--model", str(path)]
    with subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "computing\n"
        time.sleep(0.3)
        process.send_signal(sent)
        began = time.monotonic()
        _, said = process.communicate(timeout=120)
        took = time.monotonic() - began
    assert process.returncode == code
    assert took < 4 + 10 * seconds_to_start()  # of the ten that a model may compute
    assert "stopped by" in said
    assert "Traceback" not in said
    note("Ctrl-C or SIGTERM while a model.onnx computes for ever", 1, "the command ends at once")


def test_a_signal_that_lets_the_program_continue_does_not_spoil_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    earlier = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        classify = onnx_classifier(honest(tmp_path / "model.onnx"))
        loop = endless(tmp_path / "endless.onnx")
        monkeypatch.setattr(network, "SECONDS", 1.5)
        sender = subprocess.Popen(
            [sys.executable, "-c", f"import os, time; time.sleep(0.7); os.kill({os.getpid()}, 15)"]
        )
        with pytest.raises(ArtifactError, match="was stopped after computing"):  # by time, after it began again
            onnx_classifier(loop)
        sender.wait()
        assert heard == [signal.SIGTERM]
        assert classify(np.zeros((2, 28, 28), np.uint8)).shape == (2, 10)
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGTERM, earlier)


def test_an_event_loop_that_listens_to_signals_still_does(tmp_path: Path) -> None:
    classify = onnx_classifier(honest(tmp_path / "model.onnx"))
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        signal.set_wakeup_fd(ours.fileno())
        classify(np.zeros((2, 28, 28), np.uint8))
        assert signal.set_wakeup_fd(-1) == ours.fileno()
