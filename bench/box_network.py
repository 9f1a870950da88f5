"""Train the network that sees what is in a box for one digit, and measure it: writes weights and results.

    python bench/box_network.py TRAINING.npz HELD-OUT.npz OUT.onnx [--boxes 300000] [--epochs 12] [--seed 0]

Both are made by `held_out_sources.py`, the first with `--training`. The boxes are those of made sheets, and
`made_sheets.py` makes others to test on: rows of boxes, combs, rings, short lines, and cells of tables, drawn in many
ways and photographed, each seen as the reader sees it, but not quite where it is. OUT.onnx is what the package bundles
as `box.onnx`. Writes results/box_network.json.
"""

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import keras
import numpy as np
from keras import layers, ops

from made_sheets import photographed
from mnist_cnn.data.pages import writing
from mnist_cnn.data.pages.page import Box
from mnist_cnn.data.pages.scene import Scene, ellipse, line, rectangle
from mnist_cnn.data.pages.sources import Sources, load
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.box_network import BLANK, CLASSES, OTHER, SEVERAL, SIDE, box_images, onnx_box_classifier
from mnist_cnn.reading.grids import Cell, Grid, level_view
from mnist_cnn.training.light import in_other_light
from quantize import export

Kind = Literal["boxes", "comb", "rings", "lines"]
"""How places for a digit are drawn."""

RESULT = Path(__file__).parent / "results" / "box_network.json"
KINDS: tuple[Kind, ...] = ("boxes", "comb", "rings", "lines")
SHARES = (0.55, 0.15, 0.15, 0.15)  # of each
PAGE = 480  # pixels of a sheet
OFF = 0.03  # of a box: the deviation of where the reader takes it to be
BATCH, RATE, SMOOTHING = 256, 3e-3, 0.03
LEAST_DEVIATION = 0.01  # of the range: weaker contrast is not stretched to more
CALIBRATION, TEST = 500, 20_000  # boxes
CHUNK = 2000  # boxes that a process makes at a time


class Layout(NamedTuple):
    """Where boxes are: `across` (columns + 1, 2) and `down` (rows + 1, 2) begin and end their lines, in pixels."""

    across: np.ndarray
    down: np.ndarray
    kind: Kind
    thick: float


def some_layout(scene: Scene) -> Layout:
    """A row of boxes of some kind, or a table."""
    kind = KINDS[int(scene.rng.choice(len(KINDS), p=SHARES))]
    is_table = kind == "boxes" and scene.chance(0.5)
    rows, columns = (scene.whole(2, 6), scene.whole(2, 7)) if is_table else (1, scene.whole(1, 9))
    tall = min(scene.growing(18, 100), 400 / rows)
    ratio = {"boxes": 1.0, "comb": 1.4, "rings": 1.0, "lines": 1.5}[kind] * float(np.exp(scene.rng.normal(0, 0.16)))
    wide = min(scene.between(1.2, 2.4) * tall if is_table and scene.chance(0.4) else tall / ratio, 420 / columns)
    tall = min(tall, 2.2 * wide)
    thick = scene.growing(0.7, 0.09 * min(wide, tall) + 0.8)
    gap = 0.0 if is_table or kind == "comb" else scene.between(0.1, 0.6) * wide
    gap = 0.0 if kind == "boxes" and scene.chance(0.5) else min(gap, (440 - columns * wide) / columns)
    half = thick / 2 if gap == 0 and kind in ("boxes", "comb") else 0.0
    starts = np.arange(columns) * (wide + gap)
    begins = np.concatenate([[0.0], starts + wide])
    ends = np.concatenate([starts, [starts[-1] + wide]])
    across = np.stack([begins - half, ends + half], axis=1) + (PAGE - starts[-1] - wide) / 2
    down = np.arange(rows + 1) * tall + (PAGE - rows * tall) / 2
    return Layout(across, np.stack([down - half, down + half], axis=1), kind, thick)


def box_of(layout: Layout, row: int, column: int) -> Box:
    """A box, to the middles of its lines."""
    left, right = layout.across[column].max(), layout.across[column + 1].min()
    if layout.kind in ("boxes", "comb") and np.ptp(layout.across[column]) < 2 * layout.thick:
        left, right = layout.across[[column, column + 1]].mean(axis=1)
    top, bottom = layout.down[[row, row + 1]].mean(axis=1)
    return Box(float(left), float(top), float(right), float(bottom))


