"""What is made for each epoch of the training of a finder, segmenter or recogniser, ahead of it, and its order.

All of it depends on (seed, epoch) only: not on the epochs before, nor on the number of processes. NumPy only.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from mnist_cnn.training.recipe import Recipe
from mnist_cnn.workers.made_ahead import made_ahead

VALIDATION, TEST = 0.1, 0.5  # pages, crops or lines to validate and to test on, for each that is made for an epoch
SEEDS = {VALIDATION: (1, 20261127), TEST: (2, 20261127)}  # of these, the same whatever the seed of the training


class Step(NamedTuple):
    """What one update is made with: arrays, the images first, and whether each four of these are joined in one."""

    batch: Sequence[np.ndarray]
    mosaic: bool = False


def made_epochs(
    words: Sequence[str],
    wanted: Callable[[tuple[int, ...], int], object],
    chunk: int,
    recipe: Recipe,
    seed: int,
    done: int,
    processes: int,
) -> Generator[list[Any]]:
    """The parts of each epoch from `done` on, made by so many processes while the epoch before is trained on.

    `words` is the command line of such a process, and `wanted` (seed, count) a request for a part, of which the largest
    have `chunk` pages, crops or lines. Raises RunError as `made_ahead`.
    """
    counts = [min(chunk, recipe.made - start) for start in range(0, recipe.made, chunk)]
    requests = (
        wanted((seed, epoch, 1 + part), count)
        for epoch in range(done, recipe.epochs)
        for part, count in enumerate(counts)
    )
    parts = made_ahead(words, requests, processes, max(len(counts), 2 * processes))
    try:
        for _ in range(done, recipe.epochs):
            yield [next(parts) for _ in counts]
    finally:
        parts.close()


def held_out_count(recipe: Recipe, part: float) -> int:
    """How many pages, crops or lines of held-out writers there are, if `part` is VALIDATION or TEST."""
    return max(1, round(recipe.made * part))


def held_out_counts(recipe: Recipe) -> dict[str, int]:
    """How many there are of either, as the model card has them."""
    return {"validation": held_out_count(recipe, VALIDATION), "test": held_out_count(recipe, TEST)}


def updates_per_epoch(recipe: Recipe) -> int:
    """How many batches an epoch has."""
    return recipe.images_per_epoch(0) // recipe.batch_size


def batches_of(count: int, recipe: Recipe, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Which of `count` pages, crops or lines each batch of an epoch has: each `repeats` times, always in a new order.

    Those that do not fill the last batch are left out.
    """
    order = np.concatenate([rng.permutation(count) for _ in range(recipe.repeats)])
    for start in range(0, updates_per_epoch(recipe) * recipe.batch_size, recipe.batch_size):
        yield order[start : start + recipe.batch_size]
