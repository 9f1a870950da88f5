"""The folder of a study: its settings and a row per seed, in files that are replaced atomically. Trains nothing."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any

from mnist_cnn.card import ABOUT_DATA, SECONDS, SEED, TEACHER, THREADS, Card, Task, task_in
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ArtifactError, RunError
from mnist_cnn.evaluation.comparison import Summary, summarize
from mnist_cnn.system.files import (
    ends_like_a_file,
    is_scratch,
    locked,
    read_limited,
    remove_scratch,
    write_whole,
)
from mnist_cnn.system.schema import COUNT, SCALAR, SHA256, SHARE, AnyOf, Fields, Flag, ListOf, MapOf, Number, Text
from mnist_cnn.system.visible import visible
from mnist_cnn.workflows.run_card import about_task

FORMAT = 1
STUDY = "study.json"
TABLE = "seeds.csv"
CHART = "study.svg"
LOCK = ".lock"
NOT_A_STUDY = "name a folder that `mnist-cnn study` made, or its study.json"
LONGEST_NOTE = 100_000  # characters: a note may list many packages
LARGEST_STUDY = 64 * 2**20
ROW = Fields(
    {"seed": SEED},
    {
        "accuracy": AnyOf(SHARE, or_null=True),
        "errors": AnyOf(COUNT, or_null=True),
        "corrected_accuracy": AnyOf(SHARE, or_null=True),
        "seconds": AnyOf(SECONDS, or_null=True),
        "parameters": AnyOf(COUNT, or_null=True),
        "backend": AnyOf(Text(), or_null=True),
        "processor": SCALAR,
        "failure": AnyOf(Text(), or_null=True),
    },
)
WANTED = Fields(
    {
        "format": Number(1, FORMAT, whole=True),
        "created": Text(100),
        "recipe": Fields({"name": Text(100), "epochs": Number(1, 1e6, whole=True)}, others=SCALAR),
        "data": Fields(
            {
                "name": Text(),
                "origin": Text(),
                "sha256": SHA256,
                "test": COUNT,
                "warning": AnyOf(Text(), or_null=True),
            },
            ABOUT_DATA,
        ),
        "threads": THREADS,
        "deterministic": Flag(),
        "machine": MapOf(SCALAR),
        "versions": MapOf(Text(1000)),
        "git_commit": AnyOf(Text(100), or_null=True),
        "notes": ListOf(Text(LONGEST_NOTE)),
        "rows": ListOf(ROW, longest=100_000),
    },
    {"teacher": AnyOf(TEACHER, or_null=True)},
)


@dataclass(frozen=True)
class Row:
    """The result of one seed: `failure` is a sentence, or it is None and the numbers are there.

    `accuracy` (0 to 1) and `errors` (a count) are on the test images; `corrected_accuracy` is on corrected labels,
    where the dataset has any; `seconds` is the training without start-up, testing and saving; `backend` is the
    framework that Keras ran on.
    """

    seed: int
    accuracy: float | None = None
    errors: int | None = None
    corrected_accuracy: float | None = None
    seconds: float | None = None
    parameters: int | None = None
    backend: str | None = None
    processor: str | None = None
    failure: str | None = None

    @classmethod
    def of(cls, card: Card) -> "Row":
        """The row of a saved model, by its model card."""
        evaluation = card.evaluation
        return cls(
            seed=card.seed,
            accuracy=evaluation["accuracy"],
            errors=evaluation["count"] - evaluation["correct"],
            corrected_accuracy=evaluation["corrected"]["accuracy"] if "corrected" in evaluation else None,
            seconds=card.seconds["training"],
            parameters=card.parameters,
            backend=card.recipe.get("backend"),
            processor=card.machine.get("processor"),
        )


@dataclass(frozen=True)
class Study:
    """One recipe on one dataset, and the result of each seed so far; `docs/study.md` lists the keys.

    `machine`, `versions` and `git_commit` are of the call that started the study; `notes` say what changed later.
    """

    format: int
    created: str
    recipe: dict[str, Any]
    data: dict[str, Any]
    threads: int
    deterministic: bool
    machine: dict[str, Any]
    versions: dict[str, str]
    git_commit: str | None
    notes: list[str]
    rows: list[Row]
    teacher: dict[str, str] | None = None  # as a model card has it

    @property
    def task(self) -> Task:
        """What its models classify."""
        return task_in(self.data)

    @property
    def finished(self) -> list[Row]:
        """The rows of seeds that did not fail."""
        return [row for row in self.rows if row.failure is None]

    @property
    def accuracies(self) -> dict[int, float]:
        """The accuracy of each finished seed."""
        return {row.seed: row.accuracy for row in self.rows if row.accuracy is not None}

    @property
    def summary(self) -> Summary | None:
        """Summary statistics of the accuracies; None before any seed has finished."""
        return summarize([*self.accuracies.values()]) if self.finished else None

    @property
    def corrected(self) -> Summary | None:
        """The same on corrected labels; None unless every finished seed has them."""
        values = [row.corrected_accuracy for row in self.rows if row.corrected_accuracy is not None]
        return summarize(values) if values and len(values) == len(self.finished) else None

    @property
    def median_seconds(self) -> float | None:
        """The median training time of a seed."""
        seconds = [row.seconds for row in self.rows if row.seconds is not None]
        return median(seconds) if seconds else None

    def with_row(self, row: Row) -> "Study":
        """The same study with this row in place of an older one of the same seed."""
        rows = {one.seed: one for one in [*self.rows, row]}
        return replace(self, rows=[rows[seed] for seed in sorted(rows)])

    def with_note(self, text: str) -> "Study":
        """The same study with one more note."""
        return replace(self, notes=[*dict.fromkeys([*self.notes, text])])

    def other_settings(self, requested: "Study") -> list[str]:
        """The differences that make the seeds of two studies incomparable, in words; empty if there are none."""
        if self.recipe["name"] != requested.recipe["name"]:  # listing all hyperparameters would hide it
            return [f"the recipe was {self.recipe['name']} and is now {requested.recipe['name']}"]
        names = [name for name in {**self.recipe, **requested.recipe} if name != "name"]
        pairs = [
            *((f"--{name.replace('_', '-')}", self.recipe.get(name), requested.recipe.get(name)) for name in names),
            ("--threads", self.threads, requested.threads),
            ("--deterministic", self.deterministic, requested.deterministic),
            ("--teacher", named(self.teacher), named(requested.teacher)),
        ]
        changed = [f"{name} was {old} and is now {new}" for name, old, new in pairs if old != new]
        if self.data["sha256"] != requested.data["sha256"]:
            changed.append(f"the data was {self.data['origin']} (SHA-256 {self.data['sha256'][:16]}…)")
        elif self.task.class_names != requested.task.class_names:
            changed.append(f"the classes were {', '.join(self.task.class_names)[:200]}")
        return changed

    def other_environment(self, now: "Study") -> list[str]:
        """What may make seeds differ although the settings are the same, in words."""
        pairs = [
            *((name, self.machine.get(name), now.machine.get(name)) for name in {**self.machine, **now.machine}),
            *((name, self.versions.get(name), now.versions.get(name)) for name in {**self.versions, **now.versions}),
            ("the commit", self.git_commit, now.git_commit),
        ]
        return [f"{name} was {old} and is now {new}" for name, old, new in pairs if old != new]

    def to_dict(self) -> dict[str, Any]:
        """The study as JSON, with its summary for other programs."""
        accuracy, corrected = self.summary, self.corrected
        return asdict(self) | {
            "summary": {
                "accuracy": accuracy.to_dict() if accuracy else None,
                "corrected_accuracy": corrected.to_dict() if corrected else None,
                "median_seconds": self.median_seconds,
                "failed": len(self.rows) - len(self.finished),
            }
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Study":
        """Read what `to_dict` wrote; derived numbers are computed again. Raises ValueError or TypeError."""
        if fault := WANTED.fault(document, "") or unfinished(document["rows"]):
            raise ValueError(fault)
        known = {field.name: document[field.name] for field in fields(cls) if field.name in document}
        return cls(**known | {"rows": [Row(**row) for row in document["rows"]]})


def named(teacher: dict[str, str] | None) -> str:
    """A teacher in a sentence; one that lies elsewhere is the same."""
    return f"the model with SHA-256 {teacher['sha256'][:16]}…" if teacher else "none"


def unfinished(rows: list[dict[str, Any]]) -> str | None:
    """What is wrong with rows of seeds that did not fail: numbers that are not there."""
    for index, row in enumerate(rows):
        for name in ("accuracy", "errors", "seconds", "parameters"):
            if row.get("failure") is None and row.get(name) is None:
                return f"rows[{index}].{name} is missing"
    return None


def about(dataset: Dataset) -> dict[str, Any]:
    """The description of a dataset in study.json."""
    return {
        "name": dataset.name,
        "origin": dataset.origin,
        "sha256": dataset.sha256,
        "test": len(dataset.test),
        "warning": dataset.warning,
        **about_task(dataset),
    }


def read(path: Path) -> Study:
    """Read the study in a folder, or in its study.json. Raises ArtifactError if it is missing, damaged or newer."""
    path = path / STUDY if path.is_dir() else path
    try:
        document = json.loads(read_limited(path, LARGEST_STUDY))
        version = document["format"]
        if isinstance(version, int) and version > FORMAT:
            raise ArtifactError(
                f"{path} has format {version}, and this program reads formats up to {FORMAT}: "
                "update it (pip install --upgrade mnist-cnn)."
            )
        return Study.from_dict(document)
    except FileNotFoundError as error:
        raise ArtifactError(f"There is no study at {path}: {NOT_A_STUDY}.") from error
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}): check the path and its permissions.") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ArtifactError(f"{path} is damaged or not a study of mnist-cnn: {NOT_A_STUDY}.") from error


def write(folder: Path, study: Study) -> None:
    """Replace the table and study.json, each atomically; study.json is what a later call resumes from."""
    stream = io.StringIO(newline="")
    table = csv.DictWriter(stream, [field.name for field in fields(Row)])
    table.writeheader()
    table.writerows(
        {name: visible(value) if isinstance(value, str) else value for name, value in asdict(row).items()}
        for row in study.rows
    )
    write_whole(folder / TABLE, stream.getvalue())
    write_whole(folder / STUDY, json.dumps(study.to_dict(), indent=2, ensure_ascii=False) + "\n")


def check_free(folder: Path) -> None:
    """Raise RunError if the folder exists and is neither empty nor a study's, or is called like a file."""
    with usable(folder):
        if ends_like_a_file(folder):
            raise RunError(f"{folder} ends like a file, and a study is a folder: choose another --output.")
        if folder.name == "..":
            raise RunError(f"{folder} does not end with the name of a folder: choose another --output.")
        if folder.exists() and not (folder / STUDY).exists() and not is_unused(folder):
            raise RunError(
                f"{folder} already exists and is not a study, so nothing is written there: choose another --output."
            )


