"""The pages of each epoch of a finder's training, and the batches that are drawn from them.

All of them depend on (seed, epoch) only: not on the epochs before, nor on the number of processes. NumPy only.
"""

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mnist_cnn.data.pages.page import IGNORED, Page
from mnist_cnn.data.pages.page_process import Wanted, command, made_pages
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.workers.made_ahead import made_ahead

SIDE = 128  # pixels of a page
MOST = 48  # boxes of a page; one in a thousand has more, and those are left out
NOTHING = IGNORED - 1  # the label of a row of a batch that holds no box
CHUNK = 64  # pages of one request
VALIDATION, TEST = 0.1, 0.5  # pages to validate and to test on, for each page of an epoch
SEEDS = {VALIDATION: (1, 20261127), TEST: (2, 20261127)}  # of these, the same whatever the seed of the training
INVERTED = 0.15  # of the pages
CONTRAST = (0.75, 1.15)  # around mid-grey
BRIGHTNESS = 25.0  # levels of grey, up or down


class Batch(NamedTuple):
    """Pages as arrays: (n, side, side, 1) uint8 images, (n, k, 4) float32 boxes, (n, k) int8 labels.

    Pages with fewer than k boxes have rows with the label -2.
    """

    images: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray


class Step(NamedTuple):
    """What one update is made with: pages, and whether each four are joined in one image."""

    batch: Batch
    mosaic: bool


def batch(pages: Sequence[Page], most: int) -> Batch:
    """Pages of one size as a batch of at most `most` boxes each; more are left out."""
    boxes = np.zeros((len(pages), most, 4), np.float32)
    labels = np.full((len(pages), most), NOTHING, np.int8)
    for index, page in enumerate(pages):
        count = min(most, len(page.labels))
        boxes[index, :count], labels[index, :count] = page.boxes[:count], page.labels[:count]
    return Batch(np.stack([page.grey for page in pages])[..., None], boxes, labels)


def page_epochs(sources: Path, recipe: Recipe, seed: int, done: int, processes: int) -> Generator[Batch]:
    """The pages of each epoch from `done` on, made by so many processes while the epoch before is trained on.

    `sources` is a file of `data.pages.sources.save`. Raises RunError as `made_ahead`.
    """
    counts = [min(CHUNK, recipe.pages - start) for start in range(0, recipe.pages, CHUNK)]
    requests = (
        Wanted((seed, epoch, 1 + chunk), count, SIDE)
        for epoch in range(done, recipe.epochs)
        for chunk, count in enumerate(counts)
    )
    chunks = made_ahead(command(sources), requests, processes, max(len(counts), 2 * processes))
    try:
        for _ in range(done, recipe.epochs):
            parts = [batch(next(chunks), MOST) for _ in counts]
            yield Batch(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    finally:
        chunks.close()


def held_out_pages(sources: Sources, recipe: Recipe, part: float) -> list[Page]:
    """Pages of held-out writers, always the same.

    They are to validate on after each epoch, and to choose the threshold on, if `part` is VALIDATION; to evaluate a
    finished finder on, if it is TEST.
    """
    return made_pages(Wanted(SEEDS[part], held_out_count(recipe, part), SIDE), sources)


def held_out_count(recipe: Recipe, part: float) -> int:
    """How many pages a part has."""
    return max(1, round(recipe.pages * part))


def steps(pages: Batch, recipe: Recipe, seed: int, epoch: int) -> Iterator[Step]:
    """The updates of an epoch: each page `repeats` times, in a new order and in other light each time.

    The pages that do not fill the last batch are left out.
    """
    rng = np.random.default_rng((seed, epoch))
    order = np.concatenate([rng.permutation(len(pages.labels)) for _ in range(recipe.repeats)])
    for start in range(0, updates_per_epoch(recipe) * recipe.batch_size, recipe.batch_size):
        at = order[start : start + recipe.batch_size]
        mosaic = bool(rng.random() < recipe.mosaics)
        yield Step(Batch(in_other_light(pages.images[at], rng), pages.boxes[at], pages.labels[at]), mosaic)


def updates_per_epoch(recipe: Recipe) -> int:
    """How many batches an epoch has."""
    return recipe.images_per_epoch(0) // recipe.batch_size


def in_other_light(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images (n, h, w, 1) uint8 brighter or darker, with more or less contrast, and some inverted."""
    count = len(images)
    levels = np.arange(256, dtype=np.float32) - 127.5
    scale = rng.uniform(*CONTRAST, count) * np.where(rng.random(count) < INVERTED, -1, 1)
    tables = levels * scale[:, None] + 127.5 + rng.uniform(-BRIGHTNESS, BRIGHTNESS, count)[:, None]
    tables = np.clip(np.rint(tables), 0, 255).astype(np.uint8)
    return np.stack([cv2.LUT(one, table) for one, table in zip(images, tables, strict=True)]).reshape(images.shape)
