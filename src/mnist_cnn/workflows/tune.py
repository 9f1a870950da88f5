"""Search for hyperparameters of a recipe on the validation images, by Optuna. The test images are never looked at.

The study is in a SQLite file, so that a search that was stopped resumes, and several processes can work on it.
"""

import json
import logging
import math
import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from mnist_cnn.artifact import store
from mnist_cnn.callbacks.callback import Callback, CallbackList
from mnist_cnn.callbacks.progress import callbacks_for
from mnist_cnn.data.dataset import USUAL, Dataset, Preparation
from mnist_cnn.data.source import IN_MEMORY, Data
from mnist_cnn.errors import MissingExtraError, MnistCnnError, RecipeError, RunError
from mnist_cnn.system import environment
from mnist_cnn.system.files import ends_like_a_file, write_whole
from mnist_cnn.system.visible import visible
from mnist_cnn.training import backend
from mnist_cnn.training.recipe import Recipe, check
from mnist_cnn.workers import child_process
from mnist_cnn.workflows.evaluate import loaded_as
from mnist_cnn.workflows.teacher import check_teacher

STUDY, BEST, PAGE = "study.db", "best.json", "study.html"
NAME = "mnist-cnn"
COMMAND = child_process.command("mnist_cnn.workflows.tune")
VALIDATION = 0.1  # of the training images, for a recipe that has no validation part of its own
# The range of each hyperparameter around the recipe's value: a factor below and above, or from 0 to so much.
FACTORS = {"learning_rate": (0.1, 10.0)}
UP_TO = {"dropout": 0.5, "label_smoothing": 0.2}
AUGMENTATIONS = {"rotation": 20.0, "zoom": 0.2, "shear": 0.3, "translation": 3.0, "elastic": 3.0}
BATCHES = (0.5, 1, 2)  # times the recipe's


@dataclass(frozen=True)
class Trial:
    """One trial: its number, its validation accuracy (None if it was pruned or failed), state and hyperparameters."""

    number: int
    accuracy: float | None
    state: str
    hyperparameters: dict[str, Any]


