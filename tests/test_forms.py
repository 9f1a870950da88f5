"""Forms become rows of values: at an angle, blank, with patterns and combs; the command, its files, and resuming it."""

import csv
import io
import json
import os
import pickle
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mnist_cnn
from conftest import Cli, command_line
from mnist_cnn.errors import ImageError, RegistrationError, TemplateError
from mnist_cnn.reading.cell_values import Value
from mnist_cnn.reading.grids import LevelView
from mnist_cnn.reading.patterns import pattern_of
from mnist_cnn.reading.reading import Reading
from mnist_cnn.sheets import form_rows
from mnist_cnn.sheets.form import FieldValue, Form, in_places, is_outside, places_of
from mnist_cnn.sheets.template import FormField, FormTemplate
from sheets import blank_form, boxes, filled_form, photographed, table, template_of

TEXTS = {"roll number": "80 142", "date": "12.05.2024", "points": "17", "telephone": "0891234567", "amount": "120.50"}
READ = TEXTS | {"roll number": "80_142"}
PATTERNS = {"date": "date", "points": "0-20", "telephone": "phone"}
COLUMNS = ["path", "page", *TEXTS, "doubtful", "error"]


@pytest.fixture(scope="module")
def template() -> FormTemplate:
    return template_of(PATTERNS)


@pytest.fixture(scope="module")
def scan() -> np.ndarray:
    return photographed(filled_form(TEXTS), turn=8, seed=1)


@pytest.fixture(scope="module")
def form(template: FormTemplate, scan: np.ndarray) -> Form:
    return mnist_cnn.read_form(template, scan)


@pytest.fixture
def folder(tmp_path: Path, template: FormTemplate, scan: np.ndarray) -> Path:
    """A template, a photograph of its form, and a photograph of something else."""
    template.save(tmp_path / "template.json")
    (tmp_path / "scans").mkdir()
    Image.fromarray(scan).save(tmp_path / "scans" / "a.png")
    Image.fromarray(table([["1", "2"], ["3", "4"]])).save(tmp_path / "scans" / "b.png")
    return tmp_path


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_a_photograph_at_an_angle_gives_the_value_of_each_field(form: Form) -> None:
    assert form.texts == READ
    assert form["roll number"].places == ("8", "0", None, "1", "4", "2")
    assert form["date"].places is None
    assert form.registration > 0.9
    assert all(value.confidence > 0.5 for value in form.values)
    with pytest.raises(KeyError):
        form["nothing"]


def test_corners_are_where_the_field_is_in_the_photograph(template: FormTemplate, scan: np.ndarray) -> None:
    large = Image.fromarray(scan).resize((scan.shape[1] * 2, scan.shape[0] * 2))
    found = mnist_cnn.read_form(template, large)["points"].corners
    height, width = scan.shape
    assert (found.min(axis=0) > 0).all()
    assert (found.max(axis=0) < (2 * width, 2 * height)).all()
    assert found[:, 0].mean() / (2 * width) == pytest.approx(0.63, abs=0.08)


def test_blank_fields_are_blank_and_what_is_printed_in_them_is_no_writing(template: FormTemplate) -> None:
    found = mnist_cnn.read_form(template, photographed(blank_form(), turn=-4, seed=2))
    assert set(found.texts.values()) == {""}
    assert {value.value.kind for value in found.values} == {"blank"}
    assert found["roll number"].places == (None,) * 6
    assert not any(value.is_doubtful for value in found.values)


def test_what_does_not_show_the_form_is_an_error_and_no_values(template: FormTemplate) -> None:
    for scan in (table([["1", "2"], ["3", "4"]]), np.full((300, 300), 255, np.uint8)):
        with pytest.raises(RegistrationError, match=r"cannot be registered \(.*\): photograph the whole form"):
            mnist_cnn.read_form(template, scan)
    with pytest.raises(ImageError, match="is not supported as an image"):
        mnist_cnn.read_form(template, 7)  # type: ignore[arg-type]


def test_a_field_that_is_not_in_the_image_is_unknown_and_not_blank(template: FormTemplate) -> None:
    whole = filled_form(TEXTS)
    found = mnist_cnn.read_form(template, whole[330:])  # without the roll number
    assert found["roll number"].text == "?"
    assert found["roll number"].places == ("?",) * 6
    assert found["roll number"].is_doubtful
    assert found["points"].text == "17"


def test_a_reference_without_print_is_an_error() -> None:
    empty = FormTemplate.of(np.full((900, 700), 230, np.uint8), [FormField("a", (10, 10, 90, 40))])
    with pytest.raises(TemplateError, match="Too little is printed on the reference scan"):
        mnist_cnn.read_form(empty, np.full((900, 700), 230, np.uint8))


