"""Train the network that tells printed digits from handwritten ones, and measure it: writes weights and results.

    python bench/print_or_hand.py TRAINING.npz HELD-OUT.npz OUT.onnx [--pages 500] [--tables 60] [--seed 0]

Both are made by `held_out_sources.py`, the first with `--training`. Every fourth typeface is kept for the test, as the
writers of HELD-OUT are. What is learnt from is what the reader finds on made pages. OUT.onnx, which is taken as it is
if it exists, is what the package bundles as `print.onnx`; the weights of a number, its row and its column belong into
`sheets/print_or_hand.py`. Writes results/print_or_hand.json.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import keras
import numpy as np
from keras import layers
from sklearn.linear_model import LogisticRegression

from made_sheets import exam, photographed
from mnist_cnn.artifact import onnx_file
from mnist_cnn.data.pages import writing
from mnist_cnn.data.pages.scene import Scene
from mnist_cnn.data.pages.sources import Sources, load
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.digit import Digit
from mnist_cnn.reading.grids import Cell
from mnist_cnn.reading.print_network import PrintDetector, onnx_print_detector
from mnist_cnn.reading.reader import Reader
from mnist_cnn.sheets.print_or_hand import evidence_of, features_of, writing_of
from mnist_cnn.sheets.table import read_tables

RESULT = Path(__file__).parent / "results" / "print_or_hand.json"
SIDE, SMALLEST, LARGEST = 480, 16, 60  # pixels of a page, and of its digits
KEPT = 4  # every fourth typeface is for the test
EPOCHS, BATCH, RATE = 8, 64, 2e-3

Face = dict[str, tuple[np.ndarray, float]]


class Part(NamedTuple):
    """What is trained on, or tested on: writers and typefaces."""

    given: Sources
    faces: list[Face]


def part_of(path: Path, *, test: bool) -> Part:
    """The writers of a file, and the typefaces of that part."""
    given = load(path)
    known: list[Face] = given.typefaces.known  # type: ignore[attr-defined]
    return Part(given, [face for index, face in enumerate(known) if (index % KEPT == 0) == test])


def digits_of(part: Part, pages: int, seed: int, reader: Reader) -> tuple[np.ndarray, np.ndarray]:
    """Digits (n, 28, 28) that the reader finds on made pages, and which are printed (n,)."""
    images: list[np.ndarray] = []
    labels: list[bool] = []
    for page in range(pages):
        scene = Scene(np.random.default_rng((seed, page)), part.given, SIDE)
        kind = ("printed", "ink", "mnist")[int(scene.rng.choice(3, p=(0.5, 0.35, 0.15)))]
        height = scene.between(SMALLEST, LARGEST)
        hand = writing.some_hand(scene, height, kind)
        face = part.faces[int(scene.rng.random() * len(part.faces))]
        written(scene, replace(hand, face=face, gap=min(hand.gap, 0.2)))
        found = reader.read(photographed(scene, [], height, 0.03).grey).digits
        images += [digit.image for digit in found]
        labels += [kind == "printed"] * len(found)
    return np.stack(images), np.array(labels)


def written(scene: Scene, hand: writing.Hand) -> None:
    """A page full of numbers in one hand."""
    line = 40 + hand.height
    while line < SIDE - 30:
        left = 30 + scene.between(0, 60)
        while left < SIDE - 80:
            text = str(scene.whole(0, (9, 99, 999, 9999)[scene.whole(0, 3)]))
            if left + 0.75 * hand.height * len(text) > SIDE - 20:
                break
            left = writing.number(scene, hand, text, left, line).right + 1.2 * hand.height
        line += hand.height * scene.between(1.6, 2.2)


def network() -> keras.Model:
    """A small convolutional network: (n, 28, 28, 1) uint8 digits to (n, 1) logits of being printed."""
    images = layers.Input((28, 28, 1), dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255)(images)
    for filters, strides in ((8, 1), (16, 2), (24, 2), (32, 2)):
        x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dropout(0.3)(layers.Flatten()(layers.AveragePooling2D(2)(x)))
    return keras.Model(images, layers.Dense(1, name="printed")(x), name="print")


def trained(images: np.ndarray, labels: np.ndarray) -> keras.Model:
    """The network after its training."""
    model = network()
    steps = EPOCHS * (len(images) // BATCH)
    model.compile(
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(RATE, steps), weight_decay=1e-3),
        keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.05),
    )
    model.fit(images[..., None], labels.astype(np.float32), batch_size=BATCH, epochs=EPOCHS, verbose=2)
    return model


def cells_of(part: Part, tables: int, seed: int) -> Iterator[tuple[list[Cell], list[list[Digit]], np.ndarray]]:
    """The cells with digits of each made table that is found: places, digits, and which are printed."""
    for index in range(tables):
        sheet, printed = exam(np.random.default_rng((seed, 5, index)), part.given, part.faces)
        found = max(read_tables(sheet.grey), key=lambda one: len(one.cells), default=None)
        if found is None or (found.rows, found.columns) != (len(printed), len(printed[0])):
            continue
        cells = [cell for cell in found.cells if cell.value.row]
        truth = np.array([printed[cell.place.row][cell.place.column] for cell in cells])
        yield [cell.place for cell in cells], [list(cell.value.row) for cell in cells], truth


def digits_of_tables(part: Part, tables: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Digits (n, 28, 28) of made tables, which are seen larger and smoother, and which are printed (n,)."""
    images: list[np.ndarray] = []
    labels: list[bool] = []
    for _, digits, truth in cells_of(part, tables, seed):
        for some, is_printed in zip(digits, truth.tolist(), strict=True):
            images += [digit.image for digit in some]
            labels += [is_printed] * len(some)
    return np.stack(images), np.array(labels)


