"""The folder of a run: `<name>.partial` until everything in it is complete and verified, then `<name>`."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mnist_cnn import card
from mnist_cnn.card import READING, Card, Task
from mnist_cnn.errors import ArtifactError, MnistCnnError, RunError
from mnist_cnn.reading.model_names import BUNDLED, BUNDLED_NAMES, path_of
from mnist_cnn.system.files import (
    ends_like_a_file,
    flush_to_disk,
    is_plain,
    is_scratch,
    locked,
    remove_scratch,
)

PARTIAL = ".partial"
CHECKPOINT = "checkpoint"
PAGES = "checkpoint/pages.npz"  # what made pages are made of
CANDIDATES = "checkpoint/finder.onnx"  # what finds the candidates that a segmenter learns from
STATE = "checkpoint/state.npz"  # after the first epoch


class Shapes(NamedTuple):
    """What a network takes and gives: its shapes as Keras says them, and in words."""

    taken: tuple[int | None, ...]
    given: Any
    words: str


def shapes_of(task: Task) -> Shapes:
    """What a classifier for a task takes and gives."""
    shape = "×".join(map(str, task.input_shape))
    words = f"n×{shape} images to n×{task.classes} probabilities"
    return Shapes((None, *task.input_shape), (None, task.classes), words)


def classifier_like(taken: Any, given: Any) -> Shapes:
    """The shapes of the classifier that a network with these shapes is; those of MNIST's if it is none."""
    if isinstance(taken, tuple) and isinstance(given, tuple) and len(taken) == 4 and len(given) == 2:
        side, channels, classes = taken[1], taken[3], given[1]
        if card.can_be_task(side, channels, classes):
            return shapes_of(Task(side, channels, tuple(map(str, range(classes)))))
    return CLASSIFIER


CLASSIFIER = shapes_of(READING)
FINDER = Shapes((None, None, None, 1), (None, None, None, 14), "images to places")
SEGMENTER = Shapes((None, 64, 64, 2), [(None, 23), (None, 48, 48, 1)], "n×64×64×2 crops to n×23 logits and n×48×48 ink")
RECOGNISER = Shapes((None, 40, None, 1), (None, None, 24), "n×40×w×1 lines to n×w/4×24 logits")
DETECTORS = {card.FINDER: FINDER, card.SEGMENTER: SEGMENTER, card.RECOGNISER: RECOGNISER}  # by their recipes


@dataclass(frozen=True)
class Artifact:
    """A saved model: its folder and its model card, both verified."""

    folder: Path
    card: Card

    @property
    def name(self) -> str:
        """What to call it in a sentence: its folder, or `robust` for the bundled model."""
        return BUNDLED_NAMES[0] if self.folder == BUNDLED else str(self.folder)


def make_partial(folder: Path) -> Path:
    """Make the folder that a run works in, `<folder>.partial`, and return its path.

    A partial folder in which nothing is saved yet, left by a run that was killed at its start, is reused. Raises
    RunError if `folder` or its partial folder already exists, or cannot be made.
    """
    partial = require_free(folder)
    try:
        (partial / CHECKPOINT).mkdir(parents=True, exist_ok=True)
        flush_to_disk(partial)
        flush_to_disk(partial.parent)
    except OSError as error:
        raise RunError(f"{folder} cannot be made ({error.strerror}): choose another --output.") from error
    return partial


def require_free(folder: Path) -> Path:
    """The partial folder of a run that would be called `folder`; raises RunError if either of them is taken."""
    try:
        if folder.exists() or folder.is_symlink():
            raise RunError(f"{folder} already exists and nothing is overwritten: choose another --output.")
        require_folder_name(folder)
        partial = partial_of(folder)
        if (partial.exists() or partial.is_symlink()) and not is_empty(partial):
            resume = f"resume it (mnist-cnn train --resume {partial}), " if card.can_resume(partial) else ""
            raise RunError(f"{partial} already exists: {resume}delete it, or choose another --output.")
    except OSError as error:
        raise RunError(f"{folder} cannot be made ({error.strerror}): choose another --output.") from error
    return partial


