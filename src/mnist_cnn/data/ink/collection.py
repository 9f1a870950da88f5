"""Files and folders with digital ink become one collection of characters, verified."""

import hashlib
import stat
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mnist_cnn.data import container
from mnist_cnn.data.ink import pendigits, unipen
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.file_tree import Files, in_tar, in_zip, is_tar
from mnist_cnn.data.ink.line import InkLine
from mnist_cnn.data.ink.packed import SNIFFED, Forward, beginning, whole
from mnist_cnn.data.source import absolute, say_nothing
from mnist_cnn.errors import DataError
from mnist_cnn.system.files import read_limited

EXPECTED = (
    "give UNIPEN train_r01_v07, as a folder or as the archive that it comes in, or Pen-Digits' pendigits-orig.tra and "
    "pendigits-orig.tes, plain or packed"
)
MOST_ENTRIES = 10_000  # of a folder that is searched for files
ZIP = (b"PK\3\4", b"PK\5\6")


@dataclass(frozen=True, eq=False, repr=False)
class Ink:
    """Characters written with a pen: digits, and letters, symbols and lines of words as examples of what is no digit.

    `sources` are the names of the datasets that they are from, `sha256` is `sha256_of` the characters, and `origin` the
    absolute paths to pass to load them again; `lines` are only there if they were asked for. Which writers are for
    testing only, `writers.held_out` says.
    """

    characters: tuple[InkCharacter, ...]
    sources: tuple[str, ...]
    sha256: str
    origin: tuple[str, ...]
    lines: tuple[InkLine, ...] = ()

    @property
    def digits(self) -> tuple[InkCharacter, ...]:
        """Those of 0 to 9."""
        return tuple(one for one in self.characters if one.is_digit)

    @property
    def others(self) -> tuple[InkCharacter, ...]:
        """All that are not one of 0 to 9."""
        return tuple(one for one in self.characters if not one.is_digit)

    def __repr__(self) -> str:
        return f"Ink({len(self.characters):,} characters, {', '.join(self.sources)})"


class Found(NamedTuple):
    """The characters of one file or tree of files: which dataset it is, and of that which part."""

    source: str
    part: str
    characters: list[InkCharacter]
    path: Path
    lines: Sequence[InkLine] = ()