def draw(layer: np.ndarray, layout: Layout, box: Box, tick: float) -> None:
    """What is drawn for one digit."""
    left, top, right, bottom = box
    if layout.kind == "boxes":
        rectangle(layer, box, layout.thick)
    elif layout.kind == "rings":
        ellipse(layer, ((left + right) / 2, (top + bottom) / 2), ((right - left) / 2, (bottom - top) / 2), layout.thick)
    elif layout.kind == "lines":
        line(layer, [(left, bottom), (right, bottom)], layout.thick)
    else:
        high = bottom - tick * (bottom - top)
        line(layer, [(left, high), (left, bottom), (right, bottom), (right, high)], layout.thick)


def write_in(scene: Scene, hand: writing.Hand, shape: Kind, box: Box) -> int:
    """Write something in a box, a comb or another shape, or nothing; its class."""
    kind = scene.rng.random()
    if kind < 0.2:
        return BLANK
    is_single = kind < 0.8
    if is_single:
        text = str(scene.whole(0, 9))
    elif kind < 0.9:
        text = str(scene.whole(10, 100)) if scene.chance(0.7) else f"{scene.whole(0, 9)}.{scene.whole(0, 9)}"
    else:
        text = "-x×✓X~AEHKMNRVWTFPLcaehkmnrvwuf="[scene.whole(0, 31)]
    place = shape in ("lines", "comb")
    height = hand.height * scene.between(0.9, 1.1)
    wide = 0.62 * height * len(text)
    left = (box.left + box.right - wide) / 2 + scene.rng.normal(0, 0.08) * (box.right - box.left)
    foot = box.bottom - scene.between(0.02, 0.12) * height if place else (box.top + box.bottom + height) / 2
    foot += scene.rng.normal(0, 0.05) * (box.bottom - box.top)
    sized = replace(hand, height=height, gap=min(hand.gap, 0.16))
    if text[0].isdigit():
        for part in text.replace(".", " . ").split():
            how = writing.beside if part == "." else writing.number
            left = how(scene, sized, part, left, foot).right + 0.1 * height
        return int(text) if is_single else SEVERAL
    writing.beside(scene, sized, text, left, foot)
    return OTHER


def sheet(rng: np.random.Generator, sources: Sources) -> tuple[np.ndarray, np.ndarray]:
    """The boxes of a made sheet as the reader sees them (n, 48, 48) uint8, and their classes (n,)."""
    scene = Scene(rng, sources, PAGE)
    layout = some_layout(scene)
    first = box_of(layout, 0, 0)
    wide, tall = first.right - first.left, first.bottom - first.top
    share = {"boxes": (0.5, 0.85), "comb": (0.5, 0.85), "rings": (0.4, 0.68), "lines": (0.45, 0.62)}[layout.kind]
    height = min(scene.between(*share) * tall, 1.15 * wide)
    kind = ("mnist", "ink", "printed")[int(rng.choice(3, p=(0.25, 0.6, 0.15)))]
    hand = writing.some_hand(scene, height, kind)
    layer = scene.form if scene.chance(0.8) else scene.ink
    tick = scene.between(0.2, 0.6)
    cells, classes = [], []
    for row in range(len(layout.down) - 1):
        for column in range(len(layout.across) - 1):
            box = box_of(layout, row, column)
            draw(layer, layout, box, tick)
            classes.append(write_in(scene, hand, layout.kind, box))
            cells.append(Cell(row, column))
    if scene.chance(0.3):  # lines that are fainter than the writing
        layer[:] = np.maximum(scene.ink, (layer * scene.between(0.3, 0.9)).astype(np.uint8))
    made = photographed(scene, [], height, scene.between(0.0, 0.1))
    return box_images(*seen(rng, made.grey, made.matrix, layout, cells)), np.array(classes)


