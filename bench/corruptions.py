"""Robustness to the 15 corruptions of MNIST-C: accuracy on MNIST's test digits in three ways; and a figure.

    python bench/corruptions.py NAME=MODEL.onnx … [--images N] [--figure FILE.png]

Writes bench/results/corruptions.json: the results of a named model replace its earlier ones, others stay. N is the
number of test images used, from the first (default: all). MNIST is found through MNIST_CNN_DATA. With `--figure` and
no model it only draws: one row of ten test digits per corruption.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np

from mnist_cnn.data import source
from mnist_cnn.data.dataset import Examples
from mnist_cnn.evaluation.corruptions import CORRUPTIONS, corrupt
from mnist_cnn.evaluation.robustness import CLEAN, PIPELINES, robustness
from mnist_cnn.reading.network import onnx_classifier
from results import FOLDER, machine_line, write

ENLARGED = 2
LABEL = 104  # pixels, left of the digits


def main() -> None:
    """Evaluate each named model, and draw the figure if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="NAME=MODEL.onnx")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--figure", type=Path)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    test = source.load("mnist").test
    if asked.figure:
        cv2.imwrite(str(asked.figure), sheet(test), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    kept = FOLDER / "corruptions.json"
    networks = json.loads(kept.read_text())["networks"] if kept.exists() else {}
    for named in asked.models:
        name, _, model = named.partition("=")
        start = time.perf_counter()
        found = robustness(
            onnx_classifier(Path(model)), Examples(test.images[: asked.images], test.labels[: asked.images])
        )
        networks[name] = {"seconds": round(time.perf_counter() - start, 1), **found.to_dict()}
        print(name, {way: f"{share:.2%}" for way, share in found.mean.items()}, machine_line(), flush=True)
        write("corruptions", {"networks": networks})
    show(networks)


def show(networks: dict[str, dict[str, object]]) -> None:
    """Print the table of the docs, in Markdown."""
    columns = [(name, way) for name in networks for way in PIPELINES]
    print("| |", " | ".join(f"{name}, {way}" for name, way in columns), "|")
    print("|---|" + "---:|" * len(columns))
    for kind in (CLEAN, *CORRUPTIONS, "mean"):
        cells = []
        for name, way in columns:
            document: dict = networks[name]  # type: ignore[type-arg]
            row = (
                document["mean"]
                if kind == "mean"
                else document[CLEAN]
                if kind == CLEAN
                else document["corruptions"][kind]
            )
            cells.append(f"{100 * (row[way] if kind == 'mean' else row[way]['accuracy']):.2f}")
        print(f"| {kind.replace('_', ' ')} |", " | ".join(cells), "|")


def sheet(test: Examples) -> np.ndarray:
    """Rows with the first digit of each class: clean, then with each corruption, white on black."""
    places = [int(np.flatnonzero(test.labels == digit)[0]) for digit in range(10)]
    rows = []
    for kind in (CLEAN, *CORRUPTIONS):
        images = [test.images[place : place + 1] for place in places]
        if kind != CLEAN:
            images = [corrupt(image, kind, first=place) for image, place in zip(images, places, strict=True)]
        digits = np.hstack(
            [cv2.copyMakeBorder(image[0], 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=160) for image in images]
        )
        digits = cv2.resize(digits, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_NEAREST)
        words = np.full((len(digits), LABEL), 255, np.uint8)
        place = (4, len(digits) // 2 + 4)
        cv2.putText(words, kind.replace("_", " "), place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA)
        rows.append(np.hstack([words, digits]))
    return np.vstack(rows)


if __name__ == "__main__":
    main()
