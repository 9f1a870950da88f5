import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from typer.testing import CliRunner

import mnist_cnn
from conftest import Cli
from mnist_cnn.artifact import litert, onnx_file, store
from mnist_cnn.artifact.export_format import ExportFormat
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.cli import app
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ArtifactError, DataError, ExportError, ExportFormatError, RunError
from mnist_cnn.evaluation.agreement import Agreement
from mnist_cnn.models.classic import classic
from mnist_cnn.reading.network import INK_KEY, onnx_classifier
from mnist_cnn.system.files import locked, sha256_of
from mnist_cnn.workflows import export as workflow
from mnist_cnn.workflows.evaluate import opened
from mnist_cnn.workflows.export import Export, card_of

KEPT = Path(__file__).parent / "fixtures" / "format-2"
FORMATS = [
    ExportFormat("onnx"),
    ExportFormat("onnx", input_dtype="float32"),
    ExportFormat("onnx", "int8"),
    ExportFormat("litert"),
    ExportFormat("litert", "float16"),
    ExportFormat("litert", "int8"),
    ExportFormat("saved_model"),
]
ALIKE = Agreement(10_000, 0, 1e-6, 9_900, 9_900, 1.0, 1.0)
Made = Callable[[ExportFormat], Export]
run = CliRunner().invoke


@pytest.mark.parametrize("export_format", FORMATS, ids=lambda export_format: export_format.suffix)
def test_a_card_beside_the_file_says_what_it_is_and_how_it_compares(
    export_format: ExportFormat, exported: Made
) -> None:
    made = exported(export_format)
    about = json.loads(card_of(made.path).read_text(encoding="utf-8"))
    assert about == made.card
    root = made.path if made.path.is_dir() else made.path.parent
    assert about["files"] == {name: sha256_of(root / name) for name in about["files"]}
    assert about["bytes"] == sum((root / name).stat().st_size for name in about["files"])
    assert about["original"]["model.keras"] == sha256_of(KEPT / "model.keras")
    assert about["opset"] == (15 if export_format.to == "onnx" else None)
    assert about["quantized"] == export_format.quantize
    assert about["checked_on"] | {"sha256": ""} == {"data": "digits", "sha256": "", "part": "test", "images": 500}
    if export_format.quantize == "int8":
        assert (about["calibration"]["part"], about["calibration"]["images"]) == ("training", 500)
    else:
        assert (about["agreement"]["agreement_rate"], about["calibration"]) == (1, None)
    assert about["agreement"]["images_per_second"] > 0


@pytest.mark.parametrize("pixels", ["uint8", "float32"])
def test_an_onnx_export_states_opset_dynamic_batch_and_what_it_takes(pixels: str, exported: Made) -> None:
    made = exported(ExportFormat("onnx", input_dtype=pixels))
    model = onnx.load(made.path)
    onnx.checker.check_model(model, full_check=True)
    assert onnx_file.opset_of(made.path) == made.card["opset"] == 15
    image = onnxruntime.InferenceSession(made.path).get_inputs()[0]
    assert image.name == "images"
    assert image.type == {"uint8": "tensor(uint8)", "float32": "tensor(float)"}[pixels]
    assert not isinstance(image.shape[0], int)
    assert image.shape[1:] == [28, 28, 1]


@pytest.mark.parametrize(
    "export_format",
    [ExportFormat("onnx"), ExportFormat("onnx", input_dtype="float32"), ExportFormat("onnx", "int8")],
    ids=str,
)
def test_an_onnx_export_is_judged_and_reads_pictures(
    export_format: ExportFormat, exported: Made, digits: Dataset
) -> None:
    path = exported(export_format).path
    evaluation = mnist_cnn.evaluate(path, "digits")
    assert evaluation.accuracy == exported(export_format).agreement.accuracy
    [digit] = mnist_cnn.Reader(path, min_confidence=0.0).read(digits.test.images[0], single=True).digits
    assert digit.probabilities == pytest.approx(
        mnist_cnn.Reader(KEPT, 0.0).read(digits.test.images[0], single=True).digits[0].probabilities, abs=0.02
    )


