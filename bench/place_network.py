"""Train the network that sees where places for a digit each are drawn, and measure it.

    python bench/place_network.py TRAINING.npz HELD-OUT.npz OUT.onnx [--crops 30000] [--epochs 6] [--seed 0]

Both are made by `held_out_sources.py`, the first with `--training`. The sheets are made by code: rows of boxes, combs,
rings, short lines, and tables, printed or drawn by hand, some with gaps in their lines, with writing in and around them
that touches them; and sheets of writing without any. OUT.onnx is what the package bundles as `place.onnx`. A training
that is interrupted goes on from what is in the folder OUT. Writes results/place_network.json.
"""

import argparse
import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import keras
import numpy as np
from keras import layers, ops

from box_network import Kind, write_in
from mnist_cnn.data.pages import furniture, layouts, paper, writing
from mnist_cnn.data.pages.page import Box, around
from mnist_cnn.data.pages.scene import FINE, TWICE, Scene, line, polylines
from mnist_cnn.data.pages.sources import Sources, load
from mnist_cnn.reading.place_network import HALF, flattened, onnx_place_detector
from mnist_cnn.reading.places_for_digits import MIDDLE
from quantize import export

RESULT = Path(__file__).parent / "results" / "place_network.json"
PAGE, CROP, CROPS = 480, 224, 3  # pixels of a sheet and of a crop, and crops of a sheet
TILT = 0.07  # of the side, by which a corner is away from where it would be, at most
SMALLEST, LARGEST = 0.7, 1.8  # times that a photograph is as large
KINDS: tuple[Kind, ...] = ("boxes", "comb", "rings", "lines")
SHARES = (0.5, 0.18, 0.16, 0.16)  # of each
RATIOS = {"boxes": 1.1, "comb": 1.3, "rings": 1.0, "lines": 1.5}  # times as high as wide they usually are
HEIGHTS = {"boxes": (0.4, 0.95), "comb": (0.4, 0.95), "rings": (0.4, 0.75), "lines": (0.42, 0.75)}  # of digits in them
COVERED = 0.5  # of a pixel that is in the middle of a place
NEAR_PLACES = 0.75  # of the crops of sheets with places show some for certain
WITHOUT, LINED = 0.3, 0.5  # of the sheets have no places; and of these, long lines below what is written
BATCH, RATE, WARMING = 16, 3e-3, 100
CALIBRATION, TEST = 200, 150  # crops, and sheets
LEVEL = 127  # of 255, above which a pixel is in the middle of a place
CHUNK = 750  # crops that a process makes at a time
OTHERS = (
    furniture.scribble, furniture.crossed_out, furniture.brackets, furniture.speckles, furniture.speckles,
    furniture.underlined, furniture.dotted, furniture.dividers,
)  # fmt: skip
WRITTEN = (
    layouts.text, layouts.handwriting, layouts.rows, layouts.symbols, layouts.one_digit, layouts.touching_digits,
    layouts.column,
)  # fmt: skip


class Places(NamedTuple):
    """Rows of places of one kind, and how thick their lines are, in pixels."""

    kind: Kind
    rows: list[list[Box]]
    thick: float


def some_places(scene: Scene) -> Places:
    """A row of places, several, or a table, anywhere on the page, not always all on it."""
    kind = KINDS[int(scene.rng.choice(len(KINDS), p=SHARES))]
    is_table = kind == "boxes" and scene.chance(0.45)
    rows = scene.whole(2, 8) if is_table else scene.whole(2, 4) if scene.chance(0.3) else 1
    columns = scene.whole(2, 8) if is_table or kind != "boxes" else scene.whole(1, 12)
    tall = min(scene.growing(17, 100), 1.1 * PAGE / rows)
    ratio = RATIOS[kind] * float(np.exp(scene.rng.normal(0, 0.2)))
    wide = scene.between(1.2, 3.0) * tall if is_table and scene.chance(0.5) else tall / ratio
    wide = max(14.0, min(wide, 1.1 * PAGE / columns))
    tall = min(tall, 2.2 * wide)
    if kind == "rings":
        tall = min(tall, 1.25 * wide)
    joined = is_table or kind == "comb" or (kind == "boxes" and scene.chance(0.5))
    gap = 0.0 if joined else scene.growing(0.2 if kind == "lines" else 0.08, 0.7) * wide
    below = 0.0 if is_table else scene.between(0.15, 1.2) * tall
    uneven = scene.between(0.0, 0.4) if is_table and scene.chance(0.5) else 0.0
    widths = wide * np.exp(scene.rng.normal(0, uneven, columns))
    starts = np.concatenate([[0.0], np.cumsum(widths[:-1] + gap)])
    size = starts[-1] + widths[-1], rows * tall + (rows - 1) * below
    x, y = (scene.between(min(0.0, PAGE - one) - 0.1 * one, max(PAGE - one, 0.0) + 0.1 * one) for one in size)
    thick = scene.growing(0.7, 0.09 * min(wide, tall) + 0.8)
    return Places(kind, [
        [Box(x + start, y + row * (tall + below), x + start + width, y + row * (tall + below) + tall)
         for start, width in zip(starts.tolist(), widths.tolist(), strict=True)]
        for row in range(rows)
    ], thick)  # fmt: skip