def is_unused(folder: Path) -> bool:
    """Whether this is a folder that nothing is in but what a study left that was killed at its start."""
    return folder.is_dir() and all(one.name == LOCK or is_scratch(one) for one in folder.iterdir())


def make(folder: Path) -> None:
    """Make the folder of a study unless it exists; raises RunError."""
    with usable(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Turn what the system says about a folder into one sentence, a RunError."""
    try:
        yield
    except OSError as error:
        raise RunError(f"{folder} cannot be used ({error.strerror}): choose another --output.") from error


def start(folder: Path, requested: Study) -> Study:
    """The study in the folder, to be resumed, or if there is none the requested one; either is written.

    Raises RunError if the one in the folder has other settings.
    """
    study = requested
    if (folder / STUDY).exists():
        study = read(folder)
        if differences := study.other_settings(requested):
            raise RunError(
                f"{folder} is a study with other settings ({'; '.join(differences)}): "
                "resume it with the same settings, or choose another --output."
            )
        if changes := study.other_environment(requested):
            study = study.with_note(f"Resumed after {len(study.finished)} finished seeds: {'; '.join(changes)}.")
    write(folder, study)
    return study


@contextmanager
def locked_study(folder: Path) -> Iterator[None]:
    """Lock a study for this process, and tidy up after one that was killed.

    Raises RunError if another process has locked it.
    """
    with locked(folder / LOCK) as alone:
        if not alone:
            raise RunError(f"{folder} is in use by another process: wait until it ends, or stop it.")
        remove_scratch(folder)
        yield
