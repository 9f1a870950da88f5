"""A whole study, step by step: a recipe and a number of seeds → a table, a summary and a chart. Prints nothing."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from mnist_cnn.artifact import store
from mnist_cnn.card import Card
from mnist_cnn.data import source
from mnist_cnn.data.dataset import USUAL, Dataset
from mnist_cnn.errors import ArtifactError
from mnist_cnn.study import folder as files
from mnist_cnn.study.folder import Row, Study, named
from mnist_cnn.study.local_training import train_locally
from mnist_cnn.study.ray_training import train_on_ray
from mnist_cnn.study.seed import SeedTask, seed_folder
from mnist_cnn.system import environment
from mnist_cnn.system.files import write_whole
from mnist_cnn.training.recipe import Recipe, check
from mnist_cnn.workers.ray_cluster import require_ray
from mnist_cnn.workflows.teacher import check_teacher, identified

STUDIES = Path("studies")
RESUME = "resume with the same command and this --output"


class StudyCallback:
    """Told what happens in a study: override what you want to know."""

    def on_message(self, text: str) -> None:
        """A sentence worth knowing."""

    def on_warning(self, text: str) -> None:
        """A sentence that must not be overlooked."""

    def on_study_begin(self, folder: Path, study: Study, waiting: int) -> None:
        """The study has a folder and can be resumed from now on; so many seeds are still to be trained."""

    def on_epochs(self, done: dict[int, int]) -> None:
        """So many epochs of each running seed are finished."""

    def on_row(self, row: Row) -> None:
        """A seed has finished or failed, and is in the table."""

    def on_study_end(self) -> None:
        """The study has ended, completed or not."""

    def close(self) -> None:
        """Tell that the study has ended, as `contextlib.closing` does."""
        self.on_study_end()


def run(
    recipe: str | Recipe,
    seeds: int,
    data: str = "auto",
    *,
    output: str | Path | None = None,
    threads: int | None = None,
    workers: int = 1,
    deterministic: bool = False,
    ray: str | None = None,
    image_size: int = USUAL.image_size,
    channels: int = USUAL.channels,
    invert: bool = False,
    class_names: Sequence[str] = (),
    teacher: str | Path | None = None,
    callback: StudyCallback | None = None,
) -> tuple[Path, Study]:
    """Train the seeds 0 … `seeds` - 1 of a recipe, `workers` at a time, and save everything in the folder `output`.

    `threads` is the number per seed, by default an equal share of the cores; `output` is by default a new folder in
    `studies/`. The same call with the same `output` resumes a study that was stopped: finished seeds are kept, an
    interrupted seed continues from its last complete epoch, failed seeds are tried again. `ray` is "local" or the
    address of a Ray cluster, which then decides how many seeds run at a time. `image_size`, `channels`, `invert` and
    `class_names` are those of `load_data`, and `teacher` is that of `train`.

    Raises RecipeError, DataError, RunError, ArtifactError (for the teacher), MissingExtraError; a seed that fails
    becomes a row with `failure` and raises nothing.
    """
    environment.require_training("A study")
    if ray:
        require_ray("A study")
    callback = callback or StudyCallback()
    recipe = Recipe(recipe) if isinstance(recipe, str) else recipe
    recipe.require_classifier("A study")
    check_teacher(teacher, recipe)
    check("seeds", seeds, 1, 10_000, whole=True)
    check("workers", workers, 1, 1024, whole=True)
    if threads is not None:
        check("threads", threads, 1, 1024, whole=True)
    folder = Path(output) if output else store.free_name(STUDIES / f"{recipe.name}-{datetime.now():%Y%m%d-%H%M%S}")
    files.check_free(folder)
    if threads is None and (folder / files.STUDY).exists():
        threads = files.read(folder).threads
    threads = threads or max(1, environment.cores() // workers)
    dataset = source.load(
        data,
        image_size=image_size,
        channels=channels,
        invert=invert,
        class_names=class_names,
        say=callback.on_message,
    )
    recipe = recipe.for_images(len(dataset.split(recipe.validation_split).train), task=dataset.task)
    taught = identified(teacher, dataset.task)
    files.make(folder)
    with closing(callback), store.writing(folder, RESUME), files.locked_study(folder):
        if dataset.warning:
            callback.on_warning(dataset.warning)
        study = files.start(folder, _requested(recipe, dataset, threads, deterministic, taught))
        study = _train(folder, study, seeds, workers, ray, callback)
        _draw(folder, study)
    return folder, study


def _train(folder: Path, study: Study, seeds: int, workers: int, ray: str | None, callback: StudyCallback) -> Study:
    """Train what is missing; every seed is in the table as soon as it has ended."""
    missing = [seed for seed in range(seeds) if seed not in study.accuracies]
    saved = [seed for seed in missing if seed_folder(folder, seed).exists()]  # stopped before its row was written
    tasks = [_task(study, seed) for seed in missing if seed not in saved]
    callback.on_study_begin(folder, study, len(missing))

    def note(text: str) -> None:
        nonlocal study
        study = study.with_note(text)
        callback.on_message(text)

    if ray:
        trained = train_on_ray(tasks, folder, ray, callback.on_epochs, note)
    else:
        trained = train_locally(tasks, folder, workers, callback.on_epochs)
    with closing(trained):
        for seed, failure in chain([(seed, None) for seed in saved], trained):
            row = _row(folder, study, seed, failure)
            study = study.with_row(row)
            files.write(folder, study)
            callback.on_row(row)
    return study


def _requested(
    recipe: Recipe, dataset: Dataset, threads: int, deterministic: bool, teacher: dict[str, str] | None
) -> Study:
    """A study with these settings, started here and now."""
    return Study(
        format=files.FORMAT,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe=recipe.to_dict(),
        data=files.about(dataset),
        threads=threads,
        deterministic=deterministic,
        machine=environment.machine(),
        versions=environment.versions(),
        git_commit=environment.git_commit(),
        notes=[],
        rows=[],
        teacher=teacher,
    )


def _task(study: Study, seed: int) -> SeedTask:
    """The task of one seed."""
    data = study.data
    prepared = data.get("preparation", {})
    return SeedTask(
        study.recipe,
        data["origin"],
        data["sha256"],
        seed,
        study.threads,
        study.deterministic,
        prepared,
        study.teacher,
    )


def _row(folder: Path, study: Study, seed: int, failure: str | None) -> Row:
    """The row of a seed that has ended."""
    if failure is None:
        try:
            card = store.load(seed_folder(folder, seed)).card
        except ArtifactError as error:
            failure = str(error)
        else:
            if is_of(card, study, seed):
                return Row.of(card)
            failure = f"{seed_folder(folder, seed)} is a model of another study: move it elsewhere."
    return Row(seed, failure=failure)


def is_of(card: Card, study: Study, seed: int) -> bool:
    """Whether a model card describes what a study trains for a seed, on whatever framework."""
    same_recipe = card.recipe | {"backend": None} == study.recipe | {"backend": None}
    same_teacher = named(card.data.get("teacher")) == named(study.teacher)
    return same_recipe and same_teacher and card.seed == seed and card.data["sha256"] == study.data["sha256"]


def _draw(folder: Path, study: Study) -> None:
    """Write the chart, if any seed has finished."""
    if summary := study.summary:
        from mnist_cnn.evaluation import charts  # here, because matplotlib comes with it

        described = f"Accuracy of {summary.count} seeds of the recipe {study.recipe['name']}"
        figure = charts.accuracy_by_seed(study.accuracies, summary)
        write_whole(folder / files.CHART, charts.standalone(charts.to_svg(figure, described)))