def seen(
    rng: np.random.Generator, grey: np.ndarray, matrix: np.ndarray, layout: Layout, cells: list[Cell]
) -> tuple[np.ndarray, np.ndarray]:
    """The level view of boxes in a photograph, and where they are in it, not quite."""
    (left, right), (top, bottom) = (
        (float(lines.mean(axis=1)[0]), float(lines.mean(axis=1)[-1])) for lines in (layout.across, layout.down)
    )
    if layout.kind == "lines":  # the reader knows their feet, and guesses how high they are
        top = bottom - (bottom - top) * float(rng.uniform(0.85, 1.2))
    corners = np.array([[(left, top), (right, top), (right, bottom), (left, bottom)]], np.float32)
    tall = (bottom - top) / (len(layout.down) - 1)
    found = cv2.perspectiveTransform(corners, matrix)[0] + rng.normal(0, OFF, (4, 2)) * tall
    across = layout.across - left + rng.normal(0, OFF, layout.across.shape) * tall
    down = layout.down - layout.down.mean(axis=1)[0]
    if layout.kind == "lines":
        down = np.array([[0.0, 0.0], [bottom - top] * 2])
    size = right - left, bottom - top
    grid = Grid(found.astype(np.float32), size, down, across, tuple(cells))
    level = level_view(grey, grid)
    return level.grey, level.boxes + rng.normal(0, OFF, level.boxes.shape) * float(np.diff(level.boxes[:, 1::2]).mean())


def some_boxes(path: Path, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (n, 48, 48) uint8 and classes (n,) uint8, with the writers of a file."""
    cv2.setNumThreads(1)
    rng, sources = np.random.default_rng([seed, 48]), load(path)
    images: list[np.ndarray] = []
    classes: list[np.ndarray] = []
    while sum(map(len, classes)) < count:
        for found, to in zip(sheet(rng, sources), (images, classes), strict=True):
            to.append(found)
    return np.concatenate(images)[:count], np.concatenate(classes)[:count].astype(np.uint8)


def made(path: Path, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same, by all cores."""
    parts = max(1, count // CHUNK)
    with ProcessPoolExecutor(max(1, (os.cpu_count() or 2) - 1)) as pool:
        each = [pool.submit(some_boxes, path, count // parts, 1000 * seed + part) for part in range(parts)]
        images, classes = zip(*(one.result() for one in each), strict=True)
    return np.concatenate(images), np.concatenate(classes)


def network() -> keras.Model:
    """A convolutional network: (n, 48, 48, 1) uint8 boxes of any polarity to (n, 13) logits."""
    images = layers.Input((SIDE, SIDE, 1), dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255)(images)
    mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
    x = (x - mean) / (ops.sqrt(ops.mean((x - mean) ** 2, axis=(1, 2, 3), keepdims=True)) + LEAST_DEVIATION)
    for filters, size, strides in ((16, 5, 2), (32, 3, 1), (48, 3, 2), (48, 3, 1), (64, 3, 2), (64, 3, 1)):
        x = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.98)(x))
    x = layers.Dropout(0.25)(layers.Flatten()(x))
    return keras.Model(images, layers.Dense(CLASSES, name="classes")(x), name="box")


def trained(images: np.ndarray, classes: np.ndarray, epochs: int, seed: int) -> keras.Model:
    """The network after its training, in other light in each epoch; its weights are averaged over the last updates."""
    model, rng = network(), np.random.default_rng(seed)
    steps = len(images) // BATCH
    rate = keras.optimizers.schedules.CosineDecay(0.0, epochs * steps, warmup_target=RATE, warmup_steps=steps)
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-3, use_ema=True, ema_momentum=0.998),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING),
    )
    targets = np.eye(CLASSES, dtype=np.float32)[classes]
    for epoch in range(epochs):
        order = rng.permutation(len(images))[: steps * BATCH]
        lit = in_other_light(images[order][..., None], rng)
        model.fit(
            lit, targets[order], batch_size=BATCH, epochs=epoch + 1, initial_epoch=epoch, shuffle=False, verbose=2
        )
    model.optimizer.finalize_variable_values(model.trainable_variables)
    return model


def main() -> None:
    """Make, train, write, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("training", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--boxes", type=int, default=300_000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not options.output.exists():
        images, classes = made(options.training, options.boxes, options.seed + 1)
        model = trained(images, classes, options.epochs, options.seed)
        export(model, images[:CALIBRATION], 0, options.output)
    images, classes = made(options.held_out, TEST, options.seed + 2)
    found = onnx_box_classifier(options.output, 1)(images).argmax(axis=1)
    parts = {"digits": classes < BLANK, "blank": classes == BLANK, "other": classes == OTHER,
             "several": classes == SEVERAL}  # fmt: skip
    results = {}
    for name, some in parts.items():
        accuracy = Accuracy(int((found == classes)[some].sum()), int(some.sum()))
        print(f"{name}: {accuracy}", flush=True)
        results[name] = accuracy.to_dict()
    RESULT.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
