"""Options that several commands share, and one for every hyperparameter of a recipe."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import Field
from pathlib import Path
from typing import Annotated, Any

import typer

from mnist_cnn.cli import completion
from mnist_cnn.training.recipe import Recipe, values_of

HYPERPARAMETERS, DATASET, OUTPUT, CLUSTER = "Hyperparameters", "Dataset", "Output", "Ray cluster"
NAMES = "a folder that `train` made, an .onnx file, robust, or a recipe (its newest run in runs/)"

RecipeName = Annotated[
    str,
    typer.Option(
        help="Architecture and hyperparameters; `mnist-cnn info` lists them.", autocompletion=completion.recipes
    ),
]
Data = Annotated[
    str,
    typer.Option(
        help="Dataset: a name (mnist, fashion-mnist), a folder of class folders, a ZIP, CSV, Parquet, .npz, .mat … "
        "(docs/data.md).",
        autocompletion=completion.datasets,
    ),
]
EvaluationData = Annotated[
    str | None,
    typer.Option(
        help="Dataset to evaluate on; by default the one that the model was trained on.",
        autocompletion=completion.datasets,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        help=f"Model to use: {NAMES}; by default robust, the bundled model.", autocompletion=completion.models
    ),
]
ModelToExtend = Annotated[
    str,
    typer.Argument(
        metavar="model",
        help="A folder that `train` made, or a recipe (its newest run).",
        autocompletion=completion.models,
    ),
]
Images = Annotated[list[str], typer.Argument(metavar="image", help="Files, folders, or - for standard input.")]
Single = Annotated[bool, typer.Option("--single", help="Treat each image as a single digit.")]
MinConfidence = Annotated[
    float | None, typer.Option(help="Reject digits with less confidence than this, 0 to 1; by default 0.5.")
]
Rectangle = Annotated[
    str | None,
    typer.Option(
        metavar="x,y,w,h", help="Read only this part: left, top, width and height in pixels of the upright image."
    ),
]
Teacher = Annotated[
    str | None,
    typer.Option(
        help="Saved model whose probabilities are learnt beside the labels (distillation).",
        autocompletion=completion.models,
    ),
]
Threads = Annotated[int | None, typer.Option(help="CPU threads; by default all cores.")]
Seed = Annotated[int, typer.Option(help="Random seed (initialisation, shuffling, dropout).")]
Deterministic = Annotated[
    bool, typer.Option("--deterministic", help="Bit-for-bit reproducible on the same machine; slower.")
]
Corruptions = Annotated[
    bool, typer.Option("--corruptions", help="Also on the 15 corruptions of MNIST-C (takes a minute or two).")
]
Run = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Folder to save to; by default a new one in runs/.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No progress and no notes: only results and errors.", rich_help_panel=OUTPUT),
]
Json = Annotated[bool, typer.Option("--json", help="Output JSON.", rich_help_panel=OUTPUT)]


ImageSize = Annotated[
    int,
    typer.Option(help="Side of the images in pixels, 28 to 96; larger ones are shrunk to it.", rich_help_panel=DATASET),
]
Channels = Annotated[int, typer.Option(help="1: grey; 3: colour.", rich_help_panel=DATASET)]
Invert = Annotated[
    bool, typer.Option("--invert", help="Exchange dark and light: for digits dark on light.", rich_help_panel=DATASET)
]
ClassNames = Annotated[
    str | None,
    typer.Option(
        metavar="a,b,…", help="Names of the classes, for labels that are numbers from 0.", rich_help_panel=DATASET
    ),
]


def names_of(classes: str | None) -> tuple[str, ...]:
    """The names of classes in a text with commas."""
    return tuple(one.strip() for one in classes.split(",")) if classes else ()


def with_hyperparameters(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for every hyperparameter of a recipe; it receives those that were given."""
    known = inspect.signature(function)
    options = [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option_for(one))
        for one in Recipe.hyperparameters()
    ]
    names = {one.name for one in options}
    own = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for one in known.parameters.values()
        if one.kind is not inspect.Parameter.VAR_KEYWORD
    ]

    @functools.wraps(function)
    def run(**kwargs: Any) -> None:
        function(**{name: value for name, value in kwargs.items() if name not in names or value is not None})

    run.__signature__ = known.replace(parameters=own + options)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in own + options}
    return run


def option_for(one: Field[Any]) -> Any:
    """The type of a hyperparameter's option, with what it means and its range or its choices."""
    kind: Any = one.type
    meaning = one.metadata["meaning"].rstrip(".")
    return Annotated[kind | None, typer.Option(help=f"{meaning} ({values_of(one)}).", rich_help_panel=HYPERPARAMETERS)]
