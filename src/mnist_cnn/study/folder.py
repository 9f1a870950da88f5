"""The folder of a study: what is studied and a row a seed, in files that are whole or not there. Trains nothing."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any

from mnist_cnn.card import Card
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ArtifactError, RunError
from mnist_cnn.evaluation.comparison import Summary, summarize
from mnist_cnn.system.files import locked, write_whole

FORMAT = 1
STUDY = "study.json"
TABLE = "seeds.csv"
CHART = "study.svg"
NOT_A_STUDY = "name a folder that `mnist-cnn study` made, or its study.json"
LARGEST_STUDY = 64 * 2**20


@dataclass(frozen=True)
class Row:
    """How one seed went: either `failure` is a sentence, or it is None and the numbers are there.

    `accuracy` (a share) and `errors` (a count) are on the test images; `corrected_accuracy` is on corrected labels,
    where the data have any; `seconds` is the training without start-up, testing and keeping; `backend` is the framework
    that Keras ran on.
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
        """What a kept network's card says."""
        judged = card.evaluation
        return cls(
            seed=card.seed,
            accuracy=judged["accuracy"],
            errors=judged["count"] - judged["correct"],
            corrected_accuracy=judged["corrected"]["accuracy"] if "corrected" in judged else None,
            seconds=card.seconds["training"],
            parameters=card.parameters,
            backend=card.recipe.get("backend"),
            processor=card.machine.get("processor"),
        )


@dataclass(frozen=True)
class Study:
    """One recipe on one data set, and how each seed went so far; `docs/study.md` lists what stands in each dictionary.

    `machine`, `versions` and `git_commit` are of the call that began the study; `notes` say what changed later.
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

    @property
    def finished(self) -> list[Row]:
        """The seeds that have numbers."""
        return [row for row in self.rows if row.failure is None]

    @property
    def accuracies(self) -> dict[int, float]:
        """The accuracy of each finished seed."""
        return {row.seed: row.accuracy for row in self.rows if row.accuracy is not None}

    @property
    def summary(self) -> Summary | None:
        """The accuracies in a few numbers; None before any seed has finished."""
        return summarize([*self.accuracies.values()]) if self.finished else None

    @property
    def corrected(self) -> Summary | None:
        """The same for accuracies on corrected labels; None where there are none."""
        values = [row.corrected_accuracy for row in self.rows if row.corrected_accuracy is not None]
        return summarize(values) if values and len(values) == len(self.finished) else None

    @property
    def median_seconds(self) -> float | None:
        """How long a seed trains."""
        seconds = [row.seconds for row in self.rows if row.seconds is not None]
        return median(seconds) if seconds else None

    def with_row(self, row: Row) -> "Study":
        """The same study with this row, instead of an older one of the same seed."""
        rows = {one.seed: one for one in [*self.rows, row]}
        return replace(self, rows=[rows[seed] for seed in sorted(rows)])

    def with_note(self, text: str) -> "Study":
        """The same study with one more note."""
        return replace(self, notes=[*dict.fromkeys([*self.notes, text])])

    def other_settings(self, asked: "Study") -> list[str]:
        """What would make seeds of the two studies incomparable, in words; empty if nothing does."""
        if self.recipe["name"] != asked.recipe["name"]:  # all hyperparameters would only drown it
            return [f"the recipe was {self.recipe['name']} and is now {asked.recipe['name']}"]
        names = [name for name in {**self.recipe, **asked.recipe} if name != "name"]
        pairs = [
            *((f"--{name.replace('_', '-')}", self.recipe.get(name), asked.recipe.get(name)) for name in names),
            ("--threads", self.threads, asked.threads),
            ("--deterministic", self.deterministic, asked.deterministic),
        ]
        changed = [f"{name} was {old} and is now {new}" for name, old, new in pairs if old != new]
        if self.data["sha256"] != asked.data["sha256"]:
            changed.append(f"the data were {self.data['origin']} (SHA-256 {self.data['sha256'][:16]}…)")
        return changed

    def other_surroundings(self, now: "Study") -> list[str]:
        """What may make seeds differ though the settings are the same, in words."""
        pairs = [
            *((name, self.machine.get(name), now.machine.get(name)) for name in {**self.machine, **now.machine}),
            *((name, self.versions.get(name), now.versions.get(name)) for name in {**self.versions, **now.versions}),
            ("the commit", self.git_commit, now.git_commit),
        ]
        return [f"{name} was {old} and is now {new}" for name, old, new in pairs if old != new]

    def to_dict(self) -> dict[str, Any]:
        """The study as JSON has it, with its summary for programs that only read."""
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
        """Read back what `to_dict` made; derived numbers are derived again. Raises TypeError or KeyError."""
        known = {field.name: document[field.name] for field in fields(cls)}
        study = cls(**known | {"rows": [Row(**row) for row in document["rows"]]})
        _ = study.recipe["name"], study.data["sha256"], study.data["origin"], study.data["name"], study.to_dict()
        return study


def about(dataset: Dataset) -> dict[str, Any]:
    """What is kept of a data set's description."""
    return {
        "name": dataset.name,
        "origin": dataset.origin,
        "sha256": dataset.sha256,
        "test": len(dataset.test),
        "warning": dataset.warning,
    }


