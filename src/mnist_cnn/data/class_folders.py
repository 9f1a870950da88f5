"""Folders of images that are named by class, in a folder or a ZIP, become raw data: `cat/`, `dog/`, or under `train/`.

The split is that of the folders `train`, `validation` and `test`, by any of their usual names, where there are any.
"""

from collections.abc import Callable, Sequence

from mnist_cnn.data.dataset import Preparation
from mnist_cnn.data.image_files import Member, decoded
from mnist_cnn.data.raw_data import PART_WORDS, TEST, TRAIN, VALIDATION, Part, RawData
from mnist_cnn.errors import DataError
from mnist_cnn.reading.picture import ENDINGS


def images_in(members: Sequence[Member]) -> list[Member]:
    """The images among these files, by their endings."""
    return [one for one in members if one.suffix in ENDINGS]


def is_one(members: Sequence[Member]) -> bool:
    """Whether images lie in folders here."""
    return any(len(one.parts) > 1 for one in images_in(members))


def read(members: Sequence[Member], wanted: Preparation, say: Callable[[str], None], place: str) -> RawData:
    """The images by part and class. Raises DataError if there are none, or none in folders of classes."""
    sorted_in: dict[str, list[tuple[str, Member]]] = {}
    outside = 0
    for parts, member in without_shared(images_in(members)):
        part = folder_part(parts[0]) if len(parts) > 1 else None
        while part and len(parts) > 2 and folder_part(parts[1]) == part:  # train/train/, as some archives have it
            parts = parts[1:]
        inside = parts[1:] if part else parts
        if len(inside) < 2:
            outside += 1
            continue
        sorted_in.setdefault(part or TRAIN, []).append((inside[0], member))
    if not sorted_in:
        raise DataError(
            f"{place} holds no images in folders of classes: give each class a folder, such as cat/ and dog/."
        )
    parts_made, notes = {}, []
    for part, found in sorted_in.items():
        made = decoded([member for _, member in found], wanted, say, place)
        parts_made[part] = Part(made.images, [found[number][0] for number in made.kept])
        notes += [note for note in made.notes if note not in notes]
    if outside:
        notes.append(f"{outside:,} images that lie in no folder of a class are left out")
    if TRAIN not in parts_made:
        raise DataError(f"{place} holds no images to train on: put them into a folder train/.")
    if VALIDATION in parts_made and TEST not in parts_made:
        parts_made[TEST] = parts_made.pop(VALIDATION)
        notes.append("There is no folder test/, so that of the validation images is used for the test")
    return RawData(parts_made, notes=tuple(notes))


def folder_part(name: str) -> str | None:
    """The part that a folder is of, if it is called like one; a class is not called so."""
    plain = name.lower().replace("_", "").replace("-", "")
    return next((part for part, words in PART_WORDS.items() if plain in words), None)


def without_shared(members: Sequence[Member]) -> list[tuple[tuple[str, ...], Member]]:
    """The folders and names of images, without the outer folders that all of them lie in."""
    pairs = [(one.parts, one) for one in members]
    while pairs and all(len(parts) > 2 for parts, _ in pairs) and len({parts[0] for parts, _ in pairs}) == 1:
        pairs = [(parts[1:], one) for parts, one in pairs]
    return pairs
