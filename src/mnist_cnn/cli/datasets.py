"""Commands about datasets: show one, and download ink."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mnist_cnn.cli import completion
from mnist_cnn.cli.frame import stop
from mnist_cnn.cli.options import OUTPUT, Channels, ClassNames, ImageSize, Invert, Json, Quiet, names_of
from mnist_cnn.system.files import ends_like_a_file
from mnist_cnn.system.visible import visible


def data(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="data",
            help="A name, folder, ZIP, CSV, Parquet, .npz or .mat file, as for `train --data`.",
            autocompletion=completion.datasets,
        ),
    ],
    image_size: ImageSize = 28,
    channels: Channels = 1,
    invert: Invert = False,
    class_names: ClassNames = None,
    page: Annotated[
        Path | None,
        typer.Option("--html", help="New .html file: counts, samples of each class, checks.", rich_help_panel=OUTPUT),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Show a dataset before training on it: images of each class, and what may be wrong with them (docs/data.md).

    $ mnist-cnn data photos/
    $ mnist-cnn data train.csv --html train.html
    $ mnist-cnn data fashion-mnist --json
    """
    from mnist_cnn.callbacks.progress import note
    from mnist_cnn.data import source
    from mnist_cnn.data.data_checks import findings
    from mnist_cnn.system.files import write_whole
    from mnist_cnn.terminal import screen

    if page and (page.exists() or page.is_symlink()):
        stop(f"{page} already exists and nothing is overwritten: name another file.", 1)
    if page and page.suffix.lower() != ".html":
        stop(f"{page} does not end with .html: name another file.", 2)
    loaded = source.load(
        dataset,
        image_size=image_size,
        channels=channels,
        invert=invert,
        class_names=names_of(class_names),
        say=source.say_nothing if quiet or as_json else note,
    )
    found = findings(loaded)
    if page:
        from mnist_cnn.data.data_page import page as page_of

        write_whole(page, page_of(loaded, found))
    if as_json:
        typer.echo(json.dumps(screen.dataset_as_json(loaded, found)))
        return
    screen.show_dataset(loaded, found)
    if page:
        screen.show(f"Page: {page}")


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
