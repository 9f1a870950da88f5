"""How well a network's confidence tells digits from what is none: letters, noise, blank, upside-down, two, scribbles.

    python bench/refusal.py NAME=MODEL … [--data FOLDER]

MODEL is a folder of `train` or an .onnx file; "ships" is the one that ships. MNIST is found through MNIST_CNN_DATA;
FOLDER holds letters_A_to_J.npz (28×28), without which letters are left out. Everything goes through
`reading.normalise`, as at reading time, and is scored by the reader's confidence, the largest probability. The kinds
are made here, of MNIST's test digits where they are made of digits, and not by what `robust` is trained with
(`data.negatives`, of training digits); but it is trained on kinds alike, and on no image of the letters' origin.

For each kind: the area under the ROC curve, and how many are as sure as the 99 % surest of MNIST's test digits (false
positives at 99 % kept digits), and as the reader's own threshold, with 95 % intervals (Wilson 1927).
"""

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mnist_cnn.data import source
from mnist_cnn.data.source import Examples
from mnist_cnn.evaluation.metrics import wilson_interval
from mnist_cnn.reading.reader import MIN_CONFIDENCE
from mnist_cnn.reading.weights import calibrated_classifier
from results import machine_line, write
from robust import normalised

SEED, MADE, KEPT, SIDE = 20261124, 1000, 0.99, 112
NO_DIGIT_ANY_MORE = (3, 4, 7)  # upside down 0, 1, 8 and mostly 2 and 5 are themselves, 6 and 9 each other


def noise(_test: Examples, rng: np.random.Generator) -> np.ndarray:
    """Every pixel anything from 0 to 255."""
    return rng.integers(0, 256, (MADE, 28, 28), dtype=np.uint8)


def blank(_test: Examples, _rng: np.random.Generator) -> np.ndarray:
    """Nothing: there is only one such image."""
    return np.zeros((1, 28, 28), np.uint8)


def upside_down(test: Examples, rng: np.random.Generator) -> np.ndarray:
    """Threes, fours and sevens turned by half a turn."""
    chosen = rng.choice(np.flatnonzero(np.isin(test.labels, NO_DIGIT_ANY_MORE)), MADE, replace=False)
    return test.images[chosen, ::-1, ::-1]


def two_at_once(test: Examples, rng: np.random.Generator) -> np.ndarray:
    """Two digits side by side, shrunk into the place of one."""
    first, second = rng.choice(len(test), (2, MADE))
    return np.concatenate([test.images[first, :, 3:25], test.images[second, :, 3:25]], axis=2)


def scribbles(_test: Examples, rng: np.random.Generator) -> np.ndarray:
    """A pen that goes to and fro and up and down, in three rhythms each way: it crosses its own way many times."""
    made = np.zeros((MADE, SIDE, SIDE), np.uint8)
    time = np.linspace(0, 2 * np.pi, 400)[:, np.newaxis, np.newaxis]
    for canvas in made:
        rhythms, phases = rng.uniform(2, 9, (2, 3)), rng.uniform(0, 2 * np.pi, (2, 3))
        way = np.sin(rhythms * time + phases).sum(axis=2)
        way = (way - way.min(axis=0)) / np.ptp(way, axis=0) * (SIDE - 20) + 10
        cv2.polylines(canvas, [np.int32(way)], False, 255, int(rng.integers(4, 10)), cv2.LINE_AA)
    return made


KINDS = {
    "noise": noise,
    "blank": blank,
    "upside-down": upside_down,
    "two at once": two_at_once,
    "scribbles": scribbles,
}


def others(test: Examples, folder: Path) -> dict[str, np.ndarray]:
    """What is no digit, by kind, as the network sees it."""
    rng = np.random.default_rng(SEED)
    found = {name: make(test, rng) for name, make in KINDS.items()}
    if (file := folder / "letters_A_to_J.npz").exists():
        with np.load(file, allow_pickle=False) as arrays:
            found = {"letters": arrays["images"]} | found
    return {name: normalised(images) for name, images in found.items()}


def area_under_roc(digits: np.ndarray, rest: np.ndarray) -> float:
    """How probably a digit is surer than something else is, equal ones counting half (Hanley, McNeil 1982)."""
    ordered = np.sort(digits)
    below = np.searchsorted(ordered, rest, "left") + np.searchsorted(ordered, rest, "right")
    return float(1 - below.mean() / 2 / len(digits))


def accepted(scores: np.ndarray, threshold: float) -> dict[str, Any]:
    """How many are at least as sure."""
    count = int((scores >= threshold).sum())
    return {
        "count": count,
        "of": len(scores),
        "share": count / len(scores),
        "interval": wilson_interval(count, len(scores)),
    }


def judge(model: str, test: Examples, rest: dict[str, np.ndarray]) -> dict[str, Any]:
    """One network's figures by kind."""
    classify = calibrated_classifier(None if model == "ships" else model)
    digits = classify(test.images).max(axis=1)
    threshold = float(np.quantile(digits, 1 - KEPT))
    kinds = {}
    for name, images in rest.items():
        scores = classify(images).max(axis=1)
        kinds[name] = {
            "area_under_roc": area_under_roc(digits, scores),
            "at_99_percent_kept": accepted(scores, threshold),
            "at_the_readers_threshold": accepted(scores, MIN_CONFIDENCE),
        }
    return {"threshold": threshold, "digits_kept_by_the_reader": accepted(digits, MIN_CONFIDENCE), "kinds": kinds}


def show(judged: dict[str, dict[str, Any]]) -> None:
    """The table of docs/trust.md."""
    print("| | " + " | ".join(judged) + " |\n|" + "---|" * (1 + len(judged)))
    for kind in next(iter(judged.values()))["kinds"]:
        cells = []
        for network in judged.values():
            one = network["kinds"][kind]
            cells.append(f"{one['area_under_roc']:.4f}, {one['at_99_percent_kept']['share']:.1%}")
        print(f"| {kind} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Judge every network that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    test = source.load("mnist").test
    rest = others(test, asked.data)
    judged = {name: judge(model, test, rest) for name, _, model in (one.partition("=") for one in asked.models)}
    show(judged)
    print(machine_line())
    write("refusal", {"seed": SEED, "networks": judged})


if __name__ == "__main__":
    main()
