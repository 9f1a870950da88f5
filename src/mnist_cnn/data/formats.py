"""A path becomes raw data, whatever format is there: told by its contents, and by the names of files in a folder.

Nothing is unpickled, and nothing that is read is run.
"""

import io
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from mnist_cnn.data import (
    array_names,
    class_folders,
    container,
    csv_data,
    idx_files,
    image_files,
    known_sets,
    mat_file,
    parquet_data,
)
from mnist_cnn.data.container import EXPECTED, explained, some
from mnist_cnn.data.contents import NAMES
from mnist_cnn.data.dataset import Preparation
from mnist_cnn.data.image_files import Member
from mnist_cnn.data.raw_data import TEST, TRAIN, VALIDATION, Part, RawData, part_named
from mnist_cnn.errors import DataError
from mnist_cnn.system.files import read_limited

Say = Callable[[str], None]
TABLES = (".csv", ".tsv", ".txt")
PICKLED = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
# What people have that is not read: how it begins, what it is, and what to do instead.
FOREIGN = (
    (b"\x89HDF", "an HDF5 file (.h5, or a .mat of version 7.3)", "save its arrays with numpy.savez_compressed"),
    (b"\x93NUMPY", "a single array (.npy)", "save images and labels together: numpy.savez_compressed(path, x=…, y=…)"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it, and name its folder"),
    (b"Rar!", "a RAR archive", "unpack it, and name its folder"),
)
NO_TEST_LABELS = "{} has no labels, so it is not the test part: classify it with `mnist-cnn predict`"


def read(path: Path, wanted: Preparation, say: Say) -> RawData:
    """What is at a path. Raises DataError, one sentence, if it is missing, damaged, too large, or not known here."""
    with explained(path):
        if path.is_dir():
            return from_folder(path, wanted, say)
        if not path.exists() and (sets := idx_files.below(path.parent, path.name) if path.parent.is_dir() else []):
            return from_idx(complete(sets, path), path)  # the beginning of the names of some files
        container.require_file(path)
        return from_file(path, wanted, say)


def from_file(path: Path, wanted: Preparation, say: Say) -> RawData:
    """What is in a file."""
    with path.open("rb") as stream:
        start = stream.read(512)
    if start[:2] == b"PK":
        return from_zip(path, wanted, say)
    if start[:4] == parquet_data.MAGIC:
        return parquet_data.read([path], wanted, say)
    if start.startswith(mat_file.MAGIC):
        return mat_file.read(path)
    if start[:2] in PICKLED or path.name.lower().endswith((".pkl", ".pickle", ".pkl.gz", ".pt", ".pth")):
        raise DataError(
            f"{path} is a Python pickle, which could run anything when it is loaded, and so is never loaded: save its "
            "arrays with numpy.savez_compressed, or get the data in another format."
        )
    for beginning, what, advice in FOREIGN:
        if start.startswith(beginning):
            raise DataError(f"{path} is {what}, which is not read: {advice}.")
    if is_text(start) or (start[:2] == b"\x1f\x8b" and is_packed_table(path)) or start[:3] == b"BZh":
        return from_tables([path], path.parent, wanted, say)
    container.reject_file(path, start[:4])
    raise AssertionError("not reached")


def is_text(start: bytes) -> bool:
    """Whether a file that begins like this may be a table: text of a line or more with a separator or a number."""
    start = start.removeprefix(b"\xef\xbb\xbf")
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    printable = bool(start) and all(one >= 32 or one in b"\t\r\n" for one in start)
    return printable and any(one in start for one in b",;\t 0123456789") and not start.lstrip().startswith((b"<", b"{"))


def is_packed_table(path: Path) -> bool:
    """Whether a gzipped file is called like a table."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(TABLES) or name in known_sets.USPS_FILES


# Folders


def from_folder(path: Path, wanted: Preparation, say: Say) -> RawData:
    """What is in a folder: IDX files, Parquet, tables, images in folders of classes, or one file of arrays."""
    sets = idx_files.below(path)
    if any(one.is_complete for one in sets):
        return from_idx(complete(sets, path), path)
    if parquet := [*parquet_data.files_in(path)]:
        return parquet_data.read(parquet, wanted, say)
    if usps := [one for one in sorted(path.iterdir()) if one.name in known_sets.USPS_FILES and one.is_file()]:
        known_sets.check_hashes("usps", usps)
        raw = from_tables(usps, path, wanted, say)
        return RawData(raw.parts, notes=raw.notes, name="usps")
    members = image_files.in_folder(path)
    found = from_members(members, path, wanted, say)
    if found:
        return found
    alone = [one for one in members if one.suffix in (".npz", ".mat", ".parquet", ".zip")]
    if len(alone) == 1:
        return from_file(path.joinpath(*alone[0].parts), wanted, say)
    if by_array := npz_apart(path, members):
        return by_array
    container.reject_folder(path, sets[0].files if sets else {})
    raise AssertionError("not reached")


def complete(sets: Sequence[idx_files.Found], path: Path) -> idx_files.Found:
    """The one complete dataset of IDX files; raises DataError if there are several, or none."""
    whole = [one for one in sets if one.is_complete]
    if not whole:
        container.reject_folder(path.parent, sets[0].files)
    first_place = {file.parent for file in whole[0].files.values()}
    beside = [one for one in whole if {file.parent for file in one.files.values()} == first_place]
    if len(beside) > 1:
        names = some([one.prefix.strip("-") for one in beside])
        raise DataError(f"{path} holds several datasets ({names}): add the name of one to the path.")
    return whole[0]


def from_idx(found: idx_files.Found, path: Path) -> RawData:
    """The data in four IDX files, with the class names of a dataset whose folder it is."""
    raw = idx_files.read(found, container.read_idx)
    folders = {part.lower() for part in path.parts[-3:]} | {one.parent.name.lower() for one in found.files.values()}
    for name, known in known_sets.KNOWN.items():
        is_own = raw.name == known.prefix.strip("-") if known.prefix else folders & {*map(str.lower, known.folders)}
        if is_own and (known.prefix or not raw.name):
            known_sets.check_hashes(name, [*found.files.values()])
            return RawData(raw.parts, known.class_names, raw.notes, name)
    return raw


def from_members(members: Sequence[Member], path: Path, wanted: Preparation, say: Say) -> RawData | None:
    """Tables or images among files in a folder or a ZIP; None if there are none."""
    tables = [one for one in members if one.suffix in TABLES and one.suffix != ".txt"]
    pixels, of_paths = by_kind(tables, path)
    if pixels:
        return from_pixels(pixels, str(path))
    if of_paths:
        return from_paths(of_paths, members, wanted, say, str(path))
    return class_folders.read(members, wanted, say, str(path)) if class_folders.is_one(members) else None


def from_zip(path: Path, wanted: Preparation, say: Say) -> RawData:
    """What is in an .npz, or in a ZIP of folders or tables."""
    with zipfile.ZipFile(path) as archive:
        names = [one.filename for one in archive.infolist()]
        if any(name.endswith(".npy") for name in names) or path.suffix.lower() == ".npz":
            return from_npz(archive, path)
        members = image_files.in_zip(archive, path)
        found = from_members(members, path, wanted, say)
    if not found:
        raise DataError(
            f"{path} holds neither arrays, tables nor images in folders of classes (it holds {some(names)})."
        )
    return found


def from_npz(archive: zipfile.ZipFile, path: Path) -> RawData:
    """The arrays of an .npz by their usual names; `class_names` may be among them."""
    members = {one.filename.removesuffix(".npy"): one for one in archive.infolist()}
    named = array_names.roles(members)
    if all(name in members for name in NAMES):
        named = {(part, role): name for name, (part, role) in zip(NAMES, idx_files.ROLES, strict=True)} | {
            key: name for key, name in named.items() if key[0] == VALIDATION
        }
    parts = array_names.complete_parts(named)
    if TRAIN not in parts and parts:
        named = {(TRAIN, role): named[parts[0], role] for role in ("images", "labels")}
        parts = [TRAIN]
    if not parts:
        missing = [name for name in NAMES if name not in members]
        raise DataError(f"{path} lacks {', '.join(missing)} (it holds {some(members)}): {EXPECTED}.")
    named = {key: name for key, name in named.items() if key[0] in parts}
    container.check_size(path, sum(members[name].file_size for name in named.values()))
    arrays = {key: container.read_member(archive, members[name], f"{path} ({name})") for key, name in named.items()}
    names = next((members[one] for one in array_names.CLASS_NAMES if one in members), None)
    return array_names.raw_data(arrays, names_in(archive, names, path) if names else ())


def names_in(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> tuple[str, ...]:
    """The class names in an array of texts; none if it is something else."""
    if member.file_size > 2**20:
        return ()
    try:
        array = container.read_member(archive, member, str(path))
    except (DataError, ValueError):
        return ()
    return tuple(array.tolist()) if array.ndim == 1 and array.dtype.kind == "U" and len(array) > 1 else ()


def npz_apart(path: Path, members: Sequence[Member]) -> RawData | None:
    """Arrays that each have an .npz of their own, as KMNIST's `kmnist-train-imgs.npz`; None if there are none."""
    files = {one.name.removesuffix(".npz"): path.joinpath(*one.parts) for one in members if one.suffix == ".npz"}
    named = array_names.roles({name.split("-", 1)[-1]: name for name in files})
    whole = {name.split("-", 1)[-1]: file for name, file in files.items()}
    if not array_names.complete_parts(named):
        return None
    arrays: dict[tuple[str, str], np.ndarray] = {}
    for key, name in named.items():
        with zipfile.ZipFile(whole[name]) as archive:
            only = archive.infolist()[0]
            container.check_size(whole[name], only.file_size)
            arrays[key] = container.read_member(archive, only, str(whole[name]))
    is_kmnist = any(name.startswith("kmnist") for name in files)
    known = known_sets.KNOWN["kmnist"].class_names if is_kmnist else ()
    return RawData(array_names.raw_data(arrays).parts, known, name="kmnist" if is_kmnist else None)


# Tables


def from_tables(paths: Sequence[Path], folder: Path, wanted: Preparation, say: Say) -> RawData:
    """What is in tables that are files on the disk."""
    tables = [Member((one.name,), partial(read_limited, one)) for one in paths]
    pixels, of_paths = by_kind(tables, folder)
    if pixels:
        return from_pixels(pixels, str(paths[0]) if len(paths) == 1 else str(folder))
    return from_paths(of_paths, image_files.in_folder(folder), wanted, say, str(paths[0]))


class OpenTable(NamedTuple):
    """A table that is in memory: its folders and name, and its bytes as a stream."""

    parts: tuple[str, ...]
    stream: BinaryIO

    @property
    def name(self) -> str:
        """The name without its folders."""
        return self.parts[-1]


def by_kind(tables: Sequence[Member], path: Path) -> tuple[list[OpenTable], list[OpenTable]]:
    """Tables of pixels, and tables of paths; what is neither, as a sample submission, is left out.

    Raises OSError if they are too large together.
    """
    pixels, of_paths = [], []
    left = image_files.LARGEST_TABLE
    for member in tables:
        content = member.read(left)
        left -= len(content)
        table = OpenTable(member.parts, io.BytesIO(content))
        first = next(iter(csv_data.Lines(table.stream, f"{path} ({table.name})")), "")
        table.stream.seek(0)
        layout = csv_data.table_of(first)
        if csv_data.is_of_paths(layout):
            if not layout.names or len(layout.names) != 2 or "submission" not in table.name.lower():
                of_paths.append(table)
        elif len(layout.first) >= 9:
            pixels.append(table)
        elif len(tables) == 1:
            csv_data.path_and_label(layout, f"{path} ({table.name})")
    return pixels, of_paths


def from_pixels(tables: Sequence[OpenTable], place: str) -> RawData:
    """Tables of pixels, each of the part that its name says; several others are one after the other."""
    parts: dict[str, Part] = {}
    notes: list[str] = []
    for table in tables:
        where = place if len(tables) == 1 else f"{place} ({table.name})"
        found = csv_data.read_pixels(table.stream, where)
        part = part_of_file(table.name) if len(tables) > 1 else TRAIN
        if found.labels is None:
            if len(tables) == 1:
                raise DataError(f"{NO_TEST_LABELS.format(where)}.")
            notes.append(NO_TEST_LABELS.format(table.name))
            continue
        images, labels = found.images, found.labels
        if table.name.lower().startswith("emnist"):
            images = idx_files.turned(images)
        if part in parts:
            raise DataError(f"{place} holds several tables for the part {part}: name one of them.")
        parts[part] = Part(images, labels)
    if TRAIN not in parts:
        raise DataError(f"{place} holds no table to train on that has labels: call it train.csv.")
    return RawData(parts, notes=tuple(notes))


def from_paths(
    tables: Sequence[OpenTable], members: Sequence[Member], wanted: Preparation, say: Say, place: str
) -> RawData:
    """Tables of the paths of image files, each of the part that its name says."""
    files = {one.parts: one for one in members}
    parts: dict[str, Part] = {}
    notes: list[str] = []
    for table in tables:
        where = place if len(tables) == 1 else f"{place} ({table.name})"
        part = part_of_file(table.name) if len(tables) > 1 else TRAIN
        try:
            made, said = csv_data.read_paths(table.stream, files, table.parts[:-1], wanted, say, where)
        except DataError:
            if part == TRAIN:
                raise
            notes.append(NO_TEST_LABELS.format(table.name))
            continue
        parts[part] = made
        notes += [one for one in said if one not in notes]
    if TRAIN not in parts:
        raise DataError(f"{place} holds no table to train on: call it train.csv.")
    return RawData(parts, notes=tuple(notes))


def part_of_file(name: str) -> str:
    """The part that a file is of by its name; USPS's `usps.t` is the test part."""
    return TEST if name.startswith("usps.t") else part_named(name) or TRAIN
