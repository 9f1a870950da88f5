"""Judging kept networks, alone and as an ensemble; none is trained here."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

import mnist_cnn
from mnist_cnn.callbacks.callback import Callback, CallbackList
from mnist_cnn.card import digest_of, text_of
from mnist_cnn.cli import app
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ArtifactError, DataError
from mnist_cnn.evaluation.metrics import Accuracy, evaluate
from mnist_cnn.reading.network import onnx_classifier
from mnist_cnn.system.files import sha256_of
from mnist_cnn.workflows import evaluate as workflow

FOLDER = Path(__file__).parent / "fixtures" / "format-1"
run = CliRunner().invoke


def linear_network(path: Path, digits: Dataset) -> Path:
    """Write the simplest network that reads digits: softmax of how alike an image is to the mean one of each digit."""
    images, labels = digits.train.images.reshape(-1, 784) / 255.0, digits.train.labels
    means = np.stack([images[labels == digit].mean(axis=0) for digit in range(10)], axis=1).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
        helper.make_node("Add", ["scores", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    weights = numpy_helper.from_array(means / 255, "weights")
    bias = numpy_helper.from_array(-np.square(means).sum(axis=0) / 2, "bias")
    taken = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", 28, 28, 1])
    given = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 10])
    graph = helper.make_graph(nodes, "linear", [taken], [given], [weights, bias])
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 15)]), path)
    return path


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    return linear_network(tmp_path_factory.mktemp("networks") / "linear.onnx", digits)


def other_folder(path: Path, **data: object) -> Path:
    """A kept network unlike the fixture's (as long as nobody runs it), trained on what `data` says."""
    shutil.copytree(FOLDER, path)
    (path / "model.keras").write_bytes(b"another network")
    (path / "model.onnx").unlink()
    card = json.loads((path / "card.json").read_text())
    card["files"] = {name: sha256_of(path / name) for name in ("model.keras", "history.csv")}
    card["data"] |= data
    (path / "card.json").write_text(text_of(card | {"digest": digest_of(card)}))
    return path


class Heard(Callback):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.accuracies: list[tuple[Accuracy, Accuracy | None]] = []

    def on_message(self, text: str) -> None:
        self.notes.append(text)

    def on_accuracy(self, accuracy: Accuracy, corrected: Accuracy | None, dataset: Dataset) -> None:  # noqa: ARG002
        self.accuracies.append((accuracy, corrected))


def test_an_ensemble_is_judged_by_the_mean_of_the_probabilities(linear: Path, digits: Dataset) -> None:
    watch = Heard()
    evaluation = mnist_cnn.evaluate([FOLDER, linear], callbacks=[watch])  # a folder knows what it was trained on
    rows = [onnx_classifier(path)(digits.test.images) for path in (FOLDER / "model.onnx", linear)]
    expected = evaluate((rows[0] + rows[1]) / 2, digits.test.labels)
    assert evaluation.count == 500
    assert (evaluation.confusion_matrix == expected.confusion_matrix).all()
    assert evaluation.negative_log_likelihood == pytest.approx(expected.negative_log_likelihood, abs=1e-5)
    assert watch.notes == [f"Evaluating {FOLDER} (1 of 2 models)", f"Evaluating {linear} (2 of 2 models)"]


def test_one_network_in_a_list_is_that_network(digits: Dataset) -> None:
    watch = Heard()
    path = FOLDER / "model.onnx"
    alone = mnist_cnn.evaluate(path, "digits", callbacks=[watch])
    assert mnist_cnn.evaluate([path], "digits").to_dict() == alone.to_dict()
    assert alone.to_dict() == evaluate(onnx_classifier(path)(digits.test.images), digits.test.labels).to_dict()
    assert watch.notes == []


