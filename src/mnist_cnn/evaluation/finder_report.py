"""Render the HTML report of a finder: a model card, made pages and outputs in, one self-contained page out.

The text is in `finder_report.html.j2`.
"""

import base64
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from markupsafe import Markup

from mnist_cnn.card import REPORT, Card
from mnist_cnn.data.pages.page import Page
from mnist_cnn.evaluation import charts
from mnist_cnn.evaluation.finder_evaluation import USUAL, FinderEvaluation
from mnist_cnn.evaluation.finder_sheet import sheet
from mnist_cnn.evaluation.html_report import learning_curve_in_words, template, training_command
from mnist_cnn.system.files import write_whole

QUALITY = 80  # of the sheet as JPEG, which is a third of a megabyte


def write(folder: Path, card: Card, evaluation: FinderEvaluation, places: np.ndarray, pages: Sequence[Page]) -> Path:
    """Render the report of a finder and write it into its folder as `report.html`, atomically."""
    path = folder / REPORT
    write_whole(path, render(card, folder.resolve().name.removesuffix(".partial"), evaluation, places, pages))
    return path


def render(card: Card, name: str, evaluation: FinderEvaluation, places: np.ndarray, pages: Sequence[Page]) -> str:
    """The report as HTML: `places` (n, h/4, w/4, 14) are the outputs for the n pages that were evaluated on.

    The output is deterministic. The page says so if the metrics of the model card differ.
    """
    drawn = {
        "loss": (charts.learning_curve(card.history, "loss"), learning_curve_in_words(card.history, "loss")),
        "f1": (charts.learning_curve(card.history, "f1"), learning_curve_in_words(card.history, "f1")),
    }
    settings = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    _, jpeg = cv2.imencode(".jpg", sheet(places, pages, evaluation.threshold), settings)
    return template("finder_report.html.j2").render(
        card=card,
        name=name,
        evaluation=evaluation,
        chosen=evaluation.chosen,
        usual=USUAL,
        differs=card.evaluation != evaluation.to_dict(),
        data_name="MNIST" if card.data["name"] == "mnist" else card.data["name"],
        is_mnist=card.data["name"] == "mnist",
        charts={key: Markup(charts.to_svg(figure, words)) for key, (figure, words) in drawn.items()},  # noqa: S704
        sheet="data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode(),
        command=training_command(card),
    )
