"""Evaluate a reader on labelled images: a table, folder or ZIP in, metrics out. Works on the base install."""

import csv
import io
import math
import re
import statistics
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn.card import DIGITS
from mnist_cnn.data.class_folders import folder_part, images_in, without_shared
from mnist_cnn.data.container import explained
from mnist_cnn.data.image_files import LARGEST_FILE, Member, in_folder, in_zip
from mnist_cnn.errors import DataError, ImageError
from mnist_cnn.evaluation import metrics as measures
from mnist_cnn.evaluation.metrics import Accuracy, Z
from mnist_cnn.evaluation.risk_coverage import risk_coverage
from mnist_cnn.reading.digit import Digit
from mnist_cnn.reading.mark import MARKS, Mark
from mnist_cnn.reading.picture import Source
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.reading import Reading
from mnist_cnn.system.files import DAMAGE, read_limited

HIGH_CONFIDENCE = 0.9  # of a prediction that a program may act on without a person
REJECTION_RATES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
LARGEST = 64 * 2**20  # bytes, about a million lines
ROWS = "/"  # separates rows in a label
SLASH = "\\/"  # the mark, which would otherwise separate rows
ROW_END = re.compile(r"(?<!\\)/")


@dataclass(frozen=True)
class DigitCounts:
    """Digits of some images: those of the labels, those predicted, and the correct ones, matched in reading order.

    A ratio of nothing is None: there is no precision without predicted digits, and no recall without labelled ones.
    """

    labelled: int
    predicted: int
    correct: int

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "DigitCounts":
        """Count (label, prediction) pairs; separators of rows and marks are ignored."""
        counts = [tuple("".join(char for char in text if char in DIGITS) for text in pair) for pair in pairs]
        return cls(
            sum(len(label) for label, _ in counts),
            sum(len(predicted) for _, predicted in counts),
            sum(longest_common_subsequence(label, predicted) for label, predicted in counts),
        )

    @property
    def precision(self) -> float | None:
        """Fraction of the predicted digits that are correct."""
        return self.correct / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """Fraction of the labelled digits that were predicted."""
        return self.correct / self.labelled if self.labelled else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        both = self.labelled + self.predicted
        return 2 * self.correct / both if both else None

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON, derived ones included."""
        return {
            "labelled": self.labelled,
            "predicted": self.predicted,
            "correct": self.correct,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
        }


@dataclass(frozen=True)
class LabelledImage:
    r"""An image file and its label: digits left to right, rows separated by "/". The other fields are for grouping.

    A label may have marks, such as "12.5" and "-42"; the slash is "\/" there, as in "12\/5". What is in a ZIP has a
    `member`, and its `path` leads through the ZIP.
    """

    path: Path
    label: str
    source: str = ""
    kind: str = ""
    layout: str = ""
    member: Member | None = None

    def opened(self) -> Source:
        """The image as a reader takes it; raises ImageError if it cannot be unpacked."""
        if not self.member:
            return self.path
        try:
            return self.member.read(LARGEST_FILE)
        except (*DAMAGE, OSError, RuntimeError) as error:
            raise ImageError(f"{self.path} cannot be unpacked ({error}): get it again.") from error

    @property
    def digits(self) -> str:
        """The label without its marks: the digits of each row."""
        return "".join(char for char in self.label.replace(SLASH, "") if char in (*DIGITS, ROWS))

    @property
    def has_marks(self) -> bool:
        """Whether the label has any marks; otherwise those of the image count for nothing."""
        return self.digits != self.label

    @property
    def single(self) -> bool:
        """Whether the table says that it shows a single digit."""
        return self.layout == "single"


@dataclass(frozen=True)
class EvaluatedImage:
    """A labelled image and what the reader predicted: `reading` is None if it could not be read, `error` says why."""

    image: LabelledImage
    reading: Reading | None
    error: str = ""

    @property
    def predicted(self) -> str:
        """The predicted digits, written like a label; digits that the reader rejects are included.

        Marks are included if the label has any.
        """
        rows = self.reading.rows if self.reading else ()
        return ROWS.join("".join(map(label_of, row.items if self.image.has_marks else row)) for row in rows)

    @property
    def correct(self) -> bool:
        """Whether the prediction equals the label; an image that could not be read is an error."""
        return self.reading is not None and self.predicted == self.image.label

    @property
    def confidence(self) -> float:
        """Confidence of its least confident digit, 0 to 1; 0 without any digit."""
        return min((digit.confidence for digit in self.reading.digits), default=0.0) if self.reading else 0.0

    @property
    def probabilities(self) -> tuple[float, ...] | None:
        """The ten class probabilities of its digit; None unless the reader found exactly one."""
        digits = self.reading.digits if self.reading else ()
        return digits[0].probabilities if len(digits) == 1 else None

    @property
    def rejected(self) -> bool:
        """Whether the reader rejects one of its digits, or found none."""
        return not self.reading or not self.reading.digits or any(digit.rejected for digit in self.reading.digits)


def label_of(item: Digit | Mark) -> str:
    """A digit or mark as a label has it."""
    return str(item.digit) if isinstance(item, Digit) else item.text.replace(ROWS, SLASH)


def load(path: Path) -> list[LabelledImage]:
    r"""Read a CSV with the columns path (relative to it) and label, and optionally source, kind and layout.

    Its separator, and how its columns are capitalised, do not matter. Spaces and empty rows in labels are ignored; an
    empty label means that the image has no digit. A label may have marks, of which a slash is written as "\/". Or
    `path` is a folder with a folder for each digit, 0 to 9, of images of one digit, perhaps below folders such as train
    and test; or a ZIP of either. Raises DataError if the file cannot be read, is no regular file of at most 64 MiB,
    lacks a column, or has no rows or an invalid label.
    """
    if path.is_dir():
        return in_folders(path, in_folder(path))
    if path.suffix.lower() == ".zip":
        with explained(path, "a ZIP of folders called 0 to 9, or of a CSV with its images, is expected"):
            return in_archive(path, in_zip(zipfile.ZipFile(path), path))
    try:
        content = read_limited(path, LARGEST)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}): pass a CSV file with the columns path and label."
        ) from error
    return in_table(path, content)


def in_table(path: Path, content: bytes) -> list[LabelledImage]:
    """The images that a CSV names; raises DataError."""
    try:
        text = content.decode("utf-8-sig")
        first = text.split("\n", 1)[0]
        separator = max(",;\t", key=first.count) if any(one in first for one in ",;\t") else ","
        table = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
        table.fieldnames = [name.strip().lower() for name in table.fieldnames or ()]
        columns, rows = table.fieldnames, list(table)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a CSV file in UTF-8: pass a table with the columns path and label.") from error
    if not rows:
        raise DataError(f"{path} lists no images: pass a table with the columns path and label.")
    if missing := [name for name in ("path", "label") if name not in columns]:
        raise DataError(f"{path} has no column {' and no column '.join(missing)}: name the columns in its first line.")
    return [labelled(path, number, row) for number, row in enumerate(rows, start=2)]


def in_archive(path: Path, members: Sequence[Member]) -> list[LabelledImage]:
    """The images in folders of digits in a ZIP, or those that the one CSV in it names; raises DataError."""
    tables = [one for one in members if one.suffix == ".csv"]
    if len(tables) != 1:
        return in_folders(path, members)
    files = {path.joinpath(*one.parts): one for one in members}
    found = in_table(path.joinpath(*tables[0].parts), tables[0].read(LARGEST))
    if missing := [one.path for one in found if one.path not in files]:
        raise DataError(f"{missing[0]} is not in the ZIP, and its table names it: pack it again with all images.")
    return [replace(one, member=files[one.path]) for one in found]


def in_folders(place: Path, members: Sequence[Member]) -> list[LabelledImage]:
    """The images of a folder or ZIP in folders called 0 to 9, each of one digit; raises DataError if there are none."""
    found = []
    for parts, member in without_shared(images_in(members)):
        digit, *below = parts[1:] if folder_part(parts[0]) else parts
        if digit in DIGITS and below:
            packed = None if place.is_dir() else member
            found.append(LabelledImage(place.joinpath(*member.parts), digit, layout="single", member=packed))
    if not found:
        raise DataError(
            f"{place} has no folders of images that are called 0 to 9: name such a folder, a ZIP of it, or a CSV with "
            "the columns path and label."
        )
    return found


def labelled(table: Path, number: int, row: dict[str, Any]) -> LabelledImage:
    """One line of the CSV."""
    label = "".join((row["label"] or "").split())
    if not row["path"]:
        raise DataError(f"Line {number} of {table} has no path: add it or remove the line.")
    if set(label.replace(SLASH, "")) - {*DIGITS, *ROWS, *MARKS}:
        raise DataError(
            f"Line {number} of {table} has the label {label[:40]!r}: write digits and marks ({' '.join(MARKS)}), with "
            f"rows separated by {ROWS}."
        )
    label = ROWS.join(row for row in ROW_END.split(label) if row)
    source, kind, layout = ((row.get(name) or "").strip() for name in ("source", "kind", "layout"))
    return LabelledImage(table.parent / row["path"].strip(), label, source, kind, layout)


def evaluate(reader: Reader, images: Iterable[LabelledImage]) -> Iterator[EvaluatedImage]:
    """Read one labelled image after another; one that cannot be read counts as an error."""
    for image in images:
        try:
            yield EvaluatedImage(image, reader.read(image.opened(), single=image.single))
        except ImageError as error:
            yield EvaluatedImage(image, None, str(error) if str(image.path) in str(error) else f"{image.path}: {error}")


def accuracy(evaluated: Sequence[EvaluatedImage]) -> Accuracy:
    """Accuracy over whole images, of which there must be at least one."""
    return Accuracy(sum(one.correct for one in evaluated), len(evaluated))


def digit_accuracy(evaluated: Sequence[EvaluatedImage]) -> Accuracy | None:
    """Accuracy over the labels' digits, in their order; None if the labels have no digit."""
    counts = digit_counts(evaluated)
    return Accuracy(counts.correct, counts.labelled) if counts.labelled else None


