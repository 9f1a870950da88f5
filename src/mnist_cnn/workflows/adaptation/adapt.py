"""The whole job, step by step: a kept network and labelled pictures → another kept network. Prints nothing."""

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
from mnist_cnn.errors import AdaptationError
from mnist_cnn.evaluation import temperature_scaling
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
from mnist_cnn.workflows.adaptation.folds import PARTS, HeldOut, parts_of
from mnist_cnn.workflows.adaptation.handwriting import Handwriting, handwriting_of
from mnist_cnn.workflows.evaluate import data_of, evaluated
from mnist_cnn.workflows.model import Model

if TYPE_CHECKING:
    import keras

    from mnist_cnn.workflows.adaptation.finetune import Tuning

CHECKED = 1000  # images on which a network that was built again must be the old one


@dataclass(frozen=True)
class Task:
    """What is asked: the network to begin from and its recipe, the digits to learn, and the data to rehearse."""

    old: Artifact
    recipe: Recipe
    hand: Handwriting
    dataset: Dataset
    seed: int
    threads: int
    callbacks: CallbackList


def adapt(
    pictures: Sequence[Source],
    labels: Sequence[str],
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

    `pictures` are what `Reader` reads, `labels` the digits in each, left to right, rows separated by "/". `model` is a
    folder that `train` or `adapt` made, by default the network that ships; it stays as it is. What the network was
    trained on is rehearsed, so it must be at hand. Each picture is held out once to find out whether anything got
    better. Raises AdaptationError where nothing did or there are fewer than three pictures of every digit, and
    DataError, ArtifactError, RecipeError or RunError; then nothing is kept.
    """
    environment.require_training("Adapting a network")
    listed = callbacks_for(verbose, callbacks)
    check("seed", seed, 0, 2**32 - 1, whole=True)
    threads = environment.cores() if threads is None else threads
    check("threads", threads, 1, 1024, whole=True)
    old = store.load_onnx_only(path_of(model))
    name = f"{old.card.recipe['name']}-adapted-{datetime.now():%Y%m%d-%H%M%S}"
    folder = Path(output) if output else store.free_name(RUNS / name)
    with closing(listed), kept_whole(folder) as partial:
        hand = handwriting_of(pictures, labels, Reader(old.folder, min_confidence=0.0))
        for sentence in hand.unused:
            listed.on_message(sentence)
        recipe = Recipe(**old.card.recipe)
        dataset = data_of(old, listed, data).split(recipe.validation_split)
        task = Task(old, recipe, hand, dataset, seed, threads, listed)
        started = time.perf_counter()
        network, held_out = learnt(task)
        return Model(keep(task, network, held_out, partial, time.perf_counter() - started))


@contextmanager
def kept_whole(folder: Path) -> Iterator[Path]:
    """The folder to work in, which goes away again whatever ends the work before it is complete."""
    partial = store.make_partial(folder)
    with store.writing(partial, "nothing of it is kept"), store.lock_run(partial):
        try:
            yield partial
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def learnt(task: Task) -> tuple["keras.Model", HeldOut]:
    """The network after learning from all digits, and what holding each out has shown; raises AdaptationError."""
    hand, seed, callbacks = task.hand, task.seed, task.callbacks
    # The framework comes with this and takes seconds: everything that may be refused was refused before.
    backend.start()
    backend.configure(task.threads, deterministic=False)
    backend.seed(seed)
    from mnist_cnn.workflows.adaptation.finetune import Tuning, called, rehearsal_of

    network = trainable(task.old, task.dataset.test.images[:CHECKED])
    classify = called(network)
    callbacks.on_message(f"Learning {len(hand)} digits; what the network knows is rehearsed on {task.dataset.name}.")
    rehearsal = rehearsal_of(task.dataset.train, task.recipe, classify, np.random.default_rng((seed, PARTS + 1)))
    tuning = Tuning(network, rehearsal, seed)
    held_out = hold_out(tuning, classify, task)
    doubtful = held_out.doubtful
    for name in dict.fromkeys(np.array(hand.names)[doubtful].tolist()):
        callbacks.on_warning(
            f"The label of {name} looks wrong: the network is sure of another digit. It is not learnt from."
        )
    require_better(held_out)
    if doubtful.any():
        tuning.forget()  # those who read what was held out had learnt from these labels
    callbacks.on_message(f"Learning from all {len(hand) - doubtful.sum()} digits")
    tuning.learn(hand.of(~doubtful), np.random.default_rng((seed, PARTS)))
    tuning.join()
    return network, held_out


def keep(task: Task, network: "keras.Model", held_out: HeldOut, partial: Path, training_seconds: float) -> Artifact:
    """Calibrate and judge the network, write everything into the partial folder, and give that its final name."""
    from mnist_cnn.models.calibrated import calibrated
    from mnist_cnn.workflows.adaptation.finetune import called  # here, because Keras comes with it

    started = time.perf_counter()
    old, test = task.old, task.dataset.test
    classify = called(network)
    heat = _temperature(classify, task, held_out)
    probabilities = at(classify(test.images), heat or 1.0)
    evaluation = replace(evaluated(probabilities, task.dataset), temperature=heat)
    before = accuracy(onnx_classifier(old.folder / card.ONNX_MODEL, task.threads)(test.images), test.labels)
    network = calibrated(network, heat or 1.0)
    left_out = saved_files.save(network, task.recipe, partial, test.images, probabilities, heat or 1.0)
    for text in left_out:
        task.callbacks.on_warning(text)
    history.rewrite(partial / card.HISTORY, old.card.history)
    seconds = {"training": training_seconds, "testing": time.perf_counter() - started}
    about = adaptation(old.card, task.hand, held_out, before, evaluation)
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
        notes=[*old.card.notes, f"Adapted to {len(task.hand)} digits.", *left_out],
        files={name: sha256_of(partial / name) for name in card.HASHED_FILES if (partial / name).exists()},
    ).sealed()
    from mnist_cnn.evaluation import html_report  # here, because matplotlib comes with it

    html_report.write(partial, made, test, probabilities, evaluation)
    card.write(partial, made)
    return store.complete(partial)


def hold_out(tuning: "Tuning", classify: Classifier, task: Task) -> HeldOut:
    """Let each part of the digits be read by a network that has learnt from the others alone.

    Its probabilities are at the temperature of the network before, as those that they are compared with.
    """
    hand = task.hand
    parts = parts_of(hand.pictures, hand.labels, np.random.default_rng(task.seed))
    after = hand.probabilities.copy()
    for part in range(PARTS):
        held = parts == part
        task.callbacks.on_message(f"Fold {part + 1}/{PARTS}: train on {(~held).sum()}, test on {held.sum()}")
        tuning.learn(hand.of(~held), np.random.default_rng((task.seed, part)))
        after[held] = at(classify(hand.images[held]), temperature_of(task.old.card))
    return HeldOut(hand.labels, hand.probabilities, after)


def temperature_of(old: Card) -> float:
    """What calibrates a network, by its card."""
    return float(old.evaluation.get("temperature", 1.0))


def require_better(held_out: HeldOut) -> None:
    """Raise AdaptationError if what was held out is not read better."""
    before, after = held_out.accuracies
    if not held_out.better:
        surer = ", and hardly any surer" if after.correct == before.correct else ""
        raise AdaptationError(
            f"Nothing got better: of {before.count} digits that were held out, {before.correct} were read rightly "
            f"before and {after.correct} after{surer}. The network stays as it is and nothing is kept; more pictures "
            "of what is read wrongly may help."
        )


def _temperature(classify: Classifier, task: Task, held_out: HeldOut) -> float | None:
    """The temperature that calibrates the network on images kept to validate and on what was held out, together.

    None where there are no images to validate on, as for the network before: the person's alone are too few.
    """
    from mnist_cnn.training.fit import validation_examples  # here, because Keras comes with it

    kept = validation_examples(task.recipe, task.dataset.validation, task.old.card.seed)
    if not len(kept):
        return None
    uncalibrated = at(held_out.after, 1 / temperature_of(task.old.card))
    labels = np.concatenate([kept.labels, held_out.labels])
    return temperature_scaling.fit(np.concatenate([classify(kept.images), uncalibrated]), labels)


def adaptation(old: Card, hand: Handwriting, held_out: HeldOut, before: Accuracy, after: Evaluation) -> dict[str, Any]:
    """What the card says about it: the person's digits, held out; the test images; and the whole card of before."""
    return {
        "digits": len(hand),
        "each": hand.each,
        "unused": len(hand.unused),
        "doubtful": int(held_out.doubtful.sum()),
        "held_out": held_out.to_dict(),
        "test": {"before": before.to_dict(), "after": after.uncorrected.to_dict()},
        "before": asdict(old),
    }
