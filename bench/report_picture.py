"""Draw docs/report.png: the upper part of the HTML report of a run, in Chromium.

`python bench/report_picture.py RUN`: RUN is a folder that `mnist-cnn train` made; for the figure in the README,
`mnist-cnn train` on MNIST, with the default recipe and seed.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from page_picture import SWITCHES

TARGET = Path(__file__).parents[1] / "docs" / "report.png"
LAST = "#confusion-matrix"  # the last section in the figure
PALETTE = 128  # colours: a third of the file size of all colours


def main(run: Path) -> None:
    """Take a screenshot down to the end of the confusion matrix."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        page.goto((run / "report.html").resolve().as_uri())
        box = page.locator(LAST).bounding_box()
        assert box is not None
        clip = {"x": 0, "y": 0, "width": 1000, "height": box["y"] + box["height"] + 24}
        shot = page.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type]
        browser.close()
    figure = Image.open(io.BytesIO(shot)).convert("RGB").quantize(PALETTE, dither=Image.Dither.NONE)
    figure.save(TARGET, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