def digit_counts(evaluated: Iterable[EvaluatedImage]) -> DigitCounts:
    """The digits of all images together, so that precision and recall are micro-averages.

    Digits that the reader rejects count as predicted; an image that could not be read has no predicted digits.
    """
    return DigitCounts.of((one.image.label, one.predicted) for one in evaluated)


def grouped(evaluated: Sequence[EvaluatedImage], by: Callable[[LabelledImage], str]) -> dict[str, list[EvaluatedImage]]:
    """The images by source, kind or layout, sorted by its name; images without one are left out."""
    groups: dict[str, list[EvaluatedImage]] = {}
    for one in evaluated:
        if name := by(one.image):
            groups.setdefault(name, []).append(one)
    return dict(sorted(groups.items()))


def mean_over_sources(evaluated: Sequence[EvaluatedImage]) -> dict[str, Any] | None:
    """Mean of the sources' accuracies; None without sources.

    Its 95% confidence interval comes from their standard deviation; it is None for a single source, and where all have
    the same accuracy, because these say nothing about the spread.
    """
    values = [accuracy(group).value for group in grouped(evaluated, lambda image: image.source).values()]
    if not values:
        return None
    mean, sd = statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0
    half = Z * sd / math.sqrt(len(values))
    interval = [max(0.0, mean - half), min(1.0, mean + half)] if sd else None
    return {"sources": len(values), "accuracy": mean, "confidence_interval": interval}


