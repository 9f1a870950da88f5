"""A finished training → its model card: what all recipes record alike."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mnist_cnn import card
from mnist_cnn.card import READING, Card
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.system import environment
from mnist_cnn.system.files import sha256_of
from mnist_cnn.training.checkpoint import Settings
from mnist_cnn.training.history import Epoch


def run_card(
    partial: Path,
    settings: Settings,
    network: Any,
    rows: list[Epoch],
    seconds: dict[str, float],
    data: dict[str, Any],
    evaluation: dict[str, Any],
    notes: list[str],
    layers: list[dict[str, Any]],
) -> Card:
    """The sealed model card of the `network` whose files are in the folder `partial`, in `card.FORMAT`."""
    return Card(
        format=card.FORMAT,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe=settings.recipe.to_dict(),
        seed=settings.seed,
        threads=settings.threads,
        deterministic=settings.deterministic,
        data=data,
        git_commit=environment.git_commit(),
        versions=settings.versions,
        machine=settings.machine | {"devices": settings.devices},
        seconds={name: round(value, 3) for name, value in seconds.items()},
        parameters=network.count_params(),
        history=rows,
        evaluation=evaluation,
        notes=notes,
        files={name: sha256_of(partial / name) for name in card.HASHED_FILES if (partial / name).exists()},
        layers=layers,
    ).sealed()


def about_data(dataset: Dataset) -> dict[str, Any]:
    """What a model card says of the dataset that was trained on."""
    return {
        "name": dataset.name,
        "origin": dataset.origin,
        "sha256": dataset.sha256,
        "training": len(dataset.train),
        "validation": len(dataset.validation),
        "test": len(dataset.test),
        "warning": dataset.warning,
        **about_task(dataset),
    }


def about_task(dataset: Dataset) -> dict[str, Any]:
    """What a model card says of data that are not grey digits of 28×28 pixels, or were prepared for that."""
    task = dataset.task
    about: dict[str, Any] = {}
    if task.class_names != READING.class_names:
        about["class_names"] = list(task.class_names)
    if task.image_shape != READING.image_shape:
        about |= {"image_size": task.side, "channels": task.channels}
    if prepared := dataset.preparation.to_dict():
        about["preparation"] = prepared
    return about


def resumed(rows: list[Epoch], inexact: list[str]) -> list[str]:
    """A note if a run was resumed after these epochs, and why it is not what an uninterrupted one would be, if so."""
    if not rows:
        return []
    exact = f"not bit for bit what it would have been: {'; '.join(inexact)}" if inexact else "bit for bit"
    return [f"Resumed after epoch {len(rows)}, {exact}."]
