"""Train on a dataset in each of the forms in which people have them, with one command each, and measure it.

    python bench/own_data.py [--kinds kaggle,folders]          (all kinds; MNIST_CNN_DATA for two)

The datasets are scikit-learn's 1,797 digits, and, where MNIST_CNN_DATA leads to MNIST, Kaggle's folder made of it: the
first 42,000 images with their labels in train.csv, the other 28,000 without in test.csv, whose predicted labels are
compared with the true ones afterwards. What is measured replaces that of these kinds in bench/results/own_data.json,
and the table in docs/data.md is made of it: `python bench/own_data.py --table` does only that.
"""

import argparse
import csv
import gzip
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mnist_cnn import card
from mnist_cnn.data import source
from mnist_cnn.data.container import IDX_FILES
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.evaluation.metrics import Accuracy
from results import FOLDER, machine_line

ROOT = Path(__file__).parents[1]
RESULTS = FOLDER / "own_data.json"
PAGE = ROOT / "docs" / "data.md"
BLOCK = re.compile(r"(<!-- bench/own_data\.py -->\n).*?(\n<!-- end -->)", re.DOTALL)
FAST = "--recipe fast"
# Chosen on the fifth of train.csv that is held out, not on what would be submitted.
AUGMENTED = (
    f"{FAST} --epochs 60 --final-plain-epochs 1 --rotation 10 --zoom 0.1 --shear 0.1 --translation 1.5 --elastic 2 "
    "--test-time-shift 1"
)
KAGGLE_TRAINING = 42_000


# Datasets as files


def folders(data: Dataset, place: Path) -> Path:
    """A PNG for each image, in `train/0`, …, `test/9`."""
    for part, examples in (("train", data.train), ("test", data.test)):
        for number, (image, label) in enumerate(zip(*examples, strict=True)):
            folder = place / "digits" / part / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{number}.png")
    return place / "digits"


def zipped(data: Dataset, place: Path) -> Path:
    """The same as a ZIP."""
    return Path(shutil.make_archive(str(place / "digits"), "zip", folders(data, place)))


