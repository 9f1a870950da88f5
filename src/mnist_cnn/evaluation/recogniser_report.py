"""Render the HTML report of a recogniser: a model card, lines and outputs in, one self-contained page out.

The text is in `recogniser_report.html.j2`.
"""

from pathlib import Path

import numpy as np

from mnist_cnn.card import Card
from mnist_cnn.data.pages.line_process import Lines
from mnist_cnn.evaluation import detector_report
from mnist_cnn.evaluation.recogniser_evaluation import NAMES, USUAL, RecogniserEvaluation
from mnist_cnn.evaluation.recogniser_sheet import sheet


def write(folder: Path, card: Card, evaluation: RecogniserEvaluation, said: np.ndarray, lines: Lines) -> Path:
    """Render the report of a recogniser and write it into its folder as `report.html`, atomically.

    `said` (n, k, 24) are the probabilities that it gives for the lines that were evaluated on. The page says so if the
    metrics of the model card differ.
    """
    classes = [(name, evaluation.accuracy_of([true]), evaluation.confused(true)) for true, name in enumerate(NAMES)]
    drawn = sheet(said, lines)
    return detector_report.write(
        folder, "recogniser_report.html.j2", card, evaluation, drawn, ("loss", "f1"), classes=classes, usual=USUAL
    )
