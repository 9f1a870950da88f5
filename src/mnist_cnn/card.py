"""The model card: what a model is, how it was made, how good it is, and the hashes of its files.

Standard library only, so that a saved model can be inspected and verified without any framework.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from mnist_cnn.errors import ArtifactError
from mnist_cnn.system.files import is_plain, sha256_of, write_whole
from mnist_cnn.system.schema import (
    COUNT,
    SCALAR,
    SHA256,
    SHARE,
    AnyOf,
    Anything,
    Fields,
    Flag,
    Kind,
    ListOf,
    MapOf,
    Number,
    Text,
    too_deep,
)

FORMAT = 5
DIGITS = tuple("0123456789")
MOST_CLASSES = 1000
SMALLEST_SIDE, LARGEST_SIDE = 28, 96  # pixels of the images that a classifier takes
LONGEST_NAME = 100  # characters of the name of a class


class Task(NamedTuple):
    """What a classifier does: it puts square images of `side` pixels into the classes of `class_names`.

    Images are grey with 1 of the `channels`, and RGB with 3.
    """

    side: int = 28
    channels: int = 1
    class_names: tuple[str, ...] = DIGITS

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of an image as arrays have it: (side, side), or (side, side, 3)."""
        return (self.side, self.side) if self.channels == 1 else (self.side, self.side, self.channels)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape of an image as a network takes it: (side, side, channels)."""
        return (self.side, self.side, self.channels)

    @property
    def is_digits(self) -> bool:
        """Whether it is that of MNIST: grey digits of 28×28 pixels, which is what a reader needs."""
        return self == READING

    def batch(self, images: Any) -> Any:
        """Images (n, *image_shape) as a network takes them, (n, side, side, channels)."""
        return images.reshape(len(images), *self.input_shape)


READING = Task()


def can_be_task(side: Any, channels: Any, classes: Any) -> bool:
    """Whether there can be a task of images of this side and number of channels, with so many classes."""
    is_whole = isinstance(side, int) and isinstance(channels, int) and isinstance(classes, int)
    return is_whole and SMALLEST_SIDE <= side <= LARGEST_SIDE and channels in (1, 3) and 2 <= classes <= MOST_CLASSES


def task_in(data: Mapping[str, Any]) -> Task:
    """The task by what a model card, or the file of a study, says of the data."""
    names = tuple(data.get("class_names", READING.class_names))
    return Task(data.get("image_size", READING.side), data.get("channels", READING.channels), names)


# The recipes of networks that detect digits in images; all others classify images of one digit.
FINDER, SEGMENTER, RECOGNISER = "finder", "segmenter", "recogniser"
NO_CLASSIFIERS = {
    FINDER: "a finder, which says where in an image digits are",
    SEGMENTER: "a segmenter, which says of a part of an image what digit it shows and where its ink is",
    RECOGNISER: "a recogniser, which says of a line of text which digits and marks are where on it",
}
MADE = {FINDER: "pages", SEGMENTER: "crops", RECOGNISER: "lines"}  # what each of them learns from
CARD = "card.json"
KERAS_MODEL = "model.keras"
ONNX_MODEL = "model.onnx"
HISTORY = "history.csv"
REPORT = "report.html"
LABEL_ERRORS = "label_errors.json"
NETWORKS = (KERAS_MODEL, ONNX_MODEL)
HASHED_FILES = (*NETWORKS, HISTORY)
LARGEST_CARD = 16 * 2**20
# What formats 1 and 2 call hyperparameters.
RENAMED = {
    "scaling": "zoom",
    "shift": "translation",
    "bend": "elastic",
    "variants": "restyle",
    "nondigits": "negatives",
    "plain_epochs": "final_plain_epochs",
    "passes": "repeats",
}
# Formats 1 to 3 were trained on images only.
WITHOUT_INK = {"ink_digits": 0.0, "ink_negatives": 0.0}
NEWEST_FIELDS = {"layers": 5}  # the format from which on a model card has each
SETTINGS = "checkpoint/run.json"  # of a run, until it is complete

COUNTED = ("epochs", "batch_size", "final_plain_epochs", "plain_epochs")
SEED, THREADS = Number(0, 2**32 - 1, whole=True), Number(1, 1024, whole=True)
SECONDS = Number(0, 1e12)
UPDATE = Fields({"update": COUNT, "loss": Number()}, {"accuracy": SHARE}, Number())
EPOCH = Fields(
    {"epoch": COUNT, "loss": Number(), "seconds": SECONDS},
    {"accuracy": SHARE, "val_accuracy": SHARE, "updates": ListOf(UPDATE)},
    Number(),
)
LAYER = Fields(
    {
        "layer": Text(100),
        "details": Text(1000),
        "output_shape": ListOf(AnyOf(COUNT, or_null=True)),
        "parameters": COUNT,
        "count": Number(1, 1e6, whole=True),
    }
)
PAIR = ListOf(Number(), length=2)
ACCURACY = Fields({"count": Number(1, 1e9, whole=True), "correct": COUNT, "accuracy": SHARE})
SELECTIVE = MapOf(SHARE, numbers=True)
TEMPERATURE = Number(1e-3, 1e3)
TEACHER = Fields({"origin": Text(), "sha256": SHA256})
WRITERS = Fields({"digits": COUNT, "writers": COUNT})
CLASS_NAMES = ListOf(Text(LONGEST_NAME), longest=MOST_CLASSES)
SIDE, CHANNELS = Number(SMALLEST_SIDE, LARGEST_SIDE, whole=True), Number(1, 3, whole=True)
# Of data that are not as MNIST's: what they are of, and how they were prepared.
ABOUT_DATA: dict[str, Kind] = {
    "class_names": CLASS_NAMES,
    "image_size": SIDE,
    "channels": CHANNELS,
    "preparation": Fields(
        {}, {"image_size": SIDE, "channels": CHANNELS, "invert": Flag(), "class_names": CLASS_NAMES}, SCALAR
    ),
    "checks": ListOf(Text()),
}
INK = Fields(
    {
        "sources": ListOf(Text()),
        "origin": ListOf(Text()),
        "sha256": SHA256,
        "training": WRITERS,
        "held_out": WRITERS,
        "left_out": COUNT,
        "accuracy": MapOf(ACCURACY),
    },
    {"lines": COUNT},
)
HELD_OUT: dict[str, Kind] = {"validation": COUNT, "test": COUNT}
# What a model card must be so that nothing that reads it fails; more may be in it.
WANTED = Fields(
    {
        "format": Number(1, FORMAT, whole=True),
        "created": Text(100),
        "recipe": Fields({"name": Text(100)}, dict.fromkeys(COUNTED, COUNT), others=SCALAR),
        "seed": SEED,
        "threads": THREADS,
        "deterministic": Flag(),
        "data": Fields(
            {
                "name": Text(),
                "origin": Text(),
                "sha256": SHA256,
                "training": COUNT,
                "validation": COUNT,
                "test": COUNT,
                "warning": AnyOf(Text(), or_null=True),
            },
            {
                "ink": INK,
                "teacher": TEACHER,
                "pages": Fields({"side": COUNT, **HELD_OUT}),
                "crops": Fields({"side": COUNT, **HELD_OUT, "finder": SHA256}),
                "lines": Fields({"width": COUNT, **HELD_OUT}),
                **ABOUT_DATA,
            },
        ),
        "git_commit": AnyOf(Text(100), or_null=True),
        "versions": MapOf(Text(1000)),
        "machine": Fields({"system": SCALAR, "processor": SCALAR, "cores": SCALAR}, others=SCALAR),
        "seconds": Fields({"training": SECONDS}, others=SECONDS),
        "parameters": COUNT,
        "history": ListOf(EPOCH),
        "evaluation": MapOf(Anything()),
        "notes": ListOf(Text()),
        "files": MapOf(SHA256),
        "digest": SHA256,
    },
    {"layers": ListOf(LAYER)},
)


def classification(classes: int) -> Fields:
    """What the evaluation of a classifier with so many classes must be."""
    matrix = ListOf(ListOf(Number(0, 1e9, whole=True), length=classes), length=classes)
    shares = ListOf(SHARE, length=classes)
    return Fields(
        {
            "count": Number(1, 1e9, whole=True),
            "correct": COUNT,
            "accuracy": SHARE,
            "confusion_matrix": matrix,
            "negative_log_likelihood": Number(-1e-3),
            "brier_score": Number(0, 2.1),
            "expected_calibration_error": SHARE,
        },
        {
            "interval": PAIR,
            "confidence_interval": PAIR,
            "intervals": MapOf(PAIR),
            "confidence_intervals": MapOf(PAIR),
            "precision": shares,
            "recall": shares,
            "f1": shares,
            "coverage": Fields({"area": SHARE, "accuracy": SELECTIVE}),
            "risk_coverage": Fields({"aurc": SHARE, "selective_accuracy": SELECTIVE}),
            "corrected": ACCURACY,
            "temperature": TEMPERATURE,
            "adaptation": MapOf(Anything()),
            "class_names": ListOf(Text(LONGEST_NAME), length=classes),
        },
    )


AT_THRESHOLD: dict[str, Kind] = {
    "threshold": SHARE,
    "digits": COUNT,
    "detections": COUNT,
    "right": COUNT,
    "precision": SHARE,
    "recall": SHARE,
    "f1": SHARE,
    "confidence_intervals": Fields(dict.fromkeys(("precision", "recall", "f1"), PAIR)),
    "nothing_found": AnyOf(ACCURACY, or_null=True),
}
DETECTION = Fields({"pages": COUNT, **AT_THRESHOLD, "by_threshold": ListOf(Fields(AT_THRESHOLD))})
SEGMENTATION = Fields(
    {
        "crops": COUNT,
        **dict.fromkeys(("labels", "by_marked_ink", "by_true_ink", "marks"), AnyOf(ACCURACY, or_null=True)),
        "roc_auc": SHARE,
        "roc_auc_confidence_interval": PAIR,
        "by_threshold": ListOf(Fields(AT_THRESHOLD)),
    }
)
RECOGNISED = 24  # classes of a recogniser
RECOGNITION = Fields(
    {
        "lines": COUNT,
        **dict.fromkeys(("digits", "marks"), AnyOf(ACCURACY, or_null=True)),
        "confusion_matrix": ListOf(ListOf(COUNT, length=RECOGNISED), length=RECOGNISED),
        **dict.fromkeys(("digits_by_threshold", "marks_by_threshold"), ListOf(Fields(AT_THRESHOLD))),
    }
)
# By recipe, what an evaluation must be; all others are classifiers.
EVALUATIONS = {FINDER: DETECTION, SEGMENTER: SEGMENTATION, RECOGNISER: RECOGNITION}


@dataclass(frozen=True)
class Card:
    """Everything that is recorded about one trained model; `docs/saved_models.md` lists the keys of each dictionary.

    `digest` is the SHA-256 of all other fields in canonical JSON, so that an edited model card is noticed.
    """

    format: int
    created: str
    recipe: dict[str, Any]
    seed: int
    threads: int
    deterministic: bool
    data: dict[str, Any]
    git_commit: str | None
    versions: dict[str, str]
    machine: dict[str, Any]
    seconds: dict[str, float]
    parameters: int
    history: list[dict[str, Any]]
    evaluation: dict[str, Any]
    notes: list[str]
    files: dict[str, str]
    digest: str = ""
    layers: list[dict[str, Any]] = field(default_factory=list)

    def sealed(self) -> "Card":
        """The same model card with its digest."""
        return replace(self, digest=digest_of(self.to_dict()))

    @property
    def is_finder(self) -> bool:
        """Whether the model detects digits in images, instead of classifying images of one digit."""
        return bool(self.recipe["name"] == FINDER)

    @property
    def is_segmenter(self) -> bool:
        """Whether the model says of a part of an image what digit it shows, if any, and where its ink is."""
        return bool(self.recipe["name"] == SEGMENTER)

    @property
    def is_recogniser(self) -> bool:
        """Whether the model says of a line of text which digits and marks are where on it."""
        return bool(self.recipe["name"] == RECOGNISER)

    @property
    def task(self) -> Task:
        """What the model classifies, if it is a classifier."""
        return task_in(self.data)

    @property
    def outside_temperature(self) -> float:
        """What the logits must still be divided by: from format 2 on, the saved models themselves do that."""
        return float(self.evaluation.get("temperature", 1.0)) if self.format == 1 else 1.0

    def to_dict(self) -> dict[str, Any]:
        """The model card as a document of its format."""
        known = fields_of(self.format)
        return {name: value for name, value in asdict(self).items() if name in known}

    def to_json(self) -> str:
        """The model card as text."""
        return text_of(self.to_dict())


def fields_of(version: int) -> set[str]:
    """The fields of a model card of this format."""
    return {one.name for one in fields(Card) if NEWEST_FIELDS.get(one.name, 1) <= version}


def text_of(document: dict[str, Any]) -> str:
    """A model card as it is written."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def digest_of(document: dict[str, Any]) -> str:
    """The SHA-256 of a model card without its digest, keys sorted, no white space."""
    rest = {key: value for key, value in document.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write(folder: Path, card: Card) -> None:
    """Write a sealed model card into a folder, whole or not at all."""
    write_whole(folder / CARD, card.to_json())


def read(folder: Path) -> Card:
    """Read the model card of a folder and check its structure and digest; `verify` checks the files beside it.

    Raises ArtifactError if it is missing, foreign, damaged, edited, or of a newer format.
    """
    text = _text(folder / CARD)
    document = _document(folder / CARD, text)
    version = document.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise ArtifactError(
            f"{folder} has format {version}, and this program reads formats up to {FORMAT}: "
            "update it (pip install --upgrade mnist-cnn)."
        )
    if type(version) is not int or version not in range(1, FORMAT + 1) or "recipe" not in document:
        raise ArtifactError(
            f"{folder / CARD} is not a model card of mnist-cnn: name a folder that `mnist-cnn train` made."
        )
    # The same values can be written in several ways; only ours is accepted, so that no change goes unnoticed.
    if text_of(document) != text or document.get("digest") != digest_of(document):
        raise ArtifactError(
            f"{folder / CARD} was changed after it was written (its digest does not match): "
            "restore it from a backup or train again."
        )
    _check_types(folder, document)
    return Card(**with_current_names(document))


def with_current_names(document: dict[str, Any]) -> dict[str, Any]:
    """A model card of any format with the current hyperparameters; its digest stays that of the file."""
    recipe = document["recipe"]
    if document["format"] <= 2:
        recipe = {RENAMED.get(name, name): value for name, value in recipe.items()}
    if document["format"] <= 3:
        recipe = WITHOUT_INK | recipe
    return document | {"recipe": recipe}


def verify(folder: Path, card: Card) -> None:
    """Check that every file in the model card is in the folder and unchanged; raises ArtifactError."""
    if strange := sorted(set(card.files) - set(HASHED_FILES)):
        raise ArtifactError(
            f"The model card of {folder} lists files that do not belong there ({', '.join(strange)}): train again."
        )
    missing = [] if set(NETWORKS) & set(card.files) else [" or ".join(NETWORKS)]
    if missing := [*missing, *({HISTORY} - set(card.files))]:
        raise ArtifactError(f"{', '.join(missing)} is not listed in the model card of {folder}: train again.")
    for name in card.files:
        verify_file(folder, card, name)


def verify_file(folder: Path, card: Card, name: str) -> None:
    """Check that one of the files in the model card is unchanged; raises ArtifactError."""
    try:
        _require_plain(folder / name)
        received = sha256_of(folder / name)
    except OSError as error:
        raise ArtifactError(
            f"{folder / name} cannot be read ({error.strerror}): restore the folder from a backup or train again."
        ) from error
    if received != card.files[name]:
        raise ArtifactError(
            f"{folder / name} is damaged or was changed (its SHA-256 is not the one in the model card): "
            "restore the folder from a backup or train again."
        )


def require_classifier(folder: Path, card: Card) -> None:
    """Raise ArtifactError if the model in a folder is no classifier."""
    if what := NO_CLASSIFIERS.get(card.recipe["name"]):
        raise ArtifactError(f"{folder} is {what}, and no digit classifier: name another model.")


def can_resume(partial: Path) -> bool:
    """Whether `train --resume` can resume the unfinished run in a folder."""
    return any((partial / name).exists() for name in (CARD, SETTINGS))


def _require_plain(path: Path) -> None:
    if not is_plain(path):
        raise ArtifactError(
            f"{path} is a link, a pipe or a device, and only regular files are read: put the file itself there."
        )


def _text(path: Path) -> str:
    try:
        _require_plain(path)
        if path.stat().st_size > LARGEST_CARD:
            raise ArtifactError(
                f"{path} is not a model card of mnist-cnn: it is larger than {LARGEST_CARD // 2**20} MiB."
            )
        return path.read_bytes().decode()
    except FileNotFoundError as error:
        if can_resume(path.parent):
            raise ArtifactError(
                f"{path.parent} is an unfinished run: resume it with `mnist-cnn train --resume {path.parent}`."
            ) from error
        raise ArtifactError(
            f"{path.parent} is not a saved model (it has no {CARD}): name a folder that `mnist-cnn train` made."
        ) from error
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}): check the path and its permissions.") from error
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{path} is damaged (it is not UTF-8): restore it from a backup or train again.") from error


