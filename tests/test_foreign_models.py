"""Models of people's own, made elsewhere: taken where they fit, and else one sentence that says what they are."""

import pickle
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image
from typer.testing import CliRunner

import mnist_cnn
from datasets import strokes, write_csv
from mnist_cnn.cli import app
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ArtifactError

invoke = CliRunner().invoke
FILES = {
    "old.h5": (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, as older versions of Keras saved models: load it with Keras"),
    "phone.tflite": (b"\x1c\0\0\0TFL3", "is a LiteRT file, for other devices: name the folder or the .onnx file"),
    "net.pt": (b"PK\x03\x04", "is a file of PyTorch, which could run anything when it is loaded: load it with PyTorch"),
    "state.pth": (b"\x80\x02", "is a file of PyTorch"),
    "forest.pkl": (pickle.dumps([1]), "is a Python pickle, which could run anything when it is loaded"),
    "forest.joblib": (pickle.dumps([1]), "is a Python pickle"),
    "net.safetensors": (b"\0" * 8, "is a file of weights without a network"),
    "frozen.pb": (b"\x0a", "is a file of TensorFlow: load the model with TensorFlow, and export it to ONNX"),
}


def every_use(model: Path) -> list[str]:
    """What reading, evaluating and predicting say of a model that they do not take."""
    said = []
    for use in (
        lambda: mnist_cnn.Reader(model),
        lambda: mnist_cnn.evaluate(model, "digits"),
        lambda: mnist_cnn.predict(model.parent, model),
    ):
        with pytest.raises(ArtifactError) as caught:
            use()
        said.append(str(caught.value))
    return said


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_program_is_told_by_its_name(tmp_path: Path, name: str) -> None:
    content, sentence = FILES[name]
    (tmp_path / name).write_bytes(content)
    for said in every_use(tmp_path / name):
        assert said.startswith(f"{tmp_path / name} {sentence}")
        assert said.count(". ") == 0
        assert said.endswith(".")


def test_the_command_says_it_in_one_line_too(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(b"PK")
    Image.new("L", (28, 28)).save(tmp_path / "a.png")
    for words in (["read", "--model", str(path), str(tmp_path)], ["evaluate", str(path)]):
        done = invoke(app, words)
        assert done.exit_code == 1
        assert len(done.stderr.strip().splitlines()) == 1
        assert "Traceback" not in done.stderr


def test_a_saved_model_folder_is_told_by_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "exported" / "variables").mkdir(parents=True)
    (tmp_path / "exported" / "saved_model.pb").write_bytes(b"\x08\x01")
    for said in every_use(tmp_path / "exported"):
        assert "is a folder of TensorFlow's SavedModel format, which is not read: convert it" in said


def onnx_file(path: Path, shape: list[int | str], kind: int, classes: int = 10) -> Path:
    """A network that gives the same probabilities for every image of these shapes."""
    rows = helper.make_tensor("p", TensorProto.FLOAT, [1, classes], [1 / classes] * classes)
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f"], ["m"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["m", "zero"], ["z"]),
        helper.make_node("Reshape", ["z", "column"], ["c"]),
        helper.make_node("Add", ["c", "p"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", classes])],
        [
            rows,
            helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
            helper.make_tensor("column", TensorProto.INT64, [2], [-1, 1]),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8), path)
    return path


@pytest.mark.parametrize(
    ("shape", "kind", "takes"),
    [
        (["n", 1, 28, 28], TensorProto.FLOAT, "n×1×28×28 float"),  # as PyTorch exports them
        (["n", 224, 224, 3], TensorProto.UINT8, "n×224×224×3 uint8"),
        ([1, 20, 20, 1], TensorProto.UINT8, "1×20×20×1 uint8"),
    ],
)
def test_an_onnx_file_of_other_images_is_told_by_what_it_takes(
    tmp_path: Path, shape: list[int | str], kind: int, takes: str
) -> None:
    for said in every_use(onnx_file(tmp_path / "a.onnx", shape, kind)):
        assert f"takes {takes}, not n×28×28×1 uint8 images from 0 (background) to 255: export it for these" in said


def test_an_onnx_file_of_other_classes_classifies_whole_images(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "a.onnx", ["n", 32, 32, 3], TensorProto.UINT8, classes=4)
    images, labels = strokes(8, 4)
    table = write_csv(tmp_path / "a.csv", images, labels.tolist())
    with pytest.raises(ArtifactError, match=r"into 4 classes \(0, 1, 2, 3.*mnist-cnn predict"):
        mnist_cnn.Reader(path)
    assert mnist_cnn.predict(table, path)[0].probabilities == (0.25,)
    assert mnist_cnn.evaluate(path, ((np.repeat(images, 2, 0), np.repeat(labels, 2)), (images, labels))).count == 8


def keras_file(path: Path, *first: object, dtype: str = "float32", side: int = 28, classes: int = 10) -> Path:
    """A network of somebody who has read a tutorial on Keras."""
    import keras
    from keras import layers

    network = keras.Sequential(
        [
            layers.Input((side, side, 1), dtype=dtype),
            *first,
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.save(path)
    return path


def test_a_keras_file_is_taken_where_it_fits(tmp_path: Path, digits: Dataset) -> None:
    from keras import layers

    fitting = keras_file(tmp_path / "mine.keras", layers.Rescaling(1 / 255))
    assert mnist_cnn.evaluate(fitting, "digits").count == len(digits.test)
    assert invoke(app, ["evaluate", str(fitting), "--data", "digits", "--json"]).exit_code == 0
    images, labels = strokes(6, 3)
    table = write_csv(tmp_path / "a.csv", images, labels.tolist())
    found = mnist_cnn.predict(table, fitting, top_k=10)
    assert len(found) == 6
    assert sum(found[0].probabilities) == pytest.approx(1, abs=1e-4)
    with pytest.raises(ArtifactError, match="is a Keras file, and reading needs ONNX"):
        mnist_cnn.Reader(fitting)


def test_a_keras_file_of_other_classes_and_sizes_is_taken_for_whole_images(tmp_path: Path) -> None:
    from keras import layers

    path = keras_file(tmp_path / "mine.keras", layers.Rescaling(1 / 127.5, offset=-1), side=40, classes=3)
    images, labels = strokes(12, 3, side=40)
    evaluation = mnist_cnn.evaluate(path, ((images, labels), (images, labels)))
    assert evaluation.confusion_matrix.shape == (3, 3)
    with pytest.raises(ArtifactError, match="have other classes or take other images"):
        mnist_cnn.evaluate([path, "robust"], "digits")


def test_a_keras_file_whose_pixels_have_an_unknown_range_says_what_to_do(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "mine.keras")
    for use in (mnist_cnn.evaluate, lambda model, data: mnist_cnn.predict(data, model)):
        with pytest.raises(ArtifactError, match=r"takes float32 images, and whether from 0 to 1 or to 255 is not in"):
            use(path, "digits")


def test_a_keras_file_with_a_layer_that_is_not_known_says_what_to_do(tmp_path: Path) -> None:
    from keras import layers

    path = keras_file(tmp_path / "mine.keras", layers.Rescaling(1 / 255), layers.SeparableConv2D(3, 3))
    with pytest.raises(ArtifactError, match=r"has a part 'SeparableConv2D' .*export the model to ONNX"):
        mnist_cnn.evaluate(path, "digits")
    (tmp_path / "no.keras").write_bytes(b"no")
    with pytest.raises(ArtifactError, match=r"damaged or not a \.keras file"):
        mnist_cnn.evaluate(tmp_path / "no.keras", "digits")
