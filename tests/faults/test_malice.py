"""Files made to do harm: refused with a sentence, and nothing of them is run, read from elsewhere or unpacked."""

import io
import json
import os
import pickle
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.artifact.keras_file import require_harmless
from mnist_cnn.card import digest_of, text_of
from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.network import onnx_classifier
from mnist_cnn.reading.reader import Reader
from mnist_cnn.system.files import sha256_of
from tally import note
from test_data_container import Harm

FIXTURE = Path(__file__).parent.parent / "fixtures" / "format-2"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A copy of a kept network, to be made harmful."""
    return Path(shutil.copytree(FIXTURE, tmp_path / "kept"))


def vouch(folder: Path) -> None:
    """Make the card agree with the files, as whoever means harm would."""
    document = json.loads((folder / card.CARD).read_text())
    document["files"] = {name: sha256_of(folder / name) for name in document["files"]}
    (folder / card.CARD).write_text(text_of(document | {"digest": digest_of(document)}))


def rejected(path: Path) -> str:
    """The sentence with which a `.keras` file is refused."""
    with pytest.raises(ArtifactError, match="cannot be loaded") as caught:
        store.load_keras(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# .keras


def members() -> dict[str, bytes]:
    with zipfile.ZipFile(FIXTURE / "model.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_keras(path: Path, **changed: bytes) -> Path:
    """A `.keras` file, with members instead of or beside its own."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (members() | changed).items():
            archive.writestr(name, content)
    return path


def with_part(path: Path, **part: Any) -> Path:
    """A `.keras` file in whose network another part stands for the first Flatten."""
    config = json.loads(members()["config.json"])
    layer = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Flatten")
    layer.update(part)
    return write_keras(path, **{"config.json": json.dumps(config).encode()})


LAMBDA = {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}
PARTS: dict[str, dict[str, Any]] = {
    "a Lambda layer": {"class_name": "Lambda", "config": {"name": "harm", "function": LAMBDA}},
    "code of Python's": {"class_name": "__lambda__", "module": "builtins"},
    "a module that does harm when it is imported": {"module": "harmful", "class_name": "Layer"},
    "a registered class": {"module": None, "class_name": "Layer", "registered_name": "harmful>Layer"},
    "a function of the system": {"module": "os", "class_name": "system"},
    "a function of Keras that fetches files": {"module": "keras.utils", "class_name": "get_file"},
    "a function of Keras that allows code": {"module": "keras.config", "class_name": "enable_unsafe_deserialization"},
    "a layer that loads a SavedModel": {"class_name": "TFSMLayer", "config": {"filepath": "/etc"}},
    "a layer that unpickles": {"class_name": "TorchModuleWrapper"},
    "a layer that reads a file": {"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
    "a part hidden in a part": {"config": {"name": "flatten", "inner": [{"module": "harmful", "class_name": "x"}]}},
    "a module that is no text": {"module": ["keras.layers"]},
    "a class that is no text": {"class_name": {"a": 1}},
}


@pytest.mark.parametrize("kind", PARTS)
def test_a_keras_file_with_a_part_that_no_model_has_is_rejected(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "harmful.py").write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'proof')!r}).touch()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "which no model of mnist-cnn has" in rejected(with_part(tmp_path / "model.keras", **PARTS[kind]))
    assert "harmful" not in sys.modules
    assert not (tmp_path / "proof").exists()
    note(".keras with code, a function or an unsupported layer", 1, "rejected, nothing executed")


def test_code_in_a_keras_file_is_refused_and_not_run(tmp_path: Path) -> None:
    import keras

    proof = tmp_path / "proof"
    harm = eval(f"lambda x: __import__('os').close(__import__('os').open({str(proof)!r}, 64)) or x")
    network = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Lambda(harm)])
    assert proof.exists()
    proof.unlink()
    network.save(tmp_path / "model.keras")
    rejected(tmp_path / "model.keras")
    assert not proof.exists()


def test_an_undamaged_keras_file_is_let_in(tmp_path: Path) -> None:
    require_harmless(write_keras(tmp_path / "model.keras"))


def symlink() -> zipfile.ZipInfo:
    link = zipfile.ZipInfo("assets/link")
    link.external_attr = 0o120777 << 16
    return link


ENTRIES: dict[str, tuple[str | zipfile.ZipInfo, bytes]] = {
    "a path out of its folder": ("../../escaped", b"x"),
    "an absolute path": ("/escaped", b"x"),
    "a symbolic link": (symlink(), b"/etc"),
    "files to be unpacked": ("assets/x.txt", b"x"),
    "a program": ("model.py", b"print()"),
}


