"""What is noticed about a dataset before training, from images that have the fault, and the command that shows it."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from datasets import strokes, write_folders
from mnist_cnn.cli import app
from mnist_cnn.data import source
from mnist_cnn.data.data_checks import findings, near_copies
from mnist_cnn.data.dataset import Dataset, Examples


def loaded(images: np.ndarray, labels: np.ndarray, seed: int = 1) -> Dataset:
    """These for training, and other strokes for the test."""
    classes = int(labels.max()) + 1
    return source.load(((images, labels), strokes(60, max(2, classes), seed=seed)))


def found(data: Dataset) -> dict[str, str]:
    return {one.check: one.text for one in findings(data)}


def test_nothing_is_found_in_good_data(digits: Dataset) -> None:
    assert findings(digits) == []
    assert found(loaded(*strokes(400, 10))) == {}


@pytest.mark.mnist
@pytest.mark.usefixtures("mnist_path")
def test_mnist_is_not_looked_at() -> None:
    assert findings(source.load("mnist")) == []


def test_digits_that_are_dark_on_light_are_noticed(digits: Dataset) -> None:
    x_train, y_train = digits.train
    said = found(source.load(((255 - x_train, y_train), (255 - digits.test.images, digits.test.labels))))
    assert list(said) == ["inverted"]
    assert said["inverted"].startswith("100% of the images are dark on a light background")
    assert "--invert" in said["inverted"]
    inverted = source.load(((255 - x_train, y_train), tuple(digits.test)), invert=True)
    assert (inverted.train.images == x_train).all()


def test_other_things_may_be_dark_on_light(digits: Dataset) -> None:
    x_train, y_train = digits.train
    names = [f"shape {n}" for n in range(10)]
    data = source.load(((255 - x_train, y_train), (255 - digits.test.images, digits.test.labels)), class_names=names)
    assert "inverted" not in found(data)


def test_transposed_digits_are_noticed(digits: Dataset) -> None:
    turned = [(part.images.swapaxes(1, 2), part.labels) for part in digits]
    assert "transposed" in found(source.load(tuple(turned)))
    dark = [(255 - images, labels) for images, labels in turned]
    assert {"transposed", "inverted"} <= set(found(source.load(tuple(dark))))


def test_classes_that_are_missing_alone_or_few_are_noticed() -> None:
    images, labels = strokes(400, 10)
    nines = found(loaded(images[labels != 9], labels[labels != 9]))
    assert nines["missing classes"].startswith("There are no training images of 9: it is never predicted.")
    one = found(loaded(images[labels == 3], labels[labels == 3]))
    assert one["single class"] == "All training images are of the class 3: there is nothing to tell apart."
    two = found(loaded(images[labels < 2], labels[labels < 2]))
    assert "--class-names" in two["missing classes"]
    few = (labels != 5) | (np.cumsum(labels == 5) <= 1)
    said = found(loaded(images[few], labels[few]))
    assert "fewer than 10 training images of 5" in said["few images"]
    assert "--class-weights balanced" in said["unbalanced classes"]


def test_classes_without_test_images_are_noticed() -> None:
    images, labels = strokes(400, 4)
    test = labels != 2
    data = source.load(((images, labels), (strokes(400, 4, seed=2)[0][test], labels[test])), class_names=list("abcd"))
    assert found(data)["missing classes"].startswith("There are no test images of c:")


def test_test_images_that_are_training_images_are_counted() -> None:
    images, labels = strokes(400, 10)
    other = strokes(100, 10, seed=4)[0]
    other[:30] = images[:30]
    said = found(source.load(((images, labels), (other, labels[:100]))))
    assert said["test images in training"].startswith("30 of 100 test images are also among the training images")
    assert "identical images" not in said


def test_identical_and_blank_images_and_contradicting_labels_are_noticed() -> None:
    images, labels = strokes(400, 10)
    images[1:6] = images[0]
    images[10:13] = 7
    said = found(loaded(images, labels))
    assert said["identical images"].startswith("7 of 400 training images are copies of others")
    assert said["contradicting labels"].startswith("2 training images occur with different labels")
    assert said["blank images"].startswith("3 of 460 images are blank")
    faint = strokes(400, 10)[0] // 8
    assert (
        "of 255"
        in found(source.load(((faint, labels), (strokes(60, 10, seed=1)[0] // 8, labels[:60]))))["faint images"]
    )


def test_near_duplicates_across_the_split_are_noticed(digits: Dataset) -> None:
    rng = np.random.default_rng(0)
    test = digits.test.images.copy()
    chosen = digits.train.images[:40].astype(int)
    test[:40] = np.clip(chosen + rng.integers(-4, 5, chosen.shape), 0, 255)
    labels = digits.test.labels.copy()
    labels[:40] = digits.train.labels[:40]
    data = source.load((tuple(digits.train), (test, labels)))
    said = found(data)["near-duplicates"]
    assert 38 <= int(said.split()[0]) <= 42
    assert near_copies(digits.test, digits.train) == 2
    assert near_copies(Examples(test[:0], labels[:0]), digits.train) == 0


def test_sorted_labels_are_divided_by_class_and_mnists_order_is_kept(digits: Dataset) -> None:
    images, labels = strokes(300, 10)
    order = np.argsort(labels, kind="stable")
    undivided = loaded(images[order], labels[order])
    assert found(undivided)["sorted labels"].startswith(
        "The training images are sorted by class: the last tenth has all images of a class or none (0, 1, 2, "
    )
    data = undivided.split(0.1)
    assert np.bincount(data.validation.labels).tolist() == [3] * 10
    assert "drawn at random from each class" in found(data)["preparation"]
    assert (data.split(0.1).validation.images == data.validation.images).all()
    mixed = digits.split(0.1)
    assert (mixed.validation.images == digits.train.images[1167:]).all()
    assert mixed.notes == ()


# The command


def run(*words: object) -> str:
    done = CliRunner().invoke(app, [*map(str, words)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.output


def test_a_dataset_is_shown_with_counts_and_checks(tmp_path: Path) -> None:
    folder = write_folders(tmp_path / "pets", ["cat", "dog"], each=20, size=(60, 60))
    said = run("data", folder)
    assert "pets: 2 classes, 28×28 grey images, SHA-256" in said
    assert [line.split() for line in said.splitlines() if line.split()[:1] in (["cat"], ["dog"])] == [
        ["cat", "16", "4"],
        ["dog", "16", "4"],
    ]
    assert "The images of 60×60 pixels are brought to 28×28 (--image-size for more)." in said
    document = json.loads(run("data", folder, "--json", "--image-size", 60))
    assert (document["counts"]["training"], document["image_shape"]) == ([16, 16], [60, 60])
    assert document["class_names"] == ["cat", "dog"]


def test_a_dataset_becomes_a_page_with_samples_of_each_class(tmp_path: Path) -> None:
    folder = write_folders(tmp_path / "pets", ["cat", "<b>dog"], each=20)
    run("data", folder, "--html", tmp_path / "pets.html", "--channels", 3)
    page = (tmp_path / "pets.html").read_text(encoding="utf-8")
    assert page.count("<img") == 2
    assert "&lt;b&gt;dog" in page
    assert "<b>dog" not in page
    assert "http" not in page.replace("http-equiv", "")
    again = CliRunner().invoke(app, ["data", str(folder), "--html", str(tmp_path / "pets.html")])
    assert again.exit_code == 1
    assert "already exists" in again.output
