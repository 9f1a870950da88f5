"""The command that downloads datasets."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mnist_cnn.cli.frame import stop
from mnist_cnn.cli.options import OUTPUT, Quiet
from mnist_cnn.system.files import ends_like_a_file
from mnist_cnn.system.visible import visible


class Downloadable(StrEnum):
    """The datasets that can be downloaded."""

    pendigits = "pendigits"
    unipen = "unipen"


def download(
    datasets: Annotated[
        list[Downloadable],
        typer.Argument(
            metavar="dataset",
            help="pendigits (10,992 digits by 44 people), unipen (15,302 digits, 97,967 letters and symbols by 238).",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to save to.", rich_help_panel=OUTPUT)] = Path(
        "ink"
    ),
    quiet: Quiet = False,
) -> None:
    """Download digital ink to train on: check it, and save it as its authors publish it (docs/recipes.md).

    $ mnist-cnn download pendigits
    $ mnist-cnn download pendigits unipen -o data/ink
    """
    from mnist_cnn.callbacks.progress import note, warn
    from mnist_cnn.data.ink.collection import described
    from mnist_cnn.data.ink.distributions import DISTRIBUTIONS, fetch_ink
    from mnist_cnn.data.source import say_nothing

    if ends_like_a_file(output):
        stop(f"{output} ends like a file, and datasets are saved to a folder: choose another --output.", 2)
    for name in dict.fromkeys(datasets):
        path, ink = fetch_ink(name, output, say_nothing if quiet else note, warn)
        typer.echo(visible(f"{path}: {described(ink.characters)}"))
        typer.echo(f"Credit: {DISTRIBUTIONS[name].credit}")