@dataclass(frozen=True)
class Tuned:
    """A study: its folder, the recipe with the best hyperparameters, their validation accuracy, and all trials."""

    folder: Path
    recipe: Recipe
    accuracy: float
    trials: tuple[Trial, ...]
    command: str

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON."""
        best = max((one for one in self.trials if one.accuracy is not None), key=lambda one: one.accuracy or 0.0)
        return {
            "folder": str(self.folder),
            "recipe": self.recipe.name,
            "hyperparameters": best.hyperparameters,
            "validation_accuracy": self.accuracy,
            "trials": [vars(one) for one in self.trials],
            "command": self.command,
        }


def tune(
    recipe: str | Recipe = "classic",
    data: Data = "auto",
    *,
    trials: int = 20,
    output: str | Path = Path("tuned"),
    workers: int = 1,
    seed: int = 0,
    threads: int | None = None,
    image_size: int = USUAL.image_size,
    channels: int = USUAL.channels,
    invert: bool = False,
    class_names: Iterable[str] = (),
    verbose: int = 1,
    callbacks: Iterable[object] = (),
    **hyperparameters: float | str,
) -> Tuned:
    """Search for good hyperparameters of a recipe: `trials` trainings, each evaluated on the validation images.

    What is given in `hyperparameters` is fixed; learning rate, batch size, dropout, label smoothing and, where the
    recipe augments its images, the augmentations are searched by Optuna's TPE (Bergstra et al., "Algorithms for
    hyper-parameter optimization", 2011), and trials below the median of the earlier ones are pruned. `output` is a
    folder with the study (`study.db`), the best values (`best.json`) and a page of all trials (`study.html`); an
    existing study is resumed until it has so many trials. `workers` processes work at the same time, for which `data`
    must be a name or a path. The other arguments are those of `train`.

    Raises RecipeError, DataError, RunError if the folder holds another study, and MissingExtraError without Optuna.
    """
    environment.require_training("Tuning")
    require_optuna()
    listed = callbacks_for(verbose, callbacks)
    recipe = (Recipe(recipe) if isinstance(recipe, str) else recipe).replace(**hyperparameters)
    recipe.require_classifier("Tuning")
    check_teacher(None, recipe)
    check("trials", trials, 1, 100_000, whole=True)
    check("workers", workers, 1, 64, whole=True)
    check("seed", seed, 0, 2**32 - 1, whole=True)
    prepared = Preparation(image_size, channels, invert, tuple(class_names)).to_dict()
    dataset = loaded_as(data, prepared, listed)
    if workers > 1 and dataset.origin == IN_MEMORY:
        raise RecipeError("Several processes cannot share arrays in memory: leave workers out, or name a file.")
    folder = Path(output)
    if ends_like_a_file(folder):
        raise RunError(f"{folder} ends like a file, and a study is a folder: choose another --output.")
    job = Job(
        folder=str(folder),
        recipe=recipe.to_dict(),
        fixed=sorted(hyperparameters),
        data=dataset.origin,
        data_sha256=dataset.sha256,
        preparation=prepared,
        trials=trials,
        seed=seed,
        threads=threads or max(1, environment.cores() // workers),
    )
    with store.writing(folder, "resume by the same command"):
        folder.mkdir(parents=True, exist_ok=True)
        study = study_of(job)
        if workers == 1:
            work(job, dataset, listed)
        else:
            work_in_processes(job, workers, listed)
        tuned = result_of(study_of(job), job)
        write_whole(folder / BEST, json.dumps(tuned.to_dict(), indent=2) + "\n")
        write_whole(folder / PAGE, page_of(tuned, study.study_name))
    return tuned


@dataclass(frozen=True)
class Job:
    """What is searched, as JSON for other processes."""

    folder: str
    recipe: dict[str, Any]
    fixed: list[str]
    data: str
    data_sha256: str
    preparation: dict[str, Any]
    trials: int
    seed: int
    threads: int

    @property
    def about(self) -> dict[str, Any]:
        """What must be the same when a study is resumed."""
        return {
            "recipe": self.recipe,
            "fixed": self.fixed,
            "data_sha256": self.data_sha256,
            "preparation": self.preparation,
        }


def require_optuna() -> None:
    """Raise MissingExtraError without Optuna."""
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError('Tuning needs Optuna: pip install "mnist-cnn[tune]".') from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def study_of(job: Job, worker: int = 0) -> Any:
    """The study in a folder, made if there is none; raises RunError if it is one of something else, or damaged."""
    import optuna

    path = Path(job.folder) / STUDY
    try:
        study = optuna.create_study(
            storage=f"sqlite:///{path.absolute()}",
            study_name=NAME,
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(seed=(job.seed + worker) % 2**32),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
        )
        known = study.user_attrs.get("about")
    except Exception as error:  # whatever Optuna's storage raises
        raise RunError(f"{path} is not a study that can be resumed: choose another --output.") from error
    if known is None:
        study.set_user_attr("about", job.about)
    elif known != job.about:
        raise RunError(
            f"{path} is a study of another recipe, other data or other fixed hyperparameters: choose another --output."
        )
    return study


def space(recipe: Recipe, fixed: Iterable[str]) -> dict[str, Callable[[Any], Any]]:
    """How each hyperparameter that is searched is suggested by a trial; what is fixed is not among them."""
    found: dict[str, Callable[[Any], Any]] = {}
    known = {one.name: one.metadata for one in Recipe.hyperparameters()}
    for name, (low, high) in FACTORS.items():
        value, limits = getattr(recipe, name), known[name]
        ends = max(limits["low"], value * low), min(limits["high"], value * high)
        found[name] = partial(suggested, name=name, ends=ends, log=True)
    sizes = sorted({max(1, round(recipe.batch_size * times)) for times in BATCHES})
    found["batch_size"] = lambda trial: trial.suggest_categorical("batch_size", sizes)
    augments = {name: most for name, most in AUGMENTATIONS.items() if getattr(recipe, name)}
    for name, most in {**UP_TO, **augments}.items():
        found[name] = partial(suggested, name=name, ends=(0.0, most), log=False)
    return {name: suggest for name, suggest in found.items() if name not in set(fixed)}


def suggested(trial: Any, *, name: str, ends: tuple[float, float], log: bool) -> float:
    """What a trial suggests for a number between two ends, or for its logarithm."""
    return float(trial.suggest_float(name, *ends, log=log))


def work(job: Job, dataset: Dataset, callbacks: CallbackList, worker: int = 0) -> None:
    """Run trials in this process until the study has as many as are wanted."""
    recipe = Recipe(**job.recipe)
    share = recipe.validation_split or VALIDATION
    divided = dataset.split(share)
    backend.prefer(recipe.backend, required=backend.is_required(recipe))
    backend.start()
    backend.configure(job.threads, deterministic=False)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # each trial has a network that is traced anew
    study = study_of(job, worker)
    searched = space(recipe, job.fixed)

    def objective(trial: Any) -> float:
        chosen = {name: suggest(trial) for name, suggest in searched.items()}
        return accuracy_of(recipe.replace(validation_split=share, **chosen), divided, job.seed, trial)

    while len(started(study)) < job.trials:
        study.optimize(objective, n_trials=1, catch=(MnistCnnError,))
        last = study.trials[-1]
        callbacks.on_message(f"Trial {last.number + 1}/{job.trials}: {about_trial(as_trial(last))}")


def started(study: Any) -> list[Any]:
    """The trials that have ended or are running; those of a process that was killed count as running."""
    return [one for one in study.get_trials(deepcopy=False) if one.state.name != "WAITING"]


def accuracy_of(recipe: Recipe, dataset: Dataset, seed: int, trial: Any) -> float:
    """The validation accuracy of a model of this recipe after its last epoch; raises Optuna's TrialPruned."""
    import optuna

    from mnist_cnn.training.compiled_network import Built, compiled  # here, because Keras comes with it
    from mnist_cnn.training.fit import class_weights, fit, updates

    settled = recipe.for_images(len(dataset.train), task=dataset.task)
    built = Built(dataset.task, weights=class_weights(settled, dataset.train.labels, dataset.task))
    network = compiled(settled, seed, updates(settled, len(dataset.train)), built=built)
    reached = 0.0
    for row in fit(network, settled, dataset.train, dataset.validation, seed, callbacks=Callback()):
        reached = row["val_accuracy"]
        trial.report(reached, int(row["epoch"]))
        if trial.should_prune():
            raise optuna.TrialPruned
    return reached


