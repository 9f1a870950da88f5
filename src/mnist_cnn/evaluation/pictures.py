"""How well does reading do on labelled pictures? A CSV and a reader in, numbers out; works on the light install."""

import csv
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_cnn.errors import DataError, ImageError
from mnist_cnn.evaluation.metrics import Accuracy, Z
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.reading import Reading

REFUSED_SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
ROWS = "/"  # what separates rows in a label


@dataclass(frozen=True)
class LabelledPicture:
    """A picture and what is in it: digits left to right, rows separated by "/". The rest says how to group it."""

    path: Path
    label: str
    source: str = ""
    kind: str = ""
    layout: str = ""

    @property
    def single(self) -> bool:
        """Whether its labels say that there is one digit in it."""
        return self.layout == "single"


@dataclass(frozen=True)
class JudgedPicture:
    """A labelled picture and what was read in it: `reading` is None where it could not be opened, `error` says why."""

    picture: LabelledPicture
    reading: Reading | None
    error: str = ""

    @property
    def read(self) -> str:
        """What was read, as labels are written: the most probable digits, also where the reader refuses."""
        rows = self.reading.rows if self.reading else ()
        return ROWS.join("".join(str(digit.digit) for digit in row) for row in rows)

    @property
    def right(self) -> bool:
        """Whether all of it was read rightly."""
        return self.read == self.picture.label

    @property
    def confidence(self) -> float:
        """The confidence of its least sure digit; 0 where none was found."""
        return min((digit.confidence for digit in self.reading.digits), default=0.0) if self.reading else 0.0

    @property
    def refused(self) -> bool:
        """Whether the reader refuses some of it, or found no digit."""
        return not self.reading or not self.reading.digits or any(digit.rejected for digit in self.reading.digits)

    @property
    def digits(self) -> Accuracy:
        """How many of the label's digits were read, in their order."""
        wanted = self.picture.label.replace(ROWS, "")
        return Accuracy(longest_common_subsequence(wanted, self.read.replace(ROWS, "")), len(wanted))


def load(path: Path) -> list[LabelledPicture]:
    """Read a CSV with the columns path (relative to it) and label, and source, kind and layout if it has them.

    Spaces in labels are ignored. Raises DataError if it cannot be read, lacks a column, or holds no or wrong labels.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the path and its permissions.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a CSV in UTF-8: name a table with the columns path and label.") from error
    if not rows:
        raise DataError(f"{path} lists no pictures: name a table with the columns path and label.")
    if missing := [name for name in ("path", "label") if rows[0].get(name) is None]:
        raise DataError(f"{path} has no column {' and no column '.join(missing)}: its first line must name them.")
    return [labelled(path, number, row) for number, row in enumerate(rows, start=2)]


def labelled(table: Path, number: int, row: dict[str, Any]) -> LabelledPicture:
    """One line of the CSV."""
    label = "".join((row["label"] or "").split())
    if not row["path"] or set(label) - set("0123456789" + ROWS):
        raise DataError(f"Line {number} of {table} is no path and digits with rows separated by {ROWS}: correct it.")
    known = {name: (row.get(name) or "").strip() for name in ("source", "kind", "layout")}
    return LabelledPicture(table.parent / row["path"], label, **known)


def judge(reader: Reader, pictures: Iterable[LabelledPicture]) -> Iterator[JudgedPicture]:
    """Read one labelled picture after another; one that cannot be opened counts as read wrongly."""
    for picture in pictures:
        try:
            yield JudgedPicture(picture, reader.read(picture.path, single=picture.single))
        except ImageError as error:
            yield JudgedPicture(picture, None, str(error))


def accuracy(judged: Sequence[JudgedPicture]) -> Accuracy:
    """How many pictures were read wholly rightly."""
    return Accuracy(sum(one.right for one in judged), len(judged))


def digit_accuracy(judged: Sequence[JudgedPicture]) -> Accuracy:
    """How many of the pictures' digits were read, in their order."""
    return Accuracy(sum(one.digits.correct for one in judged), sum(one.digits.count for one in judged))


def grouped(judged: Sequence[JudgedPicture], by: Callable[[LabelledPicture], str]) -> dict[str, list[JudgedPicture]]:
    """The pictures that share a source, a kind or a layout, by its name; those without one are left out."""
    groups: dict[str, list[JudgedPicture]] = {}
    for one in judged:
        if name := by(one.picture):
            groups.setdefault(name, []).append(one)
    return dict(sorted(groups.items()))


def mean_over_sources(judged: Sequence[JudgedPicture]) -> dict[str, Any] | None:
    """The mean of the sources' accuracies, its 95 % interval by their spread, their number; None without sources."""
    shares = [accuracy(group).share for group in grouped(judged, lambda picture: picture.source).values()]
    if not shares:
        return None
    mean = statistics.mean(shares)
    reach = Z * statistics.stdev(shares) / math.sqrt(len(shares)) if len(shares) > 1 else 1.0
    return {"sources": len(shares), "accuracy": mean, "interval": [max(0.0, mean - reach), min(1.0, mean + reach)]}


def refusal_curve(judged: Sequence[JudgedPicture]) -> list[dict[str, Any]]:
    """How many of the rest are right when the least sure pictures, a growing share, are refused."""
    by_confidence = sorted(judged, key=lambda one: one.confidence, reverse=True)
    curve = []
    for share in REFUSED_SHARES:
        kept = by_confidence[: len(judged) - math.ceil(share * len(judged))]
        if kept:
            curve.append({"refused": share, "least_confidence": kept[-1].confidence, **accuracy(kept).to_dict()})
    return curve


def figures(judged: Sequence[JudgedPicture]) -> dict[str, Any]:
    """Everything about some pictures: whole pictures right, digits right, mean over sources, and what is refused."""
    accepted = [one for one in judged if not one.refused]
    return {
        "pictures": accuracy(judged).to_dict(),
        "digits": digit_accuracy(judged).to_dict(),
        "over_sources": mean_over_sources(judged),
        "accepted": accuracy(accepted).to_dict() if accepted else None,
        "refused": len(judged) - len(accepted),
    }


def summary(judged: Sequence[JudgedPicture]) -> dict[str, Any]:
    """All numbers as JSON has them: by layout, by kind within it, what refusing brings, and the mistakes."""
    layouts = grouped(judged, lambda picture: picture.layout) or {"all": list(judged)}
    return {
        "all": figures(judged),
        "layouts": {
            name: figures(group)
            | {"kinds": {kind: figures(some) for kind, some in grouped(group, lambda picture: picture.kind).items()}}
            | {"refusal": refusal_curve(group)}
            for name, group in layouts.items()
        },
        "mistakes": [
            {"path": str(one.picture.path), "label": one.picture.label, "read": one.read, "confidence": one.confidence}
            | ({"error": one.error} if one.error else {})
            for one in judged
            if not one.right
        ],
    }


def longest_common_subsequence(a: str, b: str) -> int:
    """The most characters that both have in the same order (Wagner and Fischer 1974)."""
    row = [0] * (len(b) + 1)
    for one in a:
        before = 0
        for index, other in enumerate(b, start=1):
            before, row[index] = row[index], before + 1 if one == other else max(row[index], row[index - 1])
    return row[-1]
