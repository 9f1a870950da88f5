"""Options that several commands share, and one for every dial of a recipe."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import Field
from pathlib import Path
from typing import Annotated, Any

import typer

from mnist_cnn.cli import completion
from mnist_cnn.training.recipe import Recipe, values_of

PANEL = "Dials of the recipe"
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


def with_dials(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for every dial of a recipe; it receives those as `**dials`, None where not given."""
    known = inspect.signature(function)
    options = [
        inspect.Parameter(dial.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option_for(dial))
        for dial in Recipe.dials()
    ]
    own = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for one in known.parameters.values()
        if one.kind is not inspect.Parameter.VAR_KEYWORD
    ]

    @functools.wraps(function)
    def run(**kwargs: Any) -> None:
        function(**kwargs)

    run.__signature__ = known.replace(parameters=own + options)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in own + options}
    return run


def option_for(dial: Field[Any]) -> Any:
    """The type of a dial's option, with what the dial means and its range or its words."""
    kind: Any = dial.type
    meaning = dial.metadata["meaning"].rstrip(".")
    return Annotated[kind | None, typer.Option(help=f"{meaning} ({values_of(dial)}).", rich_help_panel=PANEL)]