def paths(data: Dataset, place: Path) -> Path:
    """A table of the paths of images and their labels, without a test part."""
    (place / "images").mkdir()
    everything = data.train.joined(data.test)
    with (place / "labels.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["path", "label"])
        for number, (image, label) in enumerate(zip(*everything, strict=True)):
            Image.fromarray(image).save(place / "images" / f"{number}.png")
            table.writerow([f"images/{number}.png", label])
    return place / "labels.csv"


def pixels(data: Dataset, place: Path) -> Path:
    """Tables with a row of pixels for each image, its label first: `train.csv` and `test.csv`."""
    (place / "tables").mkdir()
    for part, (images, labels) in (("train", data.train), ("test", data.test)):
        write_table(place / "tables" / f"{part}.csv", images, labels)
    return place / "tables"


def write_table(path: Path, images: np.ndarray, labels: np.ndarray | None) -> None:
    """Rows of pixels with a header, as Kaggle's."""
    rows = images.reshape(len(images), -1)
    names = [*(["label"] if labels is not None else []), *(f"pixel{number}" for number in range(rows.shape[1]))]
    rows = rows if labels is None else np.column_stack([labels, rows])
    np.savetxt(path, rows, fmt="%d", delimiter=",", header=",".join(names), comments="")


def npz(data: Dataset, place: Path) -> Path:
    """The four arrays by Keras' names."""
    (x_train, y_train), (x_test, y_test) = data
    np.savez_compressed(place / "digits.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return place / "digits.npz"


def mat(data: Dataset, place: Path) -> Path:
    """MATLAB's `X` and `y`, fractions, without a test part."""
    from scipy.io import savemat

    images, labels = data.train.joined(data.test)
    savemat(place / "digits.mat", {"X": images.reshape(len(images), -1) / 255, "y": labels.reshape(-1, 1)})
    return place / "digits.mat"


def parquet(data: Dataset, place: Path) -> Path:
    """A file for each part, with PNG files and labels, as Hugging Face exports datasets."""
    import io

    import pyarrow as pa
    from pyarrow import parquet as files

    def encoded(image: np.ndarray) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG")
        return stream.getvalue()

    (place / "digits").mkdir()
    for part, (images, labels) in (("train", data.train), ("test", data.test)):
        rows = [{"bytes": encoded(image), "path": f"{number}.png"} for number, image in enumerate(images)]
        table = pa.table({"image": rows, "label": labels.tolist()})
        files.write_table(table, place / "digits" / f"{part}-00000-of-00001.parquet")
    return place / "digits"


def idx(data: Dataset, place: Path) -> Path:
    """MNIST's four files, gzipped, in the folder in which torchvision has them."""
    raw = place / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (x_train, y_train), (x_test, y_test) = data
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    for name, file in IDX_FILES.items():
        array = arrays[name]
        sizes = np.array(array.shape, ">i4").tobytes()
        (raw / f"{file}.gz").write_bytes(gzip.compress(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()))
    return place / "data"


def kaggle(data: Dataset, place: Path) -> Path:
    """The folder of Kaggle's digit-recognizer, made of MNIST: train.csv, test.csv without labels, and the sample."""
    images, labels = data.train.joined(data.test)
    folder = place / "kaggle"
    folder.mkdir()
    write_table(folder / "train.csv", images[:KAGGLE_TRAINING], labels[:KAGGLE_TRAINING])
    write_table(folder / "test.csv", images[KAGGLE_TRAINING:], None)
    numbers = "".join(f"{number},0\n" for number in range(1, len(images) - KAGGLE_TRAINING + 1))
    (folder / "sample_submission.csv").write_text(f"ImageId,Label\n{numbers}")
    return folder


# What is made, of which dataset, and what the recipe is told
KINDS: dict[str, tuple[Callable[[Dataset, Path], Path], str, str, str]] = {
    "folders": (folders, "digits", FAST, "a folder for each class, below `train/` and `test/`"),
    "zip": (zipped, "digits", FAST, "the same as a ZIP"),
    "pixels": (pixels, "digits", FAST, "`train.csv` and `test.csv` with rows of pixels"),
    "paths": (paths, "digits", FAST, "a CSV of paths and labels"),
    "parquet": (parquet, "digits", FAST, "Parquet"),
    "npz": (npz, "digits", FAST, "`.npz`"),
    "mat": (mat, "digits", FAST, "`.mat`"),
    "idx": (idx, "digits", FAST, "gzipped IDX files"),
    "mnist-csv": (pixels, "mnist", FAST, "MNIST as CSV"),
    "kaggle": (kaggle, "mnist", AUGMENTED, "Kaggle's digit-recognizer, made of MNIST"),
}


# Measuring


def run(words: Sequence[object]) -> dict[str, float]:
    """Run a command; returns how long it took and how much processor time, both in seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "mnist_cnn", *map(str, words)], check=True, stdout=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(seconds, 1), "processor_seconds": round(used, 1)}


def measured(kind: str, place: Path) -> dict[str, Any]:
    """Make a dataset of this kind in a folder, train on it, and say what came of it."""
    make, name, options, _ = KINDS[kind]
    data = source.load(name)
    path = make(data, place)
    took = run(["train", "--data", path, *options.split(), "--output", place / "run", "--quiet"])
    made = card.read(place / "run")
    found = {
        "command": f"mnist-cnn train --data {path.relative_to(place)}{'/' * path.is_dir()} {options}",
        "training": made.data["training"],
        "test": made.data["test"],
        "correct": made.evaluation["correct"],
        **took,
        "training_seconds": round(made.seconds["training"], 1),
    }
    if kind == "kaggle":
        found["submission"] = submission(place, data.train.joined(data.test).labels[KAGGLE_TRAINING:])
    return found


def submission(place: Path, labels: np.ndarray) -> dict[str, Any]:
    """Predict Kaggle's test.csv, and compare what would be submitted with the true labels (n,)."""
    table = place / "kaggle" / "test.csv"
    took = run(["predict", table, "--model", place / "run", "--output", place / "submission.csv", "--quiet"])
    with (place / "submission.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["ImageId"]) for row in rows] == [*range(1, len(labels) + 1)]
    correct = sum(int(row["Label"]) == label for row, label in zip(rows, labels.tolist(), strict=True))
    return {"count": len(labels), "correct": correct, **took}


# The table


def results() -> dict[str, Any]:
    """What has been measured so far."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"measured": {}}
    return found


def filled(document: str, measured: dict[str, Any]) -> str:
    """The document with its table made again from what was measured."""
    lines = "\n".join(table(measured))
    return BLOCK.sub(lambda found: f"{found[1]}\n{lines}\n{found[2]}", document)


def table(measured: dict[str, Any]) -> list[str]:
    """The lines of the table."""
    lines = ["| data | command | images | time | test accuracy |", "|---|---|---|---|---|"]
    for kind in (kind for kind in KINDS if kind in measured):
        found = measured[kind]
        said = f"{Accuracy(found['correct'], found['test']).value:.2%} of {found['test']:,}"
        if "submission" in found:
            other = found["submission"]
            said += f"; submission {Accuracy(other['correct'], other['count']).value:.2%} of {other['count']:,}"
        lines.append(
            f"| {KINDS[kind][3]} | `{found['command']}` | {found['training']:,} + {found['test']:,} | "
            f"{found['processor_seconds']:.0f} s | {said} |"
        )
    return lines


def main() -> None:
    """Measure the kinds that are asked for, save what was measured, and make the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--table", action="store_true", help="only make the table again")
    asked = parser.parse_args()
    for kind in [] if asked.table else asked.kinds.split(","):
        if KINDS[kind][1] == "mnist" and not os.environ.get("MNIST_CNN_DATA"):
            print(f"{kind}: left out, because MNIST_CNN_DATA is not set")
            continue
        with tempfile.TemporaryDirectory() as place:
            found = measured(kind, Path(place))
        about = {"taken": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine_line()}
        document = results()
        document["measured"][kind] = about | found
        print(f"{kind}: {found['correct'] / found['test']:.2%}, {found['seconds']} s", flush=True)
        RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), results()["measured"]), encoding="utf-8")


if __name__ == "__main__":
    main()
