"""A review of doubtful cells: what is asked, what an answer changes, what cannot be changed, the server's limits."""

import csv
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import Cli, command_line
from mnist_cnn.errors import ReaderError, RunError
from mnist_cnn.evaluation import labelled_images
from mnist_cnn.reading.cell_values import Value
from mnist_cnn.reading.digit import Box, Digit
from mnist_cnn.reading.grids import Cell
from mnist_cnn.reading.mark import Mark
from mnist_cnn.reading.reading import Row
from mnist_cnn.sheets import spreadsheet
from mnist_cnn.sheets.corrections import Answer, with_cell
from mnist_cnn.sheets.doubtful import alternatives, doubtful_cells
from mnist_cnn.sheets.table import Table, TableCell
from mnist_cnn.terminal import reviews
from mnist_cnn.terminal.reviews import Review
from sheets import table
from static_host import SWITCHES, chromium

PATIENCE = 120  # seconds: a machine that does much else
SIDE = 60


def digit(most: int, second: int, confidence: float) -> Digit:
    ten = np.full(10, 0.001)
    ten[second], ten[most] = 1 - confidence - 0.008, confidence
    return Digit(most, confidence, tuple(ten.tolist()), Box(0, 0, 9, 20), False, np.zeros((28, 28), np.uint8))


