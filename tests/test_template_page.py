"""The page on which templates of forms are made, in a real browser: with mouse, finger and keyboard."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mnist_cnn import FormTemplate
from sheets import FIELDS, FORM, blank_form, template_of
from test_page import SIZES, Visit, address, browser, violations  # noqa: F401  the fixtures

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = pytest.mark.slow

NAME, EXPECTED, PLACES = "Name", "What is expected", "Boxes for one digit each"


class TemplateVisit(Visit):
    """One visit to the page."""

    def __init__(self, context: Any, address: str) -> None:  # noqa: F811
        super().__init__(context, f"{address}template")

    def open_scan(self, image: np.ndarray) -> None:
        content = cv2.imencode(".png", image)[1].tobytes()
        self.page.locator("#scan-file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": content})
        sync_api.expect(self.page.get_by_role("img", name="Reference scan")).to_be_visible()

    def open_template(self, content: str) -> None:
        file = {"name": "t.json", "mimeType": "application/json", "buffer": content.encode()}
        self.page.locator("#template-file").set_input_files(file)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A place of the scan on the screen."""
        self.page.locator("#form-sheet").scroll_into_view_if_needed()
        box = self.page.locator("#form-sheet").bounding_box()
        return box["x"] + x * box["width"] / FORM[0], box["y"] + y * box["height"] / FORM[1]

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*self.point(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.point(*end), steps=4)
        self.page.mouse.up()

    def draw_field(self, name: str) -> None:
        (left, top, width, height), places = FIELDS[name]
        self.drag((left, top), (left + width, top + height))
        self.page.get_by_label(NAME, exact=True).fill(name)
        if places:
            self.page.get_by_label(PLACES).fill(str(places))

    def box(self, name: str) -> Any:
        """The button on the scan of a field."""
        return self.page.locator("#fields").get_by_role("button", name=re.compile(f"^{name},"))

    def numbers(self) -> list[int]:
        return [int(self.page.get_by_label(side).input_value()) for side in ("Left", "Top", "Width", "Height")]

    def template(self, folder: Path) -> FormTemplate:
        with self.page.expect_download() as waiting:
            self.page.get_by_role("button", name="Download template").click()
        assert waiting.value.suggested_filename == "template.json"
        waiting.value.save_as(folder / "template.json")
        return FormTemplate.load(folder / "template.json")


