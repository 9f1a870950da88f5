"""Draw docs/page.png: the web app of `mnist-cnn serve` in Chromium, with a number drawn with the mouse.

`python bench/page_picture.py [ADDRESS]`: the address of a running server, by default http://127.0.0.1:8000/.
"""

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from drawing import STROKES  # noqa: E402

NUMBER = "2047"
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def rounded(points: np.ndarray) -> np.ndarray:
    """A polyline (n, 2) with its corners rounded by two rounds of corner cutting (Chaikin 1974)."""
    for _ in range(2):
        near, far = 0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]
        points = np.concatenate([points[:1], np.stack([near, far], axis=1).reshape(-1, 2), points[-1:]])
    return points


def write(page: Page) -> None:
    """Draw the number in the middle of the canvas, slightly slanted, each digit at a different height."""
    box = page.locator("#sheet").bounding_box()
    assert box is not None
    rng = np.random.default_rng(4)
    height = 0.44 * box["height"]
    step = 0.21 * box["width"]
    for index, digit in enumerate(NUMBER):
        corner = box["x"] + 0.11 * box["width"] + index * step, box["y"] + (0.26 + 0.05 * rng.uniform()) * box["height"]
        for stroke in STROKES[digit]:
            points = rounded(np.array(stroke, float))
            points[:, 0] = 0.62 * points[:, 0] - 0.12 * points[:, 1]
            draw(page, np.array(corner) + height * points)


def draw(page: Page, points: np.ndarray) -> None:
    """Draw one stroke with the mouse."""
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(x, y)
    page.mouse.up()


def main() -> None:
    """Draw, wait for the prediction and its explanation, and save a screenshot."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        page = browser.new_page(viewport={"width": 1152, "height": 800})
        page.goto(address)
        write(page)
        expect(page.locator("#number")).to_have_text(NUMBER, timeout=60_000)
        page.get_by_role("tab").nth(2).hover()
        expect(page.get_by_role("img", name="evidence for 4")).to_be_visible(timeout=60_000)
        page.wait_for_timeout(500)  # until the fade-in has finished
        shot = cv2.imdecode(np.frombuffer(page.screenshot(full_page=True), np.uint8), cv2.IMREAD_COLOR)
        browser.close()
    cv2.imwrite(str(ROOT / "docs" / "page.png"), shot, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
