"""The folder of a run: begun as `<name>.partial`, renamed to `<name>` when everything in it is whole and verified."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_cnn import card
from mnist_cnn.card import Card
from mnist_cnn.errors import ArtifactError, RunError
from mnist_cnn.reading.model_names import BUNDLED, path_of
from mnist_cnn.system.files import flush_to_disk, locked

PARTIAL = ".partial"
CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class Artifact:
    """A kept network: its folder and its card, both verified."""

    folder: Path
    card: Card


def begin(folder: Path) -> Path:
    """Make the folder that a run works in, `<folder>.partial`, and give its path.

    What a run that was killed in its first moments left there, without anything kept in it, is taken over. Raises
    RunError if `folder` or its partial is there already, or cannot be made.
    """
    partial = partial_of(folder)
    try:
        if folder.exists() or folder.is_symlink():
            raise RunError(f"{folder} is there already and nothing is overwritten: choose another --output.")
        if (partial.exists() or partial.is_symlink()) and not is_empty(partial):
            resume = f"go on with it (mnist-cnn train --resume {partial}), " if card.goes_on(partial) else ""
            raise RunError(f"{partial} is there already: {resume}delete it, or choose another --output.")
        (partial / CHECKPOINT).mkdir(parents=True, exist_ok=True)
        flush_to_disk(partial)
        flush_to_disk(partial.parent)
    except OSError as error:
        raise RunError(f"{partial} cannot be made ({error.strerror}): choose another --output.") from error
    return partial


def is_empty(partial: Path) -> bool:
    """Whether nothing is kept in a folder yet: there are folders in it at most, and what `make_whole` had not ended."""
    if partial.is_symlink() or not partial.is_dir():
        return False
    return all(path.is_dir() or (path.name.startswith(".") and ".part" in path.name) for path in partial.rglob("*"))


def free_name(folder: Path) -> Path:
    """The folder itself, or with -2, -3, … after its name: the first that no run has."""
    number, candidate = 1, folder
    while candidate.exists() or partial_of(candidate).exists():
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate


def find_partial(folder: Path) -> Path:
    """The folder of a run that has not ended, by either of its names; raises RunError if there is none."""
    partial = folder if folder.name.endswith(PARTIAL) else partial_of(folder)
    if partial.is_dir():
        return partial
    finished = partial.with_name(partial.name.removesuffix(PARTIAL))
    if (finished / card.CARD).exists():
        raise RunError(
            f"{finished} is a run that has ended, so there is nothing to go on with: see `mnist-cnn info {finished}`."
        )
    raise RunError(f"There is no run at {folder} (nor {partial}): check the path given to --resume.")


def complete(partial: Path) -> Artifact:
    """Verify everything in a partial folder, then give it its final name.

    Raises ArtifactError if something in it is not whole, RunError if the final name was taken meanwhile; the partial
    folder is then left as it is.
    """
    folder = partial.with_name(partial.name.removesuffix(PARTIAL))
    kept = card.read(partial)
    card.verify(partial, kept)
    if folder.exists() or folder.is_symlink():
        raise RunError(f"{folder} was made by somebody else meanwhile; the whole run is kept in {partial}: rename it.")
    shutil.rmtree(partial / CHECKPOINT, ignore_errors=True)
    for file in partial.iterdir():
        flush_to_disk(file)
    flush_to_disk(partial)
    partial.rename(folder)
    flush_to_disk(folder.parent)
    return Artifact(folder, kept)


def load(folder: str | Path) -> Artifact:
    """Read and verify a saved model, by its folder or its name (`path_of`); none of it is run. Raises ArtifactError."""
    folder = path_of(folder)
    if folder == BUNDLED:
        return load_onnx_only(folder)
    kept = card.read(folder)
    card.verify(folder, kept)
    return Artifact(folder, kept)


def load_onnx_only(folder: Path) -> Artifact:
    """Read and verify a saved model that needs no more than its card and model.onnx, as the bundled one has.

    Raises ArtifactError.
    """
    if not folder.is_dir():
        raise ArtifactError(f"{folder} is not a folder that `mnist-cnn train` made: a model card is needed, too.")
    kept = card.read(folder)
    if card.ONNX_MODEL not in kept.files:
        raise ArtifactError(f"{folder} has no {card.ONNX_MODEL}, which reading needs: train again.")
    for file in card.NETWORKS:
        if file == card.ONNX_MODEL or (folder / file).exists():
            card.verify_file(folder, kept, file)
    return Artifact(folder, kept)


def own(folder: str | Path) -> Artifact:
    """Load a saved model to add a file to its folder; raises ArtifactError as `load`, and for the bundled model."""
    artifact = load(folder)
    if artifact.folder == BUNDLED:
        raise ArtifactError(
            f"{folder} is the bundled model, and nothing is written into its folder: name a folder that `train` made."
        )
    return artifact


def load_keras(path: Path) -> Any:
    """The Keras network in a `.keras` file, for prediction; raises ArtifactError if Keras refuses it.

    Only the parts that networks of ours are made of are let in, and `safe_mode` refuses code besides, so nothing from
    the file is run.
    """
    from mnist_cnn.artifact import keras_file

    keras_file.require_harmless(path)
    import keras  # here, because it brings TensorFlow with it, and most of this module works without

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever its layers raise
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ArtifactError(f"Keras refuses {path} ({first[:200]}): train again, or use another network.") from error


def file_of(artifact: Artifact, name: str) -> Path:
    """One of the files of a saved model; raises ArtifactError if it has none of this name."""
    if name not in artifact.card.files:
        raise ArtifactError(f"{artifact.folder} has no {name}: choose one of {', '.join(artifact.card.files)}.")
    return artifact.folder / name


@contextmanager
def held(partial: Path) -> Iterator[None]:
    """Hold a run for this process; raises RunError if another process has it."""
    with locked(partial) as alone:
        if not alone:
            raise RunError(f"Another process is at work in {partial}: wait until it ends, or stop it.")
        yield


@contextmanager
def writing(folder: Path, how_to_go_on: str = "a run that has begun goes on with --resume") -> Iterator[None]:
    """Turn the system's refusal to write (full disk, no permission) into one sentence, a RunError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(
            f"{folder} could not be written ({reason}): make room or give permission there, then try again; "
            f"{how_to_go_on}."
        ) from error


def partial_of(folder: Path) -> Path:
    """The name that a run has until it is complete."""
    return folder.with_name(folder.name + PARTIAL)
