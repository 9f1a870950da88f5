"""Draw docs/template_page.png: the page /template of `mnist-cnn serve` in Chromium, with boxes drawn on a form.

`python bench/template_picture.py [ADDRESS]`: the address of a running server, by default http://127.0.0.1:8000/.
"""

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from page_picture import SWITCHES  # noqa: E402
from sheets import FIELDS, FORM, blank_form  # noqa: E402

PATTERNS = {"date": "date", "points": "0-20", "telephone": "phone"}
SHOWN = 620  # pixels of the form, from the top


def draw(page: Page, name: str) -> None:
    """Draw the box of a field, and say what is expected in it."""
    (left, top, width, height), places = FIELDS[name]
    sheet = page.locator("#form-sheet").bounding_box()
    assert sheet is not None
    scale = sheet["width"] / FORM[0]
    page.mouse.move(sheet["x"] + left * scale, sheet["y"] + top * scale)
    page.mouse.down()
    page.mouse.move(sheet["x"] + (left + width) * scale, sheet["y"] + (top + height) * scale, steps=4)
    page.mouse.up()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("What is expected").fill(PATTERNS.get(name, ""))
    page.get_by_label("Boxes for one digit each").fill(str(places or ""))


def main() -> None:
    """Open a form, draw all boxes, choose the first, and save a screenshot."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/"
    form = cv2.imencode(".png", blank_form()[:SHOWN])[1].tobytes()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        page = browser.new_page(viewport={"width": 1152, "height": 860})
        page.goto(f"{address}template")
        page.locator("#scan-file").set_input_files({"name": "form.png", "mimeType": "image/png", "buffer": form})
        page.locator("#form-sheet").wait_for()
        for name in FIELDS:
            draw(page, name)
        page.get_by_role("listitem").get_by_role("button", name="roll number").click()
        shot = cv2.imdecode(np.frombuffer(page.screenshot(full_page=True), np.uint8), cv2.IMREAD_COLOR)
        browser.close()
    cv2.imwrite(str(ROOT / "docs" / "template_page.png"), shot, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
