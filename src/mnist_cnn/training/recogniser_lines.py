"""The lines of each epoch of a recogniser's training, and the batches that are drawn from them. NumPy only."""

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from mnist_cnn.data.pages.line_process import Lines, LinesWanted, command, wanted_lines
from mnist_cnn.data.pages.page_lines import UNKNOWN
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.reading.recogniser_network import STRIDE
from mnist_cnn.training.light import in_other_light, noisy
from mnist_cnn.training.made_epochs import SEEDS, Step, batches_of, held_out_count, made_epochs
from mnist_cnn.training.recipe import Recipe

CHUNK = 200  # lines of one request
FARTHEST = 6  # columns by which a line is moved


def line_epochs(sources: Path, recipe: Recipe, seed: int, done: int, processes: int) -> Generator[Lines]:
    """The lines of each epoch from `done` on, made by so many processes while the epoch before is trained on.

    `sources` is a file of `data.pages.sources.save`. Raises RunError as `made_ahead`.
    """
    with closing(made_epochs(command(sources), LinesWanted, CHUNK, recipe, seed, done, processes)) as epochs:
        for parts in epochs:
            yield Lines(*map(np.concatenate, zip(*parts, strict=True)))


def held_out_lines(sources: Sources, recipe: Recipe, part: float) -> Lines:
    """Lines of held-out writers, always the same.

    They are to validate on after each epoch if `part` is VALIDATION; to evaluate a finished recogniser on, if it is
    TEST.
    """
    return wanted_lines(LinesWanted(SEEDS[part], held_out_count(recipe, part)), sources)


def steps(lines: Lines, recipe: Recipe, seed: int, epoch: int) -> Iterator[Step]:
    """The updates of an epoch: each line `repeats` times, in a new order, moved, in other light and noise each time.

    A batch is (n, 40, 256, 1) uint8 images and (n, 64) int8 classes of their columns.
    """
    rng = np.random.default_rng((seed, epoch))
    for at in batches_of(len(lines.labels), recipe, rng):
        images, labels = moved(Lines(lines.images[at], lines.labels[at]), rng)
        yield Step((noisy(in_other_light(images[..., None], rng), rng), labels))


def moved(lines: Lines, rng: np.random.Generator) -> Lines:
    """Each line moved by a few columns; what comes in at one end left at the other, and its class is not known."""
    count, columns = lines.labels.shape
    by = rng.integers(-FARTHEST, FARTHEST + 1, (count, 1))
    origin = np.arange(columns) - by
    around = origin % columns
    labels = np.take_along_axis(lines.labels, around, axis=1)
    labels[around != origin] = UNKNOWN
    pixels = (STRIDE * around[..., None] + np.arange(STRIDE)).reshape(count, 1, -1)
    return Lines(np.take_along_axis(lines.images, pixels, axis=2), labels)
