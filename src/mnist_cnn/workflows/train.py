"""The whole job, step by step: data → model → training → evaluation → saved files → report. Prints nothing."""

import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import saved_files, store
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.callbacks.progress import callbacks_for
from mnist_cnn.data import source
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.ink.collection import Ink, load_ink
from mnist_cnn.data.source import Data
from mnist_cnn.errors import DataError, RecipeError
from mnist_cnn.evaluation import temperature_scaling
from mnist_cnn.evaluation.metrics import Evaluation
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.reading.model_names import RUNS
from mnist_cnn.system import environment
from mnist_cnn.training import backend, checkpoint, history
from mnist_cnn.training.checkpoint import Settings
from mnist_cnn.training.devices import check_shared, on_one
from mnist_cnn.training.history import Epoch
from mnist_cnn.training.recipe import Recipe, check
from mnist_cnn.workflows import train_finder, train_recogniser, train_segmenter
from mnist_cnn.workflows.detector_run import WITHOUT_INK as PAGES_WITHOUT_INK
from mnist_cnn.workflows.evaluate import evaluated
from mnist_cnn.workflows.ink_preparation import PreparedInk, prepared
from mnist_cnn.workflows.model import Model
from mnist_cnn.workflows.run_card import about_data, resumed, run_card

WITHOUT_INK = (
    "Without ink (--ink) the model learns from this dataset alone, and misreads more people who write otherwise "
    "(docs/recipes.md#ink)"
)


def train(
    recipe: str | Recipe = "classic",
    data: Data = "auto",
    *,
    seed: int = 0,
    output: str | Path | None = None,
    threads: int | None = None,
    deterministic: bool = False,
    devices: int = 1,
    tensorboard: bool = False,
    ink: str | Path | Sequence[str | Path] = (),
    verbose: int = 1,
    callbacks: Iterable[object] = (),
    **hyperparameters: float | str,
) -> Model:
    """Train a model, evaluate it on the test images, save it in the folder `output`, and write its report.

    `recipe` is the name of one or a `Recipe`; `hyperparameters` change it: `train("fast", epochs=2, dropout=0.3)`.
    `data` is what `load_data` takes: a name, a path, a `Dataset`, or arrays in memory. `seed`, 0 to 2**32 - 1, decides
    initial weights, shuffling, augmentation and dropout; with `deterministic` the same seed gives bit-identical results
    on the same machine with the same `threads` (1 to 1,024; as many as cores by default) and versions. `tensorboard`
    also writes its logs. Each batch is divided among `devices` of this machine, on TensorFlow only (docs/scale.md).
    `output` is by default a new folder in `runs/`.

    `ink` are files or folders with digital ink, UNIPEN's or Pen-Digits', from which `robust` draws digits of
    people who write otherwise than MNIST's, and letters as negatives; some of the writers are held out for validation
    (docs/recipes.md). Without it, it is trained on `data` alone. `finder`, `segmenter` and
    `recogniser` write their pages with it likewise.

    `verbose` is 0 for silence; 1 for progress on a terminal or in a notebook, elsewhere only warnings; 2 for progress
    anywhere. `callbacks` are objects with methods such as `on_epoch_end(epoch, logs)` (`mnist_cnn.Callback` has all of
    them with their keys); callbacks of Keras will do as well.

    Raises RecipeError, DataError, CallbackError, RunError (also where TensorFlow has begun to compute in this process
    with another number of threads, and where a `backend` that was requested is not available), and MissingExtraError on
    the base install. A run that was stopped is left in `<output>.partial`; `resume` continues it.
    """
    environment.require_training("Training")
    listed = callbacks_for(verbose, callbacks)
    recipe = Recipe(recipe) if isinstance(recipe, str) else recipe
    recipe = recipe.replace(**hyperparameters)
    check("seed", seed, 0, 2**32 - 1, whole=True)
    threads = environment.cores() if threads is None else threads
    check("threads", threads, 1, 1024, whole=True)
    check("devices", devices, 1, 1024, whole=True)
    check_shared(devices, recipe.batch_size, deterministic)
    if "backend" in hyperparameters or backend.is_required(recipe):
        backend.prefer(recipe.backend, required=True)
    if output:
        store.require_free(Path(output))  # before anything is downloaded
    if ink and not recipe.takes_ink:
        raise RecipeError(
            f"The recipe {recipe.name} takes nothing from ink: leave --ink out, use robust, or set "
            "--ink-digits, the number of its digits per training image."
        )
    if not recipe.is_classifier and devices > 1:
        raise RecipeError(f"The recipe {recipe.name} trains on one device: leave --devices out.")
    if recipe.takes_ink and not ink:
        listed.on_message(WITHOUT_INK if recipe.is_classifier else PAGES_WITHOUT_INK.format(recipe.name))
    recorded = load_ink(ink, listed.on_message, with_lines=not recipe.is_classifier) if ink else None
    dataset = source.load(data, say=listed.on_message).split(recipe.validation_split)
    recipe = recipe.for_images(len(dataset.train), ink=recorded is not None)
    name = f"{recipe.name}-{datetime.now():%Y%m%d-%H%M%S}"
    partial = store.make_partial(Path(output) if output else store.free_name(RUNS / name))
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
        ink=list(recorded.origin) if recorded else [],
        ink_sha256=recorded.sha256 if recorded else None,
    )
    with closing(listed), store.writing(partial), store.lock_run(partial), store.nothing_left_of_a_refusal(partial):
        checkpoint.save_settings(partial / store.CHECKPOINT, settings)
        history.rewrite(partial / card.HISTORY, [], history.columns(recipe.name))
        return Model(_run(partial, settings, dataset, recorded, listed))


