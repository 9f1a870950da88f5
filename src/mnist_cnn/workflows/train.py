"""The whole job, step by step: data → model → training → evaluation → saved files → report. Prints nothing."""

import importlib
import math
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import partial as partial_of
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import saved_files, store
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.callbacks.callback import Callback, CallbackList, Logs
from mnist_cnn.callbacks.progress import callbacks_for
from mnist_cnn.card import Card
from mnist_cnn.data import data_checks
from mnist_cnn.data.dataset import USUAL, Dataset, Preparation
from mnist_cnn.data.source import Data
from mnist_cnn.errors import DataError, RecipeError, RunError
from mnist_cnn.evaluation import temperature_scaling
from mnist_cnn.evaluation.metrics import Evaluation
from mnist_cnn.models.layer_specs import spec_table
from mnist_cnn.reading.model_names import RUNS
from mnist_cnn.system import environment
from mnist_cnn.training import backend, checkpoint, history, initial_weights, loggers
from mnist_cnn.training.checkpoint import Settings
from mnist_cnn.training.devices import check_shared, on_one
from mnist_cnn.training.distillation import sharpening
from mnist_cnn.training.fit import VALIDATION, class_weights, fit, updates, validation_examples
from mnist_cnn.training.history import Epoch
from mnist_cnn.training.onnx_network import OnnxNetwork, classifier
from mnist_cnn.training.own_network import own_network
from mnist_cnn.training.recipe import OF_DIGITS, Recipe, check
from mnist_cnn.training.without_keras import lacking
from mnist_cnn.workflows.evaluate import evaluated, keras_model_of, loaded_as
from mnist_cnn.workflows.model import Model
from mnist_cnn.workflows.run_card import about_data, resumed, run_card
from mnist_cnn.workflows.teacher import check_teacher, identified, teacher_of

if TYPE_CHECKING:
    from markupsafe import Markup

    from mnist_cnn.data.ink.collection import Ink
    from mnist_cnn.workflows.ink_preparation import PreparedInk

FINE_TUNING = 0.1  # of a recipe's learning rate, for a model that starts from trained weights
WITHOUT_INK = (
    "Without ink (--ink) the model learns from this dataset alone, and misreads more people who write otherwise "
    "(docs/recipes.md#ink)"
)


