"""Datasets as people have them: folders of classes, tables, archives, arrays and the sets that have a name."""

import gzip
import io
import os
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import strokes, write_csv, write_folders, write_idx
from mnist_cnn.card import DIGITS
from mnist_cnn.data import csv_data, image_files, known_sets, source
from mnist_cnn.data.idx_files import EMNIST
from mnist_cnn.data.raw_data import in_natural_order, part_named
from mnist_cnn.errors import DataError, MissingExtraError
from mnist_cnn.system.files import read_limited


def refusal(path: Path | str, **options: object) -> str:
    """The one sentence with which this is rejected."""
    with pytest.raises(DataError) as caught:
        source.load(str(path), **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    return str(caught.value)


# Folders of classes


def test_a_folder_for_each_class_is_a_dataset_with_their_names(tmp_path: Path) -> None:
    data = source.load(str(write_folders(tmp_path / "pets", ["dog", "cat", "axolotl"], each=10)))
    assert data.class_names == ("axolotl", "cat", "dog")
    assert (len(data.train), len(data.test)) == (24, 6)
    assert np.bincount(data.test.labels).tolist() == [2, 2, 2]
    assert (data.name, data.task.is_digits) == ("pets", False)
    assert data.sha256 == source.load(str(tmp_path / "pets")).sha256


def test_folders_of_digits_are_the_ten_digits(tmp_path: Path) -> None:
    data = source.load(str(write_folders(tmp_path / "own", list("0123456789"))))
    assert (data.class_names, data.task.is_digits) == (DIGITS, True)
    some = source.load(str(write_folders(tmp_path / "two", ["3", "7"])))
    assert some.class_names == DIGITS
    assert set(some.train.labels.tolist()) == {3, 7}


def test_folders_for_training_and_test_are_the_split(tmp_path: Path) -> None:
    for part, each in (("training", 6), ("val", 2), ("Testing", 3)):
        write_folders(tmp_path / "set" / part, ["no", "yes"], each=each, seed=each)
    data = source.load(str(tmp_path / "set"))
    assert (len(data.train), len(data.validation), len(data.test)) == (12, 4, 6)
    assert data.split(0.5) is data  # a validation part that is there is not replaced
    (tmp_path / "set" / "Testing").rename(tmp_path / "elsewhere")
    without = source.load(str(tmp_path / "set"))
    assert (len(without.validation), len(without.test)) == (0, 4)
    assert "of the validation images is used for the test" in " ".join(without.notes)


def test_a_zip_of_folders_is_read_wherever_they_lie_in_it(tmp_path: Path) -> None:
    write_folders(tmp_path / "in" / "archive" / "train", ["a", "b"], each=5)
    write_folders(tmp_path / "in" / "archive" / "test", ["a", "b"], each=2, seed=1)
    (tmp_path / "in" / "archive" / "train" / "a" / ".DS_Store").write_bytes(b"\0\0")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in sorted((tmp_path / "in").rglob("*")):
            archive.write(path, path.relative_to(tmp_path / "in"))
        archive.writestr("__MACOSX/archive/train/a/._0.png", b"nothing")
    zipped, plain = source.load(str(tmp_path / "set.zip")), source.load(str(tmp_path / "in"))
    assert zipped.sha256 == plain.sha256
    assert (len(zipped.train), len(zipped.test), zipped.class_names) == (10, 4, ("a", "b"))


def test_images_of_any_size_and_format_are_brought_to_one_and_that_is_said(tmp_path: Path) -> None:
    write_folders(tmp_path / "set", ["a", "b"], size=(90, 40), suffix=".jpg")
    Image.new("RGB", (50, 50), (200, 30, 30)).save(tmp_path / "set" / "a" / "red.webp")
    data = source.load(str(tmp_path / "set"))
    assert data.train.images.shape[1:] == (28, 28)
    assert any("up to 90×40 pixels are brought to 28×28 (--image-size for more)" in note for note in data.notes)
    assert any("brought to grey (--channels 3" in note for note in data.notes)
    large = source.load(str(tmp_path / "set"), image_size=64, channels=3)
    assert large.train.images.shape[1:] == (64, 64, 3)
    assert (large.task.side, large.task.channels) == (64, 3)
    for size in (27, 97):
        assert f"image-size is {size}: it must be from 28 to 96" in refusal(tmp_path / "set", image_size=size)
    assert "channels is 2" in refusal(tmp_path / "set", channels=2)


def test_the_shape_of_an_image_is_kept_and_its_edge_continued() -> None:
    from mnist_cnn.data.preparing import brought_to

    wide = np.full((20, 80), 10, np.uint8)
    wide[5:15, 30:50] = 250
    image = brought_to(wide, 28, 1)
    assert image[0, 0] == image[-1, -1] == 10
    ink = image > 128
    assert (ink.any(axis=1).sum(), ink.any(axis=0).sum()) in {
        (high, wide) for high in (3, 4) for wide in (6, 7, 8)
    }  # of 10×20


def test_an_image_that_cannot_be_decoded_is_left_out_and_said(tmp_path: Path) -> None:
    folder = write_folders(tmp_path / "set", ["a", "b"])
    (folder / "a" / "x.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    (folder / "a" / "notes.txt").write_text("mine")
    data = source.load(str(folder))
    assert len(data.train) + len(data.test) == 12
    assert any(note.startswith("1 image is left out that cannot be decoded, such as a/x.png") for note in data.notes)
    for path in folder.rglob("*.png"):
        path.write_bytes(b"nothing")
    assert "13 of 13 images" in refusal(folder)


def test_folders_without_classes_are_answered_with_what_to_do(tmp_path: Path) -> None:
    Image.new("L", (28, 28)).save(tmp_path / "a.png")
    assert "holds no data that is known here" in refusal(tmp_path)
    write_folders(tmp_path, ["only"])
    assert "holds a single class, 'only'" in refusal(tmp_path)


def test_more_than_a_thousand_classes_are_too_many() -> None:
    images = np.zeros((1001, 28, 28), np.uint8)
    with pytest.raises(DataError, match=r"1,001 different labels.*at most 1,000 classes"):
        source.load((images, np.arange(1001) + 5))
    data = source.load(((images, np.arange(1001) % 1000), (images[:5], np.arange(5))))
    assert len(data.class_names) == 1000
    assert data.train.labels.dtype == np.uint16
    assert data.class_names[999] == "999"


# Tables


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    """Kaggle's folder of the competition digit-recognizer."""
    images, labels = strokes(60, 10)
    folder = tmp_path / "kaggle"
    folder.mkdir()
    write_csv(folder / "train.csv", images, labels.tolist())
    write_csv(folder / "test.csv", images[:7], None)
    (folder / "sample_submission.csv").write_text("ImageId,Label\n1,0\n2,0\n")
    return folder


def test_each_table_is_read_once(kaggle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(path: Path, largest: int) -> bytes:
        read.append(path.name)
        return read_limited(path, largest)

    monkeypatch.setattr(image_files, "read_limited", counted)
    source.load(str(kaggle))
    assert sorted(read) == sorted(path.name for path in kaggle.glob("*.csv"))
    monkeypatch.setattr(image_files, "LARGEST_TABLE", 1000)
    with pytest.raises(DataError, match=r"cannot be read .*larger than"):
        source.load(str(kaggle))


def test_kaggles_folder_is_trained_on_and_what_has_no_labels_is_said(kaggle: Path) -> None:
    images, labels = strokes(60, 10)
    data = source.load(str(kaggle))
    assert (data.name, len(data.train), len(data.test), data.class_names) == ("kaggle", 50, 10, DIGITS)
    both = np.concatenate([data.train.images, data.test.images])
    assert {image.tobytes() for image in both} == {image.tobytes() for image in images}
    where = [np.flatnonzero((images == image).all(axis=(1, 2)))[0] for image in data.train.images]
    assert labels[where].tolist() == data.train.labels.tolist()
    assert any("test.csv has no labels" in note for note in data.notes)
    assert len(source.load(str(kaggle / "train.csv")).train) == 50
    assert "has no labels" in refusal(kaggle / "test.csv")


@pytest.mark.parametrize(
    ("options", "ending"),
    [
        ({"header": False}, ".csv"),
        ({"separator": ";"}, ".csv"),
        ({"separator": "\t"}, ".tsv"),
        ({"start": "\N{BYTE ORDER MARK}"}, ".csv"),
        ({"header": False, "separator": " "}, ".txt"),
    ],
)
def test_a_table_of_pixels_is_read_however_it_is_written(
    options: dict[str, object], ending: str, tmp_path: Path
) -> None:
    images, labels = strokes(20, 4)
    plain = source.load(str(write_csv(tmp_path / "plain.csv", images, labels.tolist())))
    other = source.load(str(write_csv(tmp_path / f"other{ending}", images, labels.tolist(), **options)))  # type: ignore[arg-type]
    assert other.sha256 == plain.sha256


def test_a_table_may_be_gzipped_quoted_have_spaces_and_labels_last(tmp_path: Path) -> None:
    images, labels = strokes(20, 4)
    path = write_csv(tmp_path / "plain.csv", images, labels.tolist())
    plain = source.load(str(path)).sha256
    text = path.read_text()
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert source.load(str(tmp_path / "packed.csv.gz")).sha256 == plain
    (tmp_path / "spaces.csv").write_text(text.replace(",", ", "))
    assert source.load(str(tmp_path / "spaces.csv")).sha256 == plain
    rows = [line.split(",") for line in text.splitlines()]
    (tmp_path / "last.csv").write_text("\r\n".join(",".join([*row[1:], f'"{row[0]}"']) for row in rows))
    assert source.load(str(tmp_path / "last.csv")).sha256 == plain
    (tmp_path / "wide.csv").write_text(text, encoding="utf-16")
    assert source.load(str(tmp_path / "wide.csv")).sha256 == plain


def test_a_table_may_have_names_for_labels_and_fractions_for_pixels(tmp_path: Path) -> None:
    images, labels = strokes(20, 4)
    names = [("north", "east", "south", "west")[label] for label in labels]
    data = source.load(str(write_csv(tmp_path / "names.csv", images / 255, names)))
    assert data.class_names == ("east", "north", "south", "west")
    assert any("fractions" in note for note in data.notes)
    assert data.train.images.max() > 150


def test_a_table_with_a_damaged_row_names_the_line(tmp_path: Path) -> None:
    images, labels = strokes(6, 2)
    lines = write_csv(tmp_path / "a.csv", images, labels.tolist()).read_text().splitlines()
    (tmp_path / "short.csv").write_text("\n".join([*lines[:3], lines[3][:-40], *lines[4:]]))
    assert "Line 4 of" in refusal(tmp_path / "short.csv")
    (tmp_path / "text.csv").write_text(
        "\n".join([*lines[:2], lines[2].replace(",0,", ",x,", 1).replace(",1,", ",x,", 1)])
    )
    (tmp_path / "bad.csv").write_text("\n".join([*lines[:2], "0,x" + lines[2][lines[2].index(",", 2) :]]))
    assert "Line 3 of" in refusal(tmp_path / "bad.csv")
    (tmp_path / "odd.csv").write_text(
        "label,pixel0,pixel1,pixel2,pixel3,pixel4,pixel5,pixel6,pixel7,pixel8,pixel9\n" + "1," * 10 + "1\n"
    )
    assert "do not make a square image" in refusal(tmp_path / "odd.csv")


def test_a_hostile_line_is_rejected_before_it_is_in_memory(tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_text("label," + "p," * 8 + "p\n1," + "9" * (csv_data.LONGEST_LINE + 10))
    assert "has a line of more than" in refusal(tmp_path / "long.csv")


@pytest.mark.parametrize(
    "text",
    [
        "path,label\n{0},a\n{1},b\n",
        "Path;Label\n{0};a\n{1};b\n",
        "filename,\tclass\n{0},\ta\n{1},\tb\n",
        "{0},a\n{1},b\n",
    ],
)
def test_a_table_of_paths_is_read_however_it_is_written(text: str, tmp_path: Path) -> None:
    images, labels = strokes(12, 2)
    (tmp_path / "images").mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / "images" / f"{number}.png")
    head = text.splitlines()[0] + "\n" if "{" not in text.splitlines()[0] else ""
    row = text.splitlines()[-2]
    lines = [row.format(f"images/{number}.png")[:-1] + "ab"[label] for number, label in enumerate(labels)]
    (tmp_path / "labels.csv").write_text("\N{BYTE ORDER MARK}" + head + "\n".join(lines) + "\n", encoding="utf-8")
    data = source.load(str(tmp_path / "labels.csv"))
    assert data.class_names == ("a", "b")
    assert len(data.train) + len(data.test) == 12
    assert source.load(str(tmp_path)).class_names == ("a", "b")


def test_a_table_of_paths_never_leads_out_of_its_folder(tmp_path: Path) -> None:
    inside = tmp_path / "set"
    inside.mkdir()
    for place in (tmp_path / "secret.png", inside / "a.png", inside / "b.png"):
        Image.fromarray(strokes(1, 2)[0][0]).save(place)
    (inside / "labels.csv").write_text(f"path,label\na.png,x\nb.png,y\n../secret.png,x\n{tmp_path}/secret.png,y\n")
    from mnist_cnn.data.dataset import USUAL
    from mnist_cnn.data.formats import read

    raw = read(inside / "labels.csv", USUAL, lambda _: None)
    assert raw.parts["train"].labels == ["x", "y"]
    assert any("2 rows are left out whose image or label is missing" in note for note in raw.notes)


def test_libsvms_format_of_usps_is_read(tmp_path: Path) -> None:
    images, labels = strokes(20, 10, side=16)
    scaled = images.reshape(20, -1) / 127.5 - 1
    rows = [
        f"{label + 1} " + " ".join(f"{n + 1}:{v:.4f}" for n, v in enumerate(row))
        for label, row in zip(labels, scaled, strict=True)
    ]
    folder = tmp_path / "USPS"
    folder.mkdir()
    import bz2

    (folder / "usps.bz2").write_bytes(bz2.compress("\n".join(rows[:15]).encode()))
    (folder / "usps.t.bz2").write_bytes(bz2.compress("\n".join(rows).encode()))
    with pytest.raises(DataError, match="is not the file of usps"):
        source.load(str(folder))
    text = tmp_path / "usps.txt"
    text.write_text("\n".join(rows))
    data = source.load(str(text))
    assert data.class_names == DIGITS
    assert len(data.train) + len(data.test) == 20
    assert data.train.images.shape[1:] == (28, 28)
    assert data.train.images.max() > 170


def test_the_text_of_usps_is_a_test_and_a_training_part(tmp_path: Path) -> None:
    images, labels = strokes(30, 10, side=16)
    scaled = images.reshape(30, -1) / 127.5 - 1
    rows = [
        " ".join([f"{float(label):.4f}", *(f"{v:.3f}" for v in row)]) for label, row in zip(labels, scaled, strict=True)
    ]
    (tmp_path / "zip.train.gz").write_bytes(gzip.compress("\n".join(rows[:20]).encode()))
    (tmp_path / "zip.test.gz").write_bytes(gzip.compress("\n".join(rows[20:]).encode()))
    data = source.load(str(tmp_path))
    assert (data.name, len(data.train), len(data.test), data.class_names) == ("usps", 20, 10, DIGITS)
    assert data.test.labels.tolist() == labels[20:].tolist()


# Arrays


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("trainX", "trainY", "testX", "testY"),
        ("xtrain", "ytrain", "xtest", "ytest"),
        ("train_data", "train_targets", "t10k_data", "t10k_targets"),
    ],
)
def test_an_npz_is_read_by_the_usual_names(names: Sequence[str], tmp_path: Path) -> None:
    images, labels = strokes(20, 10)
    arrays = (images[:15], labels[:15, np.newaxis], images[15:], labels[15:])
    np.savez(tmp_path / "a.npz", **dict(zip(names, arrays, strict=True)))
    data = source.load(str(tmp_path / "a.npz"))
    assert (len(data.train), len(data.test)) == (15, 5)
    assert data.test.labels.tolist() == labels[15:].tolist()


@pytest.mark.parametrize("names", [("x", "y"), ("images", "labels"), ("data", "target"), ("arr_0", "arr_1")])
def test_an_npz_of_one_part_is_divided(names: Sequence[str], tmp_path: Path) -> None:
    images, labels = strokes(20, 10)
    np.savez(tmp_path / "a.npz", **dict(zip(names, (images, labels), strict=True)))
    assert len(source.load(str(tmp_path / "a.npz")).train) == 10


def test_an_npz_may_name_its_classes_and_bring_a_validation_part(tmp_path: Path) -> None:
    images, labels = strokes(30, 3)
    parts = {f"{part}_images": images[n : n + 10] for n, part in ((0, "train"), (10, "val"), (20, "test"))}
    marks = {f"{part}_labels": labels[n : n + 10] for n, part in ((0, "train"), (10, "val"), (20, "test"))}
    np.savez(tmp_path / "med.npz", **parts, **marks, class_names=np.array(["benign", "malignant", "normal"]))
    data = source.load(str(tmp_path / "med.npz"))
    assert data.class_names == ("benign", "malignant", "normal")
    assert (len(data.train), len(data.validation), len(data.test)) == (10, 10, 10)


@pytest.mark.parametrize(
    ("labels", "names", "said"),
    [
        (np.eye(4, dtype=int)[np.arange(20) % 4], DIGITS, "one-hot with 4 columns"),
        (np.arange(20) % 4 * 1.0, DIGITS, ""),
        ([str(n % 4) for n in range(20)], DIGITS, ""),
        (np.array([b"ab"[n % 2 : n % 2 + 1] for n in range(20)]), ("a", "b"), ""),
        (np.arange(20) % 2 == 0, DIGITS, ""),
        ((np.arange(20) % 4 + 8), ("8", "9", "10", "11"), ""),
        ([-1, 1] * 10, ("-1", "1"), ""),
    ],
)
def test_labels_of_any_kind_become_numbers_of_classes(labels: object, names: tuple[str, ...], said: str) -> None:
    data = source.load((strokes(20, 4)[0], labels), test_split=0.5)
    assert data.class_names == names
    assert said in " ".join(data.notes)


def test_labels_that_are_no_classes_are_rejected() -> None:
    images = strokes(20, 4)[0]
    for labels, sentence in (
        (np.linspace(0, 1, 20), "give a whole number or a name"),
        (np.zeros((20, 4)), "labels are expected as"),
        (np.arange(20) - 5, "labels from -5 to 14"),
    ):
        with pytest.raises(DataError, match=sentence):
            source.load((images, labels))
    with pytest.raises(DataError, match="labels from 0 to 3, but names of 2 classes"):
        source.load((images, np.arange(20) % 4), class_names=["a", "b"])
    assert source.load((images, np.arange(20) % 2), class_names=["a", "b"]).class_names == ("a", "b")


@pytest.mark.parametrize(
    ("convert", "said"),
    [
        (lambda x: x / 255, "fractions, from 0"),
        (lambda x: x > 100, "booleans"),
        (lambda x: (x > 100).astype(np.uint8), "0 and 1"),
        (lambda x: x / 127.5 - 1, "from -1 to 1"),
        (lambda x: x.astype(np.int64), ""),
        (lambda x: x.astype(np.uint16) * 256, "divided by"),
        (lambda x: x[..., np.newaxis], ""),
        (lambda x: x[:, np.newaxis], ""),
        (lambda x: x.reshape(len(x), 784), ""),
        (lambda x: np.repeat(x[..., np.newaxis], 3, axis=3), "brought to grey"),
        (lambda x: np.repeat(x[:, np.newaxis], 3, axis=1), "brought to grey"),
        (lambda x: np.repeat(x.reshape(len(x), 784), 3, axis=0).reshape(len(x), 2352), "brought to grey"),
    ],
)
def test_pixels_of_any_kind_become_uint8_and_that_is_said(convert: object, said: str) -> None:
    images, labels = strokes(20, 4)
    data = source.load((convert(images), labels))  # type: ignore[operator]
    assert data.train.images.dtype == np.uint8
    assert data.train.images.shape[1:] == (28, 28)
    assert data.train.images.max() >= 180
    assert said in " ".join(data.notes)


def test_one_part_of_fractions_beside_one_of_bytes_is_scaled_alone() -> None:
    images, labels = strokes(20, 4)
    data = source.load(((images, labels), (images / 255, labels)))
    assert np.abs(data.train.images.astype(int) - data.test.images).max() <= 1


def test_invert_and_classes_are_options(tmp_path: Path) -> None:
    images, labels = strokes(20, 2)
    np.savez(tmp_path / "a.npz", x=images, y=labels)
    data = source.load(str(tmp_path / "a.npz"), invert=True, class_names=("no", "yes"))
    plain = source.load(str(tmp_path / "a.npz"))
    assert (255 - data.train.images == plain.train.images).all()
    assert data.class_names == ("no", "yes")
    assert data.preparation.to_dict() == {"image_size": 28, "channels": 1, "invert": True, "class_names": ["no", "yes"]}


def test_a_mat_file_is_read_as_matlab_lays_it_out(tmp_path: Path) -> None:
    from scipy.io import savemat

    images, labels = strokes(20, 10)
    savemat(tmp_path / "plain.mat", {"X": images.reshape(20, 784), "y": labels[:, np.newaxis]}, do_compression=True)
    assert len(source.load(str(tmp_path / "plain.mat")).train) == 10
    savemat(tmp_path / "last.mat", {"X": np.moveaxis(images, 0, 2), "y": labels})
    last = source.load(str(tmp_path / "last.mat"))
    assert last.sha256 == source.load(str(tmp_path / "plain.mat")).sha256
    inner = {"images": images.reshape(20, 784), "labels": labels[:, np.newaxis]}
    savemat(tmp_path / "struct.mat", {"dataset": {"train": inner, "test": inner}})
    data = source.load(str(tmp_path / "struct.mat"))
    assert (len(data.train), len(data.test)) == (20, 20)
    savemat(tmp_path / "other.mat", {"A": np.zeros(3)})
    assert "under their usual names" in refusal(tmp_path / "other.mat")


def test_a_mat_file_that_unpacks_without_end_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.io import savemat

    from mnist_cnn.data import mat_file

    monkeypatch.setattr(mat_file, "LARGEST", 10_000_000)
    savemat(tmp_path / "bomb.mat", {"X": np.zeros((20_000, 784), np.uint8), "y": np.zeros(20_000)}, do_compression=True)
    assert (tmp_path / "bomb.mat").stat().st_size < 100_000
    assert "would unpack to more than" in refusal(tmp_path / "bomb.mat")


# Parquet


def write_parquet(path: Path, images: np.ndarray, labels: Sequence[object], names: Sequence[str] = ()) -> Path:
    """As Hugging Face exports a dataset of images."""
    import json

    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    rows = []
    for image in images:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG")
        rows.append({"bytes": stream.getvalue(), "path": None})
    table = pyarrow.table({"image": rows, "label": list(labels)})
    if names:
        features = {"info": {"features": {"label": {"names": list(names), "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path)
    return path


def test_parquet_is_read_as_hugging_face_exports_it(tmp_path: Path) -> None:
    images, labels = strokes(24, 3)
    for part, chosen in (("train", slice(0, 18)), ("test", slice(18, 24))):
        path = tmp_path / "hf" / "data" / f"{part}-00000-of-00001.parquet"
        write_parquet(path, images[chosen], labels[chosen].tolist(), ["rock", "paper", "scissors"])
    data = source.load(str(tmp_path / "hf"))
    assert data.class_names == ("rock", "paper", "scissors")
    assert (data.train.images == images[:18]).all()
    assert (data.test.labels == labels[18:]).all()
    one = source.load(str(tmp_path / "hf" / "data" / "train-00000-of-00001.parquet"))
    assert len(one.train) + len(one.test) == 18


def test_parquet_of_pixels_and_of_strings_is_read(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    images, labels = strokes(20, 2)
    table = pyarrow.table({"image": images.tolist(), "label": [("cat", "dog")[one] for one in labels]})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert source.load(str(tmp_path / "a.parquet")).class_names == ("cat", "dog")
    parquet.write_table(pyarrow.table({"a": [1]}), tmp_path / "b.parquet")
    assert "has no columns image and label (it has a)" in refusal(tmp_path / "b.parquet")
    (tmp_path / "c.parquet").write_bytes(b"PAR1 nothing PAR1")
    assert "is damaged or not a Parquet file" in refusal(tmp_path / "c.parquet")


def test_parquet_with_millions_of_rows_is_rejected_by_what_it_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mnist_cnn.data import parquet_data

    images, labels = strokes(20, 2)
    path = write_parquet(tmp_path / "a.parquet", images, labels.tolist())
    monkeypatch.setattr(parquet_data, "MOST_ROWS", 19)
    assert "declares 20 rows" in refusal(path)


# Datasets with a name


def test_idx_files_are_found_as_torchvision_lays_them_out(tmp_path: Path) -> None:
    images, labels = strokes(30, 10)
    parts = (images[:20], labels[:20]), (images[20:], labels[20:])
    write_idx(tmp_path / "data" / "MNIST" / "raw", *parts, gz=False)
    data = source.load(str(tmp_path / "data"))
    assert (len(data.train), len(data.test), data.class_names) == (20, 10, DIGITS)


def test_idx_files_may_each_lie_in_a_folder_of_their_own_name(tmp_path: Path) -> None:
    images, labels = strokes(30, 10)
    folder = write_idx(tmp_path / "flat", (images[:20], labels[:20]), (images[20:], labels[20:]), gz=False)
    for path in folder.iterdir():
        (tmp_path / "deep" / path.name).mkdir(parents=True)
        (tmp_path / "deep" / path.name / path.name).write_bytes(path.read_bytes())
    assert source.load(str(tmp_path / "deep")).sha256 == source.load(str(folder)).sha256


def test_fashion_mnist_has_its_class_names_and_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = strokes(30, 10)
    write_idx(
        tmp_path / "data" / "FashionMNIST" / "raw", (images[:20], labels[:20]), (images[20:], labels[20:]), gz=False
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MNIST_CNN_DATA", raising=False)
    for name in ("fashion-mnist", "Fashion-MNIST", "FashionMNIST"):
        data = source.load(name)
        assert (data.name, data.class_names[9], data.is_mnist) == ("fashion-mnist", "Ankle boot", False)
    assert source.load(data.origin).sha256 == data.sha256
    assert "There is no copy of kmnist on this machine" in refusal("KMNIST")


def test_a_file_with_a_known_name_and_other_contents_is_rejected(tmp_path: Path) -> None:
    images, labels = strokes(30, 10)
    write_idx(tmp_path / "KMNIST" / "raw", (images[:20], labels[:20]), (images[20:], labels[20:]))
    assert "is not the file of kmnist (its MD5 is" in refusal(tmp_path / "KMNIST")


@pytest.mark.parametrize("split", ["letters", "balanced"])
def test_emnist_is_put_upright_and_named_also_as_the_archive_unpacks(
    split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = EMNIST[split]
    images, labels = strokes(2 * len(names), len(names))
    stored = labels + (1 if split == "letters" else 0)
    for one in (split, "digits"):
        turned = images.swapaxes(1, 2)
        parts = (
            (turned, stored if one == split else labels % 10),
            (turned[:5], stored[:5] if one == split else labels[:5] % 10),
        )
        write_idx(tmp_path / "emnist" / "gzip", *parts, prefix=f"emnist-{one}-")
    both = ", ".join(sorted([f"emnist-{split}", "emnist-digits"]))
    assert f"holds several datasets ({both})" in refusal(tmp_path / "emnist")
    data = source.load(str(tmp_path / "emnist" / "gzip" / f"emnist-{split}"))
    assert data.class_names == names
    assert (data.train.images == images).all()
    assert data.train.labels.tolist() == labels.tolist()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MNIST_CNN_DATA", raising=False)
    assert source.load(f"emnist-{split}").sha256 == data.sha256
    assert any("put upright" in note for note in data.notes)


def test_qmnist_has_more_than_the_label_of_each_image(tmp_path: Path) -> None:
    images, labels = strokes(30, 10)
    wide = np.zeros((30, 8), ">i4")
    wide[:, 0], wide[:, 2] = labels, 1000
    write_idx(tmp_path / "QMNIST", (images[:20], wide[:20]), (images[20:], wide[20:]), prefix="qmnist-", gz=False)
    data = source.load(str(tmp_path / "QMNIST"))
    assert (data.name, data.train.labels.tolist()) == ("qmnist", labels[:20].tolist())


def test_kmnist_is_read_from_its_own_npz_files(tmp_path: Path) -> None:
    images, labels = strokes(30, 10)
    for part, chosen in (("train", slice(0, 20)), ("test", slice(20, 30))):
        np.savez(tmp_path / f"kmnist-{part}-imgs.npz", images[chosen])
        np.savez(tmp_path / f"kmnist-{part}-labels.npz", labels[chosen])
    data = source.load(str(tmp_path))
    assert (data.name, len(data.train), len(data.test), data.class_names[1]) == ("kmnist", 20, 10, "ki")


def test_the_class_names_of_emnist_are_those_of_its_mapping() -> None:
    assert [len(EMNIST[name]) for name in ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")] == [
        62,
        47,
        47,
        26,
        10,
        10,
    ]
    assert EMNIST["balanced"][36:] == tuple("abdefghnqrt")


def test_a_name_may_be_written_in_capitals() -> None:
    assert source.load("DIGITS").name == "digits"


# What is not read


class Harm:
    """Unpickling this makes a folder."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trace),)


def test_a_pickle_is_never_loaded_whatever_it_is_called(tmp_path: Path) -> None:
    content = pickle.dumps(Harm(tmp_path / "trace"))
    for name, bytes_ in (
        ("mnist.pkl", content),
        ("mnist.pkl.gz", gzip.compress(content)),
        ("data.bin", content),
        ("model.pt", content),
    ):
        (tmp_path / name).write_bytes(bytes_)
        assert "is a Python pickle" in refusal(tmp_path / name)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\x93NUMPY\x01\x00", "a single array (.npy)"),
        (b"Rar!\x1a", "a RAR archive"),
    ],
)
def test_a_format_that_is_not_read_is_answered_with_what_to_do(start: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(start + bytes(600))
    assert sentence in refusal(tmp_path / "file")


def test_a_zip_bomb_of_images_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in "ab":
            for number in range(3):
                with archive.open(f"{name}/{number}.png", "w", force_zip64=True) as stream:
                    for _ in range(image_files.LARGEST_FILE // 2**20 + 1):
                        stream.write(bytes(2**20))
    message = refusal(tmp_path / "bomb.zip")
    assert "cannot be decoded" in message
    assert "would unpack to 65 MiB" in message


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    images, labels = strokes(20, 2)
    path = write_parquet(tmp_path / "a.parquet", images, labels.tolist())
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.split(".")[0] == "pyarrow":
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"mnist-cnn\[parquet\]"):
        source.load(str(path))


# Names


def test_names_are_sorted_as_people_sort_them() -> None:
    assert in_natural_order(["10", "9", "b", "A", "a2", "a10"]) == ["9", "10", "A", "a2", "a10", "b"]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("x_train", "train"),
        ("sign_mnist_test.csv", "test"),
        ("t10k-images", "test"),
        ("trainX", "train"),
        ("latest", None),
        ("valid", "validation"),
    ],
)
def test_the_part_is_told_by_a_word_of_the_name(name: str, part: str | None) -> None:
    assert part_named(name) == part


def test_every_known_set_has_a_folder_and_classes() -> None:
    for name, known in known_sets.KNOWN.items():
        assert known.folders
        assert 2 <= len(known.class_names) <= 1000
        assert known_sets.named(name.upper()) == name
