"""Model cards, checkpoints, studies and lists of label errors whose values are forged: one sentence, no traceback."""

import copy
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.card import digest_of, text_of
from mnist_cnn.cli import app
from mnist_cnn.data.dataset import Dataset, Examples
from mnist_cnn.errors import ArtifactError, DataError, RunError
from mnist_cnn.evaluation.confident_learning import label_errors_of
from mnist_cnn.study import folder as studies
from mnist_cnn.study.folder import Row, Study
from mnist_cnn.system.schema import DEEPEST, too_deep
from mnist_cnn.terminal.study import line_of, show_study
from mnist_cnn.training import checkpoint
from mnist_cnn.training.checkpoint import Settings
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.workflows.evaluate import data_of
from mnist_cnn.workflows.report import label_errors_in
from tally import note

FIXTURE = Path(__file__).parent.parent / "fixtures" / "format-2"
NAN, HUGE = float("nan"), 10**400
JUNK: list[Any] = [None, True, "x", -1, HUGE, 1.5, NAN, float("inf"), [], [1], {}, {"a": 1}, [[]], "x" * 20_000]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURE, tmp_path / "kept"))


def forge(folder: Path, document: dict[str, Any]) -> None:
    """Write a model card with the digest that fits."""
    (folder / card.CARD).write_text(text_of(document | {"digest": digest_of(document)}))


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value of a document; of a list only to its first item."""
    inner = (
        document.items()
        if isinstance(document, dict)
        else [(0, document[0])]
        if document and isinstance(document, list)
        else []
    )
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def changed(document: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    whole = copy.deepcopy(document)
    inner = whole
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return whole


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.faults), 17], ids=["all", "some"])
def test_whatever_a_model_card_says_info_ends_in_a_sentence_or_shows_it(
    step: int, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kept.parent)
    document = json.loads((kept / card.CARD).read_text())
    forged = [(place, value) for place in places(document)[1:] for value in JUNK][::step]
    ends = {0: 0, 1: 0}
    for place, value in forged:
        try:
            forge(kept, changed(document, place, value))
        except ValueError:  # more digits than Python writes
            continue
        for words in (["info", "kept"], ["info", "kept", "--json"]):
            done = CliRunner().invoke(app, words)
            assert done.exception is None or isinstance(done.exception, SystemExit), (place, value, done.exception)
            assert done.exit_code == 0 or done.stderr.count("\n") == 1, (place, value, done.stderr)
            assert "NaN" not in done.stdout or "--json" not in words
            ends[done.exit_code] += 1
    assert ends[1] > 5 * ends[0]
    note(
        "card.json with a value of another kind or range, and the digest that fits",
        sum(ends.values()),
        "rejected, or shown as it is",
    )


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("data", "training"), "many", "data.training is 'many', not a whole number from 0 to 1e+12"),
        (("evaluation", "temperature"), 0, "evaluation.temperature is 0, not a number from 0.001 to 1000"),
        (("evaluation", "confusion_matrix"), [[1, 2]], "evaluation.confusion_matrix has 1 items, not 10"),
        (("evaluation", "correct"), 500, "evaluation.confusion_matrix has other counts than the accuracy"),
        (("notes",), [1], "notes[0] is 1, not a text"),
        (("recipe", "final_plain_epochs"), "x", "recipe.final_plain_epochs is 'x'"),
        (("history", 0, "loss"), None, "history[0].loss is null"),
        (("files", "model.onnx"), 5, "files.model.onnx is 5"),
        (("seconds",), {}, "seconds.training is missing"),
        (("format",), True, "is not a model card"),
        (("format",), 2.0, "is not a model card"),
    ],
)
def test_a_forged_value_is_named(kept: Path, place: tuple[Any, ...], value: Any, said: str) -> None:
    forge(kept, changed(json.loads((kept / card.CARD).read_text()), place, value))
    with pytest.raises(ArtifactError) as caught:
        store.load(kept)
    assert said in str(caught.value)


def test_a_model_card_with_half_a_character_or_nested_without_end_is_refused(kept: Path) -> None:
    document = json.loads((kept / card.CARD).read_text())
    (kept / card.CARD).write_text(json.dumps(document | {"notes": ["\ud800"]}))
    with pytest.raises(ArtifactError, match="was changed"):
        card.read(kept)
    nested: dict[str, Any] = {}
    for _ in range(500):
        nested = {"a": nested}
    forge(kept, changed(document, ("evaluation", "adaptation"), nested))
    with pytest.raises(ArtifactError, match="is not a model card"):
        card.read(kept)


def test_a_document_may_be_nested_to_a_limit() -> None:
    nested: list[Any] = []
    for _ in range(DEEPEST - 1):
        nested = [nested]
    assert not too_deep(nested)
    assert too_deep([nested])


@pytest.mark.parametrize("origin", ["/etc/passwd", "/dev/zero", "/dev", "pipe", "nowhere", "\0", "x" * 5000])
def test_the_data_that_a_model_card_names_is_neither_waited_for_nor_read_without_end(
    origin: str, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kept)
    os.mkfifo("pipe")
    forge(kept, changed(json.loads((kept / card.CARD).read_text()), ("data", "origin"), origin))
    with pytest.raises(DataError) as caught:
        data_of(store.load(kept), CallbackList())
    assert "\n" not in str(caught.value)


# A checkpoint

SETTINGS = Settings(
    recipe=Recipe("fast"),
    seed=0,
    threads=2,
    deterministic=False,
    tensorboard=False,
    data="digits",
    data_sha256="0" * 64,
    data_warning=None,
    versions={"keras": "3"},
    machine={"cores": 2},
    inexact=[],
)


def refusals(path: Path, read: Callable[[Path], Any], error: type[Exception], use: Callable[[Any], object]) -> int:
    """Forge a document in each of its places; how many are refused with the error, while the others can be used."""
    document = json.loads(path.read_text())
    refused = 0
    for place in places(document)[1:]:
        for value in JUNK:
            try:
                path.write_text(json.dumps(changed(document, place, value)))
            except ValueError:  # more digits than Python writes
                continue
            try:
                found = read(path.parent)
            except error:
                refused += 1
            else:
                use(found)
    return refused


def test_whatever_the_settings_of_a_run_say_they_are_read_or_refused(tmp_path: Path) -> None:
    checkpoint.save_settings(tmp_path, SETTINGS)
    assert checkpoint.settings_of(tmp_path) == SETTINGS
    path = tmp_path / checkpoint.SETTINGS
    assert refusals(path, checkpoint.settings_of, RunError, lambda read: read.differences(SETTINGS)) > 200
    (tmp_path / checkpoint.SETTINGS).write_text("[" * 100_000)
    with pytest.raises(RunError, match="is missing or damaged"):
        checkpoint.settings_of(tmp_path)


class Variable:
    """Stands for one of Keras'."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.shape = array, array.shape

    def assign(self, array: np.ndarray) -> None:
        self.array = array


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def declaring(shape: str) -> bytes:
    """An .npy whose header declares a shape that its content does not have."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64)


HISTORY = [{"epoch": 1, "loss": 0.5, "accuracy": 0.5, "seconds": 1.0}]
STATES: dict[str, dict[str, bytes]] = {
    "a tebibyte": {"variable_0.npy": declaring("(274877906944,)")},
    "a negative size": {"variable_0.npy": declaring("(-1, -16)")},
    "another shape": {"variable_0.npy": npy(np.zeros((4, 4), np.float32))},
    "no array": {"variable_0.npy": b"x"},
    "history of text": {"history.npy": npy(np.array(json.dumps([{"epoch": "x"}])))},
    "history of nothing": {"history.npy": npy(np.array("{}"))},
    "history with NaN": {"history.npy": npy(np.array(json.dumps([HISTORY[0] | {"loss": NAN}])))},
    "history without end": {"history.npy": npy(np.array("[" * 100_000))},
    "more members": {"variable_1.npy": npy(np.zeros(16, np.float32))},
}


@pytest.mark.parametrize("kind", STATES)
def test_a_forged_state_is_refused_before_anything_is_reserved_or_changed(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = Variable(np.zeros(16, np.float32))
    monkeypatch.setattr(checkpoint, "variables", lambda _: [variable])
    members = {"history.npy": npy(np.array(json.dumps(HISTORY))), "variable_0.npy": npy(np.ones(16, np.float32))}
    for content in (members | STATES[kind], members):
        with zipfile.ZipFile(tmp_path / checkpoint.STATE, "w") as archive:
            for name, member in content.items():
                archive.writestr(name, member)
        if content is not members:
            with pytest.raises(RunError, match="is damaged, so the run cannot be resumed"):
                checkpoint.restore(tmp_path, None)  # type: ignore[arg-type]
            assert not variable.array.any()
    assert checkpoint.restore(tmp_path, None) == HISTORY  # type: ignore[arg-type]
    assert variable.array.all()
    note("a checkpoint that declares or holds what no run has", 1, "rejected, nothing reserved or changed")


# A study, and label errors


def test_whatever_a_study_says_it_is_read_and_shown_or_refused(tmp_path: Path) -> None:
    row = Row(0, 0.9, 10, None, 1.0, 1000, "jax", "a processor")
    data = {"name": "digits", "origin": "digits", "sha256": "0" * 64, "test": 500, "warning": None}
    made = Study(
        1, "2026", Recipe("fast").to_dict(), data, 2, False, {"cores": 2}, {"keras": "3"}, None, ["a note"], [row]
    )
    studies.write(tmp_path, made)

    def use(read: Study) -> None:
        show_study(tmp_path, read)
        [line_of(one) for one in read.rows]
        read.other_settings(made), read.other_environment(made), read.to_dict()

    refused = refusals(tmp_path / studies.STUDY, studies.read, ArtifactError, use)
    assert refused > 200
    note("study.json, checkpoint/run.json or label_errors.json with a value of another kind", refused, "rejected")


def test_label_errors_of_images_that_do_not_exist_are_refused(tmp_path: Path, digits: Dataset) -> None:
    path = tmp_path / "label_errors.json"
    few = Examples(digits.test.images[:5], digits.test.labels[:5])
    dataset = Dataset("memory", "memory", few, few, "")
    found = label_errors_of(np.full((5, 10), 0.1, np.float32), few.labels).to_dict()
    document = {"training": found, "test": found}
    path.write_text(json.dumps(document))
    assert label_errors_in(path, dataset)
    first = ("test", "ranked", 0)
    for place, value in [
        ((*first, "index"), 5),
        ((*first, "index"), -1),
        ((*first, "label"), 10),
        ((*first, "label_probability"), NAN),
        (("test", "estimated"), "x"),
        (("training", "ranked"), {}),
    ]:
        path.write_text(json.dumps(changed(document, place, value)))
        with pytest.raises(ArtifactError, match="is damaged"):
            label_errors_in(path, dataset)


@pytest.mark.parametrize("name", ["study.json", "run.json", "state.npz", "label_errors.json"])
def test_none_of_them_is_read_without_end(name: str, tmp_path: Path, digits: Dataset) -> None:
    (tmp_path / name).symlink_to("/dev/zero")
    reads: dict[str, Callable[[], object]] = {
        "study.json": lambda: studies.read(tmp_path),
        "run.json": lambda: checkpoint.settings_of(tmp_path),
        "state.npz": lambda: checkpoint.read_state(tmp_path / name, 1),
        "label_errors.json": lambda: label_errors_in(tmp_path / name, digits),
    }
    with pytest.raises((ArtifactError, RunError, OSError), match=r"not a regular file|is missing or damaged"):
        reads[name]()
