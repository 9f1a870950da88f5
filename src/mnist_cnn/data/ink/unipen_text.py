"""Text in the UNIPEN format: its statements, the strokes in them, and the segments that are cut from these.

The format is defined in I. Guyon, "UNIPEN 1.0 Format Definition" (1994). A statement is a keyword at the beginning of a
line, such as `.PEN_DOWN`, and all that follows up to the next one.
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mnist_cnn.errors import DataError

STATEMENT = re.compile(r"^\.([A-Z_]+)", re.MULTILINE)
SEGMENT = re.compile(r'\s*(\w+)\s+([\d:,-]+)\s+(?:\S+\s+)?"((?:[^"\\]|\\.)*)"\s*')
ESCAPED = re.compile(r'\\(["\\])')
RANGE = re.compile(r"(\d{1,7})(?::(\d{1,7}))?(?:-(\d{1,7})(?::(\d{1,7}))?)?")

# Far beyond what people wrote: a character has at most 13 strokes and 693 points, a line of text 149 and 8,987; a
# coordinate is at most 13,151.
MOST_STROKES = 250
MOST_POINTS = 20_000
LARGEST_COORDINATE = 1e6
MOST_TEXT = 16 * 2**20  # characters of a file together with what it includes; at most 2 million
DEEPEST = 8  # files that include each other
LONGEST_VALUE = 80

DECLARATIONS = {"COORD", "WRITER_ID", *(f"{axis}_POINTS_PER_{unit}" for axis in "XY" for unit in ("INCH", "MM"))}
KEYWORDS = DECLARATIONS | {"INCLUDE", "SEGMENT", "COMMENT", "PEN_DOWN"}

Statement = tuple[str, str]


class Segment(NamedTuple):
    """A piece of a drawing: on which level of the hierarchy ("CHARACTER"), which components, and what it says."""

    level: str
    components: str
    label: str


class Drawing(NamedTuple):
    """The components of a file that were drawn with the pen down, each (n, 2) float32, x right and y down; its writer.

    Both axes have the unit of the tablet's x axis. A component may be empty.
    """

    strokes: list[np.ndarray]
    writer: str | None


def statements(text: str) -> list[Statement]:
    """The statements of a text that matter here: keywords, without the dot, each with what follows it."""
    if len(text) > MOST_TEXT:
        raise DataError(f"it has more than {MOST_TEXT // 2**20} MiB of text")
    found: list[Statement] = []
    keyword, begin = "", 0
    for match in STATEMENT.finditer(text):
        if keyword in KEYWORDS:
            found.append((keyword, text[begin : match.start()]))
        keyword, begin = match[1], match.end()
    if keyword in KEYWORDS:
        found.append((keyword, text[begin:]))
    return found


def segment(text: str) -> Segment | None:
    r"""What a `.SEGMENT` says, or None if it has no label. In labels `\"` stands for `"` and `\\` for a backslash."""
    match = SEGMENT.fullmatch(text)
    return Segment(match[1], match[2], ESCAPED.sub(r"\1", match[3])) if match else None


def with_included(text: Iterable[Statement], include: Callable[[str], str]) -> list[Statement]:
    """Replace `.INCLUDE` by the statements of the file that `include` gives for its name.

    Raises DataError for files that include each other without end.
    """
    size = 0

    def expanded(text: Iterable[Statement], depth: int) -> Iterable[Statement]:
        nonlocal size
        for keyword, value in text:
            if keyword != "INCLUDE":
                yield keyword, value
                continue
            content = include(value.strip())
            size += len(content)
            if depth == DEEPEST or size > MOST_TEXT:
                raise DataError(f"it includes more than {DEEPEST} files in each other, or {MOST_TEXT // 2**20} MiB")
            yield from expanded(statements(content), depth + 1)

    return list(expanded(text, 0))


def drawing(text: Iterable[Statement]) -> Drawing:
    """The strokes of a file; raises DataError with a phrase if they are no numbers, or several writers' or tablets'."""
    numbers, counts = array("d"), list[int]()
    declared: defaultdict[str, set[str]] = defaultdict(set)
    for keyword, value in text:
        if keyword == "PEN_DOWN":
            before = len(numbers)
            try:
                numbers.extend(map(float, value.split()))
            except ValueError as error:
                raise DataError(f"a component has what is not a number ({str(error)[:60]})") from error
            counts.append(len(numbers) - before)
        elif keyword in DECLARATIONS:
            declared[keyword].add(" ".join(value.split()))
    values = {keyword: only(keyword, values) for keyword, values in declared.items()}
    columns = values.get("COORD", "X Y").split()
    if columns.count("X") != 1 or columns.count("Y") != 1:
        raise DataError(f"its coordinates are {' '.join(columns)[:40]!r}, not X and Y")
    if any(count % len(columns) for count in counts):
        raise DataError(f"a component has numbers that are not points of {' '.join(columns)[:40]}")
    points = np.frombuffer(numbers).reshape(-1, len(columns))[:, [columns.index("X"), columns.index("Y")]]
    if not (np.abs(points) <= LARGEST_COORDINATE).all():  # which nan is not, either
        raise DataError("a coordinate is not a finite number of at most a million")
    # Up is positive in UNIPEN. Zero minus zero is a zero without a sign.
    points = np.column_stack([points[:, 0], 0 - points[:, 1] * scale_of_y(values)]).astype(np.float32)
    return Drawing(np.split(points, np.cumsum(counts)[:-1] // len(columns)) if counts else [], values.get("WRITER_ID"))


def only(keyword: str, values: set[str]) -> str:
    """The one value that a file declares; raises DataError with a phrase if it is another later, or unreadable."""
    if len(values) > 1:
        raise DataError(f"it has {len(values)} values of .{keyword}")
    (value,) = values
    if not (0 < len(value) <= LONGEST_VALUE and value.isprintable()):
        raise DataError(f"its .{keyword} is not readable")
    return value


def scale_of_y(values: Mapping[str, str]) -> float:
    """By what y is multiplied to have the unit of x: the tablet of the contributor aga has 856.7 and 979.3 per inch."""
    for unit in ("INCH", "MM"):
        texts = [values.get(f"{axis}_POINTS_PER_{unit}", "") for axis in "XY"]
        if all(texts):
            across, along = map(leading_number, texts)
            if not 0.1 < across / along < 10:
                raise DataError(f"its tablet has the resolutions {across:g} and {along:g}")
            return across / along
    return 1.0


def leading_number(text: str) -> float:
    """The positive number that a value begins with; raises DataError with a phrase if there is none."""
    try:
        number = float(text.split()[0])
    except ValueError as error:
        raise DataError(f"{text[:40]!r} is not a number") from error
    if not 0 < number < LARGEST_COORDINATE:
        raise DataError(f"{text[:40]!r} is not a number of points per unit")
    return number


def cut(strokes: Sequence[np.ndarray], components: str) -> tuple[np.ndarray, ...] | None:
    """The strokes of a segment, each (n, 2) float32, or None if it is empty, not wholly in the drawing, or too large.

    `components` are ranges such as 3, 3-5, 3,5 or 3:10-4:20, from the 11th point of the fourth component that was drawn
    with the pen down to the 21st of the next: all are counted from 0, and both ends belong to it. Components with the
    pen up are not counted, whatever the definition says: that is how the contributors to train_r01_v07 did it, but
    for five.
    """
    found: list[np.ndarray] = []
    for part in components.split(","):
        match = RANGE.fullmatch(part)
        if match is None:
            return None
        first, last = int(match[1]), int(match[3] or match[1])
        if not first <= last < len(strokes):
            return None
        begin, end = int(match[2] or 0), int(match[4] or len(strokes[last]) - 1)
        if begin >= max(len(strokes[first]), 1) or end >= len(strokes[last]):
            return None
        if len(found) + last - first >= MOST_STROKES:
            return None
        found += [
            strokes[index][begin if index == first else 0 : end + 1 if index == last else None]
            for index in range(first, last + 1)
        ]
    if not 0 < sum(map(len, found)) <= MOST_POINTS:
        return None
    return tuple(piece.copy() for piece in found if len(piece))  # copies, so that the rest of the file is not kept
