"""Draw docs/adapt.png and measure the results of docs/adapt.md: left-leaning handwriting, before and after adapting.

`python bench/adapt_picture.py FOLDER [MODEL]` writes 30 images of that handwriting with their labels into FOLDER/hand
and 300 others into FOLDER/others, adapts MODEL (a folder, by default the bundled model) to the 30, into FOLDER/mine,
and evaluates both models on the others. Existing folders are reused. All images are synthetic: no person wrote them.
"""

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from drawing import STROKES, inked  # noqa: E402
from mnist_cnn.evaluation import labelled_images  # noqa: E402
from mnist_cnn.evaluation.labelled_images import EvaluatedImage  # noqa: E402
from mnist_cnn.reading.model_names import BUNDLED  # noqa: E402
from mnist_cnn.reading.reader import Reader  # noqa: E402

HEIGHT, WIDE, HIGH = 90, 210, 150  # pixels: height of a digit, size of its image
LEAN = -1.0  # horizontal per vertical pixel: people's digits lean 0 to 0.4, mostly to the right
LEARNT, OTHERS = 3, 30  # images of each digit


def arc(x: float, y: float, across: float, down: float, first: float, last: float) -> list[tuple[float, float]]:
    """An arc of an ellipse, angles in radians."""
    return [(x + across * np.cos(angle), y + down * np.sin(angle)) for angle in np.linspace(first, last, 30)]


HAND = STROKES | {
    "0": [arc(0.5, 0.5, 0.32, 0.5, -1.6, 4.7), [(0.85, 0.0), (0.15, 1.0)]],  # crossed out
    "1": [[(0.05, 0.75), (0.6, 0.0), (0.55, 1.0)]],  # serif as long as the stem
    "2": [[(0.2, 0.2), (0.5, 0.0), (0.8, 0.2), (0.6, 0.6), *arc(0.25, 0.85, 0.16, 0.13, -0.5, -6), (0.9, 1.0)]],
    "4": [[(0.2, 0.0), (0.15, 0.5), (0.8, 0.5)], [(0.8, 0.0), (0.78, 1.0)]],  # open
    "6": [[(0.6, 0.0), (0.2, 0.5), (0.2, 0.85), (0.5, 1.0), (0.8, 0.85), (0.7, 0.6), (0.2, 0.7)]],
    "7": [[(0.12, 0.2), (0.14, 0.02), (0.85, 0.02), (0.5, 0.5), (0.42, 1.0)], [(0.3, 0.5), (0.78, 0.5)]],  # crossed
    "9": [
        arc(0.5, 0.25, 0.26, 0.25, 0, 6.28),
        [(0.76, 0.25), (0.76, 0.8), (0.5, 1.0), (0.2, 0.8), (0.76, 0.55)],  # ends in a loop like a g
    ],
}


def written(digit: str, rng: np.random.Generator) -> np.ndarray:
    """One random digit in this handwriting, as (150, 210) uint8."""
    ink = np.zeros((HIGH, WIDE), np.uint8)
    climb, lean, pen, width = (
        rng.normal(0, 0.05),
        rng.normal(LEAN, 0.08),
        int(rng.integers(5, 9)),
        rng.uniform(0.5, 0.7),
    )
    for stroke in HAND[digit]:
        points = np.array(stroke) + rng.normal(0, 0.012, (1, 2))
        if len(stroke) < 15:  # polygons; arcs stay round
            points += rng.normal(0, 0.018, points.shape)
        x = 60 + HEIGHT * (points[:, 0] * width + lean * (0.5 - points[:, 1]))
        y = 30 + HEIGHT * (points[:, 1] * (1 + rng.normal(0, 0.03)) + climb * (points[:, 0] - 0.5))
        fixed = np.rint(np.stack([x, y], axis=1) * 16).astype(np.int32)
        cv2.polylines(ink, [fixed], False, 255, pen, cv2.LINE_AA, shift=4)
    return inked(ink, 235, 40)


def write_pictures(folder: Path, each: int, seed: int) -> Path:
    """Write `each` images of every digit and their labels; returns the path of labels.csv."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    rows = [("path", "label", "layout")]
    for index in range(each):
        for digit in "0123456789":
            rows.append((f"{digit}-{index}.png", digit, "single"))
            cv2.imwrite(str(folder / rows[-1][0]), written(digit, rng))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    return folder / "labels.csv"


def figure(before: list[EvaluatedImage], after: list[EvaluatedImage], columns: int = 10) -> np.ndarray:
    """One test image of each digit, with the predictions before and after below it; errors in red."""
    sheet = np.full((HIGH + 90, columns * WIDE, 3), 255, np.uint8)
    for column in range(columns):
        same = [i for i, one in enumerate(before) if one.image.label == str(column)]
        index = next((i for i in same if not before[i].correct), same[0])
        left = column * WIDE
        sheet[:HIGH, left : left + WIDE] = cv2.imread(str(before[index].image.path))
        for line, one in enumerate((before[index], after[index])):
            said = f"{('before', 'after')[line]} {one.predicted or 'nothing'}"
            colour = (60, 110, 0) if one.correct else (30, 30, 200)
            place = (left + 30, HIGH + 35 + 40 * line)
            cv2.putText(sheet, said, place, cv2.FONT_HERSHEY_SIMPLEX, 0.9, colour, 2, cv2.LINE_AA)
    return np.asarray(cv2.resize(sheet, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


def main(folder: Path, model: Path = BUNDLED) -> None:
    """Write the images, adapt, evaluate, draw."""
    if not (folder / "hand").exists():
        write_pictures(folder / "hand", LEARNT, seed=1)
        write_pictures(folder / "others", OTHERS, seed=2)
    mine = folder / "mine"
    if not mine.exists():
        words = ["adapt", folder / "hand" / "labels.csv", "--model", model, "--output", mine]
        subprocess.run([sys.executable, "-m", "mnist_cnn", *map(str, words)], check=True)
    others = labelled_images.load(folder / "others" / "labels.csv")
    before, after = (list(labelled_images.evaluate(Reader(network, 0.0), others)) for network in (model, mine))
    for when, evaluated in (("before", before), ("after", after)):
        print(f"{when}: {labelled_images.accuracy(evaluated)}")
    cv2.imwrite(str(ROOT / "docs" / "adapt.png"), figure(before, after))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