def read(path: Path) -> Study:
    """Read the study in a folder, or in its study.json. Raises ArtifactError if it is missing, damaged or newer."""
    path = path / STUDY if path.is_dir() else path
    try:
        if path.stat().st_size > LARGEST_STUDY:
            raise ArtifactError(f"{path} is larger than {LARGEST_STUDY // 2**20} MiB and no study: {NOT_A_STUDY}.")
        document = json.loads(path.read_bytes())
        version = document["format"]
        if isinstance(version, int) and version > FORMAT:
            raise ArtifactError(
                f"{path} is of format {version} and this program knows formats up to {FORMAT}: "
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
    """Replace the table and study.json, each in one step; study.json is what a later call goes by."""
    stream = io.StringIO(newline="")
    table = csv.DictWriter(stream, [field.name for field in fields(Row)])
    table.writeheader()
    table.writerows(asdict(row) for row in study.rows)
    write_whole(folder / TABLE, stream.getvalue())
    write_whole(folder / STUDY, json.dumps(study.to_dict(), indent=2, ensure_ascii=False) + "\n")


def check_place(folder: Path) -> None:
    """Raise RunError if the folder is there and is neither empty nor a study's."""
    with usable(folder):
        if folder.exists() and not (folder / STUDY).exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(
                f"{folder} is there already and holds no study, so it is left alone: choose another --output."
            )


def make(folder: Path) -> None:
    """Make the folder of a study, unless there is one; raises RunError."""
    with usable(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Turn the system's refusal of a place into one sentence, a RunError."""
    try:
        yield
    except OSError as error:
        raise RunError(f"{folder} cannot be used ({error.strerror}): choose another --output.") from error


def begin(folder: Path, asked: Study) -> Study:
    """The study in the folder, to go on with, or where there is none yet the one asked for, written down.

    Raises RunError if the one in the folder has other settings.
    """
    study = asked
    if (folder / STUDY).exists():
        study = read(folder)
        if differences := study.other_settings(asked):
            raise RunError(
                f"{folder} holds a study with other settings ({'; '.join(differences)}): "
                "give the same again to go on with it, or choose another --output."
            )
        if changes := study.other_surroundings(asked):
            study = study.with_note(f"Gone on with ({len(study.finished)} finished by then): {'; '.join(changes)}.")
    write(folder, study)
    return study


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a study for this process; raises RunError if another process has it."""
    with locked(folder) as alone:
        if not alone:
            raise RunError(f"Another process is at work on {folder}: wait until it ends, or stop it.")
        yield
