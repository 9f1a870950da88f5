"""Lines of text made in a process of its own, which is given prepared sources and answers requests for lines."""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnist_cnn.data.pages.page_lines import LineImage, made_lines
from mnist_cnn.data.pages.sources import Sources, load
from mnist_cnn.workers import call_process, child_process


class Lines(NamedTuple):
    """Lines as arrays: (n, 40, 256) uint8 images, and (n, 64) int8 classes of their columns, -1 where not known."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class LinesWanted:
    """A request: so many lines, of pages drawn by a generator with this seed."""

    seed: tuple[int, ...]
    count: int


def wanted_lines(wanted: LinesWanted, sources: Sources) -> Lines:
    """The lines that are wanted; the same ones for the same request and sources."""
    rng = np.random.default_rng(wanted.seed)
    made: list[LineImage] = []
    while len(made) < wanted.count:
        made += made_lines(rng, sources)
    images, labels = zip(*made[: wanted.count], strict=True)
    return Lines(np.stack(images), np.stack(labels))


def command(sources: Path) -> tuple[str, ...]:
    """The command line of a process that makes lines of pages of the sources in this file."""
    return (*child_process.command("mnist_cnn.data.pages.line_process"), str(sources))


def main() -> None:
    """Answer requests until standard input is closed."""
    import cv2

    cv2.setNumThreads(1)  # there is one process for each core
    call_process.answer_calls(lambda: partial(wanted_lines, sources=load(Path(sys.argv[1]))))
