"""The whole adaptation, step by step: a saved model and labelled images → another saved model. Prints nothing."""

import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import saved_files, store
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.artifact.trainable import trainable
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.callbacks.progress import callbacks_for
from mnist_cnn.card import Card
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.source import Data
from mnist_cnn.errors import AdaptationError, DataError
from mnist_cnn.evaluation import labelled_images, temperature_scaling
from mnist_cnn.evaluation.labelled_images import LabelledImage
from mnist_cnn.evaluation.metrics import Accuracy, Evaluation, accuracy
from mnist_cnn.reading.model_names import RUNS, path_of
from mnist_cnn.reading.network import Classifier, onnx_classifier
from mnist_cnn.reading.picture import Source
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.temperature import at
from mnist_cnn.system import environment
from mnist_cnn.system.files import sha256_of
from mnist_cnn.training import backend, history
from mnist_cnn.training.recipe import Recipe, check
from mnist_cnn.workflows.adaptation.folds import FOLDS, HeldOut, folds_of
from mnist_cnn.workflows.adaptation.handwriting import Handwriting, handwriting_of
from mnist_cnn.workflows.evaluate import data_of, evaluated
from mnist_cnn.workflows.model import Model

if TYPE_CHECKING:
    import keras

    from mnist_cnn.workflows.adaptation.finetune import FineTuning

CHECKED = 1000  # images on which the rebuilt model must agree with the old one


@dataclass(frozen=True)
class Task:
    """What to do: the model to start from and its recipe, the digits to train on, and the dataset to replay."""

    old: Artifact
    recipe: Recipe
    handwriting: Handwriting
    dataset: Dataset
    seed: int
    threads: int
    callbacks: CallbackList


def adapt(
    images: str | Path | Sequence[Source],
    labels: Sequence[str] | None = None,
    *,
    model: str | Path | None = None,
    output: str | Path | None = None,
    data: Data | None = None,
    seed: int = 0,
    threads: int | None = None,
    verbose: int = 1,
    callbacks: Iterable[object] = (),
) -> Model:
    """Adapt a saved model to a person's digits; save the result in the folder `output`, by default one in `runs/`.

    `images` are what `Reader` reads, `labels` the digits in each, left to right, rows separated by "/". Without labels
    `images` is the path of a CSV with the columns path and label, or of a folder or ZIP with a folder of images for
    each digit. `model` is a
    folder that `train` or `adapt` made, by default the bundled model; it is not changed. Its training data is replayed
    against forgetting, so it must be available. Each image is held out once, to measure the improvement. Raises
    AdaptationError if there is none, or if every digit has fewer than three examples, and DataError, ArtifactError,
    RecipeError or RunError; then nothing is saved.
    """
    environment.require_training("Adapting a model")
    listed = callbacks_for(verbose, callbacks)
    check("seed", seed, 0, 2**32 - 1, whole=True)
    threads = environment.cores() if threads is None else threads
    check("threads", threads, 1, 1024, whole=True)
    old = store.load_onnx_only(path_of(model))
    card.require_classifier(old.folder, old.card)
    name = f"{old.card.recipe['name']}-adapted-{datetime.now():%Y%m%d-%H%M%S}"
    folder = Path(output) if output else store.free_name(RUNS / name)
    with closing(listed), temporary_partial(folder) as partial:
        handwriting = handwriting_of(*labelled(images, labels), Reader(old.folder, min_confidence=0.0))
        for sentence in handwriting.skipped:
            listed.on_message(sentence)
        recipe = Recipe(**old.card.recipe)
        dataset = data_of(old, listed, data).split(recipe.validation_split)
        task = Task(old, recipe, handwriting, dataset, seed, threads, listed)
        started = time.perf_counter()
        network, held_out = finetuned(task)
        return Model(save(task, network, held_out, partial, time.perf_counter() - started))


def labelled(
    images: str | Path | Sequence[Source], labels: Sequence[str] | None
) -> tuple[Sequence[Source | LabelledImage], Sequence[str]]:
    """Images and their labels, both from a path if that is all that is given. Raises DataError."""
    if labels is not None and not isinstance(images, str | Path):
        return images, labels
    if labels is not None or not isinstance(images, str | Path):
        raise DataError("Labels belong to a list of images: give both, or the path of a table, folder or ZIP alone.")
    found = labelled_images.load(Path(images))
    return found, [one.digits for one in found]


@contextmanager
def temporary_partial(folder: Path) -> Iterator[Path]:
    """The folder to work in, which is deleted if the work ends before it is complete."""
    partial = store.make_partial(folder)
    with store.writing(partial, "nothing was saved"), store.lock_run(partial):
        try:
            yield partial
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def finetuned(task: Task) -> tuple["keras.Model", HeldOut]:
    """The model fine-tuned on all digits, and the result on held-out digits; raises AdaptationError."""
    handwriting, seed, callbacks = task.handwriting, task.seed, task.callbacks
    # The framework comes with this and takes seconds: everything that can be rejected was rejected before.
    backend.start()
    backend.configure(task.threads, deterministic=False)
    backend.seed(seed)
    from mnist_cnn.workflows.adaptation.finetune import FineTuning, current_classifier, replay_of

    network = trainable(task.old, task.dataset.test.images[:CHECKED])
    classify = current_classifier(network)
    callbacks.on_message(f"Fine-tuning on {len(handwriting)} digits, replaying {task.dataset.name} against forgetting")
    replay = replay_of(task.dataset.train, task.recipe, classify, np.random.default_rng((seed, FOLDS + 1)))
    tuning = FineTuning(network, replay, seed)
    held_out = hold_out(tuning, classify, task)
    suspects = held_out.possible_label_errors
    for name in dict.fromkeys(np.array(handwriting.names)[suspects].tolist()):
        callbacks.on_warning(f"{name} is skipped: possible label error (the model is confident of another digit).")
    require_improvement(held_out)
    if suspects.any():
        tuning.forget()  # the models of the folds were trained on these labels
    callbacks.on_message(f"Final fine-tuning on all {len(handwriting) - suspects.sum()} digits")
    tuning.train(handwriting.of(~suspects), np.random.default_rng((seed, FOLDS)))
    tuning.average()
    return network, held_out


