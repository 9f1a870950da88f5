"""Metrics over labelled images, without a model: what is counted, and what has no value."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from drawing import inked, mask
from mnist_cnn.cli import app
from mnist_cnn.data.image_files import LARGEST_FILE
from mnist_cnn.errors import DataError
from mnist_cnn.evaluation import labelled_images, metrics
from mnist_cnn.evaluation.labelled_images import DigitCounts, EvaluatedImage, LabelledImage
from mnist_cnn.evaluation.misclassified import CELL, INPUT, TEXT, contact_sheet
from mnist_cnn.reading.digit import Box, Digit
from mnist_cnn.reading.mark import Mark
from mnist_cnn.reading.reading import Reading, Row

NOTHING = Reading((), 28, 28)
BLANK = Image.new("L", (28, 28), 255)
run = CliRunner().invoke


def evaluated(label: str, reading: Reading | None = NOTHING, source: str = "") -> EvaluatedImage:
    return EvaluatedImage(LabelledImage(Path("x.png"), label, source), reading)


def test_an_image_without_digits_is_correct_if_none_is_predicted() -> None:
    assert evaluated("").correct
    assert not evaluated("4").correct


def digit_of(value: int) -> Digit:
    ten = tuple(0.91 if one == value else 0.01 for one in range(10))
    return Digit(value, 0.91, ten, Box(20 * value, 0, 9, 20), False, np.zeros((28, 28), np.uint8))


def test_marks_count_where_the_label_has_any(tmp_path: Path) -> None:
    box = Box(0, 0, 3, 3)
    dated = Reading((Row([digit_of(1), digit_of(2), digit_of(5)], [Mark("/", 0.9, box, 2)]),), 200, 50)
    (tmp_path / "labels.csv").write_text("path,label\na.png,12\\/5\na.png,125\na.png,12.5\na.png,12/5\n")
    labels = labelled_images.load(tmp_path / "labels.csv")
    assert [one.digits for one in labels] == ["125", "125", "125", "12/5"]
    assert [EvaluatedImage(one, dated).correct for one in labels] == [True, True, False, False]
    assert EvaluatedImage(labels[0], dated).predicted == "12\\/5"
    counts = labelled_images.digit_counts([EvaluatedImage(labels[2], dated)])
    assert (counts.labelled, counts.predicted, counts.correct) == (3, 3, 3)


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
    nothing = {"labelled": 0, "predicted": 0, "correct": 0, "precision": None, "recall": None, "f1": None}
    assert document["all"]["digit_counts"] == nothing
    assert "precision –, recall –, F1 – of digits (0 correct of 0 predicted and 0 labelled)" in done.stdout
    assert document["errors"] == []


def test_a_table_that_might_never_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "huge.csv").touch()
    os.truncate(tmp_path / "huge.csv", labelled_images.LARGEST + 1)
    with pytest.raises(DataError, match="has no folders of images that are called 0 to 9"):
        labelled_images.load(tmp_path)
    for path in (tmp_path / "pipe.csv", Path("/dev/zero")):
        with pytest.raises(DataError, match=r"cannot be read \(not a regular file\): pass a CSV file"):
            labelled_images.load(path)
    with pytest.raises(DataError, match=r"cannot be read \(larger than 64 MiB\)"):
        labelled_images.load(tmp_path / "huge.csv")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("path,label\n", r"labels.csv lists no images: pass a table"),
        ("path\na.png\n", r"labels.csv has no column label: name the columns in its first line"),
        ("a.png,4\nb.png,5\n", r"labels.csv has no column path and no column label: name the columns"),
        ("path,label\na.png,4\n,5\n", r"Line 3 of .*labels.csv has no path: add it or remove the line"),
        ("path,label\na.png,four\n", r"Line 2 of .*labels.csv has the label 'four': write digits"),
        ("path,label\na.png,1;2\n", r"Line 2 of .*labels.csv has the label '1;2': write digits"),
    ],
)
def test_a_wrong_table_is_rejected(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=sentence):
        labelled_images.load(tmp_path / "labels.csv")


def test_a_line_without_a_label_has_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\na.png\nb.png, 4 2 / 7\n")
    assert [one.label for one in labelled_images.load(tmp_path / "labels.csv")] == ["", "42/7"]


def test_empty_rows_of_a_label_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\na.png,/\nb.png,/4//2/\n")
    assert [one.label for one in labelled_images.load(tmp_path / "labels.csv")] == ["", "4/2"]


def test_rejection_keeps_the_most_confident_images() -> None:
    curve = labelled_images.rejection_curve([evaluated("")] * 18 + [evaluated("4")] * 2)
    assert [point["count"] for point in curve] == [20, 19, 19, 19, 18, 16]
    assert np.isclose(curve[0]["accuracy"], 0.9)


def test_rejection_is_measured_at_six_rates_from_nothing_to_a_fifth() -> None:
    curve = labelled_images.rejection_curve([evaluated("")] * 100)
    assert [point["rejected"] for point in curve] == [0.0, 0.01, 0.02, 0.05, 0.1, 0.2]
    assert [point["count"] for point in curve] == [100, 99, 98, 95, 90, 80]


def predicted(label: str, *digits: tuple[int, float]) -> EvaluatedImage:
    """An image in which these digits were predicted with these confidences, the rest shared by the other nine."""
    row = []
    for digit, confidence in digits:
        ten = np.full(10, (1 - confidence) / 9)
        ten[digit] = confidence
        row.append(Digit(digit, confidence, tuple(ten.tolist()), Box(0, 0, 9, 9), False, np.zeros((28, 28), np.uint8)))
    return evaluated(label, Reading((tuple(row),), 28, 28) if row else NOTHING)


def test_digits_of_all_images_count_together_for_precision_recall_and_f1() -> None:
    some = [
        predicted("42/7", (4, 0.9), (9, 0.9), (2, 0.9)),  # 4 and 2 of three; one of three is not there
        predicted("", (1, 0.9)),  # writing that is no digit
        predicted(""),
        evaluated("55", None),  # could not be read
    ]
    assert labelled_images.digit_counts(some) == DigitCounts(labelled=5, predicted=4, correct=2)
    found = labelled_images.metrics(some)["digit_counts"]
    assert (found["precision"], found["recall"]) == (2 / 4, 2 / 5)
    assert found["f1"] == pytest.approx(2 / (4 / 2 + 5 / 2))
    assert labelled_images.metrics(some)["digits"]["accuracy"] == found["recall"]


def test_digits_in_another_order_are_not_all_correct() -> None:
    assert DigitCounts.of([("123/4", "4/123")]) == DigitCounts(4, 4, 3)
    assert DigitCounts.of([("12/34", "1234")]) == DigitCounts(4, 4, 4)


@pytest.mark.parametrize(
    ("counts", "ratios"),
    [((0, 0, 0), (None, None, None)), ((2, 0, 0), (None, 0, 0)), ((0, 3, 0), (0, None, 0)), ((1, 1, 1), (1, 1, 1))],
)
def test_a_ratio_of_nothing_has_no_value(counts: tuple[int, int, int], ratios: tuple[float | None, ...]) -> None:
    some = DigitCounts(*counts)
    assert (some.precision, some.recall, some.f1) == ratios


def test_a_group_of_images_without_digits_is_scored_beside_others_and_all_together(tmp_path: Path) -> None:
    BLANK.save(tmp_path / "blank.png")
    Image.fromarray(inked(mask("17"), 240, 30)).save(tmp_path / "line.png")
    table = tmp_path / "labels.csv"
    table.write_text("path,label,layout,kind\nblank.png,,none,a\nline.png,,none,b\nline.png,17,line,a\n")
    said = run(app, ["score", str(table)]).stdout
    assert "none: 50.00% (1 of 2 correct" in said
    assert "none, a: 100.00% (1 of 1 correct" in said
    assert "all images: 66.67% (2 of 3 correct" in said
    assert "precision 50.00%, recall 100.00%, F1 66.67% of digits (2 correct of 4 predicted and 2 labelled)" in said
    document = json.loads(run(app, ["score", str(table), "--json"]).stdout)
    assert document["all"]["digit_counts"]["precision"] == 0.5
    assert document["layouts"]["none"]["digit_counts"]["recall"] is None
    assert document["layouts"]["line"]["kinds"]["a"]["digit_counts"]["f1"] == 1
    assert (document["layouts"]["none"]["images"]["correct"], document["layouts"]["none"]["digits"]) == (1, None)


def test_confident_predictions_of_single_digits_and_the_errors_among_them_are_counted() -> None:
    some = [predicted("4", (4, 0.95)), predicted("4", (9, 0.9)), predicted("4", (9, 0.89)), predicted("4")]
    found = labelled_images.single_digits([*some, predicted("42", (4, 0.99), (3, 0.99))])
    assert found
    assert found["count"] == 4
    assert found["high_confidence"] == {
        "min_confidence": 0.9,
        "count": 2,
        "errors": 1,
        "error_rate": 0.5,
        "confidence_interval": list(metrics.wilson_interval(1, 2)),
    }


def test_an_image_without_a_digit_is_the_first_to_be_rejected_and_has_no_calibration() -> None:
    some = [predicted("4", (4, 0.95)), predicted("7", (7, 0.8)), predicted("3", (5, 0.6)), predicted("0")]
    found = labelled_images.single_digits([*some, predicted("1", (1, 0.9), (1, 0.3))])
    assert found
    assert found["risk_coverage"]["selective_accuracy"]["1.0"] == pytest.approx(2 / 5)
    assert found["risk_coverage"]["selective_accuracy"]["0.8"] == pytest.approx(2 / 4)
    calibration = found["calibration"]
    assert calibration["count"] == 3
    assert calibration["expected_calibration_error"] == pytest.approx((0.05 + 0.2 + 0.6) / 3)
    assert calibration["negative_log_likelihood"] == pytest.approx(-np.log([0.95, 0.8, 0.4 / 9]).mean())
    assert [one["count"] for one in calibration["bins"]] == [1, 1, 1]
    low, high = calibration["confidence_intervals"]["expected_calibration_error"]
    assert low <= calibration["expected_calibration_error"] <= high


def test_labels_of_other_than_one_digit_say_nothing_about_confidence() -> None:
    assert labelled_images.single_digits([predicted("42", (4, 0.9), (2, 0.9)), predicted(""), predicted("/")]) is None
    found = labelled_images.single_digits([predicted("4")])
    assert found
    assert found["calibration"] is None
    assert (found["high_confidence"]["count"], found["high_confidence"]["error_rate"]) == (0, None)


def test_every_group_of_images_has_metrics_of_its_confidence() -> None:
    one = LabelledImage(Path("x.png"), "4", "me", "photo", "single")
    document = labelled_images.summary([EvaluatedImage(one, predicted("4", (4, 0.95)).reading)] * 3)
    groups = document["all"], document["layouts"]["single"], document["layouts"]["single"]["kinds"]["photo"]
    assert [group["single_digits"]["high_confidence"]["count"] for group in groups] == [3, 3, 3]
    json.dumps(document, allow_nan=False)


def test_every_error_is_listed_and_says_why_if_the_image_could_not_be_read() -> None:
    unreadable = EvaluatedImage(LabelledImage(Path("y.png"), "7", ""), None, "It is damaged.")
    listed = labelled_images.summary([evaluated("4"), unreadable, evaluated("")])["errors"]
    assert [(one["path"], one["label"], one.get("error")) for one in listed] == [
        ("x.png", "4", None),
        ("y.png", "7", "It is damaged."),
    ]


@pytest.mark.parametrize(("a", "b", "length"), [("314", "2314", 3), ("12", "21", 1), ("", "7", 0), ("7788", "787", 2)])
def test_the_longest_common_subsequence_of_two_numbers(a: str, b: str, length: int) -> None:
    assert labelled_images.longest_common_subsequence(a, b) == length
    assert labelled_images.longest_common_subsequence(b, a) == length


def test_a_contact_sheet_has_a_cell_for_each_error_with_the_image_under_its_text(tmp_path: Path) -> None:
    Image.new("L", (80, 40), 0).save(tmp_path / "dark.png")
    wrong = EvaluatedImage(LabelledImage(tmp_path / "dark.png", "4", ""), NOTHING)
    assert contact_sheet([evaluated("")]).shape == (TEXT, CELL, 3)
    assert (contact_sheet([evaluated("")]) == 255).all()
    sheet = contact_sheet([wrong, evaluated(""), wrong])
    assert sheet.shape == (CELL + TEXT + INPUT, 2 * CELL, 3)
    image = sheet[TEXT : TEXT + CELL, :CELL]
    dark = (image == 0).all(axis=2)
    assert (dark.sum(axis=1).max(), dark.sum(axis=0).max()) == (CELL - 2, (CELL - 2) // 2)  # twice as wide as high
    text = sheet[:TEXT, :CELL].astype(int)
    inked = (text < 200).any(axis=2)
    assert inked.sum() > 50
    assert (text[inked][:, 0] >= 160).all()  # dark red on white
    assert (text[inked][:, 1] == text[inked][:, 2]).all()


# Folders and ZIPs of digits


def digits_of_people(folder: Path) -> Path:
    """Images of one digit in folders of their digits, half of them below test/, with what else lies around."""
    for number, digit in enumerate("2233557788"):
        place = folder / ("test" if number % 2 else "train") / digit
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(inked(mask(digit), 240, 30)).save(place / f"{number}.PNG")
        (place / ".hidden.png").write_bytes(b"nothing")
        (place / "notes.txt").write_text("mine")
    (folder / "train" / "others").mkdir()
    BLANK.save(folder / "train" / "others" / "a.png")
    return folder


def zipped(folder: Path) -> Path:
    """A ZIP of a folder, with the folder itself and what macOS adds."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, Path("top") / file.relative_to(folder))
        archive.writestr("__MACOSX/top/train/2/._0.PNG", b"nothing")
    return path


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_digits_in_folders_are_scored_from_the_disk_and_from_a_zip(tmp_path: Path, form: str) -> None:
    folder = digits_of_people(tmp_path / "mine")
    place = folder if form == "folder" else zipped(folder)
    found = labelled_images.load(place)
    assert sorted(one.label for one in found) == [*"2233557788"]
    assert all(one.single and str(one.path).startswith(str(place)) for one in found)
    done = run(app, ["score", str(place), "--json", "--errors", str(tmp_path / "errors.png")])
    assert done.exit_code == 0, done.stderr
    scored = json.loads(done.stdout)
    assert scored["all"]["images"]["count"] == 10
    assert scored["all"]["images"]["correct"] >= 8
    assert list(scored["layouts"]) == ["single"]