@pytest.fixture(params=["desktop", pytest.param("phone", marks=pytest.mark.extended)])
def visit(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[TemplateVisit]:  # noqa: F811
    """The page at a phone's and a desktop's size; nothing may be sent, asked of another host, or complained about."""
    context = browser.new_context(**SIZES[request.param])
    visiting = TemplateVisit(context, address)
    yield visiting
    asked = [(one.method, one.url) for one in visiting.requests]
    context.close()
    assert [one for one in asked if one[0] != "GET" or not one[1].startswith((address, "blob:", "data:"))] == []
    assert visiting.complaints == []


at_a_desk = pytest.mark.parametrize("visit", ["desktop"], indirect=True)


def test_boxes_drawn_on_a_scan_become_a_template(visit: TemplateVisit, tmp_path: Path) -> None:
    visit.open_scan(blank_form())
    for name in ("roll number", "points"):
        visit.draw_field(name)
    visit.page.get_by_label(EXPECTED).fill("0-20")
    made = visit.template(tmp_path)
    assert (made.width, made.height, made.names) == (*FORM, ["roll number", "points"])
    assert [field.places for field in made.fields] == [6, None]
    assert [field.expect for field in made.fields] == [None, "0-20"]
    for field in made.fields:
        assert np.abs(np.subtract(field.box, FIELDS[field.name][0])).max() <= 4  # a pixel of a phone's screen
    assert np.array_equal(made.grey, blank_form())


@at_a_desk
def test_boxes_are_moved_resized_and_deleted_by_mouse(visit: TemplateVisit) -> None:
    visit.open_scan(blank_form())
    visit.draw_field("points")
    before = visit.numbers()
    visit.drag((600, 385), (640, 445))
    after = visit.numbers()
    assert np.abs(np.subtract(after, np.add(before, [40, 60, 0, 0]))).max() <= 2
    corner = (after[0] + after[2], after[1] + after[3])
    visit.drag(corner, (corner[0] + 50, corner[1] + 30))
    assert np.abs(np.subtract(visit.numbers(), np.add(after, [0, 0, 50, 30]))).max() <= 2
    visit.drag((700, 460), (2000, 460))  # to the edge and no farther
    left, _, width, _ = visit.numbers()
    assert left + width == FORM[0]
    visit.page.get_by_role("button", name="Delete field").click()
    sync_api.expect(visit.page.get_by_text("None yet: draw a box")).to_be_visible()
    sync_api.expect(visit.page.locator("#fields button")).to_have_count(0)


@at_a_desk
def test_all_can_be_done_by_keyboard(visit: TemplateVisit, tmp_path: Path) -> None:
    visit.open_scan(blank_form())
    keyboard = visit.page.keyboard
    visit.page.get_by_role("button", name="Add field").focus()
    keyboard.press("Enter")
    sync_api.expect(visit.box("field 1")).to_be_focused()
    before = visit.numbers()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown"):
        keyboard.press(key)
    step = FORM[1] // 400
    assert visit.numbers() == np.add(before, [2 * step, -step, step, step]).tolist()
    keyboard.press("Enter")
    sync_api.expect(visit.page.get_by_label(NAME, exact=True)).to_be_focused()
    keyboard.press("Control+A")
    keyboard.type("total")
    visit.page.get_by_label("Left").fill("100")
    visit.page.get_by_role("button", name="Add field").focus()
    keyboard.press("Enter")
    keyboard.press("Delete")
    sync_api.expect(visit.box("total")).to_be_focused()
    [field] = visit.template(tmp_path).fields
    assert (field.name, field.box[0]) == ("total", 100)


@at_a_desk
def test_an_existing_template_is_changed_and_keeps_its_scan(visit: TemplateVisit, tmp_path: Path) -> None:
    given = template_of({"date": "date"})
    visit.open_template(given.to_json())
    sync_api.expect(visit.page.get_by_role("listitem")).to_have_count(len(FIELDS))
    visit.page.get_by_role("listitem").get_by_role("button", name="date").click()
    sync_api.expect(visit.page.get_by_label(EXPECTED)).to_have_value("date")
    visit.page.get_by_label(NAME, exact=True).fill("day")
    changed = visit.template(tmp_path)
    assert changed.names == ["roll number", "day", "points", "telephone", "amount"]
    assert [field.box for field in changed.fields] == [field.box for field in given.fields]
    assert changed.image == given.image


@at_a_desk
def test_what_is_wrong_is_said(visit: TemplateVisit) -> None:
    page, alert = visit.page, visit.page.get_by_role("alert")
    for content, sentence in (
        ("nothing", "This file is not a template of a form."),
        ('{"format": "mnist-cnn form template", "version": 9, "image": ""}', "of another version"),
        (json.dumps(json.loads(template_of().to_json()) | {"fields": [7]}), "A field of this template is damaged."),
        (json.dumps(json.loads(template_of().to_json()) | {"image": "AAAA"}), "The scan in this template is damaged."),
    ):
        visit.open_template(content)
        sync_api.expect(alert).to_contain_text(sentence)
    page.locator("#scan-file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"no image"})
    sync_api.expect(alert).to_contain_text("cannot display this file")
    visit.open_scan(blank_form())
    page.get_by_role("button", name="Download template").click()
    sync_api.expect(alert).to_contain_text("There are no fields yet")
    visit.draw_field("points")
    visit.draw_field("amount")
    for name, sentence in (("points", "Two fields are called points"), (" ", "no name"), ("Error", "cannot be called")):
        page.get_by_label(NAME, exact=True).fill(name)
        page.get_by_role("button", name="Download template").click()
        sync_api.expect(alert).to_contain_text(sentence)


def test_the_main_page_leads_there_and_back(browser: Any, address: str) -> None:  # noqa: F811
    context = browser.new_context(**SIZES["desktop"])
    page = Visit(context, address).page
    page.get_by_role("link", name="Form template").click()
    sync_api.expect(page.get_by_role("heading", name="Form template")).to_be_visible()
    page.get_by_role("link", name="mnist-cnn").click()
    sync_api.expect(page.get_by_role("heading", name="Write a number")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_to_complain_about(browser: Any, address: str, size: str, scheme: str) -> None:  # noqa: F811
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    context = browser.new_context(**SIZES[size], color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    visit = TemplateVisit(context, address)
    found = {"empty": violations(axe, visit)}
    visit.open_scan(blank_form())
    visit.draw_field("roll number")
    visit.draw_field("points")
    found["drawn"] = violations(axe, visit)
    wide = visit.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    context.close()
    assert found == {"empty": [], "drawn": []}
    assert not wide
