"""What is to be read on a cluster, checked before one is started: image files, or Parquet files of images."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mnist_cnn import __version__
from mnist_cnn.bulk.reader_process import ReaderOptions
from mnist_cnn.errors import ImageError, ReaderError
from mnist_cnn.reading.model_names import onnx_file_of
from mnist_cnn.reading.picture import files_of

PARQUET = ".parquet"


@dataclass(frozen=True)
class Columns:
    """The columns of a Parquet file with an image's name and its bytes; `image.bytes` is a field of a struct."""

    path: str = "path"
    bytes: str = "bytes"


@dataclass(frozen=True)
class ReadingJob:
    """Images to read: `files` are image files or, if `columns` are given, Parquet files of images.

    `failed` has a document with the error for each name that stands for no image. Relative names start in `folder`.
    `version` tells this program with its model from another.
    """

    files: list[str]
    columns: Columns | None
    failed: list[dict[str, Any]]
    options: ReaderOptions
    folder: str
    version: str

    def to_json(self) -> str:
        """The job as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "ReadingJob":
        """The job in a text."""
        given = json.loads(text)
        columns = given["columns"] and Columns(**given["columns"])
        return cls(**given | {"columns": columns, "options": ReaderOptions(**given["options"])})


def job_for(names: Sequence[str], columns: Columns, options: ReaderOptions) -> ReadingJob:
    """The job of reading what these names stand for; raises ReaderError where one call cannot read it."""
    tables = [tables_of(Path(name)) for name in names]
    if "-" in names or (any(tables) and not all(tables)):
        raise ReaderError(
            "A cluster reads either images (and folders of images) or Parquet files, and not standard input: "
            "make two calls."
        )
    here, version = str(Path.cwd()), version_with(options.model)
    if any(tables):
        files = [str(file.absolute()) for some in tables for file in some]
        for file in files:
            check(file, columns)
        return ReadingJob(files, columns, [], options, here, version)
    images: list[str] = []
    failed: list[dict[str, Any]] = []
    for name in names:
        try:
            images += [str(file) for file in files_of(Path(name))]
        except ImageError as error:
            failed.append({"path": name, "error": str(error)})
    return ReadingJob(images, None, failed, options, here, version)


def tables_of(path: Path) -> list[Path]:
    """The Parquet files that a path stands for: itself, or those in a folder; none if there are none."""
    if path.is_dir():
        return sorted(file for file in path.glob(f"*{PARQUET}") if file.is_file() and not file.name.startswith("."))
    return [path] if path.suffix == PARQUET else []


def check(file: str, columns: Columns) -> None:
    """Raise ReaderError unless a file is Parquet and has the columns."""
    import pyarrow as pa
    from pyarrow import parquet

    from mnist_cnn.bulk.rows import type_of

    try:
        schema = parquet.read_schema(file)
    except UnicodeError as error:
        raise ReaderError(f"{file!a} cannot be read (its name is not UTF-8): rename it.") from error
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or "it is damaged or not Parquet"
        raise ReaderError(f"{file} cannot be read ({reason}): name a Parquet file.") from error
    there = ", ".join(schema.names)
    for option, name in (("--path-column", columns.path), ("--bytes-column", columns.bytes)):
        if (kind := type_of(schema, name)) is None:
            raise ReaderError(f"{file} has no column {name}, only {there}: name another one with {option}.")
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise ReaderError(
            f"The column {columns.bytes} of {file} has the type {kind}, not the bytes of image files: name another one "
            "with --bytes-column."
        )


def version_with(model: str | None) -> str:
    """The version of this program and the SHA-256 of the model that it reads with."""
    return f"{__version__} {hashlib.sha256(onnx_file_of(model).read_bytes()).hexdigest()}"