def load_ink(
    paths: str | Path | Sequence[str | Path], say: Callable[[str], None] = say_nothing, *, with_lines: bool = False
) -> Ink:
    """Load datasets of digital ink from files and folders, recognised by their contents and not by their names.

    Each is UNIPEN train_r01_v07, as a folder with `data/` and `include/` (or one that has such a folder in it) or as a
    tar, tar.gz, tar.xz or ZIP archive; a file of Pen-Digits, plain or packed as .Z, .gz or .xz; a ZIP or tar archive of
    these; or a folder of any such files. Archives are never unpacked to the disk. `say` is told how many characters of
    how many writers were read, and what was left out and why. The order of the paths makes no difference.

    Raises DataError, one sentence, if a path is missing, unreadable or damaged, or has nothing of that, if a dataset is
    given twice, or if there is no digit.
    """
    places = [absolute(str(path)) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    if not places:
        raise DataError(f"No path was given: {EXPECTED}.")
    parts: dict[tuple[str, str], Found] = {}
    for place in places:
        for one in found_at(place, say, with_lines):
            if before := parts.get((one.source, one.part)):
                raise DataError(
                    f"{' '.join([one.source, one.part]).strip()} is given twice, by {before.path} and by {one.path}: "
                    "give it once."
                )
            parts[one.source, one.part] = one
    characters = tuple(character for key in sorted(parts) for character in parts[key].characters)
    if not any(one.is_digit for one in characters):
        raise DataError(f"No digit was found in {', '.join(map(str, places))}: {EXPECTED}.")
    sources = tuple(dict.fromkeys(source for source, _ in sorted(parts)))
    lines = tuple(line for key in sorted(parts) for line in parts[key].lines)
    return Ink(characters, sources, sha256_of(characters), tuple(map(str, places)), lines)


def found_at(place: Path, say: Callable[[str], None], with_lines: bool) -> list[Found]:
    """What is at a path; raises DataError, a sentence, if that is nothing."""
    with explained(place):
        mode = place.stat().st_mode
        if stat.S_ISDIR(mode):
            found = in_place(place, say, with_lines)
        elif stat.S_ISREG(mode):
            found = in_file(place, say, with_lines)
        else:  # a pipe or a device may never end
            raise DataError("it is neither a file nor a folder, but a pipe or a device")
        if not found:
            raise DataError("it holds no digital ink that is known here")
    return found


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Make a sentence of whatever goes wrong with this path, also of a DataError that is only a phrase."""
    with container.explained(path, EXPECTED):
        try:
            yield
        except DataError as error:
            phrase = str(error)
            raise DataError(
                phrase if phrase.endswith(".") else f"{path} cannot be read, since {phrase}: {EXPECTED}."
            ) from error


def in_place(folder: Path, say: Callable[[str], None], with_lines: bool) -> list[Found]:
    """What is in a folder: the tree of UNIPEN, and any files beside it."""
    entries = sorted(folder.iterdir())
    if len(entries) > MOST_ENTRIES:
        raise DataError(f"it is a folder of {len(entries):,} entries")
    found = from_tree(files, folder, say, with_lines) if (files := unipen.tree_in(folder)) else []
    for entry in entries:
        if entry.is_file():
            with explained(entry):
                found += in_file(entry, say, with_lines)
    return found


def in_file(path: Path, say: Callable[[str], None], with_lines: bool) -> list[Found]:
    """What is in a file: an archive or one of Pen-Digits' files."""
    with path.open("rb") as stream:
        start = stream.read(SNIFFED)
        if start.startswith(ZIP):
            return from_archive(in_zip(path, wanted), path, say, with_lines)
        if is_tar(beginning(start)):
            stream.seek(0)
            return from_archive(in_tar(Forward(stream), wanted), path, say, with_lines)
    if pendigits.is_one(start):
        return [from_pendigits(unpacked(read_limited(path, pendigits.LARGEST)), path, say)]
    return []


def wanted(name: str, start: bytes) -> bool:
    """Whether a file in an archive is one that can be read here."""
    return unipen.belongs(name) or pendigits.is_one(start)


def from_archive(files: Files, path: Path, say: Callable[[str], None], with_lines: bool) -> list[Found]:
    """What is in the files of an archive."""
    tree = {name: read for name, read in files.items() if unipen.belongs(name)}
    found = from_tree(tree, path, say, with_lines) if unipen.is_tree(tree) else []
    texts = {
        unpacked(read()) for name, read in files.items() if name not in tree
    }  # a file may be there packed and plain
    return found + [from_pendigits(text, path, say) for text in sorted(texts)]


def from_tree(files: Files, path: Path, say: Callable[[str], None], with_lines: bool) -> list[Found]:
    """The characters of UNIPEN, and perhaps its lines."""
    characters = unipen.characters(files, say)
    say(f"{unipen.NAME}: {described(characters)}")
    return [Found(unipen.NAME, "", characters, path, unipen.lines(files, say) if with_lines else ())]


def unpacked(content: bytes) -> str:
    """The text of one of Pen-Digits' files, which may be packed."""
    text = whole(content, pendigits.LARGEST)
    if len(text) > pendigits.LARGEST:
        raise DataError(f"it unpacks to more than {pendigits.LARGEST // 2**20} MiB")
    return text.decode("latin-1")


def from_pendigits(text: str, path: Path, say: Callable[[str], None]) -> Found:
    """The digits of one of Pen-Digits' files."""
    which, digits = pendigits.part(text)
    say(f"{pendigits.NAME}, pendigits-orig.{which.name}: {described(digits)}")
    return Found(pendigits.NAME, f"pendigits-orig.{which.name}", digits, path)


def described(characters: Sequence[InkCharacter]) -> str:
    """How many of what."""
    digits = sum(one.is_digit for one in characters)
    others = f" and {len(characters) - digits:,} other characters" if digits < len(characters) else ""
    return f"{digits:,} digits{others} of {writers(characters):,} writers"


def writers(characters: Sequence[InkCharacter]) -> int:
    """How many people wrote these."""
    return len({one.writer for one in characters})


def sha256_of(characters: Sequence[InkCharacter]) -> str:
    """The SHA-256 of characters, in hexadecimal.

    For each: label and writer in UTF-8 with a zero byte after them, the number of strokes, and of each stroke the
    number of points and the points; numbers are 32 bits, little-endian, coordinates are float32.
    """
    digest = hashlib.sha256()
    for one in characters:
        digest.update(f"{one.label}\0{one.writer}\0".encode() + struct.pack("<I", len(one.strokes)))
        for stroke in one.strokes:
            digest.update(struct.pack("<I", len(stroke)) + stroke.astype("<f4").tobytes())
    return digest.hexdigest()
