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

PANEL = "Hyperparameters"
RecipeName = Annotated[
    str, typer.Option(help="What to train; `mnist-cnn info` lists the recipes.", autocompletion=completion.recipes)
]
Data = Annotated[
    str,
    typer.Option(help="auto, mnist, digits, or a file or folder of MNIST's form.", autocompletion=completion.data_sets),
]
Model = Annotated[
    Path | None,
    typer.Option(
        help="A folder that `train` made, or an .onnx file; by default the one that ships.",
        autocompletion=completion.networks,
    ),
]
Kept = Annotated[Path, typer.Argument(help="A folder that `train` made.", autocompletion=completion.networks)]
MinConfidence = Annotated[
    float | None, typer.Option(help="Digits less probable than this, from 0 to 1, are refused (0.5 by default).")
]
Corruptions = Annotated[
    bool, typer.Option("--corruptions", help="Also on images damaged in the 15 ways of MNIST-C (a minute or two).")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


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
    """The type of a hyperparameter's option, with what it means and its range or its words."""
    kind: Any = one.type
    meaning = one.metadata["meaning"].rstrip(".")
    return Annotated[kind | None, typer.Option(help=f"{meaning} ({values_of(one)}).", rich_help_panel=PANEL)]
