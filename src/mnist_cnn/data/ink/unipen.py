"""UNIPEN train_r01_v07: single characters by many people, as the International Unipen Foundation distributes them.

Its files are in two folders. Those in `data/` say which components of the files in `include/` are one character, in
categories: 1a digits, 1b upper case, 1c lower case, 1d symbols. The others, words and texts, are not read here.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from mnist_cnn.data.ink import unipen_text
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.file_tree import Files, in_folder
from mnist_cnn.data.ink.unipen_text import Drawing, Statement
from mnist_cnn.errors import DataError

NAME = "UNIPEN train_r01_v07"

# These count their components otherwise than the others, so what their segments name is something else.
LEFT_OUT = ("cea", "ceb", "lou", "pri", "tos")

# The parts of a name are compared in lower case: on some CDs they are in upper case.
IN_DATA = re.compile(r"(?:(.*)/)?data/(1[a-d])/(([^/]+)/.+)", re.DOTALL)
IN_INCLUDE = re.compile(r"(?:(.*)/)?include/([^/]+)/.+", re.DOTALL)
MOST_CHARACTERS = 1_000_000

# `.WRITER_ID` of ibm is the session and the writer: 22 for 12 people, and some characters are in several sessions. Two
# spellings of kai are one person, by the names in its files.
SESSION = re.compile(r"r\d\d-(\d\d)")
SAME_WRITER = {("kai", "ykryu"): "yklyu"}


def belongs(name: str, _: bytes = b"") -> bool:
    """Whether a file in an archive may be needed, by its name."""
    name = name.lower()
    match = IN_INCLUDE.fullmatch(name)
    return match[2] not in LEFT_OUT if match else IN_DATA.fullmatch(name) is not None


def tree_in(folder: Path) -> Files:
    """The files of a folder that has `data/` and `include/` itself or one level below; empty if there are none.

    Raises OSError and DataError as `in_folder` does.
    """
    for place in (folder, *sorted(one for one in folder.iterdir() if one.is_dir() and not one.is_symlink())):
        below = {one.name.lower(): one for one in place.iterdir() if one.is_dir() and not one.is_symlink()}
        if {"data", "include"} <= set(below):
            found: Files = {}
            for name in ("data", "include"):
                found |= {f"{name}/{file}": read for file, read in in_folder(below[name]).items()}
            if any(IN_DATA.fullmatch(name.lower()) for name in found):
                return found
    return {}


def characters(files: Files, say: Callable[[str], None]) -> list[InkCharacter]:
    """All characters of categories 1a to 1d, sorted by contributor and file; `say` is told what was left out.

    `files` are those of `tree_in`, or those of an archive that `belongs` chose: of an archive with several trees, the
    one that comes first is read. Raises DataError with a phrase if none of its files can be read.
    """
    lowered = {name.lower(): read for name, read in sorted(files.items(), reverse=True)}
    places = [match for name in sorted(lowered) if (match := IN_DATA.fullmatch(name))]
    root = min((match[1] or "" for match in places), default="")
    found: list[InkCharacter] = []
    unread: Counter[str] = Counter()
    outside = unlabelled = 0
    left_out = Counter(match[4] for match in places if match[4] in LEFT_OUT)
    # A file of `include/` is named by one of `data/` for each category. It is read once, for all of them.
    pages: defaultdict[tuple[str, str, tuple[Statement, ...]], list[str]] = defaultdict(list)
    for match in sorted(places, key=lambda match: (match[4], match[3], match[2])):
        if (match[1] or "") != root or match[4] in LEFT_OUT:
            continue
        try:
            text = unipen_text.statements(content(lowered[match[0]]))
        except (OSError, DataError) as error:
            unread[f"{match[0]}: {error}"] += 1
            continue
        others = tuple(one for one in text if one[0] != "SEGMENT")
        pages[match[4], match[3], others] += [value for keyword, value in text if keyword == "SEGMENT"]
    for (contributor, name, others), segments in pages.items():
        try:
            drawn = drawing(others, lowered, root)
        except (OSError, DataError) as error:
            unread[f"{name}: {error}"] += 1
            continue
        for one in segments:
            segment = unipen_text.segment(one)
            if segment is None or segment.level != "CHARACTER" or len(segment.label) != 1:
                unlabelled += 1
            elif (strokes := unipen_text.cut(drawn.strokes, segment.components)) is None:
                outside += 1
            else:
                found.append(InkCharacter(segment.label, writer(contributor, drawn), strokes))
        if len(found) > MOST_CHARACTERS:
            raise DataError(f"it holds more than {MOST_CHARACTERS:,} characters")
    if not found:
        raise DataError(f"none of its {len(places):,} files could be read{reason(unread)}")
    if left_out:
        say(f"{NAME}: {left_out.total():,} files of {', '.join(sorted(left_out))} left out, whose segments are unclear")
    if unread:
        say(f"{NAME}: {unread.total():,} files left out, which could not be read{reason(unread)}")
    if unlabelled:
        say(f"{NAME}: {unlabelled:,} segments left out that are not labelled with one character")
    if outside:
        say(f"{NAME}: {outside:,} segments left out that name strokes which are not in their files")
    return found


def reason(unread: Counter[str]) -> str:
    """The first of the reasons, in brackets."""
    return f" ({next(iter(unread))})" if unread else ""


def content(read: Callable[[], bytes]) -> str:
    """A file's text. UNIPEN is ASCII, but for some names of people and places in Latin-1."""
    return read().decode("latin-1")


def drawing(text: tuple[Statement, ...], files: Files, root: str) -> Drawing:
    """What the files that a file includes have drawn; raises DataError with a phrase."""

    def include(name: str) -> str:
        place = f"{root}/include/{name}".lstrip("/").lower()
        if place not in files:
            raise DataError(f"it includes {name[:80]!r}, which is missing")
        return content(files[place])

    return unipen_text.drawing(unipen_text.with_included(text, include))


def writer(contributor: str, drawn: Drawing) -> str:
    """The name of a writer; raises DataError with a phrase if a file has none."""
    if drawn.writer is None:
        raise DataError("it has no .WRITER_ID")
    name = SAME_WRITER.get((contributor, drawn.writer), drawn.writer)
    if contributor == "ibm" and (match := SESSION.fullmatch(name)):
        name = match[1]
    return f"unipen/{contributor}/{name}"
