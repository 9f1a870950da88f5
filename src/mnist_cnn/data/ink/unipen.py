"""UNIPEN train_r01_v07: single characters by many people, as the International Unipen Foundation distributes them.

Its files are in two folders. Those in `data/` say which components of the files in `include/` are one character, in
categories: 1a digits, 1b upper case, 1c lower case, 1d symbols. Those of category 8 say which are a line of a text. The
others, single words, are not read here.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnist_cnn.data.ink import unipen_text
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.file_tree import Files, in_folder
from mnist_cnn.data.ink.line import InkLine
from mnist_cnn.data.ink.unipen_text import Drawing, Statement
from mnist_cnn.errors import DataError
from mnist_cnn.system.visible import visible

NAME = "UNIPEN train_r01_v07"

# These count their components otherwise than the others, so what their segments name is something else.
LEFT_OUT = ("cea", "ceb", "lou", "pri", "tos")

CHARACTERS, TEXTS = ("1a", "1b", "1c", "1d"), "8"

# Of their texts, too many lines hold digits that their labels do not name, or letters far apart, as in a form.
TEXTS_LEFT_OUT = ("lex", "hpb", "hpp", "ced")

# The parts of a name are compared in lower case: on some CDs they are in upper case.
IN_DATA = re.compile(r"(?:(.*?)/)?data/(1[a-d]|8)/(([^/]+)/.+)", re.DOTALL)
IN_INCLUDE = re.compile(r"(?:(.*?)/)?include/([^/]+)/.+", re.DOTALL)

# Far more than there is: 124,000 characters of 4.8 million points, and 100 million characters of text.
MOST_CHARACTERS = 1_000_000
MOST_POINTS = 50_000_000
MOST_TEXT = 2**30

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
    for place in (folder, *folders(folder).values()):
        below = folders(place)
        if {"data", "include"} <= set(below):
            categories = {name: one for name, one in folders(below["data"]).items() if name in (*CHARACTERS, TEXTS)}
            found: Files = {}
            for name, one in categories.items():
                found |= {f"data/{name}/{file}": read for file, read in in_folder(one).items()}
            if found:
                return found | {f"include/{file}": read for file, read in in_folder(below["include"]).items()}
    return {}


def folders(place: Path) -> dict[str, Path]:
    """The folders in a folder by their names in lower case, without links; none if it may not be looked into."""
    with suppress(PermissionError):
        return {one.name.lower(): one for one in sorted(place.iterdir()) if one.is_dir() and not one.is_symlink()}
    return {}


def is_tree(files: Files) -> bool:
    """Whether files that `belongs` chose have characters in them."""
    return any((match := IN_DATA.fullmatch(name.lower())) and match[2] in CHARACTERS for name in files)


class Tree:
    """The files of one tree, by their names in lower case; what is read of them all is limited."""

    def __init__(self, files: Files) -> None:
        self._files = {name.lower(): read for name, read in sorted(files.items(), reverse=True)}
        found = [match for name in self._files if (match := IN_DATA.fullmatch(name))]
        self._root = min((match[1] or "" for match in found if match[2] != TEXTS), default="")
        # Sorted by contributor and file, so that what is read does not depend on the order in an archive.
        mine = sorted(
            (match for match in found if (match[1] or "") == self._root),
            key=lambda match: (match[4], match[3], match[2]),
        )
        self.data = [match for match in mine if match[2] != TEXTS]
        self.texts = [match for match in mine if match[2] == TEXTS]
        self.size = 0  # of the text that was read

    def text(self, name: str) -> str:
        """A file's text. UNIPEN is ASCII, but for some names of people and places in Latin-1."""
        content = self._files[name]()
        self.size += len(content)
        if self.size > MOST_TEXT:
            raise DataError(f"it has more than {MOST_TEXT // 2**20} MiB of text")
        return content.decode("latin-1")

    def included(self, name: str) -> str:
        """The text of a file that another includes; raises DataError with a phrase if it is missing."""
        place = f"{self._root}/include/{name}".lstrip("/").lower()
        if place not in self._files:
            raise DataError(f"it includes {name[:80]!r}, which is missing")
        return self.text(place)


class Page(NamedTuple):
    """A drawing and what refers to it: a file of `include/` is named by one of `data/` for each category."""

    contributor: str
    name: str
    statements: tuple[Statement, ...]


