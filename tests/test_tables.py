"""Tables become rows of values: on a sheet, from an angle, with blanks, dashes and words; and the files of them."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mnist_cnn
from conftest import Cli
from mnist_cnn.errors import ReaderError
from mnist_cnn.sheets import spreadsheet
from mnist_cnn.sheets.annotated_table import annotated
from mnist_cnn.sheets.table import Table, read_tables
from sheets import PAPER, boxes, comb, from_an_angle, table

MARKS = [["12", "7", "", "30"], ["5", "—", "18", "✓"], ["", "20", "3", "14"]]


@pytest.fixture(scope="module")
def marks() -> Table:
    [found] = read_tables(table(MARKS))
    return found


def kinds(found: Table) -> list[str]:
    return [cell.value.kind for cell in found.cells]


def test_cells_hold_numbers_blanks_dashes_and_others(marks: Table) -> None:
    assert (marks.rows, marks.columns, len(marks.cells)) == (3, 4, 12)
    assert marks.texts == [["12", "7", "", "30"], ["5", "-", "18", ""], ["", "20", "3", "14"]]
    assert kinds(marks)[2] == kinds(marks)[8] == "blank"
    assert kinds(marks)[5] == "dash"
    assert kinds(marks)[7] == "other"
    assert marks.cells[0].value.value == Decimal(12)
    assert marks.cells[2].value.value is marks.cells[5].value.value is marks.cells[7].value.value is None


def test_a_photograph_from_an_angle_holds_the_same(marks: Table) -> None:
    [found] = read_tables(from_an_angle(table(MARKS)))
    assert found.texts == marks.texts
    # The corners of a cell are where it is in the photograph.
    height, width = table(MARKS).shape
    first, last = found.cells[0].corners.mean(axis=0), found.cells[-1].corners.mean(axis=0)
    assert 0.2 * width < first[0] < 0.4 * width
    assert 0.7 * width < last[0] < width
    assert last[1] > first[1] + 0.25 * height


def test_several_tables_come_from_the_top() -> None:
    above, below = table([["1", "2"], ["3", "4"]]), table([["5", "6", "7"], ["8", "9", "0"]])
    width = max(above.shape[1], below.shape[1])
    sheet = np.concatenate([np.pad(one, ((0, 0), (0, width - one.shape[1])), "edge") for one in (above, below)])
    assert [found.texts for found in read_tables(sheet)] == [
        [["1", "2"], ["3", "4"]],
        [["5", "6", "7"], ["8", "9", "0"]],
    ]


def test_a_grid_that_is_known_is_filled_in() -> None:
    sheet = table([["1", "", "3"], ["", "5", ""], ["7", "", "9"]], wide=70, tall=70)
    sheet[82:290, 148:153] = 225  # one of its lines is missing
    [found] = read_tables(sheet, grid=(3, 3))
    assert found.texts == [["1", "", "3"], ["", "5", ""], ["7", "", "9"]]
    assert read_tables(np.full((200, 200), 225, np.uint8), grid=(3, 3)) == []
    with pytest.raises(ReaderError, match="A grid has 1 to 4,000 cells"):
        read_tables(sheet, grid=(0, 3))


def test_nothing_is_a_table_where_there_is_none() -> None:
    assert read_tables(np.full((300, 400), 225, np.uint8)) == []
    assert read_tables(boxes("123")) == []


@pytest.mark.parametrize(
    "drawn", [boxes("80 14"), boxes("80 14", gap=14), comb("80 14")], ids=["boxes", "apart", "comb"]
)
def test_boxes_say_where_a_digit_is_missing(drawn: np.ndarray) -> None:
    reading = mnist_cnn.read(drawn, boxes=True)
    assert reading.boxes == (("8", "0", None, "1", "4"),)
    assert mnist_cnn.read(drawn).boxes is None
    assert reading.to_dict()["boxes"] == [["8", "0", None, "1", "4"]]


def test_with_a_grid_cells_are_not_merged_where_a_line_is_missing() -> None:
    sheet = table([["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"]])
    sheet[82:142, 186:194] = PAPER  # between the first two cells
    assert len(read_tables(sheet)[0].cells) == 8
    [found] = read_tables(sheet, grid=(3, 3))
    assert found.texts == [["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"]]


def test_a_row_of_boxes_that_stand_apart_is_a_table_of_one_row_if_asked_for() -> None:
    [found] = read_tables(boxes("80 14", gap=14), grid=(1, 5))
    assert found.texts == [["8", "0", "", "1", "4"]]


def test_csv_has_a_line_per_row_and_of_several_tables_their_sheet(marks: Table) -> None:
    alone = list(csv.reader(io.StringIO(spreadsheet.values_csv([("a.png", marks)]))))
    assert alone == [["12", "7", "", "30"], ["5", "-", "18", "other"], ["", "20", "3", "14"]]
    sure = list(csv.reader(io.StringIO(spreadsheet.confidences_csv([("a.png", marks)]))))
    assert [len(row) for row in sure] == [4, 4, 4]
    assert all(0 <= float(cell) <= 1 for row in sure for cell in row)
    named = [("a.png", marks), ("b.png", marks), ("a.png", marks)]
    several = list(csv.reader(io.StringIO(spreadsheet.values_csv(named))))
    assert [row[:3] for row in several[::3]] == [["a.png", "1", "12"], ["b.png", "1", "12"], ["a.png", "2", "12"]]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("+49-30", "'+49-30"),
        ("-42", "-42"),
        ("+5", "+5"),
        ("-", "-"),
        ("12.5", "12.5"),
    ],
)
def test_no_spreadsheet_runs_what_is_in_a_cell(text: str, written: str) -> None:
    assert spreadsheet.harmless(text) == written


def test_a_workbook_has_numbers_and_marks_what_is_doubtful(marks: Table) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(io.BytesIO(spreadsheet.workbook([("=scan.png", marks)])))
    values, sure, hands = book.worksheets
    assert hands["A1"].value == marks.cells[0].writing
    assert values["A1"].value == 12
    assert (values["C1"].value, values["B2"].value, values["D2"].value) == (None, "-", "other")
    assert sure["A1"].value == pytest.approx(marks.cells[0].value.confidence, abs=1e-3)
    yellow = {cell.coordinate for row in values.iter_rows() for cell in row if cell.fill.fgColor.rgb.endswith("FFE699")}
    assert len(yellow) == sum(cell.value.is_doubtful for cell in marks.cells)


def test_the_image_to_check_by_shows_each_cell(marks: Table) -> None:
    image = annotated(marks)
    assert image.shape == (*marks.view.shape, 3)
    left, top, *_ = np.rint(marks.boxes[0]).astype(int)
    assert len(set(image[top + 2, left + 8].tolist())) > 1  # coloured


def test_the_command_writes_files_and_overwrites_none(cli: Cli, tmp_path: Path) -> None:
    Image.fromarray(table(MARKS)).save(tmp_path / "sheet.png")
    done = cli("table", tmp_path / "sheet.png", "-o", tmp_path / "marks.csv")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "marks.csv").read_text().splitlines()[0] == "12,7,,30"
    assert (tmp_path / "marks.confidence.csv").exists()
    said = [line.split(",") for line in (tmp_path / "marks.writing.csv").read_text().splitlines()]
    assert [len(row) for row in said] == [4, 4, 4]
    assert said[0][2] == ""
    assert {text for row in said for text in row} <= {"", "printed", "handwritten"}
    with Image.open(tmp_path / "marks.png") as image:
        assert image.size[0] > 300
    assert "1 table, 12 cells" in done.stderr
    again = cli("table", tmp_path / "sheet.png", "-o", tmp_path / "marks.csv")
    assert again.returncode == 1
    assert "already exists and nothing is overwritten" in again.stderr
    shown = cli("table", tmp_path / "sheet.png", "--quiet")
    assert (shown.stdout.splitlines()[0], shown.stderr) == ("12,7,,30", "")
    document = json.loads(cli("table", tmp_path / "sheet.png", "--json").stdout)
    assert [cell["text"] for cell in document["tables"][0]["cells"][:2]] == ["12", "7"]


def test_what_has_no_table_is_one_sentence(cli: Cli, tmp_path: Path) -> None:
    Image.fromarray(np.full((200, 200), 225, np.uint8)).save(tmp_path / "blank.png")
    done = cli("table", tmp_path / "blank.png", tmp_path / "nowhere.png", "-o", tmp_path / "x.csv")
    assert done.returncode == 1
    assert "blank.png has no table with at least two rows and two columns" in done.stderr
    assert "nowhere.png cannot be read" in done.stderr
    assert not (tmp_path / "x.csv").exists()
    for words, sentence in (
        (["--grid", "nine"], "A grid is given as rows and columns, such as 9x9"),
        (["-o", tmp_path / "x.doc"], "does not end with .csv, .xlsx or .json"),
    ):
        refused = cli("table", tmp_path / "blank.png", *words)
        assert sentence in refused.stderr
        assert "Traceback" not in refused.stderr