def train(
    recipe: str | Recipe | None = None,
    data: Data = "auto",
    *,
    seed: int = 0,
    output: str | Path | None = None,
    threads: int | None = None,
    deterministic: bool = False,
    devices: int = 1,
    tensorboard: bool = False,
    log: Sequence[str] = (),
    ink: str | Path | Sequence[str | Path] = (),
    image_size: int = USUAL.image_size,
    channels: int = USUAL.channels,
    invert: bool = False,
    class_names: Sequence[str] = (),
    init: str | Path | None = None,
    freeze: bool = False,
    network: str | None = None,
    teacher: str | Path | None = None,
    max_seconds: float | None = None,
    verbose: int = 1,
    callbacks: Iterable[object] = (),
    **hyperparameters: float | str,
) -> Model:
    """Train a model, evaluate it on the test images, save it in the folder `output`, and write its report.

    `recipe` is the name of one or a `Recipe`, by default "classic", or that of `init`; `hyperparameters` change it:
    `train("fast", epochs=2, dropout=0.3)`. `data` is what `load_data` takes: a name, a path, a `Dataset`, or arrays in
    memory; `image_size`, `channels`, `invert` and `class_names` are those of `load_data`, and the network is built for
    the images and classes that come of it. What its checks find is said before anything is trained.

    `seed`, 0 to 2**32 - 1, decides initial weights, shuffling, augmentation and dropout; with `deterministic` the same
    seed gives bit-identical results on the same machine with the same `threads` (1 to 1,024; as many as cores by
    default) and versions. `tensorboard` also writes its logs, and `log` names other trackers: "wandb", "mlflow". Each
    batch is divided among `devices` of this machine, on TensorFlow only (docs/scale.md). `output` is by default a new
    folder in `runs/`.

    `ink` are files or folders with digital ink, UNIPEN's or Pen-Digits', from which `robust` draws digits of
    people who write otherwise than MNIST's, and letters as negatives; some of the writers are held out for validation
    (docs/recipes.md). Without it, it is trained on `data` alone. `finder`, `segmenter` and
    `recogniser` write their pages with it likewise.

    `init` is a saved model to start from, of the same recipe: its weights are fine-tuned, at a tenth of the recipe's
    learning rate unless that is given; its last layer is a new one where there are other classes. With `freeze` only
    that layer learns. `network` is `file.py:function`, a person's own network in place of the recipe's: the function
    gets `input_shape` and `classes` and gives a Keras model from pixels, 0 to 255, to probabilities.

    `teacher` is a saved model, by its folder or name or as a file, whose probabilities for the training images are
    learnt beside the labels ("distillation"): `teacher_share` of the targets, compared at `teacher_temperature`. It
    classifies the images of `teacher_epochs` epochs, which then come again.

    The training ends early after `max_seconds`, with what the last whole epoch left, or when a callback sets
    `model.stop_training`; with the hyperparameter `early_stopping` after so many epochs without a lower validation
    loss, with the weights of the lowest.

    `verbose` is 0 for silence; 1 for progress on a terminal or in a notebook, elsewhere only warnings; 2 for progress
    anywhere. `callbacks` are objects with methods such as `on_epoch_end(epoch, logs)` (`mnist_cnn.Callback` has all of
    them with their keys); callbacks of Keras will do as well.

    Raises RecipeError, DataError, CallbackError, RunError (also where TensorFlow has begun to compute in this process
    with another number of threads, and where a `backend` that was requested is not available), and MissingExtraError on
    the base install. A run that was stopped is left in `<output>.partial`; `resume` continues it.
    """
    listed = callbacks_for(verbose, callbacks)
    start = store.load_classifier(init) if init is not None else None
    recipe = _recipe_of(recipe, start, hyperparameters)
    check("seed", seed, 0, 2**32 - 1, whole=True)
    threads = environment.cores() if threads is None else threads
    check("threads", threads, 1, 1024, whole=True)
    check("devices", devices, 1, 1024, whole=True)
    check_shared(devices, recipe.batch_size, deterministic)
    log = [*dict.fromkeys([*(["tensorboard"] if tensorboard else []), *log])]
    loggers.check(log)
    _check_beginning(recipe, start, freeze, network)
    check_teacher(teacher, recipe)
    required = "backend" in hyperparameters or backend.is_required(recipe)
    options = {
        "--network": network,
        "--init": init,
        "--devices": devices > 1,
        "--log": log,
        "--ink": ink,
        "--teacher": teacher,
    }
    recipe = _on_backend(recipe, [name for name, used in options.items() if used], listed, required=required)
    if output:
        store.require_free(Path(output))  # before anything is downloaded
    if ink and not recipe.takes_ink:
        raise RecipeError(
            f"The recipe {recipe.name} takes nothing from ink: leave --ink out, use robust, or set "
            "--ink-digits, the number of its digits per training image."
        )
    if not recipe.is_classifier and devices > 1:
        raise RecipeError(f"The recipe {recipe.name} trains on one device: leave --devices out.")
    prepared_as = Preparation(image_size, channels, invert, tuple(class_names))
    dataset = loaded_as(data, prepared_as.to_dict(), listed)
    dataset = _divided(dataset, recipe, listed)
    if ink and not dataset.task.is_digits:
        raise RecipeError("Ink is drawn as digits, and the data have other classes or another size: leave --ink out.")
    if recipe.takes_ink and not ink and dataset.task.is_digits:
        listed.on_message(_without_ink(recipe))
    recorded = _ink(ink, recipe, listed) if ink else None
    recipe = _settled(recipe, dataset, recorded, listed)
    taught = identified(teacher, dataset.task)
    name = f"{recipe.name}-{datetime.now():%Y%m%d-%H%M%S}"
    partial = store.make_partial(Path(output) if output else store.free_name(RUNS / name))
    settings = Settings(
        recipe=recipe,
        seed=seed,
        threads=threads,
        deterministic=deterministic,
        tensorboard="tensorboard" in log,
        data=dataset.origin,
        data_sha256=dataset.sha256,
        data_warning=dataset.warning,
        versions=environment.versions(),
        machine=environment.machine(),
        inexact=[],
        devices=devices,
        ink=list(recorded.origin) if recorded else [],
        ink_sha256=recorded.sha256 if recorded else None,
        preparation=dataset.preparation.to_dict(),
        network=network,
        init=str(start.folder.absolute()) if start else None,
        init_sha256=start.card.digest if start else None,
        freeze=freeze,
        loggers=log,
        teacher=taught,
    )
    listed = with_time_limit(listed, max_seconds)
    with closing(listed), store.writing(partial), store.lock_run(partial), store.nothing_left_of_a_refusal(partial):
        checkpoint.save_settings(partial / store.CHECKPOINT, settings)
        history.rewrite(partial / card.HISTORY, [], history.columns(recipe.name))
        return Model(_run(partial, settings, dataset, recorded, listed))


