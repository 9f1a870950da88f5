"""Draw docs/notebook.png: what a dataset, an evaluation and a reading show of themselves in a notebook, in Chromium.

`python bench/notebook_picture.py`: scikit-learn's digits, the bundled model on them, and a number written by code.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import mnist_cnn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from drawing import grain, inked, lit, mask, shadow  # noqa: E402

STYLE = """
body { font: 13px/1.4 "DejaVu Sans", sans-serif; color: #1d2126; width: 840px; margin: 12px }
pre { font: 12px "DejaVu Sans Mono", monospace; background: #f2f2f2; padding: 6px; margin: 8px 0 }
table { border-collapse: collapse } td, th { padding: 0 6px; text-align: right } img { max-width: 100% }
main { display: grid; grid-template-columns: 1fr 1fr; gap: 0 20px }
"""


def shown(code: str, value: object) -> str:
    """A cell and its output."""
    return f"<div><pre>{code}</pre>{value._repr_html_()}</div>"  # type: ignore[attr-defined]  # what a notebook calls


def main() -> None:
    """Draw the figure."""
    data = mnist_cnn.load_data("digits")
    images, labels = data.test
    evaluation = mnist_cnn.evaluate(mnist_cnn.load("robust").predict_proba(images), labels)
    ink = mask("475/20", height=70)
    photo = grain(lit(inked(ink, 225, 60), shadow(ink.shape)), 1)
    cells = shown("model.evaluate(data)", evaluation)
    reading = shown('mnist_cnn.read("photo.jpg")', mnist_cnn.read(photo))
    top = shown('mnist_cnn.load_data("digits")', data)
    page = f"<style>{STYLE}</style>{top}<main>{cells}{reading}</main>"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 864, "height": 400})
        tab.set_content(page)
        pixels = Image.open(io.BytesIO(tab.screenshot(full_page=True))).convert("RGB")
    pixels.quantize(96, dither=Image.Dither.NONE).save(ROOT / "docs" / "notebook.png", optimize=True)


if __name__ == "__main__":
    main()