def resume(
    folder: str | Path,
    *,
    data: Data | None = None,
    threads: int | None = None,
    verbose: int = 1,
    callbacks: Iterable[object] = (),
) -> Model:
    """Continue a run that was stopped, from its last whole epoch, with its own settings and data.

    `folder` is the run's name with or without `.partial`; `threads` are the run's own by default. `data` are needed
    only if the run was given arrays in memory: the same ones. `verbose` and `callbacks` are those of `train`. Raises
    RunError if there is nothing to continue, DataError if its data are gone or changed, and MissingExtraError on the
    base install.
    """
    environment.require_training("Training")
    listed = callbacks_for(verbose, callbacks)
    partial = store.find_partial(Path(folder))
    with closing(listed), store.writing(partial), store.lock_run(partial):
        if (partial / card.CARD).exists():  # stopped between the model card and the last rename
            return Model(store.complete(partial))
        old = checkpoint.settings_of(partial / store.CHECKPOINT)
        versions, machine = environment.versions(), environment.machine()
        now = replace(old, threads=threads or old.threads, versions=versions, machine=machine)
        check("threads", now.threads, 1, 1024, whole=True)
        dataset = source.load(old.data if data is None else data, say=listed.on_message)
        if dataset.sha256 != old.data_sha256:
            raise DataError(f"The data at {old.data} is not what {partial} was trained on: bring the old data back.")
        recorded = load_ink(old.ink, listed.on_message, with_lines=not old.recipe.is_classifier) if old.ink else None
        if recorded and recorded.sha256 != old.ink_sha256:
            raise DataError(
                f"The ink at {', '.join(old.ink)} is not what {partial} was trained on: bring the old files back."
            )
        dataset = replace(dataset, warning=old.data_warning).split(old.recipe.validation_split)
        return Model(_run(partial, replace(now, inexact=old.differences(now)), dataset, recorded, listed))


def _run(
    partial: Path, settings: Settings, dataset: Dataset, recorded: Ink | None, callbacks: CallbackList
) -> Artifact:
    """Train from the last whole epoch, evaluate, save."""
    callbacks.on_run_begin(partial)
    if dataset.warning:
        callbacks.on_warning(dataset.warning)
    if said := backend.prefer(settings.recipe.backend):
        callbacks.on_message(said)
    # The framework comes with this and takes seconds: everything that may be refused was refused before.
    backend.start()
    backend.configure(settings.threads, settings.deterministic)
    settings = replace(settings, recipe=replace(settings.recipe, backend=backend.name()))
    detectors = {
        card.FINDER: train_finder.run,
        card.SEGMENTER: train_segmenter.run,
        card.RECOGNISER: train_recogniser.run,
    }
    steps = detectors.get(settings.recipe.name, _run_classifier)
    steps(partial, settings, dataset, recorded, callbacks)
    return store.complete(partial)


