"""Accuracy on the ink of held-out writers, and letters of theirs that are accepted as digits, with 95% CIs.

    python bench/ink.py INK … [--model MODEL] … [--images ARCHIVE] [--save]

INK are UNIPEN and Pen-Digits, as `train --ink` takes them. MODEL is a folder made by `train`, an .onnx file or
"bundled" (the default); MNIST is found through MNIST_CNN_DATA. Digits are drawn with a plain pen, and rewritten, with
other pens and worn, as in training. UNIPEN's digits are those whose labels `train` does not find to be wrong. ARCHIVE
is bhmsds.tar.xz (github.com/wblachowski/bhmsds, MIT), 15,000 digits of a few people, 28×28 and cropped to their ink,
which nothing is trained on: they are also read by the whole reader, as they are and with a margin.

A letter is accepted if its highest probability is at least the threshold at which 1% of digits are rejected: of MNIST's
test digits, or of the held-out writers'. Letters that pass for digits are counted apart.
"""

import argparse
import tarfile
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.callbacks.progress import ProgressCallback
from mnist_cnn.data import source
from mnist_cnn.data.dataset import Examples
from mnist_cnn.data.ink.collection import load_ink
from mnist_cnn.data.ink.rendering import plain
from mnist_cnn.data.ink.writers import held_out
from mnist_cnn.evaluation.metrics import Accuracy, evaluate
from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.normalise import to_mnist
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.weights import calibrated_classifier
from mnist_cnn.training import backend
from mnist_cnn.workflows.ink_preparation import PreparedInk, prepared
from results import machine_line, write

REJECTED, SEED = 0.01, 20261127
SURE = 0.9
# What the data's own description counts as passing for a digit.
AMBIGUOUS = "OoIlSsZzgqbBD"
MARGIN = 8  # pixels of paper around an image of 28×28


def confusions(probabilities: np.ndarray, labels: np.ndarray) -> str:
    """The most common confusions in words."""
    guesses = probabilities.argmax(axis=1)
    wrong = Counter(
        f"{true} as {guess}" for true, guess in zip(labels.tolist(), guesses.tolist(), strict=True) if true != guess
    )
    return ", ".join(f"{pair} ({count})" for pair, count in wrong.most_common(6))


def digits_of(classify: Classifier, examples: Examples) -> dict[str, Any]:
    """How a model classifies these digits: accuracy, calibration, and how many it is sure of and wrong."""
    probabilities = classify(examples.images)
    wrong = probabilities.argmax(axis=1) != examples.labels
    sure = probabilities.max(axis=1) >= SURE
    measured = evaluate(probabilities, examples.labels)
    return {
        "accuracy": Accuracy(int((~wrong).sum()), len(wrong)).to_dict(),
        "expected_calibration_error": measured.expected_calibration_error,
        "sure": int(sure.sum()),
        "sure_and_wrong": int((sure & wrong).sum()),
        "confusions": confusions(probabilities, examples.labels),
    }


def letters_of(classify: Classifier, images: np.ndarray, labels: np.ndarray, digits: np.ndarray) -> dict[str, Any]:
    """How many letters are accepted where 1% of these digits (n, 28, 28) are rejected."""
    threshold = float(np.quantile(classify(digits).max(axis=1), REJECTED))
    accepted = classify(images).max(axis=1) >= threshold
    apart = np.isin(labels, list(AMBIGUOUS))
    kinds = Counter(labels[accepted & ~apart].tolist())
    return {
        "threshold": threshold,
        "letters": Accuracy(int(accepted[~apart].sum()), int((~apart).sum())).to_dict(),
        "ambiguous": Accuracy(int(accepted[apart].sum()), int(apart.sum())).to_dict(),
        "most_accepted": dict(kinds.most_common(10)),
    }


def from_photographs(archive: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """The digits of bhmsds, dark on light, and their labels."""
    images, labels = [], []
    with tarfile.open(archive) as packed:
        for member in packed:
            name = Path(member.name).name
            if name.endswith(".png") and name[0].isdigit() and name[1] == "-" and (file := packed.extractfile(member)):
                content = np.frombuffer(file.read(), np.uint8)
                images.append(np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)))
                labels.append(int(name[0]))
    return images, np.array(labels, np.uint8)