def _document(path: Path, text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is damaged (it is not JSON): restore it from a backup or train again.") from error
    if not isinstance(document, dict) or too_deep(document):
        raise ArtifactError(f"{path} is not a model card of mnist-cnn: name a folder that `mnist-cnn train` made.")
    return document


def _check_types(folder: Path, document: dict[str, Any]) -> None:
    """Raise ArtifactError for a model card that does not have the values of its format: its digest is no signature."""
    known = fields_of(document["format"])
    unlike = sorted(known ^ set(document))
    fault = f"{unlike[0]} is {'too much' if unlike[0] in document else 'missing'}" if unlike else _fault(document)
    if fault:
        raise ArtifactError(
            f"The model card of {folder} does not have the fields of its format ({fault}): "
            "restore it from a backup or train again."
        )


def _fault(document: dict[str, Any]) -> str | None:
    """What is wrong with the values of a model card."""
    if fault := WANTED.fault(document, ""):
        return fault
    evaluation = document["evaluation"]
    recipe = document["recipe"]["name"]
    data = document["data"]
    classes = len(data.get("class_names", DIGITS))
    wanted = EVALUATIONS.get(recipe) or classification(classes)
    if fault := wanted.fault(evaluation, "evaluation"):
        return fault
    if data.get("channels", 1) == 2 or classes < 2:
        return "data.channels or data.class_names is not that of a classifier"
    if recipe in MADE and MADE[recipe] not in data:
        return f"data.{MADE[recipe]} is missing"
    if recipe == FINDER:
        chosen = [one["threshold"] for one in evaluation["by_threshold"]]
        return None if evaluation["threshold"] in chosen else "evaluation.by_threshold has not the chosen threshold"
    if recipe in MADE:
        return None
    matrix = evaluation["confusion_matrix"]
    correct = sum(row[digit] for digit, row in enumerate(matrix))
    if (correct, sum(map(sum, matrix))) != (evaluation["correct"], evaluation["count"]):
        return "evaluation.confusion_matrix has other counts than the accuracy"
    return None
