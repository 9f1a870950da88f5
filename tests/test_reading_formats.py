"""Readings as CSV and JSON Lines, on stdout and in files."""

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from conftest import Cli
from drawing import inked, mask
from mnist_cnn.errors import ImageError
from mnist_cnn.reading.patterns import pattern_of
from mnist_cnn.terminal.reading_formats import COLUMNS, lines_of
from readings import reading_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scans")
    for name, text in (("a", "42/7"), ("b", "")):
        Image.fromarray(inked(mask(text or "8", height=60), 255, 0 if text else 255)).save(made / f"{name}.png")
    (made / "c.png").write_bytes(b"no image")
    return made


def test_csv_has_a_line_for_each_number() -> None:
    lines = list(lines_of("x.png", reading_of("12.50 -7", "3"), None, digits_only=False))
    said = [dict(zip(COLUMNS, line, strict=True)) for line in lines]
    assert [(one["row"], one["number"], one["text"], one["value"]) for one in said] == [
        (1, 1, "12.50", "12.50"),
        (1, 2, "-7", "-7"),
        (2, 1, "3", "3"),
    ]
    assert [line[4] for line in lines_of("x.png", reading_of("12.50"), None, digits_only=True)] == ["1250"]


def test_an_image_without_digits_has_a_line_and_one_that_cannot_be_read_says_why() -> None:
    [none] = lines_of("x.png", reading_of(), None, digits_only=False)
    assert none == ("x.png", 1, *[""] * 10)
    [failed] = lines_of("x.png", ImageError("x.png is empty."), None, digits_only=False)
    assert (failed[0], failed[-1], len(failed)) == ("x.png", "x.png is empty.", len(COLUMNS))


def test_with_a_pattern_there_is_a_line_for_each_row() -> None:
    lines = list(lines_of("x.png", reading_of("12/05/2024", "7"), pattern_of("date"), digits_only=False))
    assert [line[4] for line in lines] == ["12/05/2024", "?"]


def test_a_csv_file_is_written_whole_and_never_over_another(cli: Cli, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    done = cli("read", folder, "-o", path)
    assert (done.returncode, done.stdout) == (1, "")  # c.png is no image
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert [Path(row["path"]).name for row in rows] == ["a.png", "a.png", "b.png", "c.png"]
    assert [row["text"] for row in rows] == ["42", "7", "", ""]
    assert "is not a supported image file" in rows[-1]["error"]
    again = cli("read", folder, "-o", path)
    assert (again.returncode, again.stdout) == (1, "")
    assert "already exists and nothing is overwritten" in again.stderr


def test_json_lines_are_the_documents_of_json(cli: Cli, folder: Path) -> None:
    lines = [json.loads(line) for line in cli("read", folder, "--format", "jsonl").stdout.splitlines()]
    assert lines == json.loads(cli("read", folder, "--json").stdout)["images"]


def test_what_is_expected_and_boxes_are_shown(cli: Cli, folder: Path) -> None:
    assert cli("read", folder / "a.png", "--expect", "0-99").stdout == "42\n7\n"
    assert cli("read", folder / "a.png", "--expect", r"\d{5}").stdout == "?\n?\n"
    document = json.loads(cli("read", folder / "a.png", "--expect", "0-99", "--json").stdout)["images"][0]
    assert [one["text"] for one in document["expected"]] == ["42", "7"]
    assert cli("read", folder / "a.png", "--boxes").stdout == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-o", "x.txt"], "does not end with .csv, .jsonl or .json"),
        (["--json", "--format", "csv"], "contradict each other"),
        (["--format", "csv", "-o", "x.json"], "contradict each other"),
        (["--expect", "dates"], "is no pattern that is known"),
        (["--expect", "date", "--boxes"], "cannot be given together"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(cli: Cli, folder: Path, words: list[str], sentence: str) -> None:
    done = cli("read", folder / "a.png", *words)
    assert done.returncode in (1, 2)
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
