"""Gain and cost of adapting to one person: `mnist-cnn adapt` on 30 images of a source, 10 draws each.

`python bench/adapt.py FOLDER [MODEL] [--draws N]`: FOLDER has pictures/labels.csv, mnist.npz and letters_A_to_J.npz,
which are not part of this repository. From each of the three sources with the most single-digit images, three images
of each digit are drawn for training; the source's other images are the test set, before and after. MODEL is a folder,
by default the bundled model. Each draw runs in its own process, timed from start to end, and is written to
bench/results/adapt.json as soon as it ends (the table shows median seconds); a second call resumes with the missing
draws.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from mnist_cnn.evaluation import labelled_images
from mnist_cnn.evaluation.labelled_images import LabelledImage
from mnist_cnn.reading.model_names import BUNDLED
from mnist_cnn.reading.reader import Reader
from mnist_cnn.system.files import sha256_of
from read_pictures import accepted_letters, accuracy, arrays
from results import FOLDER, machine_line, median, write

SOURCES, EACH = 3, 3


def drawn(labelled: list[LabelledImage], seed: int) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Three images of each digit, and all others."""
    order = np.random.default_rng(seed).permutation(len(labelled)).tolist()
    chosen = [index for digit in "0123456789" for index in [i for i in order if labelled[i].label == digit][:EACH]]
    return [labelled[i] for i in chosen], [labelled[i] for i in sorted(set(order) - set(chosen))]


def errors(reader: Reader, labelled: list[LabelledImage]) -> int:
    """The number of images that are not entirely correct."""
    return sum(not one.correct for one in labelled_images.evaluate(reader, labelled))


def general(reader: Reader, folder: Path) -> dict[str, Any]:
    """Errors on MNIST's test images, and letters accepted at the threshold that rejects 1% of those images."""
    images, labels = arrays(folder / "mnist.npz")
    read = accuracy(reader.classify, images, labels)
    letters = accepted_letters(reader.classify, images, arrays(folder / "letters_A_to_J.npz")[0])
    return {"mnist_errors": read.count - read.correct, "letters_accepted": letters.correct, "letters": letters.count}


def adapted(learnt: list[LabelledImage], model: Path, out: Path, seed: int) -> tuple[dict[str, float], str]:
    """Run the command; returns its seconds and CPU seconds, and its last message if no model was saved."""
    table = out.with_suffix(".csv")
    with table.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("path", "label"), *((one.path.absolute(), one.label) for one in learnt)])
    words = [sys.executable, "-m", "mnist_cnn", "adapt", table, "--model", model, "--output", out, "--seed", str(seed)]
    started, used = time.perf_counter(), processor_seconds()
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    seconds = {
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(processor_seconds() - used, 1),
    }
    said = (done.stderr.splitlines() or [""])[-1]
    if done.returncode and "No improvement" not in said:
        sys.exit(done.stderr)
    return seconds, said if done.returncode else ""


def processor_seconds() -> float:
    """Total CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def row(folder: Path, model: Path, source: str, labelled: list[LabelledImage], draw: int) -> dict[str, Any]:
    """The result of one draw."""
    learnt, rest = drawn(labelled, draw)
    before = Reader(model, min_confidence=0.0)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "adapted"
        seconds, why_not = adapted(learnt, model, out, draw)
        after = before if why_not else Reader(out, min_confidence=0.0)
        return {
            "source": source,
            "draw": draw,
            "rest": len(rest),
            "kept": not why_not,
            **seconds,
            "before": {"errors": errors(before, rest), **general(before, folder)},
            "after": {"errors": errors(after, rest), **general(after, folder)},
        }


def show(rows: list[dict[str, Any]]) -> None:
    """Print a row for each source, and one for all."""

    def means(some: list[dict[str, Any]], name: str) -> str:
        return " → ".join(f"{mean(one[when][name] for one in some):.2f}" for when in ("before", "after"))

    names = (
        "source",
        "draws",
        "saved",
        "errors on the rest",
        "MNIST test errors",
        "letters accepted",
        "seconds",
        "CPU seconds",
    )
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for source in [*dict.fromkeys(one["source"] for one in rows), "all"]:
        some = [one for one in rows if source in (one["source"], "all")]
        clock, used = (f"{median([one[name] for one in some]):.0f}" for name in ("seconds", "processor_seconds"))
        rest = f" of {some[0]['rest']}" if source != "all" else ""
        print(
            f"| {source} | {len(some)} | {sum(one['kept'] for one in some)} | {means(some, 'errors')}{rest} "
            f"| {means(some, 'mnist_errors')} | {means(some, 'letters_accepted')} of {some[0]['before']['letters']} "
            f"| {clock} | {used} |"
        )
    print(machine_line())


def main() -> None:
    """Run the missing draws and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", type=Path, nargs="?", default=BUNDLED)
    parser.add_argument("--draws", type=int, default=10)
    asked = parser.parse_args()
    single = [one for one in labelled_images.load(asked.folder / "pictures" / "labels.csv") if one.single]
    sources = [name for name, _ in Counter(one.source for one in single).most_common(SOURCES)]
    kept = FOLDER / "adapt.json"
    models = json.loads(kept.read_text(encoding="utf-8"))["models"] if kept.exists() else {}
    network = sha256_of(asked.model / "model.onnx")
    name = json.loads((asked.model / "card.json").read_text(encoding="utf-8"))["recipe"]["name"]
    rows = models.setdefault(network, {"recipe": name, "rows": []})["rows"]
    for draw in range(asked.draws):
        for source in sources:
            if not any((one["source"], one["draw"]) == (source, draw) for one in rows):
                labelled = [one for one in single if one.source == source]
                rows.append(row(asked.folder, asked.model, source, labelled, draw))
                write("adapt", {"models": models})
                print(json.dumps(rows[-1]), flush=True)
    show(rows)


if __name__ == "__main__":
    main()
