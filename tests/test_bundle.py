"""A run becomes the bundled model."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_cnn import card
from mnist_cnn.errors import ArtifactError

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from bundle import bundle

INK = {
    "sources": ["Pen-Digits"],
    "origin": ["/home/somebody/ink/pendigits-orig.tra.Z"],
    "sha256": "0" * 64,
    "training": {"digits": 10, "others": 0, "writers": 1},
    "held_out": {"digits": 10, "writers": 1},
    "left_out": 0,
    "accuracy": {},
}


def test_a_bundled_model_card_is_the_runs_without_the_folders_of_its_ink(
    trained: "tuple[Path, subprocess.CompletedProcess[str]]", tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for one in trained[0].iterdir():
        (run / one.name).write_bytes(one.read_bytes())
    own = card.read(run)
    card.write(run, replace(own, data=own.data | {"ink": INK}).sealed())
    weights = tmp_path / "weights"
    weights.mkdir()
    bundle(run, weights)
    copied = card.read(weights)
    assert copied.data["ink"]["origin"] == ["pendigits-orig.tra.Z"]
    assert replace(copied, data={}, digest="") == replace(own, data={}, digest="")
    card.verify_file(weights, copied, card.ONNX_MODEL)


def test_a_changed_run_is_not_bundled(trained: "tuple[Path, subprocess.CompletedProcess[str]]", tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for one in trained[0].iterdir():
        (run / one.name).write_bytes(one.read_bytes() + (b"x" if one.name == card.ONNX_MODEL else b""))
    with pytest.raises(ArtifactError, match="is damaged or was changed"):
        bundle(run, tmp_path)
    assert not (tmp_path / card.CARD).exists()