def _run_classifier(
    partial: Path, settings: Settings, dataset: Dataset, recorded: Ink | None, callbacks: CallbackList
) -> None:
    """Train a classifier from the last whole epoch, evaluate it, and save it with its report and, last, its card."""
    ink = prepared(recorded, partial / store.CHECKPOINT, settings.seed, callbacks) if recorded else None
    network, rows, notes = _train(partial, settings, dataset, ink, callbacks)
    network = on_one(network)

    started = time.perf_counter()
    network, fitted = _calibrated(backend.finished(network, settings.recipe), settings, dataset, ink)
    test = dataset.test.images
    probabilities = keras_classifier(network)(test)
    evaluation = replace(evaluated(probabilities, dataset, callbacks), temperature=fitted)
    callbacks.on_evaluate_end(evaluation, dataset)
    for text in (failed := _at_chance(evaluation)):
        callbacks.on_warning(text)
    seconds = {"training": sum(row["seconds"] for row in rows), "testing": time.perf_counter() - started}

    for text in (left_out := saved_files.save(network, settings.recipe, partial, test, probabilities, fitted or 1.0)):
        callbacks.on_warning(text)
    made = run_card(
        partial,
        settings,
        network,
        rows,
        seconds,
        _data(dataset, ink, network),
        evaluation.to_dict(),
        notes + failed + left_out,
    )
    from mnist_cnn.evaluation import html_report  # here, because matplotlib comes with it

    html_report.write(partial, made, dataset.test, probabilities, evaluation)
    card.write(partial, made)  # last: a folder with a model card is complete


def _train(
    partial: Path, settings: Settings, dataset: Dataset, ink: PreparedInk | None, callbacks: CallbackList
) -> tuple[Any, list[Epoch], list[str]]:
    """Train to the recipe's last epoch, with a checkpoint after each; gives network, history and notes for the card."""
    from mnist_cnn.training.fit import compiled, fit, updates  # here, because Keras comes with it

    recipe = settings.recipe
    network = compiled(recipe, settings.seed, updates(recipe, len(dataset.train)), settings.devices)
    rows = checkpoint.restore(partial / store.CHECKPOINT, network)
    history.rewrite(partial / card.HISTORY, rows)
    settings = settings if rows else replace(settings, inexact=[])
    checkpoint.save_settings(partial / store.CHECKPOINT, settings)  # a later resume must know what has changed by now
    notes = resumed(rows, settings.inexact)
    for text in notes:
        callbacks.on_message(text)
    with history.tensorboard(partial / "tensorboard", network, settings.tensorboard) as log:
        validation = dataset.validation.joined(ink.plain_validation) if ink else dataset.validation
        drawn = ink.training if ink else None
        processes = max(1, settings.threads - 1) if recipe.draws_images else 0
        for row in fit(
            network, recipe, dataset.train, validation, settings.seed, len(rows), callbacks, drawn, processes
        ):
            rows.append(row)
            history.append(partial / card.HISTORY, row)
            checkpoint.save(partial / store.CHECKPOINT, network, rows)
            log(row)
    return network, rows, notes


def _calibrated(
    network: Any, settings: Settings, dataset: Dataset, ink: PreparedInk | None
) -> tuple[Any, float | None]:
    """The network calibrated on the validation images, and its temperature; None, and not calibrated, without any."""
    from mnist_cnn.models.calibrated import calibrated  # here, because Keras comes with it
    from mnist_cnn.training.fit import VALIDATION, validation_examples

    held_out = validation_examples(settings.recipe, dataset.validation, settings.seed)
    if ink:
        held_out = held_out.joined(ink.varied_validation(np.random.default_rng((settings.seed, VALIDATION))))
    if not len(held_out):
        return calibrated(network, 1.0), None
    fitted = temperature_scaling.fit(keras_classifier(network)(held_out.images), held_out.labels)
    return calibrated(network, fitted), fitted


def _at_chance(evaluation: Evaluation) -> list[str]:
    """A note if the model has learnt nothing, as where the loss explodes but stays a number."""
    if not evaluation.is_at_chance:
        return []
    return [
        f"The model is at chance: its test accuracy of {evaluation.accuracy:.2%} is not significantly above the "
        f"{evaluation.most_common.value:.2%} of always answering the most common digit. "
        "The training may have diverged: lower --learning-rate, or train for more epochs."
    ]


def _data(dataset: Dataset, ink: PreparedInk | None, network: Any) -> dict[str, Any]:
    about = about_data(dataset)
    if not ink:
        return about
    accuracies = ink.accuracies(keras_classifier(network))
    return about | {"ink": ink.about() | {"accuracy": {name: one.to_dict() for name, one in accuracies.items()}}}