def save(task: Task, network: "keras.Model", held_out: HeldOut, partial: Path, training_seconds: float) -> Artifact:
    """Calibrate and evaluate the model, write everything into the partial folder, and give it its final name."""
    from mnist_cnn.models.calibrated import calibrated
    from mnist_cnn.models.layer_table import layer_table
    from mnist_cnn.workflows.adaptation.finetune import current_classifier  # here, because Keras comes with it

    started = time.perf_counter()
    old, test = task.old, task.dataset.test
    classify = current_classifier(network)
    temperature = _temperature(classify, task, held_out)
    probabilities = at(classify(test.images), temperature or 1.0)
    evaluation = replace(evaluated(probabilities, task.dataset), temperature=temperature)
    before = accuracy(onnx_classifier(old.folder / card.ONNX_MODEL, task.threads)(test.images), test.labels)
    layers = layer_table(network)
    task.callbacks.on_status(saved_files.SAVING)
    network = calibrated(network, temperature or 1.0)
    left_out = saved_files.save(network, task.recipe, partial, test.images, probabilities, temperature or 1.0)
    for text in left_out:
        task.callbacks.on_warning(text)
    history.rewrite(partial / card.HISTORY, old.card.history)
    seconds = {"training": training_seconds, "testing": time.perf_counter() - started}
    about = adaptation(old.card, task.handwriting, held_out, before, evaluation)
    made = replace(
        old.card,
        format=card.FORMAT,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=task.seed,
        threads=task.threads,
        deterministic=False,
        git_commit=environment.git_commit(),
        versions=environment.versions(),
        machine=environment.machine(),
        seconds={name: round(value, 3) for name, value in seconds.items()},
        evaluation=evaluation.to_dict() | {"adaptation": about},
        notes=[*old.card.notes, f"Adapted to {len(task.handwriting)} digits.", *left_out],
        files={name: sha256_of(partial / name) for name in card.HASHED_FILES if (partial / name).exists()},
        layers=layers,
    ).sealed()
    from mnist_cnn.evaluation import html_report  # here, because matplotlib comes with it

    task.callbacks.on_status("Writing the report")
    html_report.write(partial, made, test, probabilities, evaluation)
    card.write(partial, made)
    return store.complete(partial)


def hold_out(tuning: "FineTuning", classify: Classifier, task: Task) -> HeldOut:
    """Classify each fold of the digits by a model fine-tuned on the others.

    The probabilities are at the temperature of the original model, like those that they are compared with.
    """
    handwriting = task.handwriting
    folds = folds_of(handwriting.sources, handwriting.labels, np.random.default_rng(task.seed))
    after = handwriting.probabilities.copy()
    for fold in range(FOLDS):
        held = folds == fold
        task.callbacks.on_message(f"Fold {fold + 1}/{FOLDS}: train on {(~held).sum()}, test on {held.sum()}")
        tuning.train(handwriting.of(~held), np.random.default_rng((task.seed, fold)))
        after[held] = at(classify(handwriting.images[held]), temperature_of(task.old.card))
    return HeldOut(handwriting.labels, handwriting.probabilities, after)


def temperature_of(old: Card) -> float:
    """The temperature of a saved model, by its model card."""
    return float(old.evaluation.get("temperature", 1.0))


def require_improvement(held_out: HeldOut) -> None:
    """Raise AdaptationError unless the held-out digits are predicted better."""
    before, after = held_out.accuracies
    if not held_out.improved:
        same = ", with about the same loss" if after.correct == before.correct else ""
        raise AdaptationError(
            f"No improvement: {before.correct}/{before.count} held-out digits correct before, "
            f"{after.correct}/{after.count} after{same}. The model is not saved; add images of misclassified digits."
        )


def _temperature(classify: Classifier, task: Task, held_out: HeldOut) -> float | None:
    """The temperature fitted on validation images and held-out digits together.

    None without validation images, as for the original model: the person's digits alone are too few.
    """
    from mnist_cnn.training.fit import validation_examples  # here, because Keras comes with it

    validation = validation_examples(task.recipe, task.dataset.validation, task.old.card.seed)
    if not len(validation):
        return None
    uncalibrated = at(held_out.after, 1 / temperature_of(task.old.card))
    labels = np.concatenate([validation.labels, held_out.labels])
    return temperature_scaling.fit(np.concatenate([classify(validation.images), uncalibrated]), labels)


def adaptation(
    old: Card, handwriting: Handwriting, held_out: HeldOut, before: Accuracy, after: Evaluation
) -> dict[str, Any]:
    """Its part of the model card: results on held-out digits and test images, and the original model card."""
    return {
        "digits": len(handwriting),
        "each": handwriting.each,
        "unused": len(handwriting.skipped),
        "doubtful": int(held_out.possible_label_errors.sum()),
        "held_out": held_out.to_dict(),
        "test": {"before": before.to_dict(), "after": after.uncorrected.to_dict()},
        "before": asdict(old),
    }
