"""Whole images → the class of each, by any saved model. Finds nothing in them: for that there is a reader."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn.artifact.store import Artifact
from mnist_cnn.callbacks.progress import callbacks_for
from mnist_cnn.card import READING, Task
from mnist_cnn.data import container, csv_data
from mnist_cnn.data.dataset import Preparation
from mnist_cnn.data.image_files import LARGEST_FILE, Member, in_folder, in_zip
from mnist_cnn.data.preparing import Prepared, brought_to
from mnist_cnn.data.raw_data import TRAIN, Part, RawData
from mnist_cnn.errors import DataError, ImageError, ReaderError
from mnist_cnn.reading.model_names import BUNDLED, path_of
from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.picture import ENDINGS, files_of, upright
from mnist_cnn.system.files import read_limited
from mnist_cnn.workflows.evaluate import fastest_classifier, opened, task_of

AT_ONCE = 500  # images in memory
TABLES = (".csv", ".tsv", ".gz", ".txt")


@dataclass(frozen=True)
class Prediction:
    """What a model says of one image: its most probable classes, the first the most probable, and their probabilities.

    `name` is the path of the image, or the number of its row in a table from 1. `error` says why it could not be read.
    """

    name: str
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON."""
        if self.error:
            return {"image": self.name, "error": self.error}
        top = [{"class": name, "probability": p} for name, p in zip(self.classes, self.probabilities, strict=True)]
        return {"image": self.name, "class": self.classes[0], "probability": self.probabilities[0], "top": top}


@dataclass(frozen=True)
class Loaded:
    """A model that classifies whole images: as a function, its task, and how its images are prepared."""

    classify: Classifier
    task: Task
    preparation: Preparation
    is_of_mnist: bool

    def prepared(self, pixels: np.ndarray) -> np.ndarray:
        """An image (h, w) or RGB (h, w, 3) uint8 as the model takes it, as its training images were prepared.

        For a model of MNIST's digits a dark digit on light becomes a light one on dark, and one of another size than
        28×28 is brought into MNIST's format.
        """
        if pixels.max() == 1:  # a mask of zeros and ones
            pixels = pixels * np.uint8(255)
        if not self.is_of_mnist:
            image = brought_to(pixels, self.task.side, self.task.channels)
            return 255 - image if self.preparation.invert else image
        if pixels.shape[:2] == READING.image_shape:
            grey = brought_to(pixels, READING.side, 1)
            return 255 - grey if np.median(edge_of(grey)) > 127 else grey
        return as_digit(pixels)


def edge_of(grey: np.ndarray) -> np.ndarray:
    """The outermost pixels of an image."""
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def as_digit(pixels: np.ndarray) -> np.ndarray:
    """An image of one digit, of any size, in MNIST's format."""
    from mnist_cnn.reading.normalise import to_mnist  # here, because only digits need them
    from mnist_cnn.reading.scale import shrink

    grey = brought_to(shrink(pixels, 280), max(shrink(pixels, 280).shape[:2]), 1)
    paper = float(np.median(edge_of(grey)))
    ink = np.abs(grey.astype(np.float32) - paper)
    ink = ink * (255 / max(float(ink.max()), 1.0))
    return to_mnist(np.where(ink > 64, ink, 0).astype(np.uint8))


def predict(
    images: str | Path | Sequence[str | Path],
    model: Any = None,
    *,
    top_k: int = 1,
    verbose: int = 1,
    callbacks: Sequence[object] = (),
) -> list[Prediction]:
    """Classify whole images with a saved model: gives a `Prediction` for each.

    `images` are paths of image files, of folders of them, of ZIPs, and of tables with a row of pixels for each image,
    such as Kaggle's test.csv. `model` is a folder that `train` made, an .onnx file, a name, or a `Model`; by default
    the bundled one. Images are prepared as the model's training images were. `top_k` is the number of classes given.

    Raises ArtifactError, DataError, ImageError if a path leads to no image, and ReaderError for a `top_k` that is no
    number of classes. An image that cannot be decoded has its `error` instead.
    """
    say = callbacks_for(verbose, callbacks).on_message
    paths = [images] if isinstance(images, str | Path) else list(images)
    return list(predictions(loaded(model), [Path(one) for one in paths], top_k, say))


def loaded(model: Any) -> Loaded:
    """A model by its folder, file or name, or a `Model`. Raises ArtifactError."""
    model = getattr(model, "artifact", model)
    path = None if isinstance(model, Artifact) else path_of(model)
    artifact = opened(path or BUNDLED) if not isinstance(model, Artifact) else model
    if not isinstance(artifact, Artifact):
        task = task_of(artifact)
        return Loaded(artifact, task, Preparation(task.side, task.channels), task == READING)
    known, data = artifact.card, artifact.card.data
    preparation = Preparation.from_dict(data.get("preparation", {}))
    return Loaded(fastest_classifier(artifact), known.task, preparation, data["name"] == "mnist")


