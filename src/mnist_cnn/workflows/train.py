"""The whole job, step by step: data → network → training → judging → keeping → report. Prints nothing."""

import json
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import saved_files, store
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.callbacks import Watch
from mnist_cnn.card import Card
from mnist_cnn.data import source
from mnist_cnn.data.source import Dataset
from mnist_cnn.data.split import split
from mnist_cnn.errors import ArtifactError, DataError
from mnist_cnn.evaluation import temperature
from mnist_cnn.evaluation.label_issues import Disputes
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.system import environment
from mnist_cnn.system.files import sha256_of
from mnist_cnn.training import backend, checkpoint, history
from mnist_cnn.training.checkpoint import Settings
from mnist_cnn.training.devices import check_shared, on_one
from mnist_cnn.training.history import Epoch
from mnist_cnn.training.recipe import Recipe, check
from mnist_cnn.workflows.evaluate import classifier_of, data_of, judge_damaged, judged

RUNS = Path("runs")


def train(
    recipe: str | Recipe = "classic",
    data: str = "auto",
    *,
    seed: int = 0,
    output: str | Path | None = None,
    threads: int | None = None,
    deterministic: bool = False,
    devices: int = 1,
    tensorboard: bool = False,
    watch: Watch | None = None,
) -> Artifact:
    """Train a network, judge it on the test images, keep it in the folder `output`, and write its report.

    `recipe` is the name of one or a `Recipe`, `data` what `load_data` takes. `seed`, 0 to 2**32 - 1, decides first
    weights, order of images and dropout; with `deterministic` the same seed gives the same bits on the same machine
    with the same `threads` (1 to 1,024; as many as cores by default) and versions. `tensorboard` keeps its logs, too.
    Each batch is divided among `devices` of this machine, on TensorFlow only (docs/scale.md). `output` is by default a
    new folder in `runs/`. `watch` is told what happens.

    Raises RecipeError, DataError, RunError (also where TensorFlow has begun to compute in this process with other
    threads), and MissingExtraError on the light install. A run that was stopped is left in `<output>.partial`;
    `resume` resumes it.
    """
    environment.require_training("Training")
    watch = watch or Watch()
    recipe = Recipe(recipe) if isinstance(recipe, str) else recipe
    check("seed", seed, 0, 2**32 - 1, whole=True)
    threads = environment.cores() if threads is None else threads
    check("threads", threads, 1, 1024, whole=True)
    check("devices", devices, 1, 1024, whole=True)
    check_shared(devices, recipe.batch_size, deterministic)
    dataset = source.load(data, say=watch.note)
    recipe = recipe.for_images(len(split(dataset.train, recipe.validation_split)[0]))
    partial = store.begin(
        Path(output) if output else store.free_name(RUNS / f"{recipe.name}-{datetime.now():%Y%m%d-%H%M%S}")
    )
    settings = Settings(
        recipe=recipe,
        seed=seed,
        threads=threads,
        deterministic=deterministic,
        tensorboard=tensorboard,
        data=dataset.origin,
        data_sha256=dataset.sha256,
        data_warning=dataset.warning,
        versions=environment.versions(),
        machine=environment.machine(),
        inexact=[],
        devices=devices,
    )
    with closing(watch), store.writing(partial), store.held(partial):
        checkpoint.begin(partial / store.CHECKPOINT, settings)
        history.rewrite(partial / card.HISTORY, [])
        return _run(partial, settings, dataset, watch)


def resume(folder: str | Path, *, threads: int | None = None, watch: Watch | None = None) -> Artifact:
    """Go on with a run that was stopped, from its last whole epoch, with its own settings and data.

    `folder` is the run's name with or without `.partial`; `threads` are the run's own by default. Raises RunError if
    there is nothing to go on with, DataError if its data cannot be had any more or is not the same, and
    MissingExtraError on the light install.
    """
    environment.require_training("Training")
    watch = watch or Watch()
    partial = store.find_partial(Path(folder))
    with closing(watch), store.writing(partial), store.held(partial):
        if (partial / card.CARD).exists():  # stopped between the card and the last rename
            return store.complete(partial)
        old = checkpoint.settings_of(partial / store.CHECKPOINT)
        versions, machine = environment.versions(), environment.machine()
        now = replace(old, threads=threads or old.threads, versions=versions, machine=machine)
        check("threads", now.threads, 1, 1024, whole=True)
        dataset = replace(source.load(old.data, say=watch.note), warning=old.data_warning)
        if dataset.sha256 != old.data_sha256:
            raise DataError(f"The data at {old.data} is not what {partial} was trained on: bring the old data back.")
        return _run(partial, replace(now, inexact=old.differences(now)), dataset, watch)