def test_each_member_has_a_line_before_the_ensembles(linear: Path) -> None:
    first = FOLDER / "model.onnx"
    done = run(app, ["evaluate", str(first), str(linear), "--data", "digits"])
    assert done.exit_code == 0, done.stderr
    mark = "Test accuracy on digits (not MNIST) of"
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{mark} {first}: 91.80% (459 of 500 correct; 95% CI 89.")
    assert lines[1].startswith(f"{mark} {linear}: ")
    assert lines[2].startswith(f"{mark} the ensemble of 2: ")
    assert lines[3] == "Confusion matrix (rows: true digit, columns: predicted)"
    assert done.stderr.splitlines() == [
        f"Evaluating {first} (1 of 2 models)",
        f"Evaluating {linear} (2 of 2 models)",
    ]


def test_quiet_evaluation_has_no_notes(linear: Path) -> None:
    done = run(app, ["evaluate", str(FOLDER / "model.onnx"), str(linear), "--data", "digits", "--quiet"])
    assert (done.exit_code, done.stderr) == (0, "")


def test_verbose_evaluation_shows_the_layers() -> None:
    plain, verbose = (run(app, ["evaluate", str(FOLDER), *more]).stdout for more in ([], ["-v"]))
    assert "Total params: " in verbose
    assert verbose.endswith(plain)


def test_programs_get_each_member_and_the_ensemble(linear: Path, digits: Dataset) -> None:
    first = FOLDER / "model.onnx"
    document = json.loads(run(app, ["evaluate", str(first), str(linear), "--data", "digits", "--json"]).stdout)
    assert list(document) == ["models", "data", "evaluation"]
    assert [member["model"] for member in document["models"]] == [str(first), str(linear)]
    for member in document["models"]:
        alone = evaluate(onnx_classifier(Path(member["model"]))(digits.test.images), digits.test.labels)
        assert member["evaluation"] == alone.to_dict()
    assert document["evaluation"] == mnist_cnn.evaluate([first, linear], "digits").to_dict()


def test_programs_get_one_network_as_ever() -> None:
    path = str(FOLDER / "model.onnx")
    document = json.loads(run(app, ["evaluate", path, "--data", "digits", "--json"]).stdout)
    assert list(document) == ["model", "data", "evaluation"]
    assert document["model"] == path
    assert "corrected" not in document["evaluation"]


@pytest.mark.parametrize("again", ["itself", "its file", "a copy", "a link"])
def test_the_same_network_twice_is_refused(again: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(FOLDER)
    second = {
        "itself": FOLDER,
        "its file": FOLDER / "model.onnx",
        "a copy": Path(shutil.copytree(FOLDER, tmp_path / "copy")),
        "a link": tmp_path / "link",
    }[again]
    done = run(app, ["evaluate", str(FOLDER), str(second)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        f"mnist-cnn: {FOLDER} and {second} are the same model, which would count double: name it once.\n"
    )


def test_members_trained_on_other_data_need_data_named(tmp_path: Path) -> None:
    other = other_folder(tmp_path / "other", origin="elsewhere.npz", sha256="ab" * 32)
    with pytest.raises(DataError) as caught:
        mnist_cnn.evaluate([FOLDER, other])
    assert str(caught.value) == (
        f"{FOLDER} was trained on digits and {other} on other data, elsewhere.npz: "
        "name the dataset to evaluate them on with --data."
    )


def test_a_member_that_cannot_be_had_is_refused_before_any_is_run(linear: Path, tmp_path: Path) -> None:
    watch = Heard()
    for bad in (tmp_path, tmp_path / "nothing.onnx", tmp_path / "nothing"):
        with pytest.raises(ArtifactError):
            mnist_cnn.evaluate([linear, bad], "digits", callbacks=[watch])
    assert watch.notes == []


def test_no_network_at_all_is_refused() -> None:
    with pytest.raises(ArtifactError, match="No model was named"):
        mnist_cnn.evaluate([])


def test_evaluating_needs_neither_scikit_learn_nor_scipy(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Heard()
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    assert (
        workflow.evaluated(np.eye(10, dtype=np.float32)[digits.test.labels], digits, CallbackList([watch])).accuracy
        == 1
    )
    [(accuracy, corrected)] = watch.accuracies
    assert (accuracy.correct, accuracy.count, corrected) == (500, 500, None)
    assert accuracy.confidence_interval[1] == 1