# What the networks that detect digits, and ink, are made with takes time to import: it is imported where it is needed.
def _ink(paths: str | Path | Sequence[str | Path], recipe: Recipe, callbacks: CallbackList) -> "Ink":
    """The digital ink in these files and folders, with what of it the recipe uses."""
    from mnist_cnn.data.ink.collection import load_ink

    return load_ink(paths, callbacks.on_message, with_lines=not recipe.is_classifier)


def _without_ink(recipe: Recipe) -> str:
    """What a recipe that takes ink lacks without it."""
    if recipe.is_classifier:
        return WITHOUT_INK
    from mnist_cnn.workflows.detector_run import WITHOUT_INK as PAGES_WITHOUT_INK

    return PAGES_WITHOUT_INK.format(recipe.name)


def _recipe_of(recipe: str | Recipe | None, start: Artifact | None, given: dict[str, float | str]) -> Recipe:
    """The recipe that is meant, with what was given; that of the model to start from by default. Raises RecipeError."""
    if recipe is None:
        recipe = "classic" if start is None else str(start.card.recipe["name"])
    recipe = Recipe(recipe) if isinstance(recipe, str) else recipe
    if start and recipe.name != start.card.recipe["name"]:
        raise RecipeError(
            f"{start.name} is a model of the recipe {start.card.recipe['name']}, and {recipe.name} has other layers: "
            "leave --recipe out."
        )
    if start:
        widths = start.card.recipe.get("parameters", 0) or recipe.parameters
        given = {"learning_rate": recipe.learning_rate * FINE_TUNING, "parameters": widths, **given}
    return recipe.replace(**given)


def _on_backend(recipe: Recipe, options: Sequence[str], callbacks: CallbackList, *, required: bool) -> Recipe:
    """The recipe with the backend that trains it: Keras' next fastest if ONNX Runtime lacks something.

    Raises RecipeError or RunError if a backend was `required` that cannot train it, and MissingExtraError if Keras is
    needed and not installed.
    """
    if recipe.backend == backend.WITHOUT_KERAS:
        needs = lacking(recipe, options, callbacks.callbacks)
        if not needs:
            Thread(target=importlib.import_module, args=("onnxruntime",)).start()  # while the data are unpacked
            return recipe
        if required:
            raise RecipeError(f"ONNX Runtime does not train with {needs}, which needs Keras: leave one of them out.")
        environment.require_training(f"Training with {needs}")
        callbacks.on_message(f"Keras trains this: ONNX Runtime has no {needs}")
        return replace(recipe, backend=backend.ON_KERAS)
    if environment.missing_for_training() and not lacking(Recipe("fast"), options, ()) and recipe.is_classifier:
        environment.require_training("Training", "or train the recipe fast (--recipe fast), which needs none of them")
    environment.require_training("Training")
    if required:
        backend.prefer(recipe.backend, required=True)
    return recipe


def _check_beginning(recipe: Recipe, start: Artifact | None, freeze: bool, network: str | None) -> None:
    """Raise RecipeError, or RunError for a network that is not there, before anything is loaded."""
    if freeze and not start:
        raise RecipeError("--freeze keeps the layers of a saved model: name it with --init.")
    if network and start:
        raise RecipeError("--init and --network contradict each other: leave one out.")
    if network or start:
        recipe.require_classifier("--network" if network else "--init")
    if network and recipe.parameters:
        raise RecipeError("--parameters and --network contradict each other: leave one out.")
    if network:
        own_network(network)
    if network and recipe.test_time_shift:
        raise RecipeError(f"The recipe {recipe.name} averages over shifted images: give --test-time-shift 0.")