def _run(partial: Path, settings: Settings, dataset: Dataset, watch: Watch) -> Artifact:
    """Train from the last whole epoch, judge, keep."""
    watch.begin(partial)
    if dataset.warning:
        watch.warn(dataset.warning)
    if said := backend.prefer(settings.recipe.backend):
        watch.note(said)
    # The framework comes with this and takes seconds: everything that may be refused was refused before.
    backend.start()
    backend.configure(settings.threads, settings.deterministic)
    settings = replace(settings, recipe=replace(settings.recipe, backend=backend.name()))
    network, rows, notes = _train(partial, settings, dataset, watch)
    network = on_one(network)

    started = time.perf_counter()
    network, fitted, probabilities = _calibrated(backend.finished(network, settings.recipe), settings, dataset)
    evaluation = replace(judged(probabilities, dataset, watch), temperature=fitted)
    watch.result(evaluation, dataset)
    seconds = {"training": sum(row["seconds"] for row in rows), "testing": time.perf_counter() - started}

    test = dataset.test.images
    for text in (left_out := saved_files.keep(network, settings.recipe, partial, test, probabilities, fitted or 1.0)):
        watch.warn(text)
    made = Card(
        format=card.FORMAT,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe=settings.recipe.to_dict(),
        seed=settings.seed,
        threads=settings.threads,
        deterministic=settings.deterministic,
        data=_data(dataset, settings.recipe),
        git_commit=environment.git_commit(),
        versions=settings.versions,
        machine=settings.machine | {"devices": settings.devices},
        seconds={name: round(value, 3) for name, value in seconds.items()},
        parameters=network.count_params(),
        history=rows,
        evaluation=evaluation.to_dict(),
        notes=notes + left_out,
        files={name: sha256_of(partial / name) for name in card.HASHED_FILES if (partial / name).exists()},
    ).sealed()
    return _keep(partial, made, dataset, probabilities)


def _train(partial: Path, settings: Settings, dataset: Dataset, watch: Watch) -> tuple[Any, list[Epoch], list[str]]:
    """Train to the recipe's last epoch, with a checkpoint after each; gives network, history and notes for the card."""
    from mnist_cnn.training.fit import compiled, fit, updates  # here, because Keras comes with it

    recipe = settings.recipe
    training, validation = split(dataset.train, recipe.validation_split)
    network = compiled(recipe, settings.seed, updates(recipe, len(training)), settings.devices)
    rows = checkpoint.restore(partial / store.CHECKPOINT, network)
    history.rewrite(partial / card.HISTORY, rows)
    settings = settings if rows else replace(settings, inexact=[])
    checkpoint.begin(partial / store.CHECKPOINT, settings)  # a later resume must know what has changed by now
    notes = _resumed(rows, settings.inexact)
    for text in notes:
        watch.note(text)
    watch.network(network, recipe.epochs, len(rows))
    with history.tensorboard(partial / "tensorboard", network, settings.tensorboard) as log:
        for row in fit(network, recipe, training, validation, settings.seed, len(rows), watch.step):
            rows.append(row)
            history.append(partial / card.HISTORY, row)
            checkpoint.save(partial / store.CHECKPOINT, network, rows)
            log(row)
            watch.epoch(row)
    return network, rows, notes


def _calibrated(network: Any, settings: Settings, dataset: Dataset) -> tuple[Any, float | None, np.ndarray]:
    """The network calibrated by the images that were kept to validate, its temperature, its test probabilities.

    Without such images it is left as it is, and its temperature is None.
    """
    from mnist_cnn.models.calibrated import calibrated  # here, because Keras comes with it
    from mnist_cnn.training.fit import to_validate

    kept = to_validate(settings.recipe, dataset.train, settings.seed)
    fitted = temperature.fitted(keras_classifier(network)(kept.images), kept.labels) if len(kept) else None
    network = calibrated(network, fitted or 1.0)
    return network, fitted, keras_classifier(network)(dataset.test.images)


def _keep(partial: Path, made: Card, dataset: Dataset, probabilities: np.ndarray) -> Artifact:
    """Write the report and, last, the card; then the run gets its final name."""
    from mnist_cnn.evaluation import report as page  # here, because matplotlib comes with it

    page.write(partial, made, dataset.test, probabilities)
    card.write(partial, made)
    return store.complete(partial)


def report(folder: str | Path, *, corruptions: bool = False, watch: Watch | None = None) -> Path:
    """Make the page of a kept network again, from its card, its network and the data it was trained on.

    With `corruptions` the page also says how the network reads damaged images, which takes a minute or two. Gives the
    path of the page, `report.html` in the folder. Raises ArtifactError, DataError, RunError if it cannot be written,
    and MissingExtraError on the light install.
    """
    environment.require_training("Making a report")
    from mnist_cnn.evaluation import report as page

    artifact = store.load(Path(folder))
    dataset = data_of(artifact, watch or Watch())
    robustness = judge_damaged([artifact.folder], dataset, watch=watch) if corruptions else None
    found = _disputes(artifact.folder / card.DISPUTES)
    with store.writing(artifact.folder):
        probabilities = classifier_of(artifact)(dataset.test.images)
        return page.write(artifact.folder, artifact.card, dataset.test, probabilities, robustness, found, dataset.train)


def _disputes(path: Path) -> dict[str, Disputes] | None:
    """What `mnist-cnn disputes` has left in the folder; None if it was never asked."""
    try:
        document = json.loads(path.read_bytes())
        return {name: Disputes.from_dict(document[name]) for name in ("training", "test")}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} is damaged: delete it, or make it again with `mnist-cnn disputes`.") from error


def _resumed(rows: list[Epoch], inexact: list[str]) -> list[str]:
    if not rows:
        return []
    exact = f"not bit for bit what it would have been: {'; '.join(inexact)}" if inexact else "bit for bit"
    return [f"Resumed after epoch {len(rows)}, {exact}."]


def _data(dataset: Dataset, recipe: Recipe) -> dict[str, Any]:
    training, validation = split(dataset.train, recipe.validation_split)
    return {
        "name": dataset.name,
        "origin": dataset.origin,
        "sha256": dataset.sha256,
        "training": len(training),
        "validation": len(validation),
        "test": len(dataset.test),
        "warning": dataset.warning,
    }
