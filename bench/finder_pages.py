"""Draw a sheet of made pages with the bounding boxes of their digits: python bench/finder_pages.py SOURCES.npz OUT.png.

Digits to be found are green with their label, what is ignored is red. SOURCES.npz is what `pages.sources.save` wrote.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from mnist_cnn.data.pages.made import made_page
from mnist_cnn.data.pages.page import Page
from mnist_cnn.data.pages.sources import load

SCALE = 2


def drawn(page: Page) -> np.ndarray:
    """The page enlarged, in colour, with its boxes."""
    image = cv2.cvtColor(page.grey, cv2.COLOR_GRAY2BGR)
    image = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
    for box, label in zip(page.boxes, page.labels.tolist(), strict=True):
        left, top, right, bottom = (round(float(edge) * SCALE) for edge in box)
        colour = (0, 160, 0) if label >= 0 else (0, 0, 255)
        cv2.rectangle(image, (left, top), (right, bottom), colour, 1)
        if label >= 0:
            cv2.putText(image, str(label), (left + 1, top + 11), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 255), 1)
    return np.pad(image, ((0, 4), (0, 4), (0, 0)), constant_values=128)


def main() -> None:
    """Draw it, and say how long a page takes and how often there is a digit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--rows", type=int, default=6)
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    sources, rng = load(options.sources), np.random.default_rng(options.seed)
    for _ in range(20):
        made_page(rng, sources, options.side)
    begin = time.perf_counter()
    pages = [made_page(rng, sources, options.side) for _ in range(1000)]
    print(f"{time.perf_counter() - begin:.2f} ms a page")
    print(f"{np.mean([page.digits == 0 for page in pages]):.0%} without a digit to find")
    print(f"{np.mean([page.digits for page in pages]):.1f} digits a page")
    sheet = [
        np.hstack([drawn(page) for page in pages[row * options.columns : (row + 1) * options.columns]])
        for row in range(options.rows)
    ]
    cv2.imwrite(str(options.out), np.vstack(sheet))


if __name__ == "__main__":
    main()