def predictions(model: Loaded, paths: Sequence[Path], top_k: int, say: Callable[[str], None]) -> Iterator[Prediction]:
    """What a model says of the images at some paths, in order; as `predict` says."""
    if not 1 <= top_k <= model.task.classes:
        raise ReaderError(f"top-k is {top_k}: it must be from 1 to {model.task.classes}, the number of classes.")
    for path in paths:
        if is_table(path):
            yield from of_table(model, path, top_k)
        elif path.suffix.lower() == ".zip":
            with container.explained(path), zipfile.ZipFile(path) as archive:
                found = [one for one in in_zip(archive, path) if one.suffix in ENDINGS]
                yield from of_files(model, found, top_k, say)
        else:
            yield from of_files(model, files_at(path), top_k, say)


def is_table(path: Path) -> bool:
    """Whether a path is that of a table of pixels."""
    return path.suffix.lower() in TABLES and path.is_file()


def files_at(path: Path) -> list[Member]:
    """The image files at a path, also in folders below it, by their paths; raises ImageError if there are none."""
    if path.is_dir():
        found = [one for one in in_folder(path) if one.suffix in ENDINGS]
        if found:
            return [Member((str(path.joinpath(*one.parts)),), one.read) for one in found]
    return [Member((str(one),), partial(read_limited, one)) for one in files_of(path)]


def of_files(model: Loaded, files: Sequence[Member], top_k: int, say: Callable[[str], None]) -> Iterator[Prediction]:
    """What a model says of image files."""
    for start in range(0, len(files), AT_ONCE):
        some = files[start : start + AT_ONCE]
        images: list[np.ndarray] = []
        errors: dict[int, str] = {}
        for number, file in enumerate(some):
            try:
                images.append(model.prepared(upright(file.read(LARGEST_FILE))[0]))
            except (ImageError, OSError, zipfile.BadZipFile) as error:
                errors[number] = str(error)
        made = iter(classified(model, np.stack(images), top_k) if images else [])
        for number, file in enumerate(some):
            name = "/".join(file.parts)
            yield Prediction(name, (), (), errors[number]) if number in errors else Prediction(name, *next(made))
        if len(files) > AT_ONCE:
            say(f"{min(start + AT_ONCE, len(files)):,} of {len(files):,} images classified")


def of_table(model: Loaded, path: Path, top_k: int) -> Iterator[Prediction]:
    """What a model says of the rows of a table of pixels, which are named by their numbers from 1."""
    with container.explained(path), path.open("rb") as stream:
        found = csv_data.read_pixels(stream, str(path))
    raw = RawData({TRAIN: Part(found.images, np.arange(len(found.images)) % 2)})
    wanted = Preparation(model.task.side, model.task.channels, model.preparation.invert)
    images = Prepared(raw, wanted, str(path)).parts[TRAIN][0]
    for start in range(0, len(images), AT_ONCE):
        for number, row in enumerate(classified(model, images[start : start + AT_ONCE], top_k), start=start + 1):
            yield Prediction(str(number), *row)


def classified(model: Loaded, images: np.ndarray, top_k: int) -> Iterator[tuple[tuple[str, ...], tuple[float, ...]]]:
    """The most probable classes of each image, with their probabilities."""
    for row in model.classify(np.ascontiguousarray(images)):
        best = np.argsort(-row, kind="stable")[:top_k].tolist()
        yield tuple(model.task.class_names[one] for one in best), tuple(round(float(row[one]), 6) for one in best)


# Files


def written(found: Sequence[Prediction], suffix: str, *, of_table_only: bool) -> str:
    """Predictions as the text of a `.csv` or a `.jsonl`; of a table and one class each as Kaggle takes it."""
    if suffix == ".jsonl":
        return "".join(json.dumps(one.to_dict(), ensure_ascii=False) + "\n" for one in found)
    if suffix != ".csv":
        raise ReaderError(f"A file that ends with {suffix or 'nothing'} is not written: name a .csv or .jsonl file.")
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    most = max((len(one.classes) for one in found), default=1)
    if of_table_only and most == 1:
        writer.writerow(["ImageId", "Label"])
        writer.writerows([one.name, one.classes[0]] for one in found)
        return stream.getvalue()
    extra = [word for place in range(2, most + 1) for word in (f"label_{place}", f"probability_{place}")]
    writer.writerow(["path", "label", "probability", *extra, "error"])
    for one in found:
        pairs = [value for pair in zip(one.classes, one.probabilities, strict=True) for value in pair]
        writer.writerow([one.name, *pairs, *[""] * (2 * most - len(pairs)), one.error])
    return stream.getvalue()


def check_data(found: Sequence[Prediction]) -> None:
    """Raise DataError if there is not a single prediction."""
    if not found:
        raise DataError("There are no images to classify: name image files, folders, a ZIP or a table of pixels.")
