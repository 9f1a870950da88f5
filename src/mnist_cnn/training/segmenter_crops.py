"""The crops of each epoch of a segmenter's training, and the batches that are drawn from them. NumPy only."""

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from mnist_cnn.data.pages.crop_process import Crops, CropsWanted, command, finding, wanted_crops
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.training.light import in_other_light, noisy
from mnist_cnn.training.made_epochs import SEEDS, Step, batches_of, held_out_count, made_epochs
from mnist_cnn.training.recipe import Recipe

CHUNK = 250  # crops of one request


def crop_epochs(sources: Path, finder: Path, recipe: Recipe, seed: int, done: int, processes: int) -> Generator[Crops]:
    """The crops of each epoch from `done` on, made by so many processes while the epoch before is trained on.

    `sources` is a file of `data.pages.sources.save`, `finder` an ONNX file. Raises RunError as `made_ahead`.
    """
    words = command(sources, finder)
    with closing(made_epochs(words, CropsWanted, CHUNK, recipe, seed, done, processes)) as epochs:
        for parts in epochs:
            yield Crops(*map(np.concatenate, zip(*parts, strict=True)))


def held_out_crops(sources: Sources, finder: Path, recipe: Recipe, part: float) -> Crops:
    """Crops with digits of held-out writers, always the same for a finder.

    They are to validate on after each epoch if `part` is VALIDATION; to evaluate a finished segmenter on, if it is
    TEST. Raises ArtifactError as `onnx_finder`.
    """
    return wanted_crops(CropsWanted(SEEDS[part], held_out_count(recipe, part)), sources, finding(finder))


def steps(crops: Crops, recipe: Recipe, seed: int, epoch: int) -> Iterator[Step]:
    """The updates of an epoch: each crop `repeats` times, in a new order, in other light and noise each time.

    A batch is (n, 64, 64, 2) uint8 images, (n, 48, 48) uint8 inks and (n,) int32 labels.
    """
    rng = np.random.default_rng((seed, epoch))
    for at in batches_of(len(crops.labels), recipe, rng):
        # None are inverted: some of the pages are.
        images = noisy(in_other_light(crops.images[at], rng, inverted=0.0), rng)
        yield Step((images, crops.inks[at], crops.labels[at]))
