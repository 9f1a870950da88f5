"""The pages of each epoch of a finder's training, and the batches that are drawn from them. NumPy only."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnist_cnn.data.pages.page import IGNORED, Page
from mnist_cnn.data.pages.page_process import Wanted, command, made_pages
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.training.light import in_other_light
from mnist_cnn.training.made_epochs import SEEDS, Step, batches_of, held_out_count, made_epochs
from mnist_cnn.training.recipe import Recipe

SIDE = 128  # pixels of a page
MOST = 48  # boxes of a page; one in a thousand has more, and those are left out
NOTHING = IGNORED - 1  # the label of a row of a batch that holds no box
CHUNK = 64  # pages of one request


class Batch(NamedTuple):
    """Pages as arrays: (n, side, side, 1) uint8 images, (n, k, 4) float32 boxes, (n, k) int8 labels.

    Pages with fewer than k boxes have rows with the label -2.
    """

    images: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray


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

    def wanted(seed: tuple[int, ...], count: int) -> Wanted:
        return Wanted(seed, count, SIDE)

    with closing(made_epochs(command(sources), wanted, CHUNK, recipe, seed, done, processes)) as epochs:
        for parts in epochs:
            columns = zip(*(batch(part, MOST) for part in parts), strict=True)
            yield Batch(*map(np.concatenate, columns))


def held_out_pages(sources: Sources, recipe: Recipe, part: float) -> list[Page]:
    """Pages of held-out writers, always the same.

    They are to validate on after each epoch, and to choose the threshold on, if `part` is VALIDATION; to evaluate a
    finished finder on, if it is TEST.
    """
    return made_pages(Wanted(SEEDS[part], held_out_count(recipe, part), SIDE), sources)


def steps(pages: Batch, recipe: Recipe, seed: int, epoch: int) -> Iterator[Step]:
    """The updates of an epoch: each page `repeats` times, in a new order and in other light each time."""
    rng = np.random.default_rng((seed, epoch))
    for at in batches_of(len(pages.labels), recipe, rng):
        mosaic = bool(rng.random() < recipe.mosaics)
        yield Step(Batch(in_other_light(pages.images[at], rng), pages.boxes[at], pages.labels[at]), mosaic)
