"""Commands about saved models and this installation: export, report, label errors, model cards, doctor."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mnist_cnn.cli import completion
from mnist_cnn.cli.frame import stop
from mnist_cnn.cli.options import NAMES, OUTPUT, Corruptions, Json, ModelToExtend, Quiet, Threads
from mnist_cnn.errors import ArtifactError
from mnist_cnn.system.files import ends_like_a_file
from mnist_cnn.system.visible import visible
from mnist_cnn.training.recipe import RECIPES, Recipe, nearest


def export(
    to: Annotated[
        str,
        typer.Option(
            help="Format: onnx, litert, saved_model, microcontroller (C and LiteRT in int8), or web (a static web "
            "app that runs in the browser)."
        ),
    ],
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="model",
            help=f"Model to export: {NAMES}; by default robust, the bundled model. An .onnx file only for web.",
            autocompletion=completion.models,
        ),
    ] = None,
    quantize: Annotated[
        str | None, typer.Option(help="Quantize: int8, or for litert also float16; by default float32.")
    ] = None,
    input_dtype: Annotated[str, typer.Option(help="Input dtype: uint8 or float32, both from 0 to 255.")] = "uint8",
    data: Annotated[
        str | None,
        typer.Option(help="Dataset to check the export on; by default the one that the model was trained on."),
    ] = None,
    packages: Annotated[
        Path | None, typer.Option(help="For web: a node_modules folder to take packages from instead of npm.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write (a folder for saved_model, microcontroller, web); by default named after the model.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Export a model and check it against the original, or export the web app for any static host.

    $ mnist-cnn export runs/quick --to onnx --quantize int8
    $ mnist-cnn export runs/quick --to litert --quantize float16 -o digits.tflite
    $ mnist-cnn export fast --to saved_model
    $ mnist-cnn export runs/tiny --to microcontroller -o digits
    $ mnist-cnn export --to web -o page
    """
    if to == "web":
        if quantize or data or input_dtype != "uint8":
            stop("--quantize, --input-dtype and --data are not for web: leave them out.", 2)
        export_web_app(model, output or Path("web"), packages, as_json)
        return
    if packages:
        stop("--packages is for --to web only: leave it out.", 2)
    from mnist_cnn.terminal import exports as terminal_export
    from mnist_cnn.terminal import screen
    from mnist_cnn.workflows.export import export

    made = export(
        "robust" if model is None else model,
        to,
        quantize=quantize,
        input_dtype=input_dtype,
        output=output,
        data=data,
        verbose=0,
        callbacks=[screen.TerminalCallback(quiet=quiet)],
    )
    if as_json:
        typer.echo(json.dumps({"path": str(made.path), **made.card}))
    else:
        terminal_export.show_export(made)


def export_web_app(model: str | None, output: Path, packages: Path | None, as_json: bool) -> None:
    """Write the static web app."""
    if ends_like_a_file(output):
        stop(f"{output} ends like a file, and the web app is a folder: choose another --output.", 2)
    from mnist_cnn.web.site import export_web

    written = export_web(model, output, packages)
    if as_json:
        typer.echo(json.dumps({"path": str(written.path), "files": written.files, "bytes": written.bytes}))
    else:
        place = visible(str(written.path))
        typer.echo(f"Saved to {place}: {written.files} files, {written.bytes / 1e6:.1f} MB, for any static host")


def report(
    model: ModelToExtend,
    corruptions: Corruptions = False,
    quiet: Quiet = False,
) -> None:
    """Write the report of a saved model again: a self-contained page in its folder.

    $ mnist-cnn report runs/quick
    $ mnist-cnn report runs/quick --corruptions
    """
    from mnist_cnn.terminal import screen
    from mnist_cnn.workflows.report import report as write_report

    path = write_report(model, corruptions=corruptions, verbose=0, callbacks=[screen.TerminalCallback(quiet=quiet)])
    screen.show(f"Report: {path}")


def label_errors(
    model: ModelToExtend,
    folds: Annotated[int, typer.Option(help="Number of cross-validation folds.")] = 5,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Recipe for the folds; by default fast with twelve epochs and augmentation.",
            autocompletion=completion.recipes,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Where the dataset that the model was trained on is now, if elsewhere.",
            autocompletion=completion.datasets,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the folds and their models.")] = 0,
    threads: Threads = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Find likely label errors in the model's training and test data; its report then shows them.

    $ mnist-cnn label-errors runs/quick
    $ mnist-cnn label-errors runs/quick --folds 3 --json
    """
    from mnist_cnn.reading.model_names import path_of
    from mnist_cnn.terminal import screen
    from mnist_cnn.workflows.label_errors import DEFAULT_RECIPE, find_label_errors

    found = find_label_errors(
        model,
        Recipe(recipe) if recipe else DEFAULT_RECIPE,
        folds=folds,
        seed=seed,
        threads=threads,
        data=data,
        verbose=0,
        callbacks=[screen.TerminalCallback(quiet=quiet)],
    )
    if as_json:
        typer.echo(json.dumps({name: one.to_dict() for name, one in found.items()}))
    else:
        screen.show_label_errors(path_of(model), found)


def info(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="name",
            help="A recipe, robust (recipe and bundled model), or a folder that `train` made or a file in it.",
            autocompletion=completion.models_and_recipes,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the recipes; or show a recipe's hyperparameters, or the model card of a saved model.

    $ mnist-cnn info
    $ mnist-cnn info fast
    $ mnist-cnn info robust
    $ mnist-cnn info runs/quick --json
    """
    from mnist_cnn.artifact import store
    from mnist_cnn.card import CARD
    from mnist_cnn.reading.model_names import BUNDLED_NAMES
    from mnist_cnn.terminal import screen

    if model is None:
        if as_json:
            typer.echo(json.dumps({name: recipe.to_dict() for name, recipe in RECIPES.items()}))
        else:
            screen.show_recipes()
        return
    path = Path(model)
    folder = path.parent if path.is_file() else path
    is_saved = (folder / CARD).exists()
    recipe = None if is_saved else RECIPES.get(model)
    is_bundled = not is_saved and model in BUNDLED_NAMES
    if not (is_saved or recipe or is_bundled or path.exists() or len(path.parts) > 1):
        raise ArtifactError(f"There is no recipe or model {model!r}: {nearest(model, [*RECIPES, BUNDLED_NAMES[-1]])}.")
    saved = None if recipe and not is_bundled else store.load(model if is_bundled else folder)
    if as_json and recipe:
        both = {"recipe": recipe.to_dict(), "model_card": json.loads(saved.card.to_json())} if saved else None
        typer.echo(json.dumps(both or recipe.to_dict()))
        return
    if as_json and saved:
        typer.echo(json.dumps(json.loads(saved.card.to_json()), indent=2))
        return
    if recipe:
        screen.show_recipe(recipe)
    if recipe and saved:
        screen.show("")
    if saved:
        screen.show_card("The bundled model" if is_bundled else str(saved.folder), saved.card)


def doctor(
    training: Annotated[
        bool, typer.Option("--training", help="Smoke-test training: train a small model in another process.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check the installation: versions, data, folders, the bundled model and reading.

    The exit code is 1 if anything is broken; each such line says what to do.

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
