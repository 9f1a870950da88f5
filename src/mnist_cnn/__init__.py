"""Train, judge, keep and use convolutional networks for handwritten digits.

The public names are loaded when they are first used, so that importing the package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_cnn.artifact.store import load
    from mnist_cnn.bulk.cluster import read_on_cluster
    from mnist_cnn.bulk.processes import read_in_parallel
    from mnist_cnn.callbacks import Watch
    from mnist_cnn.data.source import load as load_data
    from mnist_cnn.errors import MnistCnnError
    from mnist_cnn.evaluation.metrics import evaluate
    from mnist_cnn.reading.ensemble import average
    from mnist_cnn.reading.reader import Reader
    from mnist_cnn.reading.reading import Reading
    from mnist_cnn.terminal.screen import TerminalWatch
    from mnist_cnn.training.recipe import Recipe
    from mnist_cnn.workflows.adaptation.adapt import adapt
    from mnist_cnn.workflows.evaluate import classifier_of, judge
    from mnist_cnn.workflows.export import export
    from mnist_cnn.workflows.train import report, resume, train

__version__ = "0.1.0"
__all__ = [
    "MnistCnnError",
    "Reader",
    "Reading",
    "Recipe",
    "TerminalWatch",
    "Watch",
    "adapt",
    "average",
    "classifier_of",
    "evaluate",
    "export",
    "judge",
    "load",
    "load_data",
    "read_in_parallel",
    "read_on_cluster",
    "report",
    "resume",
    "train",
]

_HOME = {
    "MnistCnnError": ("errors", "MnistCnnError"),
    "Reader": ("reading.reader", "Reader"),
    "Reading": ("reading.reading", "Reading"),
    "Recipe": ("training.recipe", "Recipe"),
    "TerminalWatch": ("terminal.screen", "TerminalWatch"),
    "Watch": ("callbacks", "Watch"),
    "adapt": ("workflows.adaptation.adapt", "adapt"),
    "average": ("reading.ensemble", "average"),
    "classifier_of": ("workflows.evaluate", "classifier_of"),
    "evaluate": ("evaluation.metrics", "evaluate"),
    "export": ("workflows.export", "export"),
    "judge": ("workflows.evaluate", "judge"),
    "load": ("artifact.store", "load"),
    "load_data": ("data.source", "load"),
    "read_in_parallel": ("bulk.processes", "read_in_parallel"),
    "read_on_cluster": ("bulk.cluster", "read_on_cluster"),
    "report": ("workflows.train", "report"),
    "resume": ("workflows.train", "resume"),
    "train": ("workflows.train", "train"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOME[name]
    return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
