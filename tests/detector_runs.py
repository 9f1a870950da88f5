"""What must hold for a whole training of each recipe that makes its own images: finder, segmenter, recogniser."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import mnist_cnn
from conftest import Cli, command_line
from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.artifact.store import load_keras
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ArtifactError, RecipeError
from test_bulk import is_alive, wait_until

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the children of a process")


def assert_no_noise(done: subprocess.CompletedProcess[str]) -> None:
    for noise in ("Traceback", "I0000", "W0000", "E0000"):
        assert noise not in done.stderr


def refuse(folder: Path, scratch: Path, place: tuple[str, str], value: object, fault: str) -> None:
    """A card with another value at a place, but sealed, is refused with this fault."""
    document = json.loads((folder / card.CARD).read_text())
    document[place[0]][place[1]] = value
    document["digest"] = card.digest_of(document)
    (scratch / card.CARD).write_text(card.text_of(document), encoding="utf-8")
    with pytest.raises(ArtifactError, match=fault):
        card.read(scratch)


def assert_report(folder: Path, cli: Cli, scratch: Path, *parts: str) -> None:
    """The report has these parts, loads nothing, and is the same if it is made again; corruptions are refused."""
    folder = Path(shutil.copytree(folder, scratch / folder.name))
    first = (folder / card.REPORT).read_text(encoding="utf-8")
    assert len(first) < 1_000_000
    for part in ("data:image/jpeg;base64,", "<svg", "Not MNIST.", *parts):
        assert part in first.replace("</span> <span>", " ")
    assert not re.search(r"(src|href)=\"(?!data:|#)", first)
    done = cli("report", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / card.REPORT).read_text(encoding="utf-8") == first
    refused = cli("report", folder, "--corruptions")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert f"is a {mnist_cnn.load(folder).card.recipe['name']}, which" in refused.stderr


def assert_no_classifier(folder: Path, cli: Cli, digits: Dataset, scratch: Path) -> None:
    """Every command that needs a classifier refuses the model in a folder in one sentence."""
    name = mnist_cnn.load(folder).card.recipe["name"]
    for words in commands_with_a_classifier(folder, digits, scratch):
        done = cli(*words, cwd=scratch)
        assert done.returncode in (1, 2), (words, done.stdout)
        assert re.fullmatch(
            rf"mnist-cnn: .* is a {name}, .* and no digit classifier: name another model\.\n", done.stderr
        ), (words, done.stderr)


def commands_with_a_classifier(folder: Path, digits: Dataset, scratch: Path) -> tuple[tuple[object, ...], ...]:
    """Every command that takes a classifier, with the model in a folder in its place."""
    import cv2

    image = scratch / "3.png"
    cv2.imwrite(str(image), digits.test.images[0])
    (scratch / "labels.csv").write_text("path,label\n3.png,3\n")
    onnx = folder / card.ONNX_MODEL
    return (
        ("read", image, "--model", folder),
        ("read", image, "--model", onnx),
        ("explain", image, "--model", folder),
        ("evaluate", folder),
        ("evaluate", onnx, "--data", "digits"),
        ("export", folder, "--to", "onnx"),
        ("export", folder, "--to", "web", "-o", scratch / "web"),
        ("adapt", scratch / "labels.csv", "--model", folder),
        ("score", scratch / "labels.csv", "--model", folder),
        ("serve", "--model", folder, "--port", "0"),
        ("label-errors", folder),
    )


def assert_no_classifier_in_python(folder: Path, digits: Dataset) -> None:
    model = mnist_cnn.load(folder)
    name = model.card.recipe["name"]
    for use in (lambda: model.predict(digits.test.images[:2]), model.evaluate, lambda: mnist_cnn.evaluate(model)):
        with pytest.raises(ArtifactError, match=f"is a {name}"):
            use()
    for train in (
        lambda: mnist_cnn.DigitClassifier(name).fit(digits.train.images[:50], digits.train.labels[:50]),
        lambda: mnist_cnn.find_label_errors(folder, mnist_cnn.Recipe(name)),
    ):
        with pytest.raises(
            RecipeError, match=f"needs a digit classifier, and the recipe {name} trains a {name}, which"
        ):
            train()


def assert_refused_at_once(cli: Cli, folder: Path, *refused: tuple[tuple[str, ...], str]) -> None:
    """Command lines are refused with a sentence before anything is made in the folder."""
    for words, sentence in refused:
        done = cli(*words, cwd=folder)
        assert done.returncode == 2, done.stdout
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []


def weights_of(folder: Path) -> list[np.ndarray]:
    shapes = store.DETECTORS[card.read(folder).recipe["name"]]
    return list(load_keras(folder / card.KERAS_MODEL, shapes).get_weights())


def children_of(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")  # of each thread
    return [int(word) for one in lists for word in one.read_text().split()]


def kill_after_an_epoch(words: list[str], out: Path) -> None:
    """Start a run and kill it when its first epoch is saved; the processes that make its images end with it."""
    process = subprocess.Popen(command_line(*words, "--output", out), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    state = store.partial_of(out) / store.STATE
    deadline = time.monotonic() + 900
    while not state.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    makers = children_of(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert makers
    wait_until(lambda: not any(map(is_alive, makers)))
    assert not out.exists()


def assert_same_run(folder: Path, undisturbed: Path) -> None:
    """A run that was resumed has the history, the evaluation and the weights of one that was not."""
    resumed, expected = mnist_cnn.load(folder).card, mnist_cnn.load(undisturbed).card
    assert re.fullmatch(r"Resumed after epoch [12], bit for bit\.", resumed.notes[0])
    histories = (
        [{name: value for name, value in row.items() if name != "seconds"} for row in one.history]
        for one in (resumed, expected)
    )
    assert next(histories) == next(histories)
    assert resumed.evaluation == expected.evaluation
    assert all((a == b).all() for a, b in zip(weights_of(folder), weights_of(undisturbed), strict=True))


def assert_trained_on_jax(cli: Cli, words: list[str], out: Path) -> None:
    pytest.importorskip("jax")
    done = cli(*words, "--output", out, KERAS_BACKEND="jax")
    assert done.returncode == 0, done.stderr
    made = mnist_cnn.load(out).card
    assert made.recipe["backend"] == "jax"
    assert "model.onnx" in made.files
    assert "Traceback" not in done.stderr


def assert_ink_is_named(run: Path) -> None:
    """The card and the report of a run on ink name it."""
    about = mnist_cnn.load(run).card.data["ink"]
    assert about["training"] == {"digits": 10, "others": 4, "writers": 1}
    assert about["held_out"] == {"digits": 10, "others": 4, "writers": 1}
    assert about["accuracy"] == {}
    report = (run / card.REPORT).read_text(encoding="utf-8")
    assert "--ink /somewhere/handwriting" in report.replace("</span> <span>", " ")
    assert "International Unipen Foundation" in report