def characters(files: Files, say: Callable[[str], None]) -> list[InkCharacter]:
    """All characters of categories 1a to 1d, sorted by contributor and file; `say` is told what was left out.

    `files` are those of `tree_in`, or those of an archive that `belongs` chose; of several trees the first is read.
    Raises DataError with a phrase if nothing can be read, or if it is far more than UNIPEN has.
    """
    tree = Tree(files)
    unread: list[str] = []
    found: list[InkCharacter] = []
    unlabelled = outside = points = 0
    for page, data_files in pages(tree, tree.data, unread).items():
        try:
            strokes_of_page, writer = drawn(tree, page)
        except (OSError, DataError) as error:
            unread += [f"{page.name}: {error}"] * len(data_files)
            continue
        for one in chain.from_iterable(data_files):
            segment = unipen_text.segment(one)
            if segment is None or segment.level != "CHARACTER" or not is_label(segment.label):
                unlabelled += 1
            elif (strokes := unipen_text.cut(strokes_of_page, segment.components)) is None:
                outside += 1
            else:
                found.append(InkCharacter(segment.label, writer, strokes))
                points += sum(map(len, strokes))
                if len(found) > MOST_CHARACTERS or points > MOST_POINTS:
                    raise DataError(f"it has more than {MOST_CHARACTERS:,} characters, or too long ones")
    if tree.size > MOST_TEXT:
        raise DataError(f"it has more than {MOST_TEXT // 2**20} MiB of text")
    if not found:
        raise DataError(f"nothing could be read of its {len(tree.data):,} files{reason(unread)}")
    if left := [match[4] for match in tree.data if match[4] in LEFT_OUT]:
        say(f"{NAME}: {len(left):,} files left out of {', '.join(sorted(set(left)))}, who number strokes otherwise")
    if unread:
        say(f"{NAME}: {len(unread):,} files left out that could not be read{reason(unread)}")
    if unlabelled:
        say(f"{NAME}: {unlabelled:,} segments left out that are not labelled with one character")
    if outside:
        say(f"{NAME}: {outside:,} segments left out whose strokes are not in their files")
    return found


def lines(files: Files, say: Callable[[str], None]) -> list[InkLine]:
    """The lines of texts of category 8 in which no digit is said to be, sorted by contributor and file.

    `files` are those of `characters`; what cannot be read is left out, since nobody depends on all of them.
    """
    tree = Tree(files)
    found: list[InkLine] = []
    texts = [match for match in tree.texts if match[4] not in TEXTS_LEFT_OUT]
    for page, text_files in pages(tree, texts, []).items():
        with suppress(OSError, DataError):
            strokes_of_page, writer = drawn(tree, page)
            for one in chain.from_iterable(text_files):
                segment = unipen_text.segment(one)
                if segment is None or segment.level != "TEXT" or any(map(str.isdigit, segment.label)):
                    continue
                if strokes := unipen_text.cut(strokes_of_page, segment.components):
                    found.append(InkLine(segment.label, writer, strokes))
    if found:
        say(f"{NAME}: {len(found):,} lines of words without digits")
    return found


def drawn(tree: Tree, page: Page) -> tuple[list[np.ndarray], str]:
    """The strokes of a page, and who wrote it; raises OSError, and DataError with a phrase, if it cannot be read."""
    drawing = unipen_text.drawing(unipen_text.with_included(page.statements, tree.included))
    return drawing.strokes, writer_of(page.contributor, drawing)


def pages(tree: Tree, data: Sequence[re.Match[str]], unread: list[str]) -> dict[Page, list[list[str]]]:
    """The segments of each file that is not left out, by what they refer to; `unread` gets what cannot be read."""
    found: defaultdict[Page, list[list[str]]] = defaultdict(list)
    for match in data:
        contributor, name = match[4], match[3]
        if contributor in LEFT_OUT:
            continue
        try:
            statements = unipen_text.statements(tree.text(match[0]))
        except (OSError, DataError) as error:
            unread.append(f"{match[2]}/{name}: {error}")
            continue
        others = tuple(one for one in statements if one[0] != "SEGMENT")
        segments = [value for keyword, value in statements if keyword == "SEGMENT"]
        found[Page(contributor, name, others)].append(segments)
    return found


def is_label(label: str) -> bool:
    r"""Whether it is one character. The contributor kai has `\@` for what is not in its alphabet."""
    return len(label) == 1 and label.isprintable() and not label.isspace()


def writer_of(contributor: str, drawing: Drawing) -> str:
    """The name of a writer; raises DataError with a phrase if a file has none."""
    if drawing.writer is None:
        raise DataError("it has no .WRITER_ID")
    name = SAME_WRITER.get((contributor, drawing.writer), drawing.writer)
    if contributor == "ibm" and (match := SESSION.fullmatch(name)):
        name = match[1]
    return f"unipen/{contributor}/{name}"


def reason(unread: list[str]) -> str:
    """The first of the files that could not be read, and why, in brackets; its name may be harmful to a terminal."""
    return f" ({visible(unread[0][:200])})" if unread else ""