def read_single(classify: Classifier, images: list[np.ndarray], labels: np.ndarray) -> Accuracy:
    """Accuracy of the whole reader."""
    readings = Reader(classify, min_confidence=0.0).read_many(images, single=True)
    read = np.array([reading.digits[0].digit if reading.digits else -1 for reading in readings])
    return Accuracy(int((read == labels).sum()), len(labels))


def measure(model: str, ink: PreparedInk, archive: Path | None) -> dict[str, Any]:
    """Everything about one model."""
    classify = calibrated_classifier(None if model == "bundled" else model)
    written = ink.plain_validation
    of = np.array([one.writer.partition("/")[0] for one in ink.held_out])
    sets = {
        f"{name}, plain pen": Examples(written.images[of == name], written.labels[of == name])
        for name in np.unique(of).tolist()
    }
    sets["rewritten, other pens"] = ink.varied_validation(np.random.default_rng(SEED))
    measured: dict[str, Any] = {name: digits_of(classify, examples) for name, examples in sets.items()}
    others = [one for one in ink.ink.others if one.label.isalpha() and held_out(one.writer)]
    if others:
        images, labels = plain(others), np.array([one.label for one in others])
        of_mnist = source.load("mnist").test.images
        measured["letters, 1% of MNIST rejected"] = letters_of(classify, images, labels, of_mnist)
        measured["letters, 1% of held-out writers rejected"] = letters_of(classify, images, labels, written.images)
    if archive:
        photographs, labels = from_photographs(archive)
        examples = Examples(np.stack([to_mnist(255 - one) for one in photographs]), labels)
        measured["photographed sheets"] = digits_of(classify, examples)
        some = photographs[::5]
        margins = [cv2.copyMakeBorder(one, *[MARGIN] * 4, cv2.BORDER_CONSTANT, value=255) for one in some]
        measured["photographed sheets, whole reader"] = {
            "as they are": read_single(classify, some, labels[::5]).to_dict(),
            "with a margin": read_single(classify, [np.asarray(one) for one in margins], labels[::5]).to_dict(),
        }
    return measured


def show(model: str, measured: dict[str, Any]) -> None:
    """Print the results of one model."""
    print(f"\n{model}")
    for name, result in measured.items():
        if "accuracy" in result:
            one = Accuracy.from_dict(result["accuracy"])
            wrong, sure = result["sure_and_wrong"], result["sure"]
            print(f"{name}: {one}; ECE {result['expected_calibration_error']:.2%}; {wrong} of {sure} sure are wrong")
            print(f"    {result['confusions']}")
        elif "letters" in result:
            both = [Accuracy.from_dict(result[kind]) for kind in ("letters", "ambiguous")]
            print(
                f"{name} (below {result['threshold']:.3f}): {both[0].value:.2%} of {both[0].count:,} accepted, "
                f"{both[1].value:.2%} of {both[1].count:,} that pass for digits; {result['most_accepted']}"
            )
        else:
            print(f"{name}: " + "; ".join(f"{kind} {Accuracy.from_dict(one)}" for kind, one in result.items()))


def main() -> None:
    """Measure every named model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ink", nargs="+", type=Path)
    parser.add_argument("--model", action="append", dest="models")
    parser.add_argument("--images", type=Path, metavar="ARCHIVE")
    parser.add_argument("--checked", type=Path, metavar="FOLDER", help="keep the result of the cross-validation there")
    parser.add_argument("--save", action="store_true", help="write bench/results/ink.json")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    ink = load_ink(asked.ink, print)
    backend.start()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.checked or Path(scratch)
        folder.mkdir(exist_ok=True)
        ready = prepared(ink, folder, 0, CallbackList([ProgressCallback()]))
    models = asked.models or ["bundled"]
    measured = {Path(model).name: measure(model, ready, asked.images) for model in models}
    for model, result in measured.items():
        show(model, result)
    print(f"\n{machine_line()}")
    if asked.save:
        names = [Path(place).name for place in ink.origin]  # where they lie here says nothing elsewhere
        write("ink", {"ink": ready.about() | {"origin": names}, "measured": measured})


if __name__ == "__main__":
    main()