def _divided(dataset: Dataset, recipe: Recipe, callbacks: CallbackList) -> Dataset:
    """The dataset with its validation part; what is noted in dividing it is said. Raises DataError."""
    divided = dataset.split(recipe.validation_split)
    for note in divided.notes[len(dataset.notes) :]:
        callbacks.on_message(note)
    return divided


def _settled(recipe: Recipe, dataset: Dataset, ink: "Ink | None", callbacks: CallbackList) -> Recipe:
    """The recipe for these data, and what changes in it is said. Raises RecipeError."""
    images = len(dataset.train)
    settled = recipe.for_images(images, ink=ink is not None, task=dataset.task)
    if not recipe.is_classifier:
        return settled
    if recipe.early_stopping and not len(dataset.validation):
        raise RecipeError(
            "early-stopping looks at the validation images, and there are none: give --validation-split 0.1, say."
        )
    if settled.batch_size != recipe.batch_size:
        callbacks.on_message(
            f"There are only {images:,} training images: a batch has {settled.batch_size}, not {recipe.batch_size}"
        )
    if not recipe.repeats and settled.repeats > 1:
        steps = settled.epochs * -(-settled.images_per_epoch(images) // settled.batch_size)
        callbacks.on_message(
            f"{images:,} training images: each of {settled.epochs} epochs passes over them {settled.repeats} times, in "
            f"all {steps:,} steps, as many as on MNIST (--epochs for plain epochs)"
        )
    left_out = [name for name in OF_DIGITS[:2] if getattr(recipe, name) and not getattr(settled, name)]
    if left_out:
        callbacks.on_message(f"{' and '.join(left_out)} draw digits, so they are left out for other classes or sizes")
    return settled


class TimeLimit(Callback):
    """Ends the training after so many seconds, with what the last whole epoch left."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = math.inf
        self.model: Any = None

    def set_model(self, model: Any) -> None:
        """Keep the model."""
        self.model = model

    def on_train_begin(self, logs: Logs | None = None) -> None:  # noqa: ARG002  Keras' signature
        """Start the clock."""
        self.end = time.monotonic() + self.seconds

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:  # noqa: ARG002  Keras' signature
        """End the training if it is time."""
        if time.monotonic() > self.end:
            self.model.stop_training = True


def with_time_limit(callbacks: CallbackList, seconds: float | None) -> CallbackList:
    """The callbacks, with one that ends the training after so many seconds, if it is given. Raises RecipeError."""
    if seconds is None:
        return callbacks
    check("max-seconds", seconds, 0, 1e9, whole=False)
    return CallbackList([*callbacks.callbacks, TimeLimit(seconds)])


def resume(
    folder: str | Path,
    *,
    data: Data | None = None,
    threads: int | None = None,
    max_seconds: float | None = None,
    verbose: int = 1,
    callbacks: Iterable[object] = (),
) -> Model:
    """Continue a run that was stopped, from its last whole epoch, with its own settings and data.

    `folder` is the run's name with or without `.partial`; `threads` are the run's own by default. `data` are needed
    only if the run was given arrays in memory: the same ones. `max_seconds`, `verbose` and `callbacks` are those of
    `train`. Raises RunError if there is nothing to continue, DataError if its data are gone or changed, and
    MissingExtraError on the base install.
    """
    listed = with_time_limit(callbacks_for(verbose, callbacks), max_seconds)
    partial = store.find_partial(Path(folder))
    with closing(listed), store.writing(partial), store.lock_run(partial):
        if (partial / card.CARD).exists():  # stopped between the model card and the last rename
            return Model(store.complete(partial))
        old = checkpoint.settings_of(partial / store.CHECKPOINT)
        if old.recipe.backend != backend.WITHOUT_KERAS:
            environment.require_training("Training")
        versions, machine = environment.versions(), environment.machine()
        now = replace(old, threads=threads or old.threads, versions=versions, machine=machine)
        check("threads", now.threads, 1, 1024, whole=True)
        dataset = loaded_as(old.data if data is None else data, old.preparation, listed)
        if dataset.sha256 != old.data_sha256:
            raise DataError(f"The data at {old.data} is not what {partial} was trained on: bring the old data back.")
        recorded = _ink(old.ink, old.recipe, listed) if old.ink else None
        if recorded and recorded.sha256 != old.ink_sha256:
            raise DataError(
                f"The ink at {', '.join(old.ink)} is not what {partial} was trained on: bring the old files back."
            )
        dataset = _divided(replace(dataset, warning=old.data_warning), old.recipe, listed)
        return Model(_run(partial, replace(now, inexact=old.differences(now)), dataset, recorded, listed))


def _run(
    partial: Path, settings: Settings, dataset: Dataset, recorded: "Ink | None", callbacks: CallbackList
) -> Artifact:
    """Train from the last whole epoch, evaluate, save."""
    callbacks.on_run_begin(partial)
    if dataset.warning:
        callbacks.on_warning(dataset.warning)
    found = data_checks.findings(dataset)
    for one in found:
        if one.check != "preparation":  # which was said when the data were loaded
            (callbacks.on_warning if one.grave else callbacks.on_message)(one.text)
    if settings.recipe.backend != backend.WITHOUT_KERAS:
        settings = _with_keras(settings, callbacks)
    if not settings.recipe.is_classifier:
        from mnist_cnn.workflows import train_finder, train_recogniser, train_segmenter

        detectors = {
            card.FINDER: train_finder.run,
            card.SEGMENTER: train_segmenter.run,
            card.RECOGNISER: train_recogniser.run,
        }
        detectors[settings.recipe.name](partial, settings, dataset, recorded, callbacks)
    else:
        _run_classifier(partial, settings, dataset, recorded, callbacks, [one.text for one in found])
    return store.complete(partial)


def _with_keras(settings: Settings, callbacks: CallbackList) -> Settings:
    """Start Keras; gives the settings with the framework that it runs on."""
    if said := backend.prefer(settings.recipe.backend) if not settings.network else None:
        callbacks.on_message(said)
    # The framework comes with this and takes seconds: everything that may be refused was refused before.
    backend.start()
    backend.configure(settings.threads, settings.deterministic)
    return replace(settings, recipe=replace(settings.recipe, backend=backend.name()))


def _run_classifier(
    partial: Path,
    settings: Settings,
    dataset: Dataset,
    recorded: "Ink | None",
    callbacks: CallbackList,
    checks: list[str],
) -> None:
    """Train a classifier from the last whole epoch, evaluate it, and save it with its report and, last, its card."""
    ink = None
    if recorded:
        from mnist_cnn.workflows.ink_preparation import prepared

        ink = prepared(recorded, partial / store.CHECKPOINT, settings.seed, callbacks)
    network, rows, notes = _train(partial, settings, dataset, ink, callbacks)
    layers = _layers(network)
    callbacks.on_status(f"Evaluating on {len(dataset.test):,} test images")
    started = time.perf_counter()
    network, fitted = _calibrated(_finished(network, settings.recipe), settings, dataset, ink)
    test = dataset.test.images
    probabilities = classifier(network)(test)
    evaluation = replace(evaluated(probabilities, dataset, callbacks), temperature=fitted)
    callbacks.on_evaluate_end(evaluation, dataset)
    for text in (failed := _at_chance(evaluation)):
        callbacks.on_warning(text)
    seconds = {"training": sum(row["seconds"] for row in rows), "testing": time.perf_counter() - started}

    callbacks.on_status(saved_files.SAVING)
    with ThreadPoolExecutor(1) as beside:  # most of this time a process of Keras is waited for
        charts = beside.submit(_charts, rows, evaluation, probabilities, dataset)
        left_out = saved_files.save(
            network,
            settings.recipe,
            partial,
            test,
            probabilities,
            fitted or 1.0,
            dataset.task,
            is_own=settings.network is not None,
        )
    for text in left_out:
        callbacks.on_warning(text)
    about = _data(dataset, ink, network) | ({"checks": checks} if checks else {})
    about |= {"teacher": settings.teacher} if settings.teacher else {}
    every_note = notes + _beginning(settings) + failed + left_out
    made = run_card(partial, settings, network, rows, seconds, about, evaluation.to_dict(), every_note, layers)
    callbacks.on_status("Writing the report")
    if unwritten := _report(partial, made, dataset, probabilities, evaluation, charts):
        callbacks.on_warning(unwritten)
    card.write(partial, made)  # last: a folder with a model card is complete


def _layers(network: Any) -> list[dict[str, Any]]:
    """The layers of a trained network, for its model card."""
    if isinstance(network, OnnxNetwork):
        return spec_table(network.places)
    from mnist_cnn.models.layer_table import layer_table  # here, because Keras comes with it

    return layer_table(on_one(network))


def _finished(network: Any, recipe: Recipe) -> Any:
    """The trained network as it is evaluated and saved."""
    if isinstance(network, OnnxNetwork):
        return network
    return backend.finished(on_one(network), recipe)


def _charts(
    rows: list[Epoch], evaluation: Evaluation, probabilities: np.ndarray, dataset: Dataset
) -> "dict[str, Markup]":
    """The charts of the report."""
    from mnist_cnn.evaluation import html_report  # here, because Jinja and matplotlib come with it, which take time

    return html_report.drawn_charts(rows, evaluation, probabilities, dataset.test.labels)


def _report(
    partial: Path,
    made: Card,
    dataset: Dataset,
    probabilities: np.ndarray,
    evaluation: Evaluation,
    charts: "Future[dict[str, Markup]]",
) -> str | None:
    """Write the report; a sentence if that fails, for which no trained model is given up."""
    from mnist_cnn.evaluation import html_report

    try:
        html_report.write(partial, made, dataset.test, probabilities, evaluation, charts=charts.result())
    except OSError:
        raise
    except Exception as error:  # whatever it is, the model is trained and can be saved
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return (
            f"The report could not be written ({reason}): the model is saved without it; try `mnist-cnn report` later."
        )
    return None


def _beginning(settings: Settings) -> list[str]:
    """Notes on what a model began with and learnt from, if that is not the recipe's own."""
    notes = []
    if settings.network:
        notes.append(f"The network is that of {settings.network}, not the recipe's.")
    if settings.init:
        frozen = "; all layers but the last kept its weights" if settings.freeze else ""
        notes.append(f"Started from the weights of {settings.init} (model card {settings.init_sha256!s:.16}){frozen}.")
    if settings.teacher:
        origin, sha256 = settings.teacher["origin"], settings.teacher["sha256"]
        notes.append(f"Learnt from the probabilities of {origin} as well (SHA-256 {sha256}).")
    return notes


def _untrained(settings: Settings, dataset: Dataset) -> Any:
    """The network to train."""
    recipe, task = settings.recipe, dataset.task
    steps, weights = updates(recipe, len(dataset.train)), class_weights(recipe, dataset.train.labels, task)
    if recipe.backend == backend.WITHOUT_KERAS:
        return OnnxNetwork(recipe, task, settings.seed, steps, settings.threads, weights)
    from mnist_cnn.training.compiled_network import Built, compiled  # here, because Keras comes with it

    own = own_network(settings.network) if settings.network else None
    begin = partial_of(_begin, settings) if settings.init else None
    return compiled(recipe, settings.seed, steps, settings.devices, Built(task, own, weights, begin))


def _begin(settings: Settings, network: Any) -> None:
    """Give the model the weights of the one that it starts from, and freeze layers."""
    start = store.load_classifier(str(settings.init))
    if start.card.digest != settings.init_sha256:
        raise RunError(f"{settings.init} is not the model that this run started from: bring the old one back.")
    initial_weights.start_from(network, keras_model_of(start), start.name)
    if settings.freeze:
        initial_weights.freeze(network)


def _train(
    partial: Path, settings: Settings, dataset: Dataset, ink: "PreparedInk | None", callbacks: CallbackList
) -> tuple[Any, list[Epoch], list[str]]:
    """Train to the recipe's last epoch, with a checkpoint after each; gives network, history and notes for the card."""
    recipe, saved = settings.recipe, partial / store.CHECKPOINT
    teacher = teacher_of(settings.teacher, recipe)  # before the random state of this run, and its precision, are set
    network = _untrained(settings, dataset)
    rows = checkpoint.restore(saved, network)
    history.rewrite(partial / card.HISTORY, rows)
    settings = settings if rows else replace(settings, inexact=[])
    checkpoint.save_settings(saved, settings)  # a later resume must know what has changed by now
    notes = resumed(rows, settings.inexact)
    for text in notes:
        callbacks.on_message(text)
    with (
        history.tensorboard(partial / "tensorboard", network, settings.tensorboard) as log,
        loggers.started(settings.loggers, partial, recipe.to_dict()) as others,
    ):
        told = CallbackList([*callbacks.callbacks, *others])
        validation = dataset.validation.joined(ink.plain_validation) if ink else dataset.validation
        drawn = ink.training if ink else None
        processes = max(1, settings.threads - 1) if recipe.draws_images else 0
        done = len(rows)
        if not _is_over(rows, recipe):
            for row in fit(
                network, recipe, dataset.train, validation, settings.seed, done, told, drawn, processes, teacher
            ):
                rows.append(row)
                history.append(partial / card.HISTORY, row)
                if recipe.early_stopping and _best(rows) == len(rows):
                    checkpoint.save_best(saved, network)
                checkpoint.save(saved, network, rows)
                log(row)
                network.stop_training = network.stop_training or _is_over(rows, recipe)
    if len(rows) < recipe.epochs and not recipe.early_stopping:
        checkpoint.restore(saved, network)  # what there is of a further epoch is dropped
    if recipe.early_stopping:
        checkpoint.restore_best(saved, network)
    if settings.freeze:
        initial_weights.unfreeze(network)
    return network, rows, notes + _ending(rows, recipe)


def _best(rows: list[Epoch]) -> int:
    """The epoch, from 1, with the lowest validation loss; the first of several."""
    return 1 + min(range(len(rows)), key=lambda index: rows[index]["val_loss"])


def _is_over(rows: list[Epoch], recipe: Recipe) -> bool:
    """Whether the validation loss has not become lower for as many epochs as are waited."""
    return bool(recipe.early_stopping and rows and len(rows) - _best(rows) >= recipe.early_stopping)


def _ending(rows: list[Epoch], recipe: Recipe) -> list[str]:
    """A note if the training did not go to the recipe's last epoch, or has not that epoch's weights."""
    if recipe.early_stopping:
        return [
            f"Early stopping: the weights are those of epoch {_best(rows)} of {len(rows)}, which has the lowest "
            f"validation loss, of up to {recipe.epochs}; so the validation metrics are a little too good."
        ]
    if len(rows) < recipe.epochs:
        return [f"Ended early, after {len(rows)} of {recipe.epochs} epochs."]
    return []


def _calibrated(
    network: Any, settings: Settings, dataset: Dataset, ink: "PreparedInk | None"
) -> tuple[Any, float | None]:
    """The network calibrated on the validation images, and its temperature.

    Without any, and without a teacher at a temperature of its own, it is not calibrated: the temperature is None.
    """
    held_out = validation_examples(settings.recipe, dataset.validation, settings.seed)
    if ink:
        held_out = held_out.joined(ink.varied_validation(np.random.default_rng((settings.seed, VALIDATION))))
    if len(held_out):
        fitted = temperature_scaling.fit(classifier(network)(held_out.images), held_out.labels)
    else:
        fitted = sharpening(settings.recipe) if settings.teacher else 1.0
        if fitted == 1:
            return network, None
    if isinstance(network, OnnxNetwork):
        network.temperature = fitted
        return network, fitted
    from mnist_cnn.models.calibrated import calibrated  # here, because Keras comes with it

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


def _data(dataset: Dataset, ink: "PreparedInk | None", network: Any) -> dict[str, Any]:
    about = about_data(dataset)
    if not ink:
        return about
    accuracies = ink.accuracies(classifier(network))
    return about | {"ink": ink.about() | {"accuracy": {name: one.to_dict() for name, one in accuracies.items()}}}