def test_a_fraction_of_a_float_counts(exported: Made, digits: Dataset) -> None:
    session = onnxruntime.InferenceSession(exported(ExportFormat("onnx", input_dtype="float32")).path)
    images = digits.test.images[:5, ..., np.newaxis].astype(np.float32)
    one, other = (session.run(None, {"images": each})[0] for each in (images, np.minimum(images + 0.5, 255)))
    assert np.abs(one - other).max() > 1e-5


def test_floats_of_an_unknown_range_are_refused(tmp_path: Path, exported: Made) -> None:
    model = onnx.load(exported(ExportFormat("onnx", input_dtype="float32")).path)
    assert [one.key for one in model.metadata_props] == [INK_KEY]
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "theirs.onnx")
    with pytest.raises(ArtifactError, match="without declaring that they range from 0 to 255"):
        opened(tmp_path / "theirs.onnx")


def test_a_saved_model_has_the_signature_of_tensorflow_serving(exported: Made, digits: Dataset) -> None:
    signatures = tf.saved_model.load(str(exported(ExportFormat("saved_model")).path)).signatures
    serving = signatures["serving_default"]
    [(name, image)] = serving.structured_input_signature[1].items()
    assert (name, image.shape.as_list(), image.dtype) == ("images", [None, 28, 28, 1], tf.uint8)
    said = serving(images=tf.constant(digits.test.images[:3, ..., np.newaxis]))
    assert list(said) == ["probabilities"]
    # Calibrated without anybody doing anything.
    assert (
        np.abs(said["probabilities"].numpy() - onnx_classifier(KEPT / "model.onnx")(digits.test.images[:3])).max()
        < 1e-5
    )


@pytest.fixture(scope="module")
def convolutions() -> keras.Model:
    keras.utils.set_random_seed(0)
    return classic(dropout=0.2)


def test_onnx_in_int8_multiplies_integers_and_keeps_the_last_layer_in_floats(
    convolutions: keras.Model, tmp_path: Path, digits: Dataset
) -> None:
    export_format = ExportFormat("onnx", "int8")
    export_format.write(convolutions, tmp_path / "int8.onnx", digits.train.images[:50])
    graph = onnx.load(tmp_path / "int8.onnx").graph
    maker = {name: node for node in graph.node for name in node.output}
    kinds = {kind: [node for node in graph.node if node.op_type == kind] for kind in ("Conv", "Gemm", "Softmax")}
    assert len(kinds["Conv"]) == 4
    assert all(maker[name].op_type == "DequantizeLinear" for node in kinds["Conv"] for name in node.input[:2])
    last = maker[kinds["Softmax"][0].input[0]]
    assert last.op_type in ("Gemm", "MatMul")  # the second without a bias
    assert last.input[1] not in maker  # its weights are float32 numbers of the file
    expected = convolutions.predict(digits.test.images[..., np.newaxis], verbose=0)
    difference = np.abs(export_format.read(tmp_path / "int8.onnx")(digits.test.images) - expected).max()
    assert 1e-6 < difference < 0.01


def test_litert_in_int8_multiplies_integers_and_gives_probabilities_that_add_up(
    convolutions: keras.Model, tmp_path: Path, digits: Dataset
) -> None:
    export_format = ExportFormat("litert", "int8")
    export_format.write(convolutions, tmp_path / "int8.tflite", digits.train.images[:50])
    opened = litert.interpreter((tmp_path / "int8.tflite").read_bytes(), threads=1, plain=True)
    types = {one["index"]: one["dtype"] for one in opened.get_tensor_details()}
    taken = [(each["op_name"], types[each["inputs"][0]]) for each in opened._get_ops_details()]
    assert taken.count(("CONV_2D", np.int8)) == 4
    assert [kind for name, kind in taken if name == "FULLY_CONNECTED"] == [np.int8, np.int8, np.float32]
    assert [kind for name, kind in taken if name == "SOFTMAX"] == [np.float32]
    probabilities = export_format.read(tmp_path / "int8.tflite")(digits.test.images)
    assert np.abs(probabilities.sum(axis=1) - 1).max() < 1e-5
    expected = convolutions.predict(digits.test.images[..., np.newaxis], verbose=0)
    assert 1e-6 < np.abs(probabilities - expected).max() < 0.01


