"""The beginning of a word on the command line → the words that it may become. Standard library, and the recipes' names.

Where none of these fits, the shell completes files, as it always does.
"""

from pathlib import Path

from mnist_cnn.card import CARD
from mnist_cnn.training.recipe import ABOUT

# From the folder in which one is, where `train` and `study` put what they make: a run, a study, a study's seed.
KEPT = ("runs/*", "studies/*", "studies/*/*")


def recipes(incomplete: str) -> list[tuple[str, str]]:
    """The recipes that begin like this, each with what it is."""
    return [(name, about) for name, about in ABOUT.items() if name.startswith(incomplete)]


def data_sets(incomplete: str) -> list[str]:
    """The data sets that have a name of their own."""
    return [name for name in ("auto", "mnist", "digits") if name.startswith(incomplete)]


def networks(incomplete: str) -> list[str]:
    """Folders with a kept network."""
    return folders_with(CARD, incomplete)


def stopped_runs(incomplete: str) -> list[str]:
    """Runs that have not ended."""
    return folders_with("checkpoint", incomplete)


def comparable(incomplete: str) -> list[str]:
    """Folders with a study or a kept network."""
    return sorted({*folders_with("study.json", incomplete), *networks(incomplete)})


def folders_with(name: str, incomplete: str) -> list[str]:
    """The folders below `runs` and `studies` that hold something of this name, and begin like this."""
    folders = {found.parent.as_posix() for pattern in KEPT for found in Path().glob(f"{pattern}/{name}")}
    return sorted(folder for folder in folders if folder.startswith(incomplete))