def rejection_curve(evaluated: Sequence[EvaluatedImage]) -> list[dict[str, Any]]:
    """Accuracy of the remaining images as a growing fraction, the least confident ones, is rejected."""
    by_confidence = sorted(evaluated, key=lambda one: one.confidence, reverse=True)
    curve = []
    for rate in REJECTION_RATES:
        kept = by_confidence[: len(evaluated) - math.ceil(rate * len(evaluated))]
        if kept:
            curve.append({"rejected": rate, "min_confidence": kept[-1].confidence, **accuracy(kept).to_dict()})
    return curve


def single_digits(evaluated: Sequence[EvaluatedImage]) -> dict[str, Any] | None:
    """How far the confidence can be trusted where the label is one digit; None if there is no such label.

    The number of predictions of at least 90% confidence and the errors among them; accuracy by coverage, where an image
    without a digit has the confidence 0; and the calibration.
    """
    ones = [one for one in evaluated if one.image.label.isdecimal() and len(one.image.label) == 1]
    if not ones:
        return None
    high = [one for one in ones if one.confidence >= HIGH_CONFIDENCE]
    errors = sum(not one.correct for one in high)
    return {
        "count": len(ones),
        "high_confidence": {
            "min_confidence": HIGH_CONFIDENCE,
            "count": len(high),
            "errors": errors,
            "error_rate": errors / len(high) if high else None,
            "confidence_interval": list(measures.wilson_interval(errors, len(high))) if high else None,
        },
        "risk_coverage": risk_coverage(
            np.array([one.confidence for one in ones]), np.array([one.correct for one in ones])
        ).to_dict(),
        "calibration": calibration(ones),
    }