def test_images_to_calibrate_with_are_of_the_training_part(digits: Dataset) -> None:
    images = workflow.calibration_images(digits)
    assert images.shape == (500, 28, 28)
    known = {image.tobytes() for image in digits.train.images}
    assert all(image.tobytes() in known for image in images)


@pytest.mark.parametrize(
    ("export_format", "agreement", "sentence"),
    [
        (ExportFormat("onnx"), replace(ALIKE, disagreements=1), "1 of 10,000 predictions differ .* 99.99%"),
        (ExportFormat("litert", "float16"), replace(ALIKE, disagreements=1), "in floats none may"),
        (ExportFormat("litert"), replace(ALIKE, max_difference=2e-5), "by up to 2.0e-05, and no more than 1e-05"),
        (ExportFormat("saved_model"), replace(ALIKE, max_difference=float("nan")), "by up to nan"),
        (
            ExportFormat("onnx", "int8"),
            replace(ALIKE, correct=9_894),
            "accuracy is 98.94% on 10,000 .* original's 99.00%",
        ),
    ],
    ids=lambda value: value.suffix if isinstance(value, ExportFormat) else None,
)
def test_an_export_that_is_worse_is_rejected_with_the_figure(
    export_format: ExportFormat, agreement: Agreement, sentence: str
) -> None:
    with pytest.raises(ExportError, match=sentence):
        workflow.reject_if_worse(export_format, agreement, Path("x"))


def test_an_export_in_int8_may_lose_a_twentieth_of_a_point() -> None:
    workflow.reject_if_worse(ExportFormat("onnx", "int8"), replace(ALIKE, correct=9_895, disagreements=20), Path("x"))
    workflow.reject_if_worse(ExportFormat("litert", "float16"), replace(ALIKE, max_difference=1e-3), Path("x"))


