"""Tiny datasets of digital ink, as texts: UNIPEN's folders and Pen-Digits' files."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from mnist_cnn.data.ink import pendigits
from mnist_cnn.data.ink.pendigits import Part

DOCUMENTATION = """\
.VERSION 1.0
.DATA_INFO   Drawn for tests. A line of a text may begin with a dot within it:
             ".PEN_DOWN" is a word here.
.COORD X Y
.HIERARCHY CHARACTER
.X_POINTS_PER_INCH 100
.Y_POINTS_PER_INCH 100
"""

# Four components with the pen down, and others between them with the pen up.
DRAWING = """\
.WRITER_ID Ann
.PEN_DOWN
0 10
1 11
2 12
.PEN_UP
3 13
.PEN_DOWN
4 14
5 15
.DT 20
.PEN_UP
.START_BOX
.PEN_DOWN
6 16
7 17
8 18
.PEN_DOWN
9 19
"""


def data_file(contributor: str, name: str, *segments: str, level: str = "CHARACTER") -> str:
    included = f".VERSION 1.0\n.INCLUDE {contributor}/{contributor}.doc\n.INCLUDE {contributor}/data/{name}\n"
    return included + "".join(f".SEGMENT {level} {one}\n" for one in segments)


def tree(*segments: str, drawing: str = DRAWING) -> dict[str, str]:
    """The files of a tree with one writer's digits, and one letter in another category."""
    return {
        "data/1a/abc/one.dat": data_file("abc", "one.dat", *(segments or ['0 ? "1"', '1-2 OK "4"'])),
        "data/1b/abc/one.dat": data_file("abc", "one.dat", '3 ? "I"'),
        "data/7/abc/one.dat": data_file("abc", "one.dat", '0-3 ? "1"'),
        "include/abc/abc.doc": DOCUMENTATION,
        "include/abc/data/one.dat": drawing,
    }


def write_tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode("latin-1"))
    return folder


def as_tar(files: dict[str, str] | dict[str, bytes], mode: str = "w", below: str = "") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:  # type: ignore[call-overload]
        for name, text in files.items():
            member = tarfile.TarInfo(below + name)
            data = text if isinstance(text, bytes) else text.encode("latin-1")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


def as_zip(files: dict[str, str] | dict[str, bytes], below: str = "") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(below + name, text)
    return content.getvalue()


def pen_digits(writers: int, count: int) -> str:
    """A text like Pen-Digits' own: digits one after the other, of two strokes each, by each writer in turn."""
    lines = [".INCLUDE        dene.doc", "", ".HIERARCHY      DIGIT", ""]
    for index in range(count):
        digit = index % 10
        lines += [
            f'.SEGMENT DIGIT    {2 * index}-{2 * index + 1} ? "{digit}"',
            f".COMMENT {digit} {index % writers + 1}  {index}",
            *(".PEN_DOWN", f" {index}  10", f" {index}  {digit}", ".PEN_UP", ".DT 100"),
            *(".PEN_DOWN", f" {index + 1}  5", ".PEN_UP", ".DT 100", ""),
        ]
    return "\n".join(lines)


@pytest.fixture
def small_pen_digits(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Pen-Digits with 40 and 20 digits: the training and the test file."""
    monkeypatch.setattr(pendigits, "TRAINING", Part("tra", 4, 40))
    monkeypatch.setattr(pendigits, "TEST", Part("tes", 2, 20))
    return pen_digits(4, 40), pen_digits(2, 20)
