"""Obtains pinned npm packages and verifies every file. Knows nothing of models.

`packages.json` has the version of each package, its SHA-512 as published by npm ("integrity"), and that of each file.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from mnist_cnn.errors import ExportError
from mnist_cnn.workers import child_process

PATIENCE = 300  # seconds per package: ONNX Runtime is 33 MB


@dataclass(frozen=True)
class Package:
    """A pinned npm package: the integrity of its archive, and of each of its `files` that are needed."""

    name: str
    version: str
    integrity: str
    files: dict[str, str]


def pinned() -> list[Package]:
    """The packages that the page needs."""
    document = json.loads(files("mnist_cnn.web").joinpath("packages.json").read_text("utf-8"))
    return [Package(name, **facts) for name, facts in document.items()]


def contents(folder: Path | None) -> dict[str, bytes]:
    """The needed files of all packages, by "package/path".

    They are copied from `folder`, a `node_modules`, or else fetched with `npm pack`, which runs no code from them.
    Raises ExportError if a file cannot be obtained or is not the pinned one.
    """
    found = {}
    for package in pinned():
        taken = from_folder(package, folder) if folder else fetched(package)
        for path, content in taken.items():
            check(content, package.files[path], f"{package.name}/{path}")
            found[f"{package.name}/{path}"] = content
    return found


def from_folder(package: Package, folder: Path) -> dict[str, bytes]:
    """The files of a package in a `node_modules` folder."""
    try:
        return {path: (folder / package.name / path).read_bytes() for path in package.files}
    except OSError as error:
        raise ExportError(
            f"{error.filename} cannot be read ({error.strerror}): --packages must be a node_modules folder made by "
            f"`npm install --ignore-scripts {wanted()}`."
        ) from error


def fetched(package: Package) -> dict[str, bytes]:
    """The files of a package, fetched by npm."""
    with tempfile.TemporaryDirectory() as temporary:
        archive = packed(package, Path(temporary), run_npm)
        check(archive.read_bytes(), package.integrity, f"the package {package.name}")
        with tarfile.open(archive) as opened:
            return {path: member(opened, path) for path in package.files}


def member(archive: tarfile.TarFile, path: str) -> bytes:
    """One file of a package's archive."""
    stream = archive.extractfile(f"package/{path}")
    assert stream is not None, f"{path} is in the archive, whose SHA-512 is known"  # noqa: S101
    return stream.read()


def packed(package: Package, folder: Path, npm: Callable[[list[str], Path], None]) -> Path:
    """Let npm write the archive of a package into a folder."""
    npm(["pack", "--ignore-scripts", "--silent", f"{package.name}@{package.version}"], folder)
    if len(archives := list(folder.glob("*.tgz"))) != 1:
        raise ExportError(f"npm fetched {package.name} but wrote no archive: {ELSEWHERE}")
    return archives[0]


def run_npm(words: list[str], folder: Path) -> None:
    """Run npm in a folder; raises ExportError if it is missing or fails."""
    npm = shutil.which("npm")
    if npm is None:
        raise ExportError(
            f"npm is not installed, which is needed to fetch the packages of the page: install it, or {ELSEWHERE}"
        )
    try:
        done = child_process.run(child_process.supervised([npm, *words]), cwd=folder, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise ExportError(
            f"npm did not fetch {words[-1]} within {PATIENCE} seconds: try again, or {ELSEWHERE}"
        ) from error
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if line.strip()), f"exit code {done.returncode}")
        raise ExportError(
            f"npm cannot fetch {words[-1]} ({said.strip():.120}): check the internet connection, or {ELSEWHERE}"
        )


def check(content: bytes, integrity: str, name: str) -> None:
    """Raise ExportError if content is not the pinned one."""
    if integrity != f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}":
        raise ExportError(f"{name} is not the pinned file (SHA-512 mismatch): {ELSEWHERE}")


def wanted() -> str:
    """The packages as arguments of npm."""
    return " ".join(f"{package.name}@{package.version}" for package in pinned())


ELSEWHERE = (
    "fetch the packages on another machine with "
    f"`npm install --ignore-scripts {wanted()}` and pass the folder: --packages node_modules."
)