def work_in_processes(job: Job, workers: int, callbacks: CallbackList) -> None:
    """Run trials in several processes; raises RunError if one of them ends with an error."""
    from concurrent.futures import ThreadPoolExecutor

    callbacks.on_message(f"{workers} processes work on {job.trials} trials; the study is in {job.folder}")
    text = json.dumps(vars(job))
    with ThreadPoolExecutor(workers) as pool:
        ended = list(pool.map(lambda worker: child_process.run([*COMMAND, text, str(worker)]), range(workers)))
    for one in ended:
        if one.returncode:
            said = (one.stderr.strip().splitlines() or ["it ended without a message"])[-1]
            raise RunError(f"A process of the study failed ({said[:200]}): run the same command again to resume.")


def as_trial(frozen: Any) -> Trial:
    """A trial of Optuna as one of ours."""
    state = frozen.state.name.lower()
    value = frozen.value if state == "complete" else None
    return Trial(frozen.number, value, state, dict(frozen.params))


def about_trial(trial: Trial) -> str:
    """A trial in one line."""
    values = ", ".join(f"{name.replace('_', '-')} {short(value)}" for name, value in trial.hyperparameters.items())
    said = trial.state if trial.accuracy is None else f"validation accuracy {trial.accuracy:.2%}"
    return f"{said} with {values}"


def short(value: Any) -> str:
    """A value in a message."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def result_of(study: Any, job: Job) -> Tuned:
    """The best of a study; raises RunError if no trial was completed."""
    trials = tuple(as_trial(one) for one in study.get_trials(deepcopy=False))
    done = [one for one in trials if one.accuracy is not None and math.isfinite(one.accuracy)]
    if not done:
        raise RunError(f"No trial of the study in {job.folder} was completed: look at its data and hyperparameters.")
    best = max(done, key=lambda one: one.accuracy or 0.0)
    recipe = Recipe(**job.recipe).replace(**best.hyperparameters)
    fixed = {name: job.recipe[name] for name in job.fixed}
    words: list[Any] = ["mnist-cnn", "train", "--recipe", recipe.name, "--data", job.data]
    for name, value in {**fixed, **best.hyperparameters}.items():
        words += [f"--{name.replace('_', '-')}", short(value)]
    command = shlex.join(str(word) for word in words)
    return Tuned(Path(job.folder), recipe, best.accuracy or 0.0, trials, command)


def page_of(tuned: Tuned, title: str) -> str:
    """A page of all trials, the best first; it loads nothing."""
    names = sorted({name for one in tuned.trials for name in one.hyperparameters})
    ranked = sorted(tuned.trials, key=lambda one: (one.accuracy is None, -(one.accuracy or 0.0), one.number))
    heads = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in ("trial", "validation accuracy", *names))
    rows = "".join(
        f"<tr><td>{one.number + 1}</td><td>{one.state if one.accuracy is None else f'{one.accuracy:.2%}'}</td>"
        + "".join(f"<td>{escape(short(one.hyperparameters.get(name, '')))}</td>" for name in names)
        + "</tr>"
        for one in ranked
    )
    pruned = sum(one.state == "pruned" for one in tuned.trials)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Study of {escape(tuned.recipe.name)}</title><style>"
        ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;"
        "max-width:70em;margin:2em auto;padding:0 1em}"
        "table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.2em .8em;text-align:right;"
        "border-bottom:1px solid #8884}.scroll{overflow-x:auto}pre{white-space:pre-wrap}</style></head><body>"
        f"<h1>{escape(title)}: study of {escape(tuned.recipe.name)}</h1>"
        f"<p>{len(tuned.trials)} trials, {pruned} of them pruned. Best validation accuracy: {tuned.accuracy:.2%}. The "
        "test images were not used; the best of many trials looks a little better than it is.</p>"
        f"<pre>{escape(visible(tuned.command))}</pre>"
        f'<div class="scroll"><table><tr>{heads}</tr>{rows}</table></div></body></html>\n'
    )


def main() -> None:
    """Work on a study as one of several processes."""
    child_process.end_with_parent()
    job, worker = Job(**json.loads(sys.argv[1])), int(sys.argv[2])
    try:
        require_optuna()
        work(job, loaded_as(job.data, job.preparation, CallbackList()), CallbackList(), worker)
    except MnistCnnError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
