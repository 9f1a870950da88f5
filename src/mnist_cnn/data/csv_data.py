"""A text with a row for each image becomes images and labels: pixels in columns, or paths of image files.

Separators, quotes, a byte-order mark and a header are told by the text itself. Also the format of LIBSVM, in which USPS
is published. Time and memory are bounded: so many bytes, so many columns, so many characters in a line.
"""

import bz2
import contextlib
import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple

import numpy as np

from mnist_cnn.data.dataset import Preparation
from mnist_cnn.data.image_files import Member, decoded
from mnist_cnn.data.preparing import side_of
from mnist_cnn.data.raw_data import Part
from mnist_cnn.errors import DataError
from mnist_cnn.reading.picture import ENDINGS

LARGEST = 2 * 2**30  # bytes of pixels as text, unpacked
LONGEST_LINE = 1_000_000  # characters
ROWS_AT_ONCE = 2000
MOST_ROWS = 3_000_000
LABEL_NAMES = ("label", "labels", "class", "target", "y", "digit", "category", "classname", "classid", "number")
PATH_NAMES = ("path", "file", "filename", "filepath", "image", "img", "imagepath", "imagename", "name", "id")
SPACES = re.compile(r"[ \t]+")


class Table(NamedTuple):
    """A text in rows: how its cells are separated, the names of its columns if it has any, and its first row."""

    separator: str | None  # None: white space
    names: tuple[str, ...]
    first: tuple[str, ...]


@dataclass(frozen=True)
class TableFile:
    """A table of pixels: images (n, side, side) float32 or uint8, and their labels, None without them."""

    images: np.ndarray
    labels: np.ndarray | None


class Lines:
    """The lines of a text file, which may be packed by gzip or bz2; raises DataError past a limit."""

    def __init__(self, stream: BinaryIO, place: str) -> None:
        start = stream.read(4)
        stream.seek(0)
        self.place = place
        opened: BinaryIO = stream
        if start[:2] == b"\x1f\x8b":
            opened = gzip.GzipFile(fileobj=stream)  # type: ignore[assignment]
        elif start[:3] == b"BZh":
            opened = bz2.BZ2File(stream)  # type: ignore[assignment]
        encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        self.text = io.TextIOWrapper(opened, encoding, errors="strict", newline=None)
        self.read = 0

    def __iter__(self) -> Iterator[str]:
        """Each line that is not blank, without its end; once."""
        try:
            while line := self.text.readline(LONGEST_LINE):
                self.read += len(line)
                if len(line) >= LONGEST_LINE:
                    raise DataError(
                        f"{self.place} has a line of more than {LONGEST_LINE:,} characters: check the file."
                    )
                if self.read > LARGEST:
                    raise DataError(f"{self.place} has more than {LARGEST / 2**30:g} GiB of text: take fewer rows.")
                if line.strip(" ,;\t\r\n"):
                    yield line.strip("\r\n")
        finally:
            with contextlib.suppress(ValueError):  # the stream is closed already
                self.text.detach()  # it is not ours to close


def table_of(first: str) -> Table:
    """How a table is written whose first line this is."""
    counts = {separator: first.count(separator) for separator in ",;\t"}
    separator: str | None = max(counts, key=lambda one: counts[one])
    if not counts[str(separator)]:
        separator = None if SPACES.search(first.strip()) else ","
    cells = cells_of(first, separator)
    is_path = any(PurePosixPath(cell).suffix.lower() in ENDINGS for cell in cells)
    has_names = not is_path and not all(map(is_number, cells)) and any(map(word, cells))
    return Table(separator, cells if has_names else (), cells)


def cells_of(line: str, separator: str | None) -> tuple[str, ...]:
    """The cells of one line, without spaces around them."""
    if separator is None:
        return tuple(SPACES.split(line.strip()))
    row = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    return tuple(cell.strip() for cell in row)