def require_folder_name(folder: Path) -> None:
    """Raise RunError for a new folder that is called like a file of some format."""
    if ends_like_a_file(folder):
        raise RunError(
            f"{folder} ends like a file, and what is saved is a folder: choose a name without {folder.suffix}."
        )


def is_empty(partial: Path) -> bool:
    """Whether nothing is saved in a folder yet: only folders, and what an interrupted `make_whole` left."""
    if partial.is_symlink() or not partial.is_dir():
        return False
    return all(
        is_scratch(path.parent) and is_plain(path) if not path.is_dir() else not path.is_symlink()
        for path in partial.rglob("*")
    )


def reject_links(partial: Path) -> None:
    """Raise RunError if a link lies in the folder of a run, which makes none: writing there might go anywhere."""
    found = [partial, *partial.rglob("*")]
    if linked := next((path for path in found if path.is_symlink()), None):
        raise RunError(f"{linked} is a link, and nothing is written through it: delete it, then try again.")


def free_name(folder: Path) -> Path:
    """The folder itself, or with -2, -3, … after its name: the first that is not taken by a run."""
    number, candidate = 1, folder
    while any(one.exists() or one.is_symlink() for one in (candidate, partial_of(candidate))):
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate


@contextmanager
def nothing_left_of_a_refusal(partial: Path) -> Iterator[None]:
    """Delete the folder of a run that ends with a sentence of ours before its first epoch: nothing is lost."""
    try:
        yield
    except MnistCnnError:
        if not (partial / STATE).exists() and not (partial / card.CARD).exists():
            shutil.rmtree(partial, ignore_errors=True)
        raise


def find_partial(folder: Path) -> Path:
    """The folder of an unfinished run, by either of its names; raises RunError if there is none."""
    partial = folder if folder.name.endswith(PARTIAL) else partial_of(folder)
    if partial.is_dir():
        return partial
    finished = partial.with_name(partial.name.removesuffix(PARTIAL))
    if (finished / card.CARD).exists():
        raise RunError(f"{finished} is a finished run, so there is nothing to resume: see `mnist-cnn info {finished}`.")
    raise RunError(f"There is no run at {folder} (nor {partial}): check the path given to --resume.")


def complete(partial: Path) -> Artifact:
    """Verify everything in a partial folder, then give it its final name.

    Raises ArtifactError if something in it is missing or damaged, RunError if the final name has been taken meanwhile;
    the partial folder is then left as it is.
    """
    folder = partial.with_name(partial.name.removesuffix(PARTIAL))
    saved = card.read(partial)
    card.verify(partial, saved)
    if folder.exists() or folder.is_symlink():
        raise RunError(f"{folder} was created by another process; the complete run is in {partial}: rename it.")
    shutil.rmtree(partial / CHECKPOINT, ignore_errors=True)
    remove_scratch(partial)
    reject_links(partial)
    for file in partial.iterdir():
        if file.is_dir() or is_plain(file):
            flush_to_disk(file)
    flush_to_disk(partial)
    partial.rename(folder)
    if gone := [name for name in saved.files if not (folder / name).exists()]:  # another process, since it was verified
        folder.rename(partial)
        raise RunError(f"{partial / gone[0]} was deleted by another process: delete the folder and train again.")
    flush_to_disk(folder.parent)
    return Artifact(folder, saved)


def load(folder: str | Path) -> Artifact:
    """Read and verify a saved model, by its folder or its name (`path_of`); none of it is run. Raises ArtifactError."""
    folder = path_of(folder)
    if folder == BUNDLED:
        return load_onnx_only(folder)
    saved = card.read(folder)
    card.verify(folder, saved)
    return Artifact(folder, saved)