class Drawing:
    """Lines as they are drawn, and the middles of places as they are meant: each (2·side, 2·side) uint8."""

    def __init__(self, scene: Scene, thick: float) -> None:
        self.scene = scene
        self.lines, self.middles = np.zeros((2, *scene.ink.shape), np.uint8)
        self.thick = thick
        self.unsteady = scene.growing(0.3, 3.0) if scene.chance(0.3) else 0.0

    def line(self, *points: tuple[float, float]) -> None:
        """A line through points, by a ruler or by hand."""
        given = np.array(points, np.float32)
        if self.unsteady:
            given = np.concatenate([a + np.linspace(0, 1, 7)[:, None] * (b - a) for a, b in pairwise(given)])
            bends = self.scene.rng.normal(0, 0.6 * self.unsteady, given.shape)
            given = given + np.stack([np.convolve(axis, np.ones(5) / 5, "same") for axis in bends.T], axis=1)
            given = given + self.scene.rng.normal(0, 0.5 * self.unsteady, 2)
        self.along(given)

    def ring(self, box: Box) -> None:
        """An ellipse in a box."""
        angles = np.linspace(0, 2 * np.pi, 41)
        middle, radii = middle_of(box)
        radii = radii * (1 + self.scene.rng.normal(0, 0.02 * self.unsteady, 2))
        middle = middle + self.scene.rng.normal(0, 0.5 * self.unsteady, 2)
        self.along(middle + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1))

    def along(self, points: np.ndarray) -> None:
        """Draw a line."""
        polylines(self.lines, [np.rint(points * FINE).astype(np.int32)], self.thick)

    def interrupt(self, size: float) -> None:
        """Gaps in the lines."""
        places = np.argwhere(self.lines[::8, ::8] > 0) * 8
        for y, x in self.scene.rng.permutation(places)[: self.scene.whole(1, 8)].tolist():
            cv2.circle(self.lines, (x, y), max(1, round(TWICE * self.scene.between(0.3, 1.0) * size)), 0, -1)

    def place(self, kind: Kind, box: Box, tick: float) -> None:
        """What is drawn for one digit, and the middle of it."""
        left, top, right, bottom = box
        middle, radii = middle_of(box)
        if kind == "rings":
            self.ring(box)
            centre, axes = (tuple(np.rint(TWICE * one).astype(int).tolist()) for one in (middle, MIDDLE * radii))
            cv2.ellipse(self.middles, centre, axes, 0, 0, 360, 255, -1)
            return
        if kind == "boxes":
            for ends in pairwise([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]):
                self.line(*ends)
        else:
            self.line((left, bottom), (right, bottom))
        if kind == "comb":
            high = bottom - tick * (bottom - top)
            self.line((left, high), (left, bottom))
            self.line((right, bottom), (right, high))
        low, high_ = (np.rint(TWICE * (middle + way * MIDDLE * radii)).astype(int).tolist() for way in (-1, 1))
        cv2.rectangle(self.middles, low, high_, 255, -1)


def middle_of(box: Box) -> tuple[np.ndarray, np.ndarray]:
    """The middle of a box, and half its size, each (2,)."""
    left, top, right, bottom = box
    return np.array([left + right, top + bottom]) / 2, np.array([right - left, bottom - top]) / 2


def with_places(scene: Scene) -> tuple[float, np.ndarray]:
    """Draw places for digits, and write in them; the digits' height, and the middles of the places."""
    places = some_places(scene)
    while places.kind != "boxes" and len(places.rows[0]) == 1:  # one line may be anything
        places = some_places(scene)
    wide, tall = 2 * middle_of(places.rows[0][0])[1]
    height = min(scene.between(*HEIGHTS[places.kind]) * float(tall), 1.15 * float(wide))
    hand = writing.some_hand(scene, height, ("mnist", "ink", "printed")[int(scene.rng.choice(3, p=(0.25, 0.6, 0.15)))])
    drawing, tick = Drawing(scene, places.thick), scene.between(0.15, 0.65)
    empty = scene.chance(0.15)
    for box in (box for row in places.rows for box in row):
        drawing.place(places.kind, box, tick)
        if not empty:
            write_in(scene, hand, places.kind, box)
    label = replace(hand, height=scene.between(0.5, 1.0) * height)
    upper, lower = places.rows[0][0].top, places.rows[-1][0].bottom
    for _ in range(scene.whole(0, 3)):
        foot = upper - 0.2 * height if scene.chance(0.5) else lower + 1.3 * label.height
        writing.word(scene, label, writing.some_word(scene), scene.between(5, 0.7 * PAGE), foot)
    if scene.chance(0.3):
        drawing.interrupt(0.1 * min(float(wide), float(tall)))
    strength = scene.between(0.25, 0.9) if scene.chance(0.35) else 1.0
    np.maximum(scene.form, (drawing.lines * strength).astype(np.uint8), out=scene.form)
    return height, drawing.middles