def both(*some: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Digits and labels of several kinds of pages together."""
    images, labels = zip(*some, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def fitted(part: Part, detect: PrintDetector, tables: int, seed: int) -> tuple[float, ...]:
    """The weights of a number, its row and its column, and the bias."""
    features, labels = [], []
    for places, digits, truth in cells_of(part, tables, seed):
        features.append(features_of(places, evidence_of(digits, detect), np.ones(len(places), bool)))
        labels.append(truth)
    fit = LogisticRegression().fit(np.concatenate(features), np.concatenate(labels))
    return tuple(round(float(one), 2) for one in (*fit.coef_[0], fit.intercept_[0]))


def main() -> None:
    """Make, train, write, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("training", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--tables", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    keras.utils.set_random_seed(options.seed)
    reader, test = Reader(), part_of(options.held_out, test=True)
    train = part_of(options.training, test=False)
    if not options.output.exists():
        images, labels = both(
            digits_of(train, options.pages, options.seed + 1, reader),
            digits_of_tables(train, 2 * options.tables, options.seed + 1),
        )
        print(f"{len(images):,} digits, {labels.sum():,} printed", flush=True)
        model = trained(images, labels)
        onnx_file.write(model, options.output)
        print(f"{model.count_params():,} parameters, {options.output.stat().st_size:,} bytes", flush=True)
    detect = onnx_print_detector(options.output, 1)
    images, labels = digits_of(test, options.pages // 3, options.seed + 2, reader)
    correct = (detect(images) > 0) == labels
    results: dict[str, object] = {}
    for name, some in (("printed", correct[labels]), ("handwritten", correct[~labels])):
        results[name] = Accuracy(int(some.sum()), len(some)).to_dict()
        print(f"single digits, {name}: {Accuracy(int(some.sum()), len(some))}", flush=True)
    print("weights of number, row, column, and bias:", fitted(train, detect, options.tables, options.seed + 3))
    right = wrong = silent = 0
    for places, digits, truth in cells_of(test, options.tables, options.seed + 4):
        for said, is_printed in zip(writing_of(places, digits, lambda: detect), truth, strict=True):
            silent += said is None
            right += said is not None and (said == "printed") == bool(is_printed)
            wrong += said is not None and (said == "printed") != bool(is_printed)
    results["tables"] = {"said": Accuracy(right, right + wrong).to_dict(), "not said": silent}
    print(f"numbers in {options.tables} tables: {Accuracy(right, right + wrong)} of those said; {silent} not said")
    RESULT.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