def test_a_zip_of_a_table_and_its_images_is_scored_as_the_web_app_gives_it(tmp_path: Path) -> None:
    (tmp_path / "drawn").mkdir()
    Image.fromarray(inked(mask("42"), 240, 30)).save(tmp_path / "drawn" / "a.png")
    (tmp_path / "drawn" / "labels.csv").write_text("path,label\na.png,42\n")
    done = run(app, ["score", str(zipped(tmp_path / "drawn")), "--json"])
    assert json.loads(done.stdout)["all"]["images"] == json.loads(done.stdout)["all"]["images"] | {
        "count": 1,
        "correct": 1,
    }
    (tmp_path / "drawn" / "labels.csv").write_text("path,label\na.png,42\nb.png,7\n")
    with pytest.raises(DataError, match=r"top/b.png is not in the ZIP, and its table names it"):
        labelled_images.load(zipped(tmp_path / "drawn"))


def test_a_zip_that_is_damaged_or_hostile_is_one_sentence_or_one_error(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK no")
    with pytest.raises(DataError, match="is damaged or cut short"):
        labelled_images.load(path)
    with pytest.raises(DataError, match="There is no file or folder"):
        labelled_images.load(tmp_path / "b.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.png", b"nothing")
    with pytest.raises(DataError, match="has no folders of images that are called 0 to 9"):
        labelled_images.load(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("7/1.png", b"nothing")
        archive.writestr("7/2.png", bytes(LARGEST_FILE + 1))
    done = run(app, ["score", str(path)])
    assert done.exit_code == 0
    assert f"{path}/7/1.png: the file is not a supported i" in done.stderr
    assert f"mnist-cnn: {path}/7/2.png cannot be unpacked (7/2.png would unpack to 64 MiB)" in done.stderr
    assert "0.00%" in done.stdout
