import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from conftest import Cli
from drawing import inked, mask
from mnist_cnn.errors import DataError
from mnist_cnn.evaluation import labelled_images
from test_architecture import HEAVY, light_install, loaded_by

TENSORFLOW = {"tensorflow", "keras", "sklearn", "matplotlib"}
SHARED = Path(__file__).parents[1] / ".." / "shared" / "data" / "pictures" / "labels.csv"


def save(path: Path, text: str) -> Path:
    Image.fromarray(inked(mask(text), 240, 30)).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    made.mkdir()
    save(made / "a.png", "42")
    save(made / "b.png", "17/5")
    (made / "notes.txt").write_text("no picture")
    return made


def test_one_picture_gives_its_rows(cli: Cli, folder: Path) -> None:
    done = cli("read", folder / "b.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "17\n5\n", "")


def test_verbose_shows_the_confidence_of_each_digit(cli: Cli, folder: Path) -> None:
    sure = r"\d+\.\d\d%"
    done = cli("read", folder / "b.png", "--verbose")
    assert re.fullmatch(rf"17 \(1: {sure}, 7: {sure}\)\n5 \(5: {sure}\)\n", done.stdout)
    done = cli("read", folder, "-v", "--min-confidence", 1)
    both = rf": \?\? \(4: {sure}, 2: {sure}\)\n.*: \?\? \(1: {sure}, 7: {sure}\) / \? \(5: {sure}\)\n"
    assert re.fullmatch(re.escape(str(folder / "a.png")) + both, done.stdout)


def test_quiet_leaves_results_and_errors(cli: Cli, folder: Path, tmp_path: Path) -> None:
    Image.new("L", (300, 200), 255).save(tmp_path / "blank.png")
    words = ["read", tmp_path / "blank.png", *[folder / "a.png"] * 20]
    assert "Reading 21 of 21" in cli(*words).stderr
    done = cli(*words, "--quiet", tmp_path / "nowhere.png")
    assert done.stdout.splitlines()[0] == f"{tmp_path / 'blank.png'}:"
    assert len(done.stdout.splitlines()) == 21
    assert len(done.stderr.splitlines()) == 1
    assert "nowhere.png" in done.stderr


def test_a_folder_gives_a_line_a_picture(cli: Cli, folder: Path) -> None:
    done = cli("read", folder)
    assert done.stdout == f"{folder / 'a.png'}: 42\n{folder / 'b.png'}: 17 / 5\n"


def test_standard_input_is_a_picture(folder: Path) -> None:
    words = [sys.executable, "-m", "mnist_cnn", "read", "-"]
    done = subprocess.run(words, input=(folder / "a.png").read_bytes(), capture_output=True, check=False, timeout=300)
    assert (done.returncode, done.stdout) == (0, b"42\n")


def test_a_bad_file_is_named_and_does_not_stop_the_rest(cli: Cli, folder: Path) -> None:
    (folder / "aa.png").write_bytes(b"nonsense")
    done = cli("read", folder, folder / "nowhere.png")
    assert done.returncode == 1
    assert [line.rsplit(" ", 1)[-1] for line in done.stdout.splitlines()] == ["42", "5"]
    assert len(done.stderr.splitlines()) == 2
    assert "aa.png is not a supported image file" in done.stderr


def test_json_is_one_document_with_what_went_wrong(cli: Cli, folder: Path) -> None:
    (folder / "aa.png").write_bytes(b"")
    done = cli("read", folder, "--json")
    documents = json.loads(done.stdout)["images"]
    assert [document.get("text", "error") for document in documents] == ["42", "error", "17\n5"]
    assert "is empty" in documents[1]["error"]
    assert done.returncode == 1


def test_pictures_are_annotated(cli: Cli, folder: Path, tmp_path: Path) -> None:
    assert cli("read", folder, "--annotate", tmp_path / "drawn").returncode == 0
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["a.png", "b.png"]
    with Image.open(tmp_path / "drawn" / "a.png") as drawn:
        assert drawn.mode == "RGB"


def test_where_there_are_no_digits_it_says_so(cli: Cli, tmp_path: Path) -> None:
    Image.new("L", (300, 200), 255).save(tmp_path / "blank.png")
    done = cli("read", tmp_path / "blank.png")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{tmp_path / 'blank.png'}: no digits found (nothing that resembles a digit)\n"


def test_wrong_confidence_ends_with_2(cli: Cli, folder: Path) -> None:
    done = cli("read", folder / "a.png", "--min-confidence", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "from 0 to 1" in done.stderr


def table(folder: Path, rows: list[list[str]]) -> Path:
    path = folder / "labels.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def test_score_counts_by_layout_kind_and_source(cli: Cli, folder: Path) -> None:
    head = ["path", "label", "source", "kind", "layout"]
    save(folder / "c.png", "7")
    rows = [["a.png", "42", "s1", "drawing", "line"], ["b.png", "17/6", "s2", "drawing", "rows"]]
    path = table(
        folder, [head, *rows, ["c.png", "7", "s1", "drawing", "single"], ["gone.png", "1", "s1", "", "single"]]
    )
    done = cli("score", path, "--json", "--errors", folder / "errors.png")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["all"]["images"]["correct"] == 2
    assert document["all"]["digits"]["correct"] == 5
    assert document["all"]["mean_over_sources"]["accuracy"] == pytest.approx((2 / 3 + 0) / 2)
    assert document["layouts"]["rows"]["digits"] == {**document["layouts"]["rows"]["digits"], "correct": 2, "count": 3}
    assert [one["predicted"] for one in document["errors"]] == ["17/5", ""]
    with Image.open(folder / "errors.png") as sheet:
        assert sheet.size[0] == 320
    assert document["layouts"]["single"]["single_digits"]["count"] == 2
    assert document["layouts"]["rows"]["single_digits"] is None
    said = cli("score", path).stdout
    assert "confidence of at least 90%: " in said
    assert "expected calibration error: " in said
    assert "single: 50.00% (1 of 2 correct; 95% CI" in said
    done = cli("score", path, "--errors", folder / "errors.png")
    assert (done.returncode, done.stdout) == (1, "")
    assert "errors.png already exists and nothing is overwritten" in done.stderr


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], "lists no images"),
        ([["file", "label"], ["a.png", "4"]], "no column path"),
        ([["path", "label"], ["a.png", "four"]], "Line 2 of .* has the label 'four'"),
    ],
)
def test_a_wrong_table_gets_one_clear_sentence(tmp_path: Path, rows: list[list[str]], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        labelled_images.load(table(tmp_path, rows))


def test_the_refusal_curve_leaves_the_surest() -> None:
    from mnist_cnn.reading.digit import Box, Digit
    from mnist_cnn.reading.reading import Reading

    def judged(read: int, confidence: float) -> labelled_images.EvaluatedImage:
        import numpy as np

        digit = Digit(read, confidence, (0.1,) * 10, Box(0, 0, 1, 1), False, np.zeros((28, 28), np.uint8))
        return labelled_images.EvaluatedImage(labelled_images.LabelledImage(Path("x"), "1"), Reading(((digit,),), 9, 9))

    curve = labelled_images.rejection_curve([judged(1, 0.9)] * 18 + [judged(7, 0.6)] * 2)
    assert [(point["rejected"], point["correct"], point["count"]) for point in curve] == [
        *[(0.0, 18, 20), (0.01, 18, 19), (0.02, 18, 19), (0.05, 18, 19), (0.1, 18, 18), (0.2, 16, 16)]
    ]


def test_read_and_score_work_on_the_light_install(folder: Path, tmp_path: Path) -> None:
    path = table(folder, [["path", "label"], ["a.png", "42"]])
    for words, said in ((["read", str(folder / "a.png")], "42"), (["score", str(path)], "100.00%")):
        done = light_install(words, tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert said in done.stdout


def test_reading_loads_no_training(folder: Path) -> None:
    # The process that reads is a copy of this one.
    statement = (
        f"import sys\nsys.argv[1:] = ['read', {str(folder / 'a.png')!r}]\nfrom mnist_cnn.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    loaded = loaded_by(statement)
    assert not loaded & TENSORFLOW
    assert HEAVY & loaded == {"cv2", "onnxruntime"}


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.skipif(not SHARED.exists(), reason="the pictures of other projects' people are not here")
def test_peoples_pictures_are_read(cli: Cli) -> None:
    document = json.loads(cli("score", SHARED, "--json").stdout)["layouts"]
    single, line, rows = document["single"], document["line"], document["rows"]
    assert single["images"]["accuracy"] >= 0.990
    assert single["mean_over_sources"]["accuracy"] >= 0.992
    assert single["kinds"]["photo"]["images"]["accuracy"] >= 0.985
    assert line["images"]["accuracy"] >= 0.90
    assert line["digits"]["accuracy"] >= 0.97
    assert rows["digits"]["accuracy"] >= 0.95