def sheet(rng: np.random.Generator, sources: Sources) -> tuple[np.ndarray, np.ndarray]:
    """A photograph of a sheet (h, w) uint8, and for each 2×2 pixels whether they are in the middle of a place."""
    scene = Scene(rng, sources, PAGE)
    if scene.chance(WITHOUT):
        height, middles = WRITTEN[scene.whole(0, len(WRITTEN) - 1)](scene), np.zeros_like(scene.ink)
        if scene.chance(LINED):
            underline_rows(scene, height)
    else:
        height, middles = with_places(scene)
    if scene.chance(0.3):
        furniture.add(scene, height, furniture.PAPERS)
    for _ in range(scene.whole(0, 2) if scene.written else 0):
        furniture.add(scene, height, OTHERS)
    grey, _ = paper.inked(scene, paper.blank(scene))
    grey = paper.lit(scene, grey)
    return photographed(scene, grey.astype(np.float32), middles, height)


def underline_rows(scene: Scene, height: float) -> None:
    """A line below each row of writing, at least as long, which makes no places of what is written."""
    rows: list[list[Box]] = []
    for box in sorted(scene.written, key=lambda one: one.bottom):
        if rows and box.bottom - rows[-1][0].bottom < height / 2:
            rows[-1].append(box)
        else:
            rows.append([box])
    thick, below = scene.growing(0.7, 0.09 * height + 0.8), scene.between(-0.06, 0.35) * height
    for row in rows:
        box = around(row)
        left, right = (way * height * scene.growing(0.1, 8) for way in (-1, 1))
        line(scene.form, [(box.left + left, box.bottom + below), (box.right + right, box.bottom + below)], thick)


def photographed(scene: Scene, grey: np.ndarray, middles: np.ndarray, height: float) -> tuple[np.ndarray, np.ndarray]:
    """A sheet on a desk, from an angle and at some distance, and the middles in it."""
    rng, side = scene.rng, scene.side
    factor, tilt = scene.growing(SMALLEST, LARGEST), scene.between(0.0, TILT)
    square = np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float32)
    moved_to = (square + rng.uniform(-tilt, tilt, (4, 2)).astype(np.float32) * side + side * tilt) * factor
    size = HALF * round(side * (1 + 2 * tilt) * factor / HALF)
    matrix = cv2.getPerspectiveTransform(square, moved_to.astype(np.float32))
    if factor < 1:
        grey = cv2.GaussianBlur(grey, (0, 0), 0.4 / factor)
    seen = cv2.warpPerspective(grey, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
                               borderValue=scene.between(0.05, 1.0))  # fmt: skip
    truth = cv2.resize(middles, (side, side), interpolation=cv2.INTER_AREA)
    truth = cv2.warpPerspective(truth, matrix, (size, size), flags=cv2.INTER_LINEAR)
    truth = cv2.resize(truth, (size // HALF, size // HALF), interpolation=cv2.INTER_AREA)
    seen = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.3, 0.03 * height * factor + 0.5))
    if scene.chance(0.15):
        seen = 1 - seen
    seen = seen + rng.normal(0, rng.uniform(0.0, 0.03), seen.shape)
    levels = np.clip(255 * seen, 0, 255).astype(np.uint8)
    coded = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 96))])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)), truth >= 255 * COVERED


