"""A metric over a training, from its history. Plain values: nothing is drawn."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple


class Curves(NamedTuple):
    """Points (x, y) of training and of validation, without gaps, and what x counts: epochs or updates."""

    training: list[tuple[float, float]]
    validation: list[tuple[float, float]]
    unit: Literal["epoch", "update"]
    length: int


def curves(history: Sequence[Mapping[str, Any]], measure: str) -> Curves:
    """A metric over a training: by block of updates where the history has these, otherwise by epoch.

    A training of one epoch that has blocks is counted in updates, any other in epochs.
    """
    rows = [(float(row["epoch"]), row) for row in history]
    validation = [(epoch, row[f"val_{measure}"]) for epoch, row in rows if f"val_{measure}" in row]
    blocks = [block for row in history for block in row.get("updates", ()) if measure in block]
    if not blocks or not all(row.get("updates") for row in history):
        return Curves([(epoch, row[measure]) for epoch, row in rows if measure in row], validation, "epoch", len(rows))
    updates = blocks[-1]["update"]
    scale = 1.0 if len(rows) == 1 else len(rows) / updates
    return Curves(
        [(block["update"] * scale, block[measure]) for block in blocks],
        [(updates * scale, value) for _, value in validation] if len(rows) == 1 else validation,
        "update" if len(rows) == 1 else "epoch",
        int(updates) if len(rows) == 1 else len(rows),
    )
