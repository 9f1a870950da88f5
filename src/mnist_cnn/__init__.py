"""Train, evaluate, save and use convolutional networks for handwritten digits.

The public names are loaded when they are first used, so that importing the package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_cnn.bulk.local_reading import read_in_parallel
    from mnist_cnn.bulk.ray_reading import read_on_cluster
    from mnist_cnn.callbacks.callback import Callback
    from mnist_cnn.callbacks.progress import ProgressCallback
    from mnist_cnn.data.dataset import Dataset
    from mnist_cnn.data.source import load as load_data
    from mnist_cnn.errors import MnistCnnError
    from mnist_cnn.evaluation.metrics import Evaluation
    from mnist_cnn.reading.ensemble import average
    from mnist_cnn.reading.reader import Reader, read, read_pages
    from mnist_cnn.reading.reading import Reading
    from mnist_cnn.sheets.form import Form, read_form
    from mnist_cnn.sheets.table import read_tables
    from mnist_cnn.sheets.template import FormField, FormTemplate
    from mnist_cnn.training.recipe import Recipe
    from mnist_cnn.workflows.adaptation.adapt import adapt
    from mnist_cnn.workflows.estimator import DigitClassifier
    from mnist_cnn.workflows.evaluate import evaluate
    from mnist_cnn.workflows.export import export
    from mnist_cnn.workflows.label_errors import find_label_errors
    from mnist_cnn.workflows.model import Model, load
    from mnist_cnn.workflows.predict import predict
    from mnist_cnn.workflows.report import report
    from mnist_cnn.workflows.train import resume, train
    from mnist_cnn.workflows.tune import tune

__version__ = "0.1.0"
__all__ = [
    "Callback",
    "Dataset",
    "DigitClassifier",
    "Evaluation",
    "Form",
    "FormField",
    "FormTemplate",
    "MnistCnnError",
    "Model",
    "ProgressCallback",
    "Reader",
    "Reading",
    "Recipe",
    "adapt",
    "average",
    "evaluate",
    "export",
    "find_label_errors",
    "load",
    "load_data",
    "predict",
    "read",
    "read_form",
    "read_in_parallel",
    "read_on_cluster",
    "read_pages",
    "read_tables",
    "report",
    "resume",
    "train",
    "tune",
]

_HOME = {
    "Callback": ("callbacks.callback", "Callback"),
    "Dataset": ("data.dataset", "Dataset"),
    "DigitClassifier": ("workflows.estimator", "DigitClassifier"),
    "Evaluation": ("evaluation.metrics", "Evaluation"),
    "Form": ("sheets.form", "Form"),
    "FormField": ("sheets.template", "FormField"),
    "FormTemplate": ("sheets.template", "FormTemplate"),
    "MnistCnnError": ("errors", "MnistCnnError"),
    "Model": ("workflows.model", "Model"),
    "ProgressCallback": ("callbacks.progress", "ProgressCallback"),
    "Reader": ("reading.reader", "Reader"),
    "Reading": ("reading.reading", "Reading"),
    "Recipe": ("training.recipe", "Recipe"),
    "adapt": ("workflows.adaptation.adapt", "adapt"),
    "average": ("reading.ensemble", "average"),
    "evaluate": ("workflows.evaluate", "evaluate"),
    "export": ("workflows.export", "export"),
    "find_label_errors": ("workflows.label_errors", "find_label_errors"),
    "load": ("workflows.model", "load"),
    "load_data": ("data.source", "load"),
    "predict": ("workflows.predict", "predict"),
    "read": ("reading.reader", "read"),
    "read_form": ("sheets.form", "read_form"),
    "read_in_parallel": ("bulk.local_reading", "read_in_parallel"),
    "read_on_cluster": ("bulk.ray_reading", "read_on_cluster"),
    "read_pages": ("reading.reader", "read_pages"),
    "read_tables": ("sheets.table", "read_tables"),
    "report": ("workflows.report", "report"),
    "resume": ("workflows.train", "resume"),
    "train": ("workflows.train", "train"),
    "tune": ("workflows.tune", "tune"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOME[name]
    return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    return __all__
