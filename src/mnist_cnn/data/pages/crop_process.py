"""Crops made in a process of its own, which is given prepared sources and a finder and answers requests for crops."""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnist_cnn.data.pages.page_crops import Crop, Find, made_crops
from mnist_cnn.data.pages.sources import Sources, load
from mnist_cnn.reading.detector import candidates
from mnist_cnn.reading.finder_network import onnx_finder
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.segmenter_network import INK, SIDE
from mnist_cnn.workers import call_process, child_process

THREADS = 1  # of the finder: there is one process for each core
MIDDLE = slice((SIDE - INK) // 2, (SIDE + INK) // 2)


class Crops(NamedTuple):
    """Crops as arrays: (n, 64, 64, 2) uint8 images, (n, 48, 48) uint8 ink in their middles, (n,) int32 labels.

    The ink is that of the digit in the middle, 0 to 255. Without a digit it is blank, and the label is 10.
    """

    images: np.ndarray
    inks: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class CropsWanted:
    """A request: so many crops, of pages drawn by a generator with this seed."""

    seed: tuple[int, ...]
    count: int


def wanted_crops(wanted: CropsWanted, sources: Sources, find: Find) -> Crops:
    """The crops that are wanted; the same ones for the same request, sources and finder."""
    rng = np.random.default_rng(wanted.seed)
    made: list[Crop] = []
    while len(made) < wanted.count:
        made += made_crops(rng, sources, find)
    images, inks, labels = zip(*made[: wanted.count], strict=True)
    return Crops(np.stack(images), np.stack(inks)[:, MIDDLE, MIDDLE], np.array(labels, np.int32))


def finding(finder: Path) -> Find:
    """What finds the candidates of a page as the reader does, with the finder in this ONNX file."""
    places = onnx_finder(finder, THREADS)
    return lambda grey: candidates(Octaves(grey), places).boxes


def command(sources: Path, finder: Path) -> tuple[str, ...]:
    """The command line of a process that makes crops of pages of the sources in one file, by the finder in another."""
    return (*child_process.command("mnist_cnn.data.pages.crop_process"), str(sources), str(finder))


def main() -> None:
    """Answer requests until standard input is closed."""
    import cv2

    cv2.setNumThreads(1)  # as above
    sources, finder = map(Path, sys.argv[1:])
    call_process.answer_calls(lambda: partial(wanted_crops, sources=load(sources), find=finding(finder)))
