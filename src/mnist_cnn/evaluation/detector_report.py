"""Render the HTML report of any recipe but classifiers. What all have in common is in `detector_report.html.j2`."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from markupsafe import Markup

from mnist_cnn.card import REPORT, Card
from mnist_cnn.evaluation import charts
from mnist_cnn.evaluation.html_report import learning_curve_in_words, template, training_command
from mnist_cnn.system.files import write_whole

QUALITY = 80  # of the sheet as JPEG, which is a third of a megabyte


def write(
    folder: Path,
    page: str,
    card: Card,
    evaluation: Any,
    sheet: np.ndarray,
    curves: Sequence[Literal["loss", "accuracy", "f1"]],
    **more: Any,
) -> Path:
    """Render the report of the model in a folder by the template `page`, and write it there atomically.

    `evaluation` has a method `to_dict`, `sheet` is (height, width, 3) uint8 in blue, green, red, and `curves` are the
    learning curves to draw. The output is deterministic. The page says so if the metrics of the model card differ.
    """
    drawn = {
        one: (charts.learning_curve(card.history, one), learning_curve_in_words(card.history, one)) for one in curves
    }
    _, jpeg = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    rendered = template(page).render(
        card=card,
        name=folder.resolve().name.removesuffix(".partial"),
        evaluation=evaluation,
        differs=card.evaluation != evaluation.to_dict(),
        data_name="MNIST" if card.data["name"] == "mnist" else card.data["name"],
        is_mnist=card.data["name"] == "mnist",
        charts={key: Markup(charts.to_svg(figure, words)) for key, (figure, words) in drawn.items()},  # noqa: S704
        sheet="data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode(),
        command=training_command(card),
        **more,
    )
    write_whole(folder / REPORT, rendered)
    return folder / REPORT
