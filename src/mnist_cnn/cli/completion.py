"""The beginning of a word on the command line → the words that it may become. Loads no model.

Where none of these fits, the shell completes files, as it always does.
"""

from pathlib import Path

from mnist_cnn.card import CARD
from mnist_cnn.data.known_sets import KNOWN
from mnist_cnn.reading.model_names import BUNDLED_NAMES, newest_runs
from mnist_cnn.training.recipe import ABOUT

# Where `train` and `study` put what they save, seen from the working directory: a run, a study, a seed of a study.
SAVED = ("runs/*", "studies/*", "studies/*/*")


def recipes(incomplete: str) -> list[tuple[str, str]]:
    """The recipes that begin like this, each with a description."""
    return [(name, about) for name, about in ABOUT.items() if name.startswith(incomplete)]


def datasets(incomplete: str) -> list[str]:
    """The datasets that have a name of their own."""
    return [name for name in ("auto", "mnist", "digits", *KNOWN) if name.startswith(incomplete)]


def models(incomplete: str) -> list[str]:
    """Names of models, and folders with a saved model."""
    names = [name for name in (*BUNDLED_NAMES, *sorted(newest_runs())) if name.startswith(incomplete)]
    return [*names, *folders_with(CARD, incomplete)]


def models_and_recipes(incomplete: str) -> list[str]:
    """What `info` knows."""
    return [*dict.fromkeys([*models(incomplete), *(name for name, _ in recipes(incomplete))])]


def resumable_runs(incomplete: str) -> list[str]:
    """Runs that were stopped."""
    return folders_with("checkpoint", incomplete)


def comparable(incomplete: str) -> list[str]:
    """Folders with a study, and models."""
    return [*folders_with("study.json", incomplete), *models(incomplete)]


def folders_with(name: str, incomplete: str) -> list[str]:
    """The folders below `runs` and `studies` that hold something of this name, and begin like this."""
    folders = {found.parent.as_posix() for pattern in SAVED for found in Path().glob(f"{pattern}/{name}")}
    return sorted(folder for folder in folders if folder.startswith(incomplete))
