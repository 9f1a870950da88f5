"""Pages made in a process of its own, which is given the path of prepared sources and answers requests for pages."""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mnist_cnn.data.pages.made import made_page
from mnist_cnn.data.pages.page import Page
from mnist_cnn.data.pages.sources import Sources, load
from mnist_cnn.workers import call_process, child_process


@dataclass(frozen=True)
class Wanted:
    """A request: so many pages of (side, side) pixels, drawn by a generator with this seed."""

    seed: tuple[int, ...]
    count: int
    side: int


def made_pages(wanted: Wanted, sources: Sources) -> list[Page]:
    """The pages that are wanted; the same ones for the same request and sources."""
    rng = np.random.default_rng(wanted.seed)
    return [made_page(rng, sources, wanted.side) for _ in range(wanted.count)]


def command(sources: Path) -> tuple[str, ...]:
    """The command line of a process that makes pages of the sources in this file."""
    return (*child_process.command("mnist_cnn.data.pages.page_process"), str(sources))


def main() -> None:
    """Answer requests until standard input is closed."""
    import cv2

    cv2.setNumThreads(1)  # there is one process for each core
    call_process.answer_calls(lambda: partial(made_pages, sources=load(Path(sys.argv[1]))))