def value(text: str, confidence: float = 0.99, kind: Any = "number", **field: Any) -> FieldValue:
    known = FormField("a", (0, 0, 90, 40), **field)
    return FieldValue(known, Value(kind, text, confidence), None, np.zeros((4, 2)))


def test_what_is_uncertain_unclear_or_no_number_is_doubtful() -> None:
    assert not value("17").is_doubtful
    assert not value("", kind="blank").is_doubtful
    assert value("17", 0.7).is_doubtful
    assert value("1?").is_doubtful
    assert value("17 4").is_doubtful  # two numbers
    assert value("12/05/2024").is_doubtful  # no number, and nothing says that it is a date
    assert not value("12/05/2024", expect="date").is_doubtful
    assert value("", kind="other").is_doubtful


def test_places_are_seen_also_where_the_reader_found_no_digit() -> None:
    image = boxes("80 14", gap=14)
    places = np.array([[left, 60, left + 60, 120] for left in range(60, 430, 74)], float)
    level = LevelView(image, places, places, np.eye(3))
    value, entries = in_places(level, Reading((), *image.shape[::-1]), None, 0.5)
    assert entries == ("8", "0", None, "1", "4")
    assert (value.kind, value.text) == ("number", "80_14")
    assert value.confidence > 0.5
    assert [digit.image.shape for digit in value.row] == [(28, 28)] * 4
    assert value.row[0].image[14].max() > 100  # white ink
    value, entries = in_places(level, Reading((), *image.shape[::-1]), None, 1.0)
    assert entries == ("?", "?", None, "?", "?")
    value, entries = in_places(level, Reading((), *image.shape[::-1]), pattern_of(r"801[0-4]"), 0.5)
    assert "".join(filter(None, entries)) == value.text.replace("_", "") == "8014"


def test_places_divide_a_box_evenly_and_a_box_may_be_outside() -> None:
    assert places_of(np.array([10, 5, 40, 20]), 3).tolist() == [[10, 5, 20, 20], [20, 5, 30, 20], [30, 5, 40, 20]]
    inside = np.array([(0, 0), (10, 0), (10, 10), (0, 10)], float)
    assert not is_outside(inside, (10, 10))
    assert is_outside(inside + 3, (10, 10))
    assert is_outside(inside - 3, (10, 10))


def doubtful(form: Form) -> str:
    """The names of what is doubtful, among which is a field with an empty box between others."""
    names = [one.field.name for one in form.values if one.is_doubtful]
    assert "roll number" in names
    assert len(names) < len(form.values)
    return "; ".join(names)


def test_a_form_goes_through_a_pipe_and_becomes_a_row(form: Form) -> None:
    document = form_rows.document_of("=a.png", pickle.loads(pickle.dumps(form)))  # noqa: S301  made here
    assert json.loads(json.dumps(document)) == document
    assert form_rows.heading(TEXTS) == COLUMNS
    row = form_rows.values_row(document, len(TEXTS))
    assert row == ["=a.png", "1", *READ.values(), doubtful(form), ""]
    sure = form_rows.confidences_row(document, len(TEXTS))
    assert [sure[0], sure[1], sure[-2]] == ["=a.png", "1", doubtful(form)]
    assert all(0 <= float(one) <= 1 for one in sure[2:-2])
    failed = form_rows.document_of("b.png", ImageError("no"))
    assert form_rows.values_row(failed, 5) == ["b.png", "1", *[""] * 5, "", "no"]


def test_a_workbook_keeps_zeros_and_marks_what_is_doubtful(form: Form) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    documents = [form_rows.document_of("=a.png", form), form_rows.document_of("b.png", ImageError("no"))]
    values, sure = openpyxl.load_workbook(io.BytesIO(form_rows.workbook(documents, list(TEXTS)))).worksheets
    assert [cell.value for cell in values[1]] == COLUMNS
    assert [cell.value for cell in values[2]] == [
        "=a.png",
        1,
        "80_142",
        "12.05.2024",
        17,
        "0891234567",
        120.5,
        doubtful(form),
        None,
    ]
    assert [cell.value for cell in values[3]] == ["b.png", 1, *[None] * 6, "no"]
    assert values["A2"].data_type == "s"
    yellow = {cell.coordinate for row in values.iter_rows() for cell in row if cell.fill.fgColor.rgb.endswith("FFE699")}
    assert yellow == {f"{column}2" for column, one in zip("CDEFG", form.values, strict=True) if one.is_doubtful}
    assert sure["E2"].value == pytest.approx(form["points"].confidence, abs=1e-3)


