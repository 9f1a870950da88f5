"""Render the HTML report of a finder: a model card, made pages and outputs in, one self-contained page out.

The text is in `finder_report.html.j2`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mnist_cnn.card import Card
from mnist_cnn.data.pages.page import Page
from mnist_cnn.evaluation import detector_report
from mnist_cnn.evaluation.finder_evaluation import USUAL, FinderEvaluation
from mnist_cnn.evaluation.finder_sheet import sheet


def write(folder: Path, card: Card, evaluation: FinderEvaluation, places: np.ndarray, pages: Sequence[Page]) -> Path:
    """Render the report of a finder and write it into its folder as `report.html`, atomically.

    `places` (n, h/4, w/4, 14) are the outputs for the n pages that were evaluated on. The page says so if the metrics
    of the model card differ.
    """
    drawn = sheet(places, pages, evaluation.threshold)
    return detector_report.write(
        folder, "finder_report.html.j2", card, evaluation, drawn, ("loss", "f1"), chosen=evaluation.chosen, usual=USUAL
    )