def some_crops(path: Path, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Crops (n, side, side) uint8, as if in even light, and for each 2×2 pixels whether they are in a middle."""
    cv2.setNumThreads(1)
    rng, sources = np.random.default_rng([seed, 49]), load(path)
    images = np.zeros((count, CROP, CROP), np.uint8)
    truths = np.zeros((count, CROP // HALF, CROP // HALF), bool)
    for index in range(0, count, CROPS):
        grey, truth = sheet(rng, sources)
        flat = flattened(grey)
        lowest = (np.array(flat.shape) - CROP) // HALF
        for at in range(index, min(index + CROPS, count)):
            top, left = rng.integers(0, lowest + 1)
            if truth.any() and rng.random() < NEAR_PLACES:
                some = rng.integers(CROP // 16, CROP // 2 - CROP // 16, 2)
                top, left = np.clip(rng.choice(np.argwhere(truth)) - some, 0, lowest)
            truths[at] = truth[top : top + CROP // HALF, left : left + CROP // HALF]
            images[at] = flat[HALF * top : HALF * top + CROP, HALF * left : HALF * left + CROP]
    return images, truths


def made(path: Path, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same, by all cores."""
    parts = max(1, count // CHUNK)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        each = [pool.submit(some_crops, path, count // parts, 1000 * seed + part) for part in range(parts)]
        images, truths = zip(*(one.result() for one in each), strict=True)
    return np.concatenate(images), np.concatenate(truths)


def network() -> keras.Model:
    """A small U-Net (arXiv:1505.04597) whose paths are added: (n, h, w, 1) uint8 to (n, h/2, w/2, 1) logits."""

    def block(x: keras.KerasTensor, filters: int, dilation: int = 1) -> keras.KerasTensor:
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, dilation_rate=dilation)(x)
        return layers.ReLU()(layers.BatchNormalization(momentum=0.98)(x))

    images = layers.Input((None, None, 1), dtype="uint8", name="images")
    x = layers.Rescaling(1 / 128, -0.4)(images)
    x = layers.Conv2D(16, 4, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.98)(x))
    quarter = block(block(layers.MaxPooling2D()(x), 24), 24)
    eighth = block(block(layers.MaxPooling2D()(quarter), 40), 40)
    x = block(layers.MaxPooling2D()(eighth), 56)
    x = block(block(block(x, 56, 2), 56, 4), 56)
    for skip, filters in ((eighth, 40), (quarter, 24)):
        x = layers.Conv2D(filters, 1)(x)
        x = block(layers.Add()([layers.UpSampling2D()(x), skip]), filters)
    # Four answers for each place of a quarter of the size.
    return keras.Model(images, layers.Conv2DTranspose(1, 2, strides=2, name="places")(x), name="place")


def loss(truth: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy and one minus a soft Dice coefficient."""
    entropy = ops.mean(ops.softplus(logits) - truth * logits, axis=(1, 2, 3))
    found = ops.sigmoid(logits)
    both = ops.sum(found * truth, axis=(1, 2, 3))
    dice = 1 - (2 * both + 50) / (ops.sum(found, axis=(1, 2, 3)) + ops.sum(truth, axis=(1, 2, 3)) + 50)
    return 4 * entropy + dice


def trained(images: np.ndarray, truths: np.ndarray, epochs: int, seed: int, checkpoint: Path) -> keras.Model:
    """The network after its training; its weights are averaged over the last updates."""
    rng = np.random.default_rng(seed)
    steps = len(images) // BATCH
    model = network()
    rate = keras.optimizers.schedules.CosineDecay(0.0, epochs * steps, warmup_target=RATE, warmup_steps=WARMING)
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-4, use_ema=True, ema_momentum=0.995), loss, jit_compile=True
    )

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        while True:
            order = rng.permutation(len(images))
            for start in range(0, steps * BATCH, BATCH):
                some = np.sort(order[start : start + BATCH])
                x, y = images[some], truths[some]
                if rng.random() < 0.5:
                    x, y = x[:, :, ::-1], y[:, :, ::-1]
                yield x[..., None], y[..., None].astype(np.float32)

    saving = keras.callbacks.BackupAndRestore(str(checkpoint), save_freq=500, delete_checkpoint=False)
    model.fit(batches(), steps_per_epoch=steps, epochs=epochs, verbose=2, callbacks=[saving])
    model.optimizer.finalize_variable_values(model.trainable_variables)
    return model


def main() -> None:
    """Make, train, write, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("training", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--crops", type=int, default=30_000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not options.output.exists():
        images, truths = made(options.training, options.crops, options.seed + 1)
        print(f"{len(images):,} crops", flush=True)
        model = trained(images, truths, options.epochs, options.seed, options.output.with_suffix(""))
        export(model, images[:CALIBRATION], 1, options.output)
    RESULT.write_text(json.dumps(measured(options), indent=1) + "\n")


def measured(options: argparse.Namespace) -> dict[str, float]:
    """How well pixels in the middle of places are told from others, on sheets by other writers."""
    cv2.setNumThreads(1)
    detect, sources = onnx_place_detector(options.output, 1), load(options.held_out)
    rng = np.random.default_rng([options.seed, 50])
    both = found = true = 0
    for _ in range(TEST):
        grey, truth = sheet(rng, sources)
        seen = detect(grey) > LEVEL
        both, found, true = both + int((seen & truth).sum()), found + int(seen.sum()), true + int(truth.sum())
    results = {"precision": both / found, "recall": both / true}
    print(", ".join(f"{name} {value:.4f}" for name, value in results.items()))
    return results


if __name__ == "__main__":
    main()
