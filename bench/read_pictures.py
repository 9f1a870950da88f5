"""Accuracy of the reader on external images, USPS and hwd1000, and letters it should reject, with 95% CIs.

`python bench/read_pictures.py FOLDER [MODEL]`: the folder has any of pictures/labels.csv, usps_test.npz, hwd1000.npz,
letters_A_to_J.npz and mnist.npz; missing files are skipped. None of them is part of this repository.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn.evaluation import labelled_images
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.reader import Reader
from mnist_cnn.terminal.readings import evaluate_each, show_score
from results import machine_line, write
from robust import normalised

REJECTED = 0.01  # the share of MNIST's test digits that the threshold for the letters rejects


def arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of an .npz file, whatever the arrays are called."""
    with np.load(path, allow_pickle=False) as file:
        found = [file[name] for name in file.files if name not in ("x_train", "y_train")]
    images = next(one for one in found if one.ndim >= 3)
    labels = next((one for one in found if one.ndim == 1), np.zeros(len(images)))
    return images.reshape(len(images), *images.shape[-2:]), labels.astype(np.int64)


def read_single(reader: Reader, images: np.ndarray, labels: np.ndarray) -> Accuracy:
    """Accuracy of the whole reader on single-digit images."""
    readings = reader.read_many(images, single=True)
    read = [reading.digits[0].digit if reading.digits else -1 for reading in readings]
    return Accuracy(int((np.array(read) == labels).sum()), len(labels))


def accuracy(classify: Classifier, images: np.ndarray, labels: np.ndarray) -> Accuracy:
    """Accuracy of the model without the reader."""
    return Accuracy(int((classify(images).argmax(axis=1) == labels).sum()), len(labels))


def accepted_letters(classify: Classifier, mnist: np.ndarray, letters: np.ndarray) -> Accuracy:
    """How many letters are accepted at the threshold that rejects 1% of MNIST's test digits."""
    threshold = np.quantile(classify(mnist).max(axis=1), REJECTED)
    sure = classify(normalised(letters)).max(axis=1) >= threshold
    return Accuracy(int(sure.sum()), len(letters))


def by_source(judged: list[labelled_images.EvaluatedImage]) -> dict[str, dict[str, int]]:
    """The number of single-digit images per source and how many are correct, largest source first."""
    singles = [one for one in judged if one.image.layout == "single"]
    groups = labelled_images.grouped(singles, lambda image: image.source)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return {name: {"count": len(some), "correct": sum(one.correct for one in some)} for name, some in ordered}


def main(folder: Path, model: str | None = None) -> None:
    """Evaluate on all data that the folder has."""
    reader = Reader(model, min_confidence=0.0)
    measured: dict[str, Any] = {}

    def note(name: str, result: Accuracy) -> None:
        measured[name] = result.to_dict()
        print(f"{name}: {result}", flush=True)

    mnist = None
    if (file := folder / "mnist.npz").exists():
        mnist, labels = arrays(file)
        note("MNIST test, without the reader", accuracy(reader.classify, mnist, labels))
        note("MNIST test, first 2,000, whole reader", read_single(reader, mnist[:2000], labels[:2000]))
    if (usps := folder / "usps_test.npz").exists():
        images, labels = arrays(usps)
        note("USPS test, through normalise", accuracy(reader.classify, normalised(images), labels))
        note("USPS test, whole reader", read_single(reader, images, labels))
    if (hwd := folder / "hwd1000.npz").exists():
        note("hwd1000, whole reader", read_single(reader, *arrays(hwd)))
    if mnist is not None and (letters := folder / "letters_A_to_J.npz").exists():
        note("letters accepted", accepted_letters(reader.classify, mnist, arrays(letters)[0]))
    if (table := folder / "pictures" / "labels.csv").exists():
        judged = evaluate_each(reader, labelled_images.load(table), quiet=False)
        show_score(judged)
        measured["images"] = labelled_images.summary(judged)["layouts"]
        measured["sources"] = by_source(judged)
        for source, one in measured["sources"].items():
            print(f"{source}: {one['correct']} of {one['count']}")
    if not measured:
        sys.exit(f"{folder} contains none of the expected files; the earlier results are unchanged.")
    print(machine_line())
    write("read_pictures", {"model": model or "bundled", "measured": measured})


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
