"""Files that commands write: how results are written in them, and that none is overwritten. Standard library only."""

from enum import StrEnum
from pathlib import Path

from mnist_cnn.errors import RunError


class Format(StrEnum):
    """How results are shown or written."""

    TEXT = "text"
    CSV = "csv"
    JSONL = "jsonl"
    JSON = "json"


def confidences_of(output: Path) -> Path:
    """The file of confidences beside a CSV file."""
    return output.with_suffix(".confidence.csv")


def writings_of(output: Path) -> Path:
    """The file, beside a CSV file, of which numbers are printed and which handwritten."""
    return output.with_suffix(".writing.csv")


def require_absent(*paths: Path) -> None:
    """Raise RunError if there is anything at one of the paths, also a link that leads nowhere."""
    for path in paths:
        if path.exists() or path.is_symlink():
            raise RunError(f"{path} already exists and nothing is overwritten: name another file.")
