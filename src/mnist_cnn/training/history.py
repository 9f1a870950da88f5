"""The history of a run: a row per epoch, in the file `history.csv` as well, and in it a row per block of updates."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mnist_cnn.card import FINDER, RECOGNISER, SEGMENTER
from mnist_cnn.system.files import append as append_to_file
from mnist_cnn.system.files import write_whole

Update = dict[str, float]
"""A block of updates: `update`, how many were made when it ended, from 1; its mean `loss` and `accuracy`."""

Epoch = dict[str, Any]
"""One row: epoch (from 1), loss, accuracy, seconds, and with validation images val_loss, val_accuracy.

A classifier's has `updates` as well, a list of `Update`; they are in the model card and not in `history.csv`.

A finder's has no accuracies, but the parts of the loss, and precision, recall and F1 on the validation pages. A
segmenter's has the parts of the loss, and on the validation crops the accuracy of the digits' labels and the ROC AUC of
digits against what is none. A recogniser's has on the validation lines the accuracy of digits, and F1 of digits and
marks.
"""

COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")
FINDER_COLUMNS = (
    *("epoch", "loss", "heat_loss", "box_loss", "val_loss"),
    *("val_precision", "val_recall", "val_f1", "seconds"),
)
SEGMENTER_COLUMNS = (
    *("epoch", "loss", "class_loss", "ink_loss", "val_loss"),
    *("val_accuracy", "val_roc_auc", "seconds"),
)
RECOGNISER_COLUMNS = ("epoch", "loss", "val_loss", "val_accuracy", "val_f1", "seconds")
OF_DETECTORS = {FINDER: FINDER_COLUMNS, SEGMENTER: SEGMENTER_COLUMNS, RECOGNISER: RECOGNISER_COLUMNS}


def columns(recipe: str) -> Sequence[str]:
    """The columns of the history of a recipe."""
    return OF_DETECTORS.get(recipe, COLUMNS)


def numbers(row: Epoch) -> dict[str, float]:
    """What a row says of its epoch as a whole."""
    return {name: value for name, value in row.items() if name != "updates"}


def append(path: Path, row: Epoch, columns: Sequence[str] = COLUMNS) -> None:
    """Add one row to the end of the file."""
    stream = io.StringIO(newline="")
    csv.DictWriter(stream, columns).writerow(numbers(row))
    append_to_file(path, stream.getvalue().encode())


def rewrite(path: Path, rows: Sequence[Epoch], columns: Sequence[str] = COLUMNS) -> None:
    """Replace the file atomically by one with just these rows."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns)
    writer.writeheader()
    writer.writerows(map(numbers, rows))
    write_whole(path, stream.getvalue())


@contextmanager
def tensorboard(folder: Path, network: Any, wanted: bool) -> Iterator[Callable[[Epoch], None]]:
    """Log to TensorBoard, if wanted: yields a function to call with the row of each epoch."""
    if not wanted:
        yield lambda _: None
        return
    import keras

    board = keras.callbacks.TensorBoard(str(folder), write_graph=False)
    board.set_model(network)
    board.on_train_begin()
    yield lambda row: board.on_epoch_end(int(row["epoch"]) - 1, {k: v for k, v in numbers(row).items() if k != "epoch"})
    board.on_train_end()
