"""Render the HTML report of a segmenter: a model card, crops and outputs in, one self-contained page out.

The text is in `segmenter_report.html.j2`.
"""

from pathlib import Path

from mnist_cnn.card import Card
from mnist_cnn.data.pages.crop_process import Crops
from mnist_cnn.evaluation import detector_report
from mnist_cnn.evaluation.segmenter_evaluation import SegmenterEvaluation
from mnist_cnn.evaluation.segmenter_sheet import sheet
from mnist_cnn.reading.segmenter_network import Segmented


def write(folder: Path, card: Card, evaluation: SegmenterEvaluation, said: Segmented, crops: Crops) -> Path:
    """Render the report of a segmenter and write it into its folder as `report.html`, atomically.

    `said` is what it says of the crops that were evaluated on. The page says so if the metrics of the model card
    differ.
    """
    return detector_report.write(
        folder, "segmenter_report.html.j2", card, evaluation, sheet(said, crops), ("loss", "accuracy")
    )