def is_number(cell: str) -> bool:
    """Whether a cell is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def word(cell: str) -> str:
    """The name of a column in small letters, without what stands between its words."""
    return re.sub(r"[^a-z]+", "", cell.lower())


def column(names: Sequence[str], known: Sequence[str]) -> int | None:
    """The first column that has one of the known names."""
    words = [word(name) for name in names]
    return next((words.index(name) for name in known if name in words), None)


def is_of_paths(table: Table) -> bool:
    """Whether a table names image files instead of holding pixels."""
    if table.names:
        return column(table.names, PATH_NAMES) is not None and len(table.names) < 49
    return len(table.first) < 49 and any(PurePosixPath(cell).suffix.lower() in ENDINGS for cell in table.first)


# Pixels


def read_pixels(stream: BinaryIO, place: str) -> TableFile:
    """The images and labels of a table of pixels. Raises DataError, and one of `files.DAMAGE` or OSError if damaged."""
    lines = iter(Lines(stream, place))
    try:
        first = next(lines, "")
        if not first:
            raise DataError(f"{place} is empty: a row for each image is expected.")
        if re.match(r"\s*[-+\d.]+\s+\d+:", first):
            return read_libsvm(first, lines, place)
        table = table_of(first)
        where, pixels = layout_of(table, place)
        parts = [*rows_of(lines, table, first, where, pixels, place)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{place} is not a table as text in UTF-8: save it as CSV.") from error
    images = np.concatenate([rows for rows, _ in parts])
    side = side_of(images.shape[1])
    labels = None if where is None else values_of([label for _, some in parts for label in some])
    return TableFile(images.reshape(-1, side, side), labels)


def values_of(labels: list[str]) -> np.ndarray:
    """Labels as numbers, if all of them are, else as texts."""
    try:
        return np.array(labels, np.float64)
    except ValueError:
        return np.array(labels)


def layout_of(table: Table, place: str) -> tuple[int | None, np.ndarray]:
    """Which column has the labels, if any, and which have pixels, as people lay out such tables."""
    count = len(table.first)
    where: int | None = None
    if table.names:
        where = column(table.names, LABEL_NAMES)
        others = [one for one in range(count) if one != where]
        numbered = [one for one in others if re.search(r"\d", table.names[one])]
        others = numbered if side_of(len(numbered)) and not side_of(len(others)) else others
    else:
        others = list(range(count))
        if not side_of(count) and side_of(count - 1):
            where, others = 0, list(range(1, count))
    if not side_of(len(others)):
        raise DataError(
            f"{place} has {count:,} columns, and those of pixels do not make a square image, as 784 make 28×28: give a "
            "column label and a column for each pixel, or the columns path and label."
        )
    return where, np.array(others)


def rows_of(
    lines: Iterator[str], table: Table, first: str, where: int | None, pixels: np.ndarray, place: str
) -> Iterator[tuple[np.ndarray, list[str]]]:
    """The pixels and the labels of the rows, many at once: uint8 where all fit, else float32."""
    total = 0
    waiting = [] if table.names else [first]
    while True:
        waiting += [line for _, line in zip(range(ROWS_AT_ONCE - len(waiting)), lines, strict=False)]
        if not waiting:
            break
        total += len(waiting)
        if total > MOST_ROWS:
            raise DataError(f"{place} has more than {MOST_ROWS:,} rows: take fewer.")
        labels = [] if where is None else [cell_of(line, table, where) for line in waiting]
        yield numbers_of(waiting, table, pixels, place, total - len(waiting)), labels
        waiting = []
    if not total:
        raise DataError(f"{place} has no rows but a header: a row for each image is expected.")


def cell_of(line: str, table: Table, where: int) -> str:
    """One cell of a line, without reading all of them if it is the first."""
    if where == 0 and table.separator and not line.lstrip().startswith('"'):
        return line.split(table.separator, 1)[0].strip()
    cells = cells_of(line, table.separator)
    return cells[where] if where < len(cells) else ""


def numbers_of(rows: list[str], table: Table, pixels: np.ndarray, place: str, before: int) -> np.ndarray:
    """The columns of pixels of lines as numbers; raises DataError for a line that has others."""
    options = {"delimiter": table.separator, "comments": None, "quotechar": '"', "ndmin": 2, "usecols": pixels.tolist()}
    count = len(table.first)
    for kind in (np.uint8, np.float32):
        try:
            made = np.loadtxt(rows, dtype=kind, **options)
        except (ValueError, OverflowError):
            continue
        if made.shape == (len(rows), len(pixels)):
            return np.asarray(made)
    for number, row in enumerate(rows, start=before + 1 + bool(table.names)):
        cells = cells_of(row, table.separator)
        if len(cells) != count:
            raise DataError(
                f"Line {number:,} of {place} has {len(cells):,} cells instead of {count:,}: mend or remove it."
            )
        if wrong := [cells[one] for one in pixels.tolist() if not is_number(cells[one])]:
            raise DataError(f"Line {number:,} of {place} has the pixel {wrong[0][:40]!r}: mend it, or remove the line.")
    raise DataError(f"{place} has rows that are not numbers: save it as CSV.")


def read_libsvm(first: str, lines: Iterator[str], place: str) -> TableFile:
    """Images of lines such as "7 1:-1.0 2:-0.63 …"; what is not named has the lowest value."""
    labels, rows, width = [], [], 0
    for line in (first, *lines):
        label, *pairs = line.split()
        try:
            values = {int(place): float(value) for place, value in (pair.split(":") for pair in pairs)}
            labels.append(int(float(label)))
        except ValueError as error:
            raise DataError(f"{place} has a line that is not LIBSVM's label index:value …: check the file.") from error
        if values and not 0 < min(values) <= max(values) <= 96 * 96:
            raise DataError(f"{place} has the index {max(values):,}, but an image has at most 96×96 pixels.")
        width = max(width, *values, 0)
        rows.append(values)
        if len(rows) * max(width, 1) > LARGEST // 4:
            raise DataError(f"{place} has too many rows: take fewer.")
    if not side_of(width):
        raise DataError(f"{place} has {width:,} values in a row, which do not make a square image.")
    lowest = min((value for row in rows for value in row.values()), default=0.0)
    images = np.full((len(rows), width), min(lowest, 0.0), np.float32)
    for number, row in enumerate(rows):
        images[number, np.fromiter(row, int, len(row)) - 1] = np.fromiter(row.values(), np.float32, len(row))
    side = side_of(width)
    numbers = np.array(labels)
    return TableFile(images.reshape(-1, side, side), numbers - numbers.min() if numbers.max() == 10 else numbers)


# Paths


def read_paths(
    stream: BinaryIO,
    files: Mapping[tuple[str, ...], Member],
    folder: tuple[str, ...],
    wanted: Preparation,
    say: Callable[[str], None],
    place: str,
) -> tuple[Part, list[str]]:
    """The images that a table names, with the labels beside them, and sentences on the way.

    `files` are those that may be meant, by their folders and name; `folder` is that of the table. Raises DataError.
    """
    lines = iter(Lines(stream, place))
    try:
        first = next(lines, "")
        table = table_of(first)
        rows = [cells_of(line, table.separator) for _, line in zip(range(MOST_ROWS + 1), lines, strict=False)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{place} is not a table as text in UTF-8: save it as CSV.") from error
    rows = rows if table.names else [table.first, *rows]
    if len(rows) > MOST_ROWS:
        raise DataError(f"{place} has more than {MOST_ROWS:,} rows: take fewer.")
    at, label = path_and_label(table, place)
    found: list[Member] = []
    labels: list[str] = []
    missing: list[str] = []
    for row in rows:
        if len(row) <= max(at, label) or not row[at] or not row[label]:
            missing.append(row[at] if len(row) > at else "")
        elif file := file_of(row[at], files, folder):
            found.append(file)
            labels.append(row[label])
        else:
            missing.append(row[at])
    if not found:
        raise DataError(
            f"{place} names no image that is there, such as {(missing or [''])[0][:80]!r}: check the paths."
        )
    made = decoded(found, wanted, say, place)
    notes = made.notes
    if missing:
        notes.append(f"{len(missing):,} rows are left out whose image or label is missing, such as {missing[0][:80]!r}")
    return Part(made.images, [labels[number] for number in made.kept]), notes


def path_and_label(table: Table, place: str) -> tuple[int, int]:
    """The columns of paths and of labels; raises DataError if one is missing."""
    if not table.names:
        paths = [n for n, cell in enumerate(table.first) if PurePosixPath(cell).suffix.lower() in ENDINGS]
        if len(table.first) != 2 or not paths:
            raise DataError(f"{place} has no header: name its columns path and label in the first line.")
        return paths[0], 1 - paths[0]
    at, label = column(table.names, PATH_NAMES), column(table.names, LABEL_NAMES)
    if at is None:
        raise DataError(
            f"{place} has no column path (it has {', '.join(table.names)[:120]}): name it in the first line."
        )
    if label is None and len(table.names) == 2:
        label = 1 - at
    if label is None:
        raise DataError(
            f"{place} has no column label (it has {', '.join(table.names)[:120]}): name it in the first line."
        )
    return at, label


def file_of(named: str, files: Mapping[tuple[str, ...], Member], folder: tuple[str, ...]) -> Member | None:
    """The file that a table means: from its own folder, from the top, in a folder beside it, or without its ending."""
    parts = tuple(one for one in PurePosixPath(named.replace("\\", "/")).parts if one not in ("/", "."))
    if ".." in parts or not parts:
        return None
    places = [folder, (), *((*folder, name) for name in ("images", "train", "img", "test"))]
    for place in places:
        for name in (parts[-1], *(parts[-1] + ending for ending in (".png", ".jpg", ".jpeg"))):
            if file := files.get((*place, *parts[:-1], name)):
                return file
    return None