def test_the_command_writes_a_row_a_scan_and_overwrites_none(cli: Cli, folder: Path) -> None:
    words = ("form", folder / "template.json", folder / "scans", folder / "nowhere.png", "-o", folder / "out.csv")
    done = cli(*words, "--workers", "2")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    first, second, third = rows_of(folder / "out.csv")
    assert {name: first[name] for name in TEXTS} == READ
    assert (first["path"], first["page"], first["error"]) == (str(folder / "scans" / "a.png"), "1", "")
    assert "b.png cannot be registered" in second["error"]
    assert "nowhere.png cannot be read" in third["error"]
    assert {second[name] for name in TEXTS} == {""}
    assert [list(row) for row in rows_of(folder / "out.confidence.csv")] == [COLUMNS] * 3
    assert not (folder / "out.csv.partial").exists()
    assert "Saved to" in done.stderr
    assert "1 form, 5 fields" in done.stderr
    for more in ((), ("--resume",)):
        again = cli(*words, *more)
        assert (again.returncode, "already exists and nothing is overwritten" in again.stderr) == (1, True)


@pytest.mark.slow
def test_all_pages_of_a_file_and_all_formats(cli: Cli, folder: Path, scan: np.ndarray) -> None:
    pages = [Image.fromarray(one) for one in (scan, np.full_like(scan, 255))]
    pages[0].save(folder / "both.tif", save_all=True, append_images=pages[1:])
    for name in ("out.json", "out.jsonl"):
        assert cli("form", folder / "template.json", folder / "both.tif", "-o", folder / name).returncode == 1
    documents = json.loads((folder / "out.json").read_text())["forms"]
    assert [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()] == documents
    assert [(one["page"], one["pages"], "error" in one) for one in documents] == [(1, 2, False), (2, 2, True)]
    assert [one["text"] for one in documents[0]["fields"]] == list(READ.values())
    words = command_line("form", folder / "template.json", "-", "--quiet")
    with (folder / "scans" / "a.png").open("rb") as stream:
        shown = subprocess.run(words, stdin=stream, capture_output=True, text=True, check=True)
    assert [line[:5] for line in shown.stdout.splitlines()] == ["path,", "-,1,8"]
    assert shown.stderr == ""


@pytest.mark.slow
def test_a_run_that_was_killed_is_resumed_and_nothing_is_read_twice(cli: Cli, folder: Path) -> None:
    scans = folder / "scans"
    for index in range(5):
        os.link(scans / "a.png", scans / f"c{index:02d}.png")
    partial, out = folder / "out.csv.partial", folder / "out.csv"
    words = ("form", folder / "template.json", scans, "-o", out)
    with subprocess.Popen(command_line(*words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until(lambda: partial.exists() and partial.read_bytes().count(b"\n") >= 2)
        process.send_signal(signal.SIGKILL)
    kept = partial.read_bytes()
    assert not out.exists()
    partial.write_bytes(kept + b'{"path": "torn')  # a line that was being written
    refused = cli(*words)
    assert (refused.returncode, "add --resume to continue it" in refused.stderr) == (1, True)
    other = cli(*words, "--resume", "--min-confidence", "0.7")
    assert "is of a run with another confidence" in other.stderr
    marked = kept.replace(b'"text": "17"', b'"text": "18"')  # as nobody would read it again
    partial.write_bytes(marked)
    done = cli(*words, "--resume")
    rows = rows_of(out)
    assert [Path(row["path"]).name for row in rows] == ["a.png", "b.png", *(f"c{index:02d}.png" for index in range(5))]
    finished = marked.count(b'"text": "18"')
    assert 1 <= finished < 6
    assert [row["points"] for row in rows if not row["error"]] == ["18"] * finished + ["17"] * (6 - finished)
    assert "finished before: not read again" in done.stderr
    assert not partial.exists()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.json", "scans", "-o", "out.csv"], "The template nowhere.json cannot be read"),
        (["scans/a.png", "scans", "-o", "out.csv"], "It is no JSON document"),
        (["template.json", "scans", "-o", "out.txt"], "does not end with .csv, .xlsx, .jsonl or .json"),
        (["template.json", "scans", "--resume"], "give its --output as well"),
        (["template.json", "scans", "-o", "out.csv", "--json"], "leave one out"),
        (["template.json", "scans", "-o", "out.csv", "--workers", "0"], "must be a whole number from 1"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    monkeypatch.chdir(folder)
    done = cli("form", *words)
    assert done.returncode in (1, 2)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "out.csv").exists()