def a_table() -> Table:
    """Two rows and columns: 12 for sure, a doubtful 75 that may be 7.5, a blank, and something doubtful."""
    seven, five = digit(7, 1, 0.95), digit(5, 6, 0.8)
    point = Mark(".", 0.3, Box(9, 15, 3, 3), 1)
    values = [
        Value("number", "12", 0.98, Row([digit(1, 7, 0.99), digit(2, 7, 0.99)])),
        Value("number", "75", 0.53, Row([seven, five], [], [point])),
        Value("blank", "", 0.99),
        Value("other", "", 0.6),
    ]
    boxes = np.array([[20 + SIDE * x, 20 + SIDE * y, 20 + SIDE * (x + 1), 20 + SIDE * (y + 1)] for y in (0, 1)
                      for x in (0, 1)])  # fmt: skip
    cells = [TableCell(Cell(i // 2, i % 2), value, np.zeros((4, 2))) for i, value in enumerate(values)]
    view = np.random.default_rng(0).integers(0, 256, (160, 160), np.uint8)
    return Table(2, 2, tuple(cells), view, boxes, boxes + np.array([3, 3, -3, -3]))


@pytest.fixture
def begun(tmp_path: Path) -> Review:
    """A review beside a CSV file of this table."""
    named = [("a.png", a_table())]
    (tmp_path / "marks.csv").write_text(spreadsheet.values_csv(named))
    (tmp_path / "marks.confidence.csv").write_text(spreadsheet.confidences_csv(named))
    return reviews.begin(tmp_path / "marks.csv", named)


def test_an_alternative_may_be_another_digit_or_a_mark_that_was_not_read() -> None:
    assert alternatives(a_table().cells[1].value) == ("7.5", "76", "7.6", "15")
    assert alternatives(Value("blank", "", 0.5)) == ()


def test_doubtful_cells_know_their_place_in_the_file_and_their_image() -> None:
    one = a_table()
    first, second = doubtful_cells([("a.png", one)])
    assert (first.line, first.column, first.written) == (0, 1, "75")
    assert (second.line, second.column, second.written) == (1, 1, "other")
    left, top, right, bottom = first.inside
    expected = one.view[23:77, 83:137]
    assert np.array_equal(first.image[top:bottom, left:right], expected)
    # Of several tables each line begins with the sheet and the number of the table.
    third = list(doubtful_cells([("a.png", one), ("a.png", one)]))[2]
    assert (third.table, third.line, third.column, third.row, third.cell) == (2, 2, 3, 0, 1)


def test_an_answer_is_in_the_file_in_the_confidences_and_in_the_labels(begun: Review) -> None:
    begun.answer(1, "number", "7.5")
    begun.answer(2, "blank", "")
    assert begun.output.read_text() == "12,7.5\n,\n"
    assert (begun.output.parent / "marks.confidence.csv").read_text() == "0.980,1.000\n0.990,1.000\n"
    [labelled] = labelled_images.load(begun.folder / "labels.csv")
    assert labelled.label == "7.5"
    with Image.open(labelled.path) as image:
        assert np.array_equal(np.asarray(image), a_table().view[23:77, 83:137])
    assert reviews.summary(begun).endswith("all 2 doubtful cells are reviewed")


def test_a_review_is_resumed_and_an_answer_can_be_another(begun: Review) -> None:
    begun.answer(1, "number", "7.5")
    again = Review(begun.output)
    assert [cell["answer"] for cell in again.document["cells"]] == [{"kind": "number", "text": "7.5"}, None]
    again.answer(1, "dash", "")
    assert begun.output.read_text() == "12,-\n,other\n"
    assert (begun.folder / "labels.csv").read_text() == "path,label\n"
    assert "1 of 2 doubtful cells reviewed: resume with mnist-cnn review" in reviews.summary(again)


def test_what_somebody_changed_meanwhile_is_not_overwritten(begun: Review) -> None:
    for content, sentence in (
        ("12,80\n,other\n", "Line 1, cell 2 has '80' by now, which is not overwritten"),
        ("12\n", "no line 1 with 2 cells any more"),
    ):
        begun.output.write_text(content)
        with pytest.raises(RunError, match=sentence):
            begun.answer(1, "number", "7.5")
        assert begun.output.read_text() == content
        assert begun.answers == {}
    begun.output.write_bytes(b"\xef\xbb\xbf12,75\r\n,other\r\n")  # as a spreadsheet saves it
    begun.answer(1, "number", "7.5")
    assert begun.output.read_bytes() == b"12,7.5\r\n,other\r\n"


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write everywhere")
def test_what_cannot_be_written_changes_nothing(begun: Review) -> None:
    begun.output.parent.chmod(0o500)
    with pytest.raises(RunError, match="cannot be written"):
        begun.answer(1, "number", "7.5")
    begun.output.parent.chmod(0o700)
    assert begun.output.read_text() == "12,75\n,other\n"


@pytest.mark.parametrize(
    ("kind", "text"), [("number", ""), ("number", "=1+A1"), ("number", "x"), ("number", "1" * 41), ("word", "Anna")]
)
def test_only_numbers_and_kinds_of_cells_are_answers(begun: Review, kind: Any, text: str) -> None:
    before = begun.output.read_text()
    with pytest.raises(ReaderError):
        begun.answer(1, kind, text)
    assert begun.output.read_text() == before


def test_a_spreadsheet_runs_no_correction() -> None:
    assert Answer.of("number", "-1/2").text == "-1/2"
    assert with_cell("5,'=2\n", 0, 0, "-1/2", {"5"}) == "'-1/2,'=2\n"
    assert with_cell("'-1/2\n", 0, 0, "3", {"-1/2"}) == "3\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [("cells.json", "{"), ("cells.json", '{"cells": [{"line": -1}]}'), ("answers.json", '{"9": ["number", "1"]}')],
)
def test_a_damaged_review_is_one_sentence(begun: Review, name: str, content: str) -> None:
    (begun.folder / name).write_text(content)
    with pytest.raises(RunError, match=re.escape(name)):
        Review(begun.output)


def test_the_commands_say_what_they_need(cli: Cli, tmp_path: Path) -> None:
    for words in (["table", "x.png", "--review"], ["table", "x.png", "-o", tmp_path / "m.xlsx", "--review"]):
        assert "A review writes corrections into a CSV file" in cli(*words).stderr
    assert "begin with mnist-cnn table … --review" in cli("review", tmp_path / "none.csv").stderr


@contextmanager
def served(review: Review) -> Iterator[str]:
    """The review on a server in a thread of this process: the URL that is announced."""
    pytest.importorskip("uvicorn", reason="the package uvicorn is not installed")
    from mnist_cnn.serving.review_app import review_app
    from mnist_cnn.serving.server import Announcing, config_of, listen
    from mnist_cnn.serving.settings import Settings

    with listen("127.0.0.1", 0) as listener:
        settings = Settings("127.0.0.1", listener.getsockname()[1], token="secret")  # noqa: S106  of this test
        ready = threading.Event()
        server = Announcing(config_of(review_app(review, settings)), ready.set)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            assert ready.wait(PATIENCE)
            yield f"http://127.0.0.1:{settings.port}/"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


def test_only_the_page_with_the_token_may_read_and_write(begun: Review) -> None:
    httpx = pytest.importorskip("httpx", reason="the package httpx is not installed")
    own = {"Authorization": "Bearer secret"}
    with served(begun) as address, httpx.Client(base_url=address, timeout=PATIENCE, trust_env=False) as client:
        page = client.get("/")
        assert page.status_code == 200
        assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
        assert '<script type="module" src="review.js"></script>' in page.text
        answer = {"kind": "number", "text": "7.5"}
        as_json, long = own | {"Content-Type": "application/json"}, {"kind": "number", "text": "9" * 3000}
        assert client.get("/review/cells").status_code == 401
        assert client.get("/review/cells/1/image").status_code == 401
        assert client.post("/review/cells/1", json=answer).status_code == 401
        assert client.post("/review/cells/1", json=answer, headers=own | {"Host": "evil.example"}).status_code == 400
        simple = own | {"Content-Type": "text/plain"}
        assert client.post("/review/cells/1", content=json.dumps(answer), headers=simple).status_code == 415
        assert client.post("/review/cells/9", json=answer, headers=own).status_code == 404
        assert client.post("/review/cells/1", content=b"[", headers=as_json).status_code == 400
        assert client.post("/review/cells/1", json=long, headers=own).status_code == 413
        assert client.post("/review/cells/1", json={"kind": "number", "text": "x"}, headers=own).status_code == 422
        assert begun.output.read_text() == "12,75\n,other\n"
        assert client.post("/review/cells/1", json=answer, headers=own).json() == {"number": 1}
        assert begun.output.read_text() == "12,7.5\n,other\n"
        assert client.get("/review/cells/1/image", headers=own).content == begun.image(1)
        begun.output.write_text("1\n")
        assert client.post("/review/cells/2", json=answer, headers=own).status_code == 409


@pytest.mark.slow
def test_a_person_reviews_with_the_keyboard_alone(begun: Review, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    if not chromium():
        pytest.skip("no Chromium is on the PATH")
    with served(begun) as address, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=SWITCHES, timeout=1000 * PATIENCE)
        page = browser.new_page(viewport={"width": 900, "height": 760})
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{address}#secret")
        page.get_by_text("Cell 1 of 2, 0 reviewed").wait_for()
        assert page.get_by_role("button", name="7.5").is_visible()
        assert page.get_by_role("heading").inner_text() == "Row 1, column 2"
        assert page.evaluate("document.activeElement.id") == "text"
        page.wait_for_function("document.querySelector('#image').naturalWidth > 0")
        page.keyboard.type("7.5")  # what was read is selected, so it is replaced
        page.keyboard.press("Enter")
        page.get_by_text("Cell 2 of 2, 1 reviewed").wait_for()
        assert begun.output.read_text() == "12,7.5\n,other\n"
        page.keyboard.press("ArrowUp")
        page.get_by_text("Your answer: 7.5").wait_for()
        page.keyboard.press("ArrowDown")
        page.get_by_text("Cell 2 of 2").wait_for()
        page.keyboard.press("Enter")
        page.get_by_text("Type a number, or press B for a blank cell").wait_for()
        page.screenshot(path=str(tmp_path / "review.png"))
        page.keyboard.press("b")
        page.get_by_text("All 2 cells are reviewed and saved in marks.csv").wait_for()
        assert begun.output.read_text() == "12,7.5\n,\n"
        assert complaints == []
        # Everything that can be used has a name, and the page has a language, a title and one heading.
        names = page.evaluate("""[...document.querySelectorAll("button:not([hidden]), input")]
            .map((one) => one.labels?.[0]?.textContent || one.textContent || one.getAttribute("aria-label"))""")
        assert all(names)
        assert page.get_by_role("img").get_attribute("alt")
        about = "[document.documentElement.lang, document.title, document.querySelectorAll('h1').length]"
        assert page.evaluate(about) == ["en", "mnist-cnn: review of doubtful cells", 1]
        if keep := os.environ.get("KEEP_SCREENSHOT"):
            shutil.copy(tmp_path / "review.png", keep)
        wrong = browser.new_page()
        wrong.set_default_timeout(1000 * PATIENCE)
        wrong.goto(address)
        wrong.get_by_text("This address has no valid token").wait_for()
        browser.close()


@pytest.mark.slow
def test_the_command_writes_serves_and_says_how_to_resume(tmp_path: Path) -> None:
    Image.fromarray(table([["12", "✓"], ["5", "7"]])).save(tmp_path / "sheet.png")
    words = command_line(
        "table", tmp_path / "sheet.png", "-o", tmp_path / "marks.csv", "--review", "--min-confidence", "1"
    )
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        assert re.fullmatch(
            r"Review at http://127\.0\.0\.1:\d+/#[\w-]{32} \(press Ctrl-C to stop\)\n", running.stdout.readline()
        )
        running.terminate()
        said, _ = running.communicate(timeout=PATIENCE)
    assert "doubtful cells reviewed: resume with mnist-cnn review" in said
    rows = list(csv.reader((tmp_path / "marks.csv").read_text().splitlines()))
    assert rows == [["??", "other"], ["?", "?"]]