@pytest.mark.parametrize("kind", ENTRIES)
def test_a_keras_file_that_holds_more_than_a_model_is_rejected(kind: str, tmp_path: Path) -> None:
    write_keras(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras", "a") as archive:
        archive.writestr(*ENTRIES[kind])
    assert "which no model of mnist-cnn has" in rejected(tmp_path / "model.keras")
    assert [path.name for path in tmp_path.rglob("*")] == ["model.keras"]
    note(".keras with other members in its archive: paths out of it, links, programs", 1, "rejected, nothing unpacked")


def test_a_keras_file_that_would_unpack_to_half_a_gigabyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("config.json", "w") as stream:
        for _ in range(512):
            stream.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    assert "config.json' of 536,870,912 bytes" in rejected(path)
    note(".keras that would unpack to 512 MiB", 1, "rejected, nothing unpacked")


def test_pickles_and_files_of_older_forms_are_refused_as_keras_files(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    harm = pickle.dumps(Harm(tmp_path / "trace"))
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["model_config"] = np.void(harm)
        file["weights"] = h5py.ExternalLink("/etc/passwd", "/")
    old = (tmp_path / "old.h5").read_bytes()
    for content in (harm, old):
        (tmp_path / "model.keras").write_bytes(content)
        rejected(tmp_path / "model.keras")
        rejected(write_keras(tmp_path / "model.keras", **{"config.json": content}))
    assert not (tmp_path / "trace").exists()
    note(".keras that is a pickle or an HDF5 file with a pickle", 4, "rejected, nothing executed")


def test_weights_that_lie_in_another_file_are_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret").write_bytes(np.arange(10**6, dtype=np.float32).tobytes())
    stream = io.BytesIO(members()["model.weights.h5"])
    with h5py.File(stream, "r+") as file:
        names: list[str] = []
        file.visititems(lambda name, one: names.append(name) if isinstance(one, h5py.Dataset) else None)
        for name in names:
            shape = file[name].shape
            del file[name]
            size = int(np.prod(shape)) * 4
            file.create_dataset(name, shape, "f4", external=[(str(tmp_path / "secret"), 0, size)])
    rejected(write_keras(tmp_path / "model.keras", **{"model.weights.h5": stream.getvalue()}))
    note(".keras with its weights in another file", 1, "rejected")


@pytest.mark.parametrize(("side", "classes"), [(14, 10), (28, 5)])
def test_a_keras_file_of_other_images_or_classes_is_refused(side: int, classes: int, tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    layers = [keras.Input((side, side, 1)), keras.layers.Flatten(), keras.layers.Dense(classes, activation="softmax")]
    keras.Sequential(layers).save(tmp_path / "model.keras")
    assert f"it maps (None, {side}, {side}, 1) to (None, {classes})" in rejected(tmp_path / "model.keras")


# model.onnx


def onnx_with_weights_at(location: str) -> bytes:
    """A network whose weights lie in another file."""
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[784, 10])
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=location)
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["sums"]),
        helper.make_node("Softmax", ["sums"], ["probabilities"]),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", 28, 28, 1])
    probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 10])
    graph = helper.make_graph(nodes, "harm", [images], [probabilities], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("where", ["../../etc/passwd", "/etc/passwd", "weights.bin"])
def test_an_onnx_file_whose_weights_lie_in_another_is_refused(
    where: str, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kept)
    (kept / "weights.bin").write_bytes(bytes(784 * 10 * 4))
    (kept / "model.onnx").write_bytes(onnx_with_weights_at(where))
    vouch(kept)
    for read in (lambda: onnx_classifier(kept / "model.onnx"), lambda: Reader(kept)):
        with pytest.raises(ArtifactError, match="has weights in other files"):
            read()
    note("model.onnx that refers to weights in another file", 2, "rejected, not opened")


def test_however_the_name_of_another_file_is_encoded_it_is_found(tmp_path: Path) -> None:
    """Protobuf lets a length be written with more bytes than it needs."""
    plain = onnx_with_weights_at("weights.bin")
    assert plain.count(b"\x0a\x08location") == 1
    for longer in (b"\x0a\x88\x00location", b"\x8a\x00\x08location", b"\x8a\x80\x00\x88\x80\x80\x00location"):
        (tmp_path / "model.onnx").write_bytes(plain.replace(b"\x0a\x08location", longer))
        with pytest.raises(ArtifactError, match="has weights in other files"):
            onnx_classifier(tmp_path / "model.onnx")


def test_an_enormous_onnx_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()
    os.truncate(tmp_path / "model.onnx", 2**40)
    with pytest.raises(ArtifactError, match="is larger than 256 MiB"):
        onnx_classifier(tmp_path / "model.onnx")


# The folder


def link(path: Path) -> None:
    path.rename(path.with_suffix(".elsewhere"))
    path.symlink_to(path.with_suffix(".elsewhere"))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("make", [link, pipe, device, folder], ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", ["card.json", "model.keras", "model.onnx", "history.csv"])
def test_what_is_no_file_is_neither_followed_nor_waited_for(
    name: str, make: Callable[[Path], None], kept: Path
) -> None:
    make(kept / name)
    with pytest.raises(ArtifactError, match="is a link, a pipe or a device"):
        store.load(kept)
    if name in ("card.json", "model.onnx"):
        with pytest.raises(ArtifactError):
            Reader(kept)
    note("a link, pipe, device or folder in place of a file", 1, "rejected, neither followed nor waited for")


@pytest.mark.parametrize("make", [pipe, device, folder], ids=lambda make: make.__name__)
def test_a_bare_onnx_file_that_is_none_is_not_waited_for(make: Callable[[Path], None], kept: Path) -> None:
    make(kept / "model.onnx")
    with pytest.raises(ArtifactError, match="is not a regular file"):
        onnx_classifier(kept / "model.onnx")


def test_the_undamaged_network_is_let_in_after_all_of_this(kept: Path) -> None:
    vouch(kept)
    store.load(kept)
    onnx.checker.check_model(onnx.load(kept / "model.onnx"))
    onnx_classifier(kept / "model.onnx")