def test_what_is_rejected_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = ExportFormat.read
    monkeypatch.setattr(
        ExportFormat,
        "read",
        lambda export_format, path, **task: (
            lambda images: np.roll(read(export_format, path, **task)(images), 1, axis=1)
        ),
    )
    with pytest.raises(ExportError, match="500 of 500 predictions differ from the original's"):
        mnist_cnn.export(KEPT, "onnx", output=tmp_path / "mine.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("taken", ["mine.onnx", "mine.onnx.card.json"])
def test_nothing_is_overwritten(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("precious")
    with pytest.raises(ExportError, match=f"{re.escape(taken)} already exists and nothing is overwritten"):
        mnist_cnn.export(KEPT, "onnx", output=tmp_path / "mine.onnx")
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "precious"


def test_what_comes_meanwhile_is_not_overwritten_either(tmp_path: Path) -> None:
    def export() -> None:
        with workflow.written_whole(tmp_path / "mine") as scratch:
            (scratch / "mine").write_text("new")
            (tmp_path / "mine").write_text("precious")

    with pytest.raises(ExportError, match="already exists"):
        export()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("mine", "precious")]


@pytest.mark.parametrize(
    "interruption", [KeyboardInterrupt(), OSError(28, "No space left on device")], ids=["Ctrl-C", "full disk"]
)
def test_writing_that_is_interrupted_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interruption: BaseException
) -> None:
    def half(_format: ExportFormat, _network: keras.Model, path: Path, _images: np.ndarray, _task: object) -> None:
        path.write_bytes(b"half a fi")
        raise interruption

    monkeypatch.setattr(ExportFormat, "write", half)
    with pytest.raises((KeyboardInterrupt, RunError)) as caught:
        mnist_cnn.export(KEPT, "onnx", output=tmp_path / "mine.onnx")
    assert isinstance(caught.value, KeyboardInterrupt) or "No space left on device" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_no_obstacle(tmp_path: Path) -> None:
    left = tmp_path / ".mine.part-0123abcd"
    (left / "deep").mkdir(parents=True)
    (left / "mine").write_text("half a fi")
    os.utime(left, (0, 0))
    (tmp_path / ".mine.lock").touch()
    with workflow.written_whole(tmp_path / "mine") as scratch:
        assert list(scratch.iterdir()) == []
        (scratch / "mine").write_text("whole")
        (scratch / "mine.card.json").write_text("{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "mine.card.json"]


def test_two_processes_do_not_export_to_the_same_file(tmp_path: Path) -> None:
    with (
        locked(tmp_path / ".mine.lock"),
        pytest.raises(ExportError, match="Another process is exporting"),
        workflow.written_whole(tmp_path / "mine"),
    ):
        pass


@pytest.mark.parametrize(
    ("to", "name", "own"),
    [("onnx", "net.tflite", ".onnx"), ("litert", "net.keras", ".tflite"), ("saved_model", "net.ONNX", "a folder")],
)
def test_a_name_of_another_format_is_rejected(to: str, name: str, own: str, tmp_path: Path) -> None:
    with pytest.raises(ExportFormatError, match=rf"ends with {Path(name).suffix}, and {to} is written as {own}"):
        mnist_cnn.export(KEPT, to, output=tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("output", [".", "..", "/"])
def test_an_export_to_what_has_no_name_is_one_sentence(output: str) -> None:
    done = CliRunner().invoke(app, ["export", str(KEPT), "--to", "onnx", "--output", output])
    assert (done.exit_code, done.exception.__class__) == (1, SystemExit)
    assert "already exists and nothing is overwritten" in done.stderr


def test_a_model_that_cannot_be_converted_is_one_sentence(tmp_path: Path, digits: Dataset) -> None:
    inputs = keras.Input((28, 28, 1), dtype="uint8")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    root = keras.ops.linalg.inv(keras.ops.reshape(flat[:, :100], (-1, 10, 10)) + 20 * keras.ops.eye(10))[:, 0]
    network = keras.Model(inputs, keras.layers.Softmax()(root))
    with pytest.raises(ExportError, match="cannot be converted to litert") as caught:
        workflow.write(ExportFormat("litert"), network, tmp_path / "x.tflite", digits.train.images[:5], digits.task)
    assert "\n" not in str(caught.value)


def test_without_its_data_a_network_is_checked_on_digits_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> Dataset:
        raise DataError("It is gone.")

    class Heard(CallbackList):
        def on_warning(self, text: str) -> None:
            said.append(text)

    said: list[str] = []
    monkeypatch.setattr(workflow, "data_of", gone)
    assert workflow.data_for(store.load(KEPT), None, Heard()).name == "digits"
    assert said == ["It is gone. The export is checked on scikit-learn's digits instead."]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--to", "coreml"], "There is no export to 'coreml': choose one of onnx, litert, saved_model"),
        (["--to", "onnx", "--quantize", "float16"], "onnx cannot be quantized to 'float16': choose int8"),
        (
            ["--to", "saved_model", "--quantize", "int8"],
            "saved_model cannot be quantized to 'int8': leave --quantize out",
        ),
        (["--to", "onnx", "--input-dtype", "int64"], "There is no input dtype 'int64': choose uint8 or float32"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_format_that_does_not_exist_is_wrong_usage(words: list[str], sentence: str, tmp_path: Path) -> None:
    done = run(app, ["export", str(KEPT), *words, "--output", str(tmp_path / "x")])
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="is not a folder: create it"):
        mnist_cnn.export(KEPT, "onnx", output=tmp_path / "deep" / "mine.onnx")
    assert list(tmp_path.iterdir()) == []


def test_formats_are_named_after_what_they_hold() -> None:
    assert [export_format.suffix for export_format in FORMATS] == [
        ".onnx",
        "-float32.onnx",
        "-int8.onnx",
        ".tflite",
        "-float16.tflite",
        "-int8.tflite",
        "_saved_model",
    ]
    with pytest.raises(ExportFormatError):
        ExportFormat("web")


@pytest.mark.parametrize("to", ["onnx", "litert"])
def test_the_command_prints_one_json_document_and_no_chatter(to: str, warm_cli: Cli, tmp_path: Path) -> None:
    done = warm_cli("export", KEPT, "--to", to, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    about = json.loads(done.stdout)
    path = tmp_path / ("format-2" + ExportFormat(to).suffix)
    assert about.pop("path") == path.name
    assert about == json.loads(card_of(path).read_text(encoding="utf-8"))
    assert done.stderr == f"Exporting to {path.name}, checked on 500 test images of digits\n"
    again = warm_cli("export", KEPT, "--to", to, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (1, "")
    assert (
        again.stderr == f"mnist-cnn: {path.name} already exists and nothing is overwritten: choose another --output.\n"
    )
