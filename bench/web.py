"""The web app without a server: size, time to load, time per image, and whether its results equal Python's.

`python bench/web.py [IMAGES [COUNT]]`: IMAGES is a folder with a labels.csv, COUNT the number of its images to use
(default: all). Needs Chromium and npm, or the packages in the folder MNIST_CNN_NODE_MODULES instead of npm.
"""

import base64
import csv
import gzip
import io
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from drawing import grain, inked, lit, mask, shadow  # noqa: E402
from mnist_cnn import Reader  # noqa: E402
from mnist_cnn.reading.explain import reasons  # noqa: E402
from mnist_cnn.reading.reading import Reading  # noqa: E402
from mnist_cnn.web.site import export_web  # noqa: E402
from static_host import EXPLAIN, LOADED, SWITCHES, chromium, hosted, reading_of  # noqa: E402

LOADS = 5
TIMES = 20


def png(picture: np.ndarray) -> bytes:
    """The bytes of an image as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def drawing(digits: str) -> bytes:
    """Digits on 480×360 pixels, as drawn in the web app."""
    ink = mask(digits, height=100, pen=24)
    sheet = np.zeros((360, 480), np.uint8)
    height, width = min(360, ink.shape[0]), min(480, ink.shape[1])
    sheet[:height, :width] = ink[:height, :width]
    return png(inked(sheet, 255, 17))


def photograph() -> bytes:
    """Three rows of digits on paper in a shadow, 640×480 pixels."""
    ink = mask("31402/20587/67194", height=70, pen=6)[:480, :640]
    sheet = np.zeros((480, 640), np.uint8)
    sheet[: ink.shape[0], : ink.shape[1]] = ink
    stream = io.BytesIO()
    Image.fromarray(grain(lit(inked(sheet, (225, 220, 210), (50, 55, 70)), shadow(sheet.shape)), 4)).save(
        stream, "JPEG"
    )
    return stream.getvalue()


def timed(act: Any) -> float:
    """Milliseconds of a call."""
    started = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - started)


def differences(read: Any, reading: Reading) -> tuple[bool, float, float]:
    """Whether the text equals Python's, and the largest difference of a box, in pixels, and of a probability."""
    digits = [digit for row in read["rows"] for digit in row]
    moved = [
        abs(digit["box"][name] - value)
        for digit, expected in zip(digits, reading.digits, strict=False)
        for name, value in vars(expected.box).items()
    ]
    apart = [
        abs(one - other)
        for digit, expected in zip(digits, reading.digits, strict=False)
        for one, other in zip(digit["probabilities"], expected.probabilities, strict=True)
    ]
    return read["text"] == reading.text, max(moved, default=0), max(apart, default=0.0)


def compare(page: Any, reader: Reader, folder: Path, count: int | None) -> None:
    """Read the images of a folder in the browser and in Python."""
    with (folder / "labels.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    rows = rows[:: max(1, len(rows) // count)][:count] if count else rows
    found, browser, python = [], [], []
    for row in rows:
        picture, single = (folder / row["path"]).read_bytes(), row["layout"] == "single"
        started = time.perf_counter()
        reading = reader.read(picture, single)
        python.append(1000 * (time.perf_counter() - started))
        read = reading_of(page, picture, single)
        browser.append(read["milliseconds"])
        found.append(differences(read, reading))
    texts, boxes, apart = zip(*found, strict=True)
    near = sum(one <= 1 for one in boxes)
    print(f"{len(rows)} images: {sum(texts)} with the same digits, {near} with the same boxes to a pixel")
    print(f"probabilities differ by at most {max(apart):.4f}, by over 0.001 in {sum(one > 0.001 for one in apart)}")
    print(f"median {statistics.median(browser):.0f} ms in the browser, {statistics.median(python):.0f} ms in Python")
    print(f"longest {max(browser):.0f} ms in the browser, {max(python):.0f} ms in Python")


def times(page: Any, reader: Reader) -> None:
    """Time reading drawings and a photograph, and explaining one digit."""
    images = {"a digit": drawing("2"), "four digits": drawing("2047"), "a photograph": photograph()}
    for name, picture in images.items():
        reading = reader.read(picture)
        browser = statistics.median(reading_of(page, picture)["milliseconds"] for _ in range(TIMES))
        python = statistics.median(timed(lambda: reader.read(picture)) for _ in range(TIMES))  # noqa: B023
        print(f"{name}, predicted as {reading.text!r}: {browser:.0f} ms in the browser, {python:.0f} ms in Python")
    image = reader.read(images["four digits"]).digits[0].image
    text = base64.b64encode(image.tobytes()).decode()
    browser = statistics.median(timed(lambda: page.evaluate(EXPLAIN, text)) for _ in range(3))
    python = statistics.median(timed(lambda: reasons(reader.classify, image)) for _ in range(3))
    print(f"explanation of one digit: {browser / 1000:.1f} s in the browser, {python / 1000:.1f} s in Python")


def main() -> None:
    """Export the web app, load it, time it, compare."""
    cv2.setNumThreads(1)
    packages = os.environ.get("MNIST_CNN_NODE_MODULES")
    with tempfile.TemporaryDirectory() as temporary:
        written = export_web(None, Path(temporary) / "page", Path(packages) if packages else None)
        packed = sum(len(gzip.compress(path.read_bytes())) for path in written.path.rglob("*") if path.is_file())
        print(f"{written.files} files, {written.bytes / 1e6:.1f} MB, {packed / 1e6:.1f} MB with gzip")
        with hosted(Path(temporary)) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=SWITCHES)
            loads = []
            for _ in range(LOADS):
                page = browser.new_context().new_page()  # with an empty cache
                page.set_default_timeout(120_000)
                loads.append(timed(lambda: (page.goto(f"{address}page/"), page.evaluate(LOADED))))  # noqa: B023
            print(f"ready after {statistics.median(loads) / 1000:.1f} s (median of {LOADS}), served from this machine")
            reader = Reader()
            times(page, reader)
            if len(sys.argv) > 1:
                compare(page, reader, Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
            browser.close()


if __name__ == "__main__":
    main()
