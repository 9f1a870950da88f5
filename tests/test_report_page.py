"""The report in a browser: what its script adds, and that nothing is lost without it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_cnn.card import Card
from mnist_cnn.data.dataset import Examples
from mnist_cnn.evaluation import html_report
from mnist_cnn.evaluation.metrics import evaluate
from static_host import SWITCHES, chromium
from test_report import LAYERS, a_card, predictions

sync_api = pytest.importorskip("playwright.sync_api")

LABELS = np.array([4, 4, 4, 9], np.uint8)
IMAGES = np.zeros((4, 28, 28), np.uint8)
IMAGES[np.arange(4), 0, :] = np.array([0, 50, 100, 150], np.uint8)[:, None]  # the first row tells which image it is
BLOCKS = [{"update": 20 * one, "loss": 1 / one, "accuracy": 0.5} for one in (1, 2, 3)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=SWITCHES, timeout=60_000)
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    test = Examples(IMAGES, LABELS)
    probabilities = predictions(9, 9, 4, 9, confidence=[0.6, 0.9, 0.8, 0.95])
    history = [{"epoch": 1, "loss": 0.5, "accuracy": 0.8, "seconds": 6.1, "updates": BLOCKS}]
    card: Card = a_card(probabilities, test, layers=LAYERS, history=history)
    return html_report.write(folder, card, test, probabilities, evaluate(probabilities, LABELS))


def opened(browser: Any, report: Path, width: int = 1200, *, scripts: bool = True) -> tuple[Any, list[str]]:
    """The page in a window of this width, and what the browser complains about."""
    page = browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=scripts).new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.as_uri())
    return page, complaints


def test_a_cell_of_the_confusion_matrix_shows_its_images(browser: Any, report: Path) -> None:
    page, complaints = opened(browser, report)
    cell, panel = page.get_by_role("button", name="4 predicted as 9: 2"), page.locator("#cell")
    assert not panel.is_visible()
    cell.click()
    assert panel.locator("p").inner_text() == "4 predicted as 9 2 images, most confident first"
    assert panel.locator("li").all_inner_texts() == ["#1\n90.0%", "#0\n60.0%"]
    page.wait_for_function("document.querySelector('#cell canvas').getContext('2d').getImageData(0, 0, 1, 1).data[3]")
    shades = panel.locator("canvas").evaluate_all(
        "all => all.map(one => one.getContext('2d').getImageData(5, 0, 1, 1).data[0])"
    )
    assert shades == [255 - 50, 255]  # dark on white
    page.get_by_role("button", name="9 predicted as 9: 1").click()
    assert panel.locator("li").all_inner_texts() == ["#3\n95.0%"]
    page.get_by_role("button", name="9 predicted as 9: 1").click()
    assert not panel.is_visible()
    assert complaints == []


def test_a_cell_can_be_reached_by_keyboard(browser: Any, report: Path) -> None:
    page, _ = opened(browser, report)
    page.get_by_role("button", name="4 predicted as 9: 2").focus()
    page.keyboard.press("Enter")
    assert page.locator("#cell li").count() == 2
    assert page.locator("[aria-expanded=true]").count() == 1


def test_without_scripts_the_numbers_are_there_and_nothing_invites_to_click(browser: Any, report: Path) -> None:
    page, _ = opened(browser, report, scripts=False)
    assert page.locator('td[data-cell="4-9"]').inner_text() == "2"
    assert page.get_by_role("button").count() == 0
    assert not page.get_by_text("Click a number").is_visible()


def test_an_injected_script_does_not_run(browser: Any, report: Path, tmp_path: Path) -> None:
    changed = tmp_path / "report.html"
    changed.write_text(report.read_text().replace("</body>", "<script>document.title = 'owned'</script></body>"))
    page, complaints = opened(browser, changed)
    assert page.title() != "owned"
    assert any("Content Security Policy" in said for said in complaints)


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_no_part_of_the_page_is_wider_than_the_window(browser: Any, report: Path, width: int) -> None:
    page, _ = opened(browser, report, width)
    page.get_by_role("button", name="4 predicted as 9: 2").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
