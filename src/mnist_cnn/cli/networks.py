"""Commands about kept networks and this installation: export, report, disputed labels, doctor, info."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mnist_cnn.cli import completion
from mnist_cnn.cli.frame import stop
from mnist_cnn.cli.options import Corruptions, Json, Kept
from mnist_cnn.training.recipe import Recipe


def export(
    to: Annotated[str, typer.Option(help="onnx, litert, saved_model, or web: a page that reads in the browser.")],
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder that `train` made; for web also an .onnx file, or nothing: the one that ships."),
    ] = None,
    quantize: Annotated[
        str | None, typer.Option(help="int8, or for litert float16; by default float32 as it was trained.")
    ] = None,
    input_dtype: Annotated[
        str, typer.Option("--input-dtype", help="What it takes: uint8 or float32, either from 0 to 255.")
    ] = "uint8",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The file (a folder for saved_model and web); by default named after the folder, here.",
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="What to check it on; by default what the network was trained on.")
    ] = None,
    packages: Annotated[
        Path | None, typer.Option(help="For web: a node_modules folder to take its packages from, instead of npm.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a network as a file for another place, checked against the original, or as a page for any host of files.

    $ mnist-cnn export runs/quick --to onnx --quantize int8
    $ mnist-cnn export runs/quick --to litert --quantize float16 --output digits.tflite
    $ mnist-cnn export runs/quick --to saved_model
    $ mnist-cnn export --to web --output page
    """
    if to == "web":
        if quantize or data or input_dtype != "uint8":
            stop("--quantize, --input-dtype and --data are not for web: leave them out.", 2)
        export_web_page(folder, output or Path("web"), packages, as_json)
        return
    if folder is None or packages:
        stop("Name a folder that `train` made; the one that ships, and --packages, are for --to web only.", 2)
    from mnist_cnn.terminal import exports as terminal_export
    from mnist_cnn.terminal import screen
    from mnist_cnn.workflows.export import export

    progress = screen.TerminalCallback()
    made = export(
        folder,
        to,
        quantize=quantize,
        input_dtype=input_dtype,
        output=output,
        data=data,
        verbose=0,
        callbacks=[progress],
    )
    if as_json:
        typer.echo(json.dumps({"path": str(made.path), **made.card}))
    else:
        terminal_export.show_export(made)


def export_web_page(folder: Path | None, output: Path, packages: Path | None, as_json: bool) -> None:
    """Write the page that reads in the browser."""
    from mnist_cnn.web.site import export_web

    written = export_web(folder, output, packages)
    if as_json:
        typer.echo(json.dumps({"path": str(written.path), "files": written.files, "bytes": written.bytes}))
    else:
        typer.echo(f"{written.path}: {written.files} files, {written.bytes / 1e6:.1f} MB, for any host of files")


def report(
    folder: Kept,
    corruptions: Corruptions = False,
) -> None:
    """Make the report of a network again: one page, in its folder.

    $ mnist-cnn report runs/quick
    $ mnist-cnn report runs/quick --corruptions
    """
    from mnist_cnn.terminal import screen
    from mnist_cnn.workflows.report import report as write_report

    screen.show(str(write_report(folder, corruptions=corruptions, verbose=0, callbacks=[screen.TerminalCallback()])))


def disputes(
    folder: Kept,
    folds: Annotated[int, typer.Option(help="Networks to train, each on all training images but its part.")] = 5,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="What to train; by default `fast` with twelve epochs of distorted images.",
            autocompletion=completion.recipes,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides the parts and the networks.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with; as many as cores by default.")] = None,
    as_json: Json = False,
) -> None:
    """Rank the labels that are probably wrong, of training and test images; the report of the folder shows them.

    $ mnist-cnn disputes runs/quick
    $ mnist-cnn disputes runs/quick --folds 3 --json
    """
    from mnist_cnn.terminal import screen
    from mnist_cnn.workflows.label_errors import USUAL, find_label_errors

    trained = Recipe(recipe) if recipe else USUAL
    found = find_label_errors(
        folder, trained, folds=folds, seed=seed, threads=threads, verbose=0, callbacks=[screen.TerminalCallback()]
    )
    if as_json:
        typer.echo(json.dumps({name: one.to_dict() for name, one in found.items()}))
    else:
        screen.show_disputes(folder, found)


def doctor(
    training: Annotated[
        bool, typer.Option("--training", help="Also train a small network for a moment, in a process of its own.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look over this installation: versions, data, folders, the network that ships, and reading itself.

    Exit code 1 if anything is broken; each such line says what to do.

    $ mnist-cnn doctor
    $ mnist-cnn doctor --training
    $ mnist-cnn doctor --json
    """
    from mnist_cnn.terminal import screen
    from mnist_cnn.workflows.doctor import examine

    checkup = examine(training=training)
    if as_json:
        typer.echo(json.dumps(checkup.to_dict()))
    else:
        screen.show_checkup(checkup)
    if not checkup.healthy:
        raise typer.Exit(1)


def info(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder that `train` made, or a file in it.", autocompletion=completion.networks),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the card of a network; without one, the recipes and their hyperparameters.

    $ mnist-cnn info
    $ mnist-cnn info runs/quick --json
    """
    from mnist_cnn.artifact import store
    from mnist_cnn.terminal import screen
    from mnist_cnn.training.recipe import RECIPES

    if folder is None and as_json:
        typer.echo(json.dumps({name: recipe.to_dict() for name, recipe in RECIPES.items()}))
    elif folder is None:
        screen.show_recipes()
    else:
        artifact = store.load(folder.parent if folder.is_file() else folder)
        if as_json:
            typer.echo(artifact.card.to_json(), nl=False)
        else:
            screen.show_card(artifact.folder, artifact.card)
