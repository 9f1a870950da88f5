"""Another reader on the same labelled images, in one run: RapidOCR, an OCR library, beside mnist-cnn.

`python bench/peers.py LABELS.csv` takes a table as `mnist-cnn score` does; `--sample N` only N images of each layout.
The first call makes an environment for RapidOCR in .venv-peers, with pip and the versions below; its models are part
of its package. Each image is given to both readers in turn, as a file, each on one thread. Prints a table and saves
bench/results/peers.json.

RapidOCR reads text, so its answer is reduced to the digits in it: boxes are grouped to rows, from left to right, and
every other character is left out. Of images of one digit it is also asked to recognise without detection, since it is
known that there is one text. From mnist-cnn, what it rejects counts as predicted, as for `score`; a second line leaves
it out.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from mnist_cnn.errors import ImageError
from mnist_cnn.evaluation import labelled_images
from mnist_cnn.evaluation.labelled_images import ROWS, DigitCounts, LabelledImage
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.model_names import onnx_file_of
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.reading import Reading
from results import machine_line, median, write

ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / ".venv-peers"
PINNED = ("rapidocr==3.10.0", "onnxruntime==1.32.0", "opencv-python-headless==5.0.0.93", "numpy==2.4.6")
WORKER = Path(__file__).with_name("peers_rapidocr.py")
OURS, ACCEPTED = "mnist-cnn", "mnist-cnn, rejected digits left out"
RAPIDOCR, RECOGNITION = "RapidOCR", "RapidOCR, recognition only"
HEAD = ("layout", "reader", "images", "whole images correct, 95% CI", "precision", "recall", "F1", "s per image")

Corners = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Answer:
    """What a reader predicted for an image, as a label is written, and the seconds it took; None if it failed."""

    image: LabelledImage
    predicted: str
    seconds: float | None


def digits_in(text: str) -> str:
    """The decimal digits of a text, also full-width ones, as 0 to 9; nothing else is taken for a digit."""
    return "".join(str(unicodedata.decimal(one)) for one in text if unicodedata.decimal(one, None) is not None)


def rows_of(texts: Sequence[str], boxes: Sequence[Corners]) -> list[list[str]]:
    """Texts in reading order: rows from top to bottom, each from left to right.

    A text belongs to a row if its middle is within the height of the row's first text, or the other way round. Without
    boxes, all texts are one row, in their order.
    """
    if not boxes:
        return [list(texts)] if texts else []
    placed = sorted(
        ((min(y), max(y), min(x), text) for text, x, y in zip(texts, *across_and_down(boxes), strict=True)),
        key=lambda one: one[0] + one[1],
    )
    rows: list[list[tuple[float, float, float, str]]] = []
    for one in placed:
        if rows and is_beside(rows[-1][0], one):
            rows[-1].append(one)
        else:
            rows.append([one])
    return [[text for *_, text in sorted(row, key=lambda one: one[2])] for row in rows]


def across_and_down(boxes: Sequence[Corners]) -> tuple[list[list[float]], list[list[float]]]:
    """The x and the y of all corners of each box."""
    return [[x for x, _ in box] for box in boxes], [[y for _, y in box] for box in boxes]


def is_beside(first: tuple[float, float, float, str], other: tuple[float, float, float, str]) -> bool:
    """Whether the middle of one of two texts, (top, bottom, left, text), is within the height of the other."""
    (top, bottom, *_), (other_top, other_bottom, *_) = first, other
    return top <= (other_top + other_bottom) / 2 <= bottom or other_top <= (top + bottom) / 2 <= other_bottom


def label_of(texts: Sequence[str], boxes: Sequence[Corners]) -> str:
    """Texts with boxes as a label: their digits, rows separated by "/"; rows without digits are left out."""
    rows = (digits_in("".join(row)) for row in rows_of(texts, boxes))
    return ROWS.join(row for row in rows if row)


def label_of_reading(reading: Reading, with_rejected: bool) -> str:
    """A reading as a label."""
    rows = ("".join(str(one.digit) for one in row if with_rejected or not one.rejected) for row in reading.rows)
    return ROWS.join(row for row in rows if row)


def sample_of(images: Sequence[LabelledImage], count: int | None, seed: int) -> list[LabelledImage]:
    """So many images of each layout, drawn at random, in the order of the table; all if there is no number."""
    if count is None:
        return list(images)
    drawn = random.Random(seed)  # noqa: S311 (a sample)
    chosen: set[int] = set()
    for layout in sorted({one.layout for one in images}):
        group = [index for index, one in enumerate(images) if one.layout == layout]
        chosen.update(drawn.sample(group, min(count, len(group))))
    return [images[index] for index in sorted(chosen)]


def measures(answers: Sequence[Answer]) -> dict[str, Any]:
    """Whole images, digits and seconds of at least one answer."""
    seconds = [one.seconds for one in answers if one.seconds is not None]
    whole = Accuracy(sum(one.seconds is not None and one.predicted == one.image.label for one in answers), len(answers))
    return {
        "images": whole.to_dict(),
        "failed": len(answers) - len(seconds),
        "digits": DigitCounts.of((one.image.label, one.predicted) for one in answers).to_dict(),
        "seconds": median(seconds) if seconds else None,
    }


def by_layout(answers: dict[str, list[Answer]]) -> dict[str, dict[str, Any]]:
    """The measures of each reader in each layout, and over all images if there are several layouts."""
    layouts = sorted({one.image.layout for some in answers.values() for one in some})
    groups = {
        layout or "no layout": {
            reader: measures(group)
            for reader, some in answers.items()
            if (group := [one for one in some if one.image.layout == layout])
        }
        for layout in layouts
    }
    if len(layouts) > 1:
        count = max(len(some) for some in answers.values())
        groups["all"] = {reader: measures(some) for reader, some in answers.items() if len(some) == count}
    return groups


def table(groups: dict[str, dict[str, Any]]) -> Iterator[str]:
    """The measures as a table in Markdown."""
    yield line(HEAD)
    yield "|---" * len(HEAD) + "|"
    for layout, readers in groups.items():
        for reader, one in readers.items():
            whole, digits = Accuracy.from_dict(one["images"]), one["digits"]
            low, high = whole.confidence_interval
            yield line(
                [
                    layout,
                    reader,
                    f"{whole.count:,}",
                    f"{whole.correct:,}: {whole.value:.2%} ({100 * low:.2f} to {100 * high:.2f})",
                    *("–" if digits[name] is None else f"{digits[name]:.2%}" for name in ("precision", "recall", "f1")),
                    "–" if one["seconds"] is None else f"{one['seconds']:.3f}",
                ]
            )


def line(cells: Iterable[str]) -> str:
    """A line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def python_of_peers() -> Path:
    """The interpreter of RapidOCR's environment, which is made if it is not there or has other versions."""
    python = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    made = ENVIRONMENT / "pinned.txt"
    if not made.exists() or made.read_text(encoding="utf-8") != "\n".join(PINNED):
        print(f"Making {ENVIRONMENT.name} with {', '.join(PINNED)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
        quiet = ("--disable-pip-version-check", "--no-input", "--quiet")
        subprocess.run([python, "-m", "pip", "install", *quiet, *PINNED], check=True)
        made.write_text("\n".join(PINNED), encoding="utf-8")
    return python


class RapidOcr:
    """RapidOCR in its process; `models` says which it has loaded, with the bytes of their files."""

    def __init__(self, python: Path) -> None:
        self.process = subprocess.Popen(
            [python, "-I", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.models: dict[str, int] = self.receive()["models"]

    def receive(self) -> dict[str, Any]:
        """The next line of the process."""
        assert self.process.stdout
        text = self.process.stdout.readline()
        if not text:
            sys.exit("RapidOCR ended: see what it printed above.")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def read(self, image: LabelledImage, detect: bool = True) -> Answer:
        """Read an image, with or without looking for the places of texts."""
        assert self.process.stdin
        request = {"path": str(image.path.absolute()), "detect": detect}
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = self.receive()
        if "error" in answer:
            print(f"RapidOCR: {image.path}: {answer['error']}", file=sys.stderr)
            return Answer(image, "", None)
        return Answer(image, label_of(answer["texts"], answer["boxes"]), answer["seconds"])


@contextmanager
def rapidocr_process() -> Iterator[RapidOcr]:
    """RapidOCR, which ends with the block."""
    peer = RapidOcr(python_of_peers())
    try:
        yield peer
    finally:
        peer.process.terminate()
        peer.process.wait()


def read_ours(reader: Reader, image: LabelledImage) -> tuple[Answer, Answer]:
    """Read an image with mnist-cnn: with the digits that it rejects, and without."""
    start = time.perf_counter()
    try:
        reading = reader.read(image.path, image.single)
    except ImageError as error:
        print(f"mnist-cnn: {error}", file=sys.stderr)
        return Answer(image, "", None), Answer(image, "", None)
    seconds = time.perf_counter() - start
    with_rejected, accepted = (label_of_reading(reading, with_rejected) for with_rejected in (True, False))
    return Answer(image, with_rejected, seconds), Answer(image, accepted, seconds)


def read_all(images: Sequence[LabelledImage], reader: Reader, peer: RapidOcr) -> dict[str, list[Answer]]:
    """Have every image read by both, one after the other."""
    answers: dict[str, list[Answer]] = {name: [] for name in (OURS, ACCEPTED, RAPIDOCR, RECOGNITION)}
    for number, image in enumerate(images, start=1):
        for name, answer in zip((OURS, ACCEPTED), read_ours(reader, image), strict=True):
            answers[name].append(answer)
        answers[RAPIDOCR].append(peer.read(image))
        if image.single:
            answers[RECOGNITION].append(peer.read(image, detect=False))
        if number % 100 == 0:
            print(f"{number:,} of {len(images):,} images", file=sys.stderr)
    return {name: some for name, some in answers.items() if some}


def main() -> None:
    """Read the images with both, print the table and save the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, help="CSV with the columns path and label, as for `mnist-cnn score`")
    parser.add_argument("--sample", type=int, help="number of images of each layout; by default all")
    parser.add_argument("--seed", type=int, default=0, help="which images the sample has")
    parser.add_argument("--model", help="model of mnist-cnn; by default the bundled one")
    given = parser.parse_args()
    images = sample_of(labelled_images.load(given.labels), given.sample, given.seed)
    cv2.setNumThreads(1)
    reader = Reader(given.model)
    with rapidocr_process() as peer:
        read_all(images[:1], reader, peer)  # the first image takes longer, for reasons that are not the image's
        groups = by_layout(read_all(images, reader, peer))
        models = {OURS: {"model.onnx": onnx_file_of(given.model).stat().st_size}, RAPIDOCR: peer.models}
    print(*table(groups), sep="\n")
    for name, files in models.items():
        print(f"{name}: {sum(files.values()) / 10**6:.1f} MB of models ({', '.join(sorted(files))})")
    print(machine_line())
    write(
        "peers",
        {
            "table": given.labels.parent.name,
            "images": len(images),
            "sample": given.sample,
            "seed": given.seed,
            "model": given.model or "bundled",
            "peers": list(PINNED),
            "models": models,
            "layouts": groups,
        },
    )


if __name__ == "__main__":
    main()