def calibration(ones: Sequence[EvaluatedImage]) -> dict[str, Any] | None:
    """Likelihood, Brier score and calibration error of images of one digit, with 95% bootstrap confidence intervals.

    Only images in which exactly one digit was found have class probabilities: `count` says how many, and None that
    there are none. `bins` are those of the reliability diagram.
    """
    found = [(one.probabilities, int(one.image.label)) for one in ones if one.probabilities]
    if not found:
        return None
    probabilities, labels = np.array([row for row, _ in found]), np.array([label for _, label in found])
    return {
        "count": len(found),
        "negative_log_likelihood": measures.negative_log_likelihood(probabilities, labels),
        "brier_score": measures.brier_score(probabilities, labels),
        "expected_calibration_error": measures.expected_calibration_error(probabilities, labels),
        "confidence_intervals": {
            name: list(ends) for name, ends in measures.confidence_intervals(probabilities, labels).items()
        },
        "bins": [
            {"count": count, "confidence": confidence, "accuracy": correct}
            for count, confidence, correct in measures.calibration_bins(probabilities, labels)
        ],
    }


def metrics(evaluated: Sequence[EvaluatedImage]) -> dict[str, Any]:
    """Metrics of at least one image: over images, digits and sources, without rejected images, and of confidence."""
    accepted, digits = [one for one in evaluated if not one.rejected], digit_accuracy(evaluated)
    return {
        "images": accuracy(evaluated).to_dict(),
        "digits": digits.to_dict() if digits else None,
        "digit_counts": digit_counts(evaluated).to_dict(),
        "mean_over_sources": mean_over_sources(evaluated),
        "accepted": accuracy(accepted).to_dict() if accepted else None,
        "rejected": len(evaluated) - len(accepted),
        "single_digits": single_digits(evaluated),
    }


def summary(evaluated: Sequence[EvaluatedImage]) -> dict[str, Any]:
    """All metrics as JSON: by layout, by kind within it, with rejection, and the list of errors."""
    layouts = grouped(evaluated, lambda image: image.layout) or {"all": list(evaluated)}
    return {
        "all": metrics(evaluated),
        "layouts": {
            name: metrics(group)
            | {"kinds": {kind: metrics(some) for kind, some in grouped(group, lambda image: image.kind).items()}}
            | {"rejection_curve": rejection_curve(group)}
            for name, group in layouts.items()
        },
        "errors": [
            {
                "path": str(one.image.path),
                "label": one.image.label,
                "predicted": one.predicted,
                "confidence": one.confidence,
            }
            | ({"error": one.error} if one.error else {})
            for one in evaluated
            if not one.correct
        ],
    }


def longest_common_subsequence(a: str, b: str) -> int:
    """Length of the longest common subsequence of two strings (Wagner and Fischer 1974)."""
    row = [0] * (len(b) + 1)
    for one in a:
        before = 0
        for index, other in enumerate(b, start=1):
            before, row[index] = row[index], before + 1 if one == other else max(row[index], row[index - 1])
    return row[-1]
