"""Draw docs/report.png: parts of the HTML report of a run beside each other, in Chromium.

`python bench/report_picture.py RUN`: RUN is a folder that `mnist-cnn train` made; for the figure in the README,
`mnist-cnn train --recipe fast -o runs/fast` on MNIST.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from page_picture import SWITCHES

TARGET = Path(__file__).parents[1] / "docs" / "report.png"
# The first and last section of each column, by their ids; the header belongs to the first.
COLUMNS = (("header", "#learning-curves"), ("#architecture", "#confusion-matrix"))
CELL = ".matrix .error"  # the most common error is clicked
WIDTH, GAP = 1000, 24
PALETTE = 128  # colours: a third of the file size of all colours


def main(run: Path) -> None:
    """Take a screenshot of each column and put them beside each other."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        page = browser.new_page(viewport={"width": WIDTH, "height": 800})
        page.goto((run / "report.html").resolve().as_uri())
        most = page.locator(CELL).evaluate_all("all => Math.max(...all.map((one) => Number(one.textContent)))")
        page.locator(CELL).get_by_text(str(most), exact=True).first.click()
        page.evaluate("scrollTo(0, 0)")  # bounding boxes are relative to the window
        page.wait_for_timeout(500)
        shots = []
        for first, last in COLUMNS:
            start, end = page.locator(first).bounding_box(), page.locator(last).bounding_box()
            assert start is not None
            assert end is not None
            bottom = end["y"] + end["height"] + GAP
            clip = {"x": 0, "y": start["y"], "width": WIDTH, "height": bottom - start["y"]}
            shots.append(Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip))))  # type: ignore[arg-type]
        browser.close()
    figure = Image.new("RGB", (len(shots) * WIDTH, max(shot.height for shot in shots)), shots[0].getpixel((0, 0)))
    for number, shot in enumerate(shots):
        figure.paste(shot, (number * WIDTH, 0))
    figure.quantize(PALETTE, dither=Image.Dither.NONE).save(TARGET, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
