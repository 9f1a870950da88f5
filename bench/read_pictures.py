"""Accuracy and calibration of the reader on external images, and letters it should reject, with 95% CIs.

`python bench/read_pictures.py FOLDER [MODEL]`: the folder has any of pictures/labels.csv, strangers/labels.csv,
usps_test.npz, hwd1000.npz, letters_A_to_J.npz and mnist.npz; missing files are skipped. None of them is part of this
repository. Without a MODEL, the tables of docs/trust.md and docs/benchmarks.md and docs/reliability_images.svg are then
made from the results, as `python bench/picture_tables.py` does.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

import picture_tables
from mnist_cnn.evaluation import labelled_images
from mnist_cnn.evaluation.labelled_images import EvaluatedImage, LabelledImage
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.reader import Reader
from mnist_cnn.terminal.readings import evaluate_each, show_metrics, show_score
from results import machine_line, write
from robust import normalised

REJECTED = 0.01  # the share of MNIST's test digits that the threshold for the letters rejects
TABLES = "pictures", "strangers"  # folders with a labels.csv


def arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of an .npz file, whatever the arrays are called."""
    with np.load(path, allow_pickle=False) as file:
        found = [file[name] for name in file.files if name not in ("x_train", "y_train")]
    images = next(one for one in found if one.ndim >= 3)
    labels = next((one for one in found if one.ndim == 1), np.zeros(len(images)))
    return images.reshape(len(images), *images.shape[-2:]), labels.astype(np.int64)


def read_single(reader: Reader, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Metrics of the whole reader on single-digit images."""
    readings = reader.read_many(images, single=True)
    return labelled_images.metrics(
        [
            EvaluatedImage(LabelledImage(Path(str(index)), str(label)), reading)
            for index, (label, reading) in enumerate(zip(labels, readings, strict=True))
        ]
    )


def accuracy(classify: Classifier, images: np.ndarray, labels: np.ndarray) -> Accuracy:
    """Accuracy of the model without the reader."""
    return Accuracy(int((classify(images).argmax(axis=1) == labels).sum()), len(labels))


def accepted_letters(classify: Classifier, mnist: np.ndarray, letters: np.ndarray) -> Accuracy:
    """How many letters are accepted at the threshold that rejects 1% of MNIST's test digits."""
    threshold = np.quantile(classify(mnist).max(axis=1), REJECTED)
    sure = classify(normalised(letters)).max(axis=1) >= threshold
    return Accuracy(int(sure.sum()), len(letters))


def by_source(judged: list[EvaluatedImage]) -> dict[str, dict[str, int]]:
    """The number of single-digit images per source and how many are correct, largest source first."""
    singles = [one for one in judged if one.image.layout == "single"]
    groups = labelled_images.grouped(singles, lambda image: image.source)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return {name: {"count": len(some), "correct": sum(one.correct for one in some)} for name, some in ordered}


def read_table(reader: Reader, table: Path) -> dict[str, Any]:
    """Metrics of the images that a CSV file lists, by layout, and the sources of single digits; printed as well."""
    judged = evaluate_each(reader, labelled_images.load(table), quiet=True)
    show_score(judged)
    sources = by_source(judged)
    for source, one in sources.items():
        if one["correct"] < one["count"]:
            print(f"{source}: {one['correct']} of {one['count']}")
    return {"layouts": labelled_images.summary(judged)["layouts"], "sources": sources}


def main(folder: Path, model: str | None = None) -> None:
    """Evaluate on all data that the folder has."""
    reader = Reader(model, min_confidence=0.0)
    measured: dict[str, Any] = {}

    def note(name: str, result: Accuracy) -> None:
        measured[name] = result.to_dict()
        print(f"{name}: {result}", flush=True)

    def note_read(name: str, file: Path) -> None:
        measured[name] = read_single(reader, *arrays(file))
        show_metrics(name, measured[name])

    mnist = None
    if (file := folder / "mnist.npz").exists():
        mnist, labels = arrays(file)
        note("MNIST test, without the reader", accuracy(reader.classify, mnist, labels))
        note_read("MNIST test, whole reader", file)
    if (usps := folder / "usps_test.npz").exists():
        images, labels = arrays(usps)
        note("USPS test, through normalise", accuracy(reader.classify, normalised(images), labels))
        note_read("USPS test, whole reader", usps)
    if (hwd := folder / "hwd1000.npz").exists():
        note_read("hwd1000, whole reader", hwd)
    if mnist is not None and (letters := folder / "letters_A_to_J.npz").exists():
        note("letters accepted", accepted_letters(reader.classify, mnist, arrays(letters)[0]))
    for name in TABLES:
        if (table := folder / name / "labels.csv").exists():
            print(f"{name}:", flush=True)
            measured[name] = read_table(reader, table)
    if not measured:
        sys.exit(f"{folder} contains none of the expected files; the earlier results are unchanged.")
    print(machine_line())
    write("read_pictures", {"model": model or "bundled", "measured": measured})
    if model is None:
        picture_tables.main()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
