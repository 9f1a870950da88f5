"""Metrics over labelled images, without a model: what is counted, and what has no value."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mnist_cnn.cli import app
from mnist_cnn.errors import DataError
from mnist_cnn.evaluation import labelled_images
from mnist_cnn.evaluation.labelled_images import EvaluatedImage, LabelledImage
from mnist_cnn.reading.reading import Reading

NOTHING = Reading((), 28, 28)
BLANK = Image.new("L", (28, 28), 255)
run = CliRunner().invoke


def evaluated(label: str, reading: Reading | None = NOTHING, source: str = "") -> EvaluatedImage:
    return EvaluatedImage(LabelledImage(Path("x.png"), label, source), reading)


def test_an_image_without_digits_is_correct_if_none_is_predicted() -> None:
    assert evaluated("").correct
    assert not evaluated("4").correct


def test_an_image_that_cannot_be_read_is_an_error_even_without_digits() -> None:
    assert not evaluated("", reading=None).correct


def test_labels_without_digits_have_no_digit_accuracy() -> None:
    assert labelled_images.digit_accuracy([evaluated(""), evaluated("/")]) is None
    metrics = labelled_images.metrics([evaluated(""), evaluated("/")])
    assert (metrics["digits"], metrics["accepted"], metrics["mean_over_sources"]) == (None, None, None)
    assert metrics["images"]["correct"] == 1


@pytest.mark.parametrize("sources", ["a", "aaa", "ab"])
def test_sources_without_a_spread_have_no_confidence_interval(sources: str) -> None:
    found = labelled_images.mean_over_sources([evaluated("", source=source) for source in sources])
    assert found == {"sources": len(set(sources)), "accuracy": 1, "confidence_interval": None}


def test_sources_with_a_spread_have_a_confidence_interval() -> None:
    found = labelled_images.mean_over_sources([evaluated("", source="a"), evaluated("4", source="b")])
    assert found == {"sources": 2, "accuracy": 0.5, "confidence_interval": [0.0, 1.0]}


def test_a_table_whose_labels_are_all_empty_is_evaluated(tmp_path: Path) -> None:
    BLANK.save(tmp_path / "a.png")
    table = tmp_path / "labels.csv"
    table.write_text("path,label,source\na.png,,me\n")
    done = run(app, ["score", str(table)])
    assert done.exit_code == 0, done.stderr
    assert "100.00%" in done.stdout
    assert "1 source: 100.00% (no confidence interval)" in done.stdout
    document = json.loads(run(app, ["score", str(table), "--json"]).stdout)
    assert document["all"]["digits"] is None
    assert document["errors"] == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("path,label\n", r"labels.csv lists no images: pass a table"),
        ("path\na.png\n", r"labels.csv has no column label: name the columns in its first line"),
        ("a.png,4\nb.png,5\n", r"labels.csv has no column path and no column label: name the columns"),
        ("path,label\na.png,4\n,5\n", r"Line 3 of .*labels.csv has no path: add it or remove the line"),
        ("path,label\na.png,four\n", r"Line 2 of .*labels.csv has the label 'four': write digits"),
        ("path,label\na.png,-1\n", r"Line 2 of .*labels.csv has the label '-1': write digits"),
    ],
)
def test_a_wrong_table_is_rejected(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=sentence):
        labelled_images.load(tmp_path / "labels.csv")


def test_a_line_without_a_label_has_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\na.png\nb.png, 4 2 / 7\n")
    assert [one.label for one in labelled_images.load(tmp_path / "labels.csv")] == ["", "42/7"]


def test_rejection_keeps_the_most_confident_images() -> None:
    curve = labelled_images.rejection_curve([evaluated("")] * 18 + [evaluated("4")] * 2)
    assert [point["count"] for point in curve] == [20, 19, 19, 19, 18, 16]
    assert np.isclose(curve[0]["accuracy"], 0.9)