def load_onnx_only(folder: Path) -> Artifact:
    """Read and verify a saved model that needs no more than its card and model.onnx, as the bundled one has.

    Raises ArtifactError.
    """
    if not folder.is_dir():
        raise ArtifactError(f"{folder} is not a folder that `mnist-cnn train` made: a model card is needed as well.")
    saved = card.read(folder)
    if card.ONNX_MODEL not in saved.files:
        raise ArtifactError(f"{folder} has no {card.ONNX_MODEL}, which reading needs: train again.")
    for file in card.NETWORKS:
        if file == card.ONNX_MODEL or (folder / file).exists():
            card.verify_file(folder, saved, file)
    return Artifact(folder, saved)


def load_classifier(folder: str | Path) -> Artifact:
    """Load a saved model that classifies digits; raises ArtifactError as `load`, and for what is no classifier."""
    artifact = load(folder)
    card.require_classifier(artifact.folder, artifact.card)
    return artifact


def own(folder: str | Path) -> Artifact:
    """Load a saved model to add a file to its folder; raises ArtifactError as `load`, and for the bundled model."""
    artifact = load(folder)
    if artifact.folder == BUNDLED:
        raise ArtifactError(
            f"{folder} is the bundled model, and nothing is written into its folder: name a folder that `train` made."
        )
    return artifact


def load_keras(path: Path, shapes: Shapes | None = CLASSIFIER) -> Any:
    """The Keras model in a `.keras` file, for prediction; raises ArtifactError if it cannot be loaded.

    `shapes` are those of its input and outputs, a `CLASSIFIER`'s, a `FINDER`'s, and so on; None for those of a
    classifier of any square images.

    Only the parts that our models are made of are let in, and `safe_mode` rejects code as well, so nothing from the
    file is run.
    """
    from mnist_cnn.artifact import keras_file

    keras_file.require_harmless(path)
    import keras  # here, because it brings TensorFlow with it, and most of this module works without

    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
        found = network.input_shape, network.output_shape
    except Exception as error:  # Keras raises whatever its layers raise
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ArtifactError(f"{path} cannot be loaded ({first[:200]}): train again, or use another model.") from error
    shapes = shapes or classifier_like(*found)
    if found != (shapes.taken, shapes.given):
        raise ArtifactError(
            f"{path} cannot be loaded (it maps {found[0]} to {found[1]}, and not {shapes.words}): "
            "train again, or use another model."
        )
    return network


def file_of(artifact: Artifact, name: str) -> Path:
    """One of the files of a saved model; raises ArtifactError if it has none of this name."""
    there = [one for one in artifact.card.files if (artifact.folder / one).exists()]
    if name not in there:
        raise ArtifactError(f"{artifact.folder} has no {name}: save one of {', '.join(there)}.")
    return artifact.folder / name


@contextmanager
def lock_run(partial: Path) -> Iterator[None]:
    """Lock a run for this process, and tidy up after one that was killed.

    The lock file lies beside the folder, which could not be renamed on Windows with an open file in it. Raises RunError
    if another process has locked the run, or if there are links in its folder.
    """
    with locked(partial.with_name(f".{partial.name}.lock")) as alone:
        if not alone:
            raise RunError(f"{partial} is in use by another process: wait until it ends, or stop it.")
        if not partial.is_dir():
            raise RunError(f"{partial} was completed or deleted by another process: look into {partial.parent}.")
        for folder in (partial, partial / CHECKPOINT):
            remove_scratch(folder)
        reject_links(partial)
        yield


@contextmanager
def writing(folder: Path, afterwards: str = "resume a run that has started with --resume") -> Iterator[None]:
    """Turn a failure to write (full disk, no permission) into a RunError that ends with what to do `afterwards`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        advice = "delete the link" if error.errno == errno.ELOOP else "make room or give permission there"
        raise RunError(f"{folder} could not be written ({reason}): {advice}, then try again; {afterwards}.") from error


def partial_of(folder: Path) -> Path:
    """The name that a run has until it is complete; raises RunError for a path that does not end with a name."""
    if folder.name in ("", ".."):
        raise RunError(f"{folder} does not end with the name of a folder: give one that does, such as runs/mine.")
    return folder.with_name(folder.name + PARTIAL)
