"""What is to be read on a cluster, checked before one is begun: picture files, or Parquet files of pictures."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mnist_cnn import __version__, card
from mnist_cnn.bulk.worker import Question
from mnist_cnn.errors import ImageError, ReaderError
from mnist_cnn.reading.picture import files_of
from mnist_cnn.reading.weights import SHIPPED

PARQUET = ".parquet"
TASK = "task.json"


@dataclass(frozen=True)
class Columns:
    """The columns of a Parquet file that have a picture's name and its bytes; `image.bytes` is a field of a struct."""

    path: str = "path"
    bytes: str = "bytes"


@dataclass(frozen=True)
class Task:
    """Pictures to read: `files`, in which pictures are if `columns` are given, and which are pictures if not.

    `failed` are words that name no picture, as documents with the error. `folder` is where the names of pictures begin.
    `network` tells one network from another.
    """

    files: list[str]
    columns: Columns | None
    failed: list[dict[str, Any]]
    question: Question
    folder: str
    network: str

    def to_json(self) -> str:
        """The task as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """The task of a text."""
        given = json.loads(text)
        columns = given["columns"] and Columns(**given["columns"])
        return cls(**given | {"columns": columns, "question": Question(**given["question"])})


def begun_with(words: Sequence[str], columns: Columns, question: Question) -> Task:
    """The task of reading what these words name; raises ReaderError where that cannot be read in one call."""
    tables = [tables_of(Path(word)) for word in words]
    if "-" in words or (any(tables) and not all(tables)):
        raise ReaderError(
            "On a cluster either pictures and folders of them are read or Parquet files, and no standard input: "
            "make it two calls."
        )
    here, network = str(Path.cwd()), network_of(question.model)
    if any(tables):
        files = [str(file.absolute()) for some in tables for file in some]
        for file in files:
            check(file, columns)
        return Task(files, columns, [], question, here, network)
    pictures: list[str] = []
    failed: list[dict[str, Any]] = []
    for word in words:
        try:
            pictures += [str(file) for file in files_of(Path(word))]
        except ImageError as error:
            failed.append({"path": word, "error": str(error)})
    return Task(pictures, None, failed, question, here, network)


def tables_of(path: Path) -> list[Path]:
    """The Parquet files that a path names: itself, or those in a folder; none if it names none."""
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
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or "it is damaged, or no Parquet"
        raise ReaderError(f"{file} cannot be read ({reason}): name a Parquet file.") from error
    there = ", ".join(schema.names)
    for option, name in (("--path-column", columns.path), ("--bytes-column", columns.bytes)):
        if (kind := type_of(schema, name)) is None:
            raise ReaderError(f"{file} has no column {name}, only {there}: name another one by {option}.")
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise ReaderError(
            f"The column {columns.bytes} of {file} has {kind}, not the bytes of picture files: name another."
        )


def network_of(model: str | None) -> str:
    """The version of this program and the SHA-256 of the network that it reads with."""
    path = SHIPPED if model is None else Path(model)
    content = (path / card.ONNX_MODEL if path.is_dir() else path).read_bytes()
    return f"{__version__} {hashlib.sha256(content).hexdigest()}"
